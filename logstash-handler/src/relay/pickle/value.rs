use super::repr::Repr;
use crate::relay::text::text;
use serde::ser::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// Where a node is in its pickle.
pub(super) type Id = u32;

/// A value that refers to others by their ids, so that what is shared exists once.
#[derive(Debug)]
pub(super) enum Node<'a> {
    None,
    Bool(bool),
    Int(i128),
    /// Text, of a number that 128 bits do not hold.
    BigInt(String),
    Float(f64),
    Str(Cow<'a, str>),
    Bytes(&'a [u8]),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Set(Vec<Id>),
    /// Keys and values, in turn.
    Dict(Vec<Id>),
}

impl Node<'_> {
    pub(super) fn children(&self) -> &[Id] {
        match self {
            Self::List(items) | Self::Tuple(items) | Self::Set(items) | Self::Dict(items) => items,
            _ => &[],
        }
    }

    /// Bytes of text.
    pub(super) const fn text_length(&self) -> usize {
        match self {
            Self::Str(Cow::Borrowed(text)) => text.len(),
            Self::Str(Cow::Owned(text)) | Self::BigInt(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            _ => 0,
        }
    }
}

/// A value of a [`Pickle`](super::Pickle).
///
/// It displays itself as Python's `str` does.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum PickleValue<'p> {
    /// `None`.
    None,
    /// Truth.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// An integer that 128 bits do not hold, as text, decimal or hexadecimal with `0x`.
    BigInt(&'p str),
    /// A floating point number.
    Float(f64),
    /// Text. What is not UTF-8, in the texts of Python 2, is escaped: `\xE4`.
    Str(&'p str),
    /// Bytes.
    Bytes(&'p [u8]),
    /// A list.
    List(PickleItems<'p>),
    /// A tuple.
    Tuple(PickleItems<'p>),
    /// A set.
    Set(PickleItems<'p>),
    /// A dictionary.
    Dict(PickleEntries<'p>),
}

impl<'p> PickleValue<'p> {
    /// `id` is one of `nodes`.
    pub(super) fn new(nodes: &'p [Node<'p>], id: Id) -> Self {
        let items = |ids: &'p [Id]| PickleItems { nodes, ids };
        match &nodes[id as usize] {
            Node::None => Self::None,
            Node::Bool(value) => Self::Bool(*value),
            Node::Int(value) => Self::Int(*value),
            Node::BigInt(value) => Self::BigInt(value),
            Node::Float(value) => Self::Float(*value),
            Node::Str(value) => Self::Str(value),
            Node::Bytes(value) => Self::Bytes(value),
            Node::List(ids) => Self::List(items(ids)),
            Node::Tuple(ids) => Self::Tuple(items(ids)),
            Node::Set(ids) => Self::Set(items(ids)),
            Node::Dict(ids) => Self::Dict(PickleEntries(items(ids))),
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub const fn as_str(self) -> Option<&'p str> {
        if let Self::Str(text) = self { Some(text) } else { None }
    }

    /// Whether it is nothing at all: `None`, or an empty collection.
    pub(super) fn is_nothing(self) -> bool {
        match self {
            Self::None => true,
            Self::List(items) | Self::Tuple(items) | Self::Set(items) | Self::Dict(PickleEntries(items)) => {
                items.is_empty()
            }
            _ => false,
        }
    }
}

impl fmt::Display for PickleValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Str(text) => f.write_str(text),
            value => Repr(*value).fmt(f),
        }
    }
}

impl Serialize for PickleValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::None => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(value),
            Self::Int(value) => match i64::try_from(value) {
                Ok(value) => serializer.serialize_i64(value),
                Err(_) => match u64::try_from(value) {
                    Ok(value) => serializer.serialize_u64(value),
                    Err(_) => serializer.collect_str(&value),
                },
            },
            Self::Float(value) => serializer.serialize_f64(value),
            Self::Str(value) | Self::BigInt(value) => serializer.serialize_str(value),
            Self::Bytes(value) => serializer.serialize_str(&text(value)),
            Self::List(items) | Self::Tuple(items) | Self::Set(items) => serializer.collect_seq(items),
            // Not a text, a key is its text.
            Self::Dict(entries) => serializer.collect_map(entries.map(|(key, value)| (Key(key), value))),
        }
    }
}

struct Key<'p>(PickleValue<'p>);

impl Serialize for Key<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            PickleValue::Str(text) => serializer.serialize_str(text),
            other => serializer.collect_str(&other),
        }
    }
}

/// The items of a list, a tuple or a set.
#[derive(Clone, Copy)]
pub struct PickleItems<'p> {
    nodes: &'p [Node<'p>],
    ids: &'p [Id],
}

impl<'p> PickleItems<'p> {
    /// How many there are still.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none any more.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

impl<'p> Iterator for PickleItems<'p> {
    type Item = PickleValue<'p>;

    fn next(&mut self) -> Option<PickleValue<'p>> {
        let (id, rest) = self.ids.split_first()?;
        self.ids = rest;
        Some(PickleValue::new(self.nodes, *id))
    }
}

impl fmt::Debug for PickleItems<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

/// Keys and values of a dictionary, in the order of the pickle.
///
/// A damaged or hostile pickle may have a key several times; the last one counts.
#[derive(Clone, Copy)]
pub struct PickleEntries<'p>(PickleItems<'p>);

impl<'p> PickleEntries<'p> {
    /// The value of a key that is text.
    #[must_use]
    pub fn value(self, key: &str) -> Option<PickleValue<'p>> {
        self.filter(|(found, _)| found.as_str() == Some(key)).last().map(|(_, value)| value)
    }
}

impl<'p> Iterator for PickleEntries<'p> {
    type Item = (PickleValue<'p>, PickleValue<'p>);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }
}

impl fmt::Debug for PickleEntries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(*self).finish()
    }
}
