use super::cursor::Cursor;
use super::{SyslogError, SyslogErrorKind};
use crate::relay::text::text;
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// The structured data of RFC 5424: elements with parameters, `[id name="value"]`.
///
/// It is checked when the message is read, and decoded when it is looked at. As JSON it is an object of
/// objects; a parameter that comes several times has a list of values.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub struct SyslogStructuredData<'a> {
    /// Nothing, or what [`read`] took.
    raw: &'a [u8],
}

impl<'a> SyslogStructuredData<'a> {
    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// The elements, in order; more than one may have the same id.
    pub fn elements(&self) -> impl Iterator<Item = SyslogElement<'a>> + use<'a> {
        let mut cursor = Cursor::new(self.raw);
        std::iter::from_fn(move || {
            if cursor.is_at_end() {
                return None;
            }
            let id = element_start(&mut cursor).ok()?;
            let parameters = cursor.clone();
            while parameter(&mut cursor).ok()?.is_some() {}
            Some(SyslogElement { id, parameters: SyslogParameters { cursor: parameters } })
        })
    }

    /// The first value of a parameter.
    #[must_use]
    pub fn value(&self, id: &str, name: &str) -> Option<Cow<'a, str>> {
        let mut elements = self.elements().filter(|element| element.id == id);
        elements
            .find_map(|element| element.parameters.into_iter().find(|(found, _)| *found == name))
            .map(|(_, value)| value)
    }
}

impl fmt::Debug for SyslogStructuredData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SyslogStructuredData({})", text(self.raw))
    }
}

impl Serialize for SyslogStructuredData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut elements: BTreeMap<&str, BTreeMap<&str, Values<'_>>> = BTreeMap::new();
        for element in self.elements() {
            let parameters = elements.entry(element.id).or_default();
            for (name, value) in element.parameters {
                parameters.entry(name).or_default().0.push(value);
            }
        }
        elements.serialize(serializer)
    }
}

#[derive(Default)]
struct Values<'a>(Vec<Cow<'a, str>>);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [value] => value.serialize(serializer),
            values => values.serialize(serializer),
        }
    }
}

/// One element of structured data.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SyslogElement<'a> {
    /// What kind of element it is: `timeQuality`, `exampleSDID@32473`.
    pub id: &'a str,
    /// Names and values, in order; more than one may have the same name.
    pub parameters: SyslogParameters<'a>,
}

/// Names and values of an element, without the escapes.
#[derive(Clone, Debug)]
pub struct SyslogParameters<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Iterator for SyslogParameters<'a> {
    type Item = (&'a str, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = parameter(&mut self.cursor).ok()??;
        Some((name, unescaped(value)))
    }
}

/// Takes `-` or elements, and the space behind it. Where there is neither, as some senders leave it out,
/// the message begins.
pub(super) fn read<'a>(cursor: &mut Cursor<'a>) -> Result<SyslogStructuredData<'a>, SyslogError> {
    let (all, start) = (cursor.rest(), cursor.offset());
    if matches!(all, [b'-'] | [b'-', b' ', ..]) {
        cursor.skip(1);
        cursor.take(b" ");
        return Ok(SyslogStructuredData::default());
    }
    while cursor.rest().starts_with(b"[") {
        element_start(cursor)?;
        while parameter(cursor)?.is_some() {}
    }
    let raw = &all[..all.len() - cursor.rest().len()];
    if !raw.is_empty() && !cursor.is_at_end() && !cursor.take(b" ") {
        return Err(SyslogError::new(SyslogErrorKind::StructuredData("no space behind it"), start));
    }
    Ok(SyslogStructuredData { raw })
}

/// Takes `[` and the id.
fn element_start<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, SyslogError> {
    cursor.take(b"[");
    name(cursor).ok_or_else(|| fault(cursor, "an element without id"))
}

/// Takes a space and a parameter, or the `]` behind the last one.
fn parameter<'a>(cursor: &mut Cursor<'a>) -> Result<Option<(&'a str, &'a [u8])>, SyslogError> {
    let is_spaced = cursor.take(b" ");
    while cursor.take(b" ") {}
    if cursor.take(b"]") {
        return Ok(None);
    }
    if !is_spaced {
        return Err(fault(cursor, "an element without `]`"));
    }
    let name = name(cursor).ok_or_else(|| fault(cursor, "a parameter without name"))?;
    if !cursor.take(b"=\"") {
        return Err(fault(cursor, "a parameter without `=\"`"));
    }
    let mut is_escaped = false;
    let length = cursor.rest().iter().position(|byte| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    });
    let Some(length) = length else {
        return Err(fault(cursor, "a value without closing quote"));
    };
    let value = &cursor.rest()[..length];
    cursor.skip(length + 1);
    Ok(Some((name, value)))
}

fn name<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let name = cursor.take_while(|byte| byte.is_ascii_graphic() && !matches!(byte, b'=' | b']' | b'"'));
    str::from_utf8(name).ok().filter(|name| !name.is_empty())
}

/// Only the characters that must be escaped can be; a backslash before another one is one.
fn unescaped(value: &[u8]) -> Cow<'_, str> {
    let text = text(value);
    if !text.contains('\\') {
        return text;
    }
    let mut unescaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let escaped =
            (character == '\\').then(|| characters.next_if(|next| matches!(next, '"' | '\\' | ']')));
        unescaped.push(escaped.flatten().unwrap_or(character));
    }
    Cow::Owned(unescaped)
}

fn fault(cursor: &Cursor<'_>, what: &'static str) -> SyslogError {
    SyslogError::new(SyslogErrorKind::StructuredData(what), cursor.offset())
}
