use super::value::PickleValue;
use std::fmt::{self, Write as _};

/// A value as Python's `repr` writes it.
pub(super) struct Repr<'p>(pub(super) PickleValue<'p>);

impl fmt::Display for Repr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            PickleValue::None => f.write_str("None"),
            PickleValue::Bool(true) => f.write_str("True"),
            PickleValue::Bool(false) => f.write_str("False"),
            PickleValue::Int(value) => write!(f, "{value}"),
            PickleValue::BigInt(value) => f.write_str(value),
            PickleValue::Float(value) => float(f, value),
            PickleValue::Str(value) => quoted(f, value.chars().map(Quoted::Char)),
            PickleValue::Bytes(value) => {
                f.write_char('b')?;
                quoted(f, value.iter().copied().map(Quoted::Byte))
            }
            PickleValue::List(items) => list(f, "[", items, "]"),
            PickleValue::Tuple(items) if items.len() == 1 => list(f, "(", items, ",)"),
            PickleValue::Tuple(items) => list(f, "(", items, ")"),
            PickleValue::Set(items) if items.is_empty() => f.write_str("set()"),
            PickleValue::Set(items) => list(f, "{", items, "}"),
            PickleValue::Dict(entries) => {
                f.write_char('{')?;
                for (index, (key, value)) in entries.enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{}: {}", Repr(key), Repr(value))?;
                }
                f.write_char('}')
            }
        }
    }
}

fn list<'p>(
    f: &mut fmt::Formatter<'_>,
    open: &str,
    items: impl Iterator<Item = PickleValue<'p>>,
    close: &str,
) -> fmt::Result {
    f.write_str(open)?;
    for (index, item) in items.enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(f, "{separator}{}", Repr(item))?;
    }
    f.write_str(close)
}

/// The shortest digits that make the number; with an exponent where Python has one.
fn float(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    if value.is_nan() {
        return f.write_str("nan");
    }
    if value.is_infinite() {
        return f.write_str(if value > 0.0 { "inf" } else { "-inf" });
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        let point = if value.fract() == 0.0 { ".0" } else { "" };
        write!(f, "{value}{point}")
    } else {
        write!(f, "{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
    }
}

#[derive(Clone, Copy)]
enum Quoted {
    Char(char),
    Byte(u8),
}

fn quoted(f: &mut fmt::Formatter<'_>, characters: impl Iterator<Item = Quoted> + Clone) -> fmt::Result {
    let has = |wanted: char| {
        characters.clone().any(|character| match character {
            Quoted::Char(character) => character == wanted,
            Quoted::Byte(byte) => char::from(byte) == wanted,
        })
    };
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    f.write_char(quote)?;
    for character in characters {
        let (character, is_text) = match character {
            Quoted::Char(character) => (character, true),
            Quoted::Byte(byte) => (char::from(byte), byte < 0x80),
        };
        match character {
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\\' => f.write_str("\\\\")?,
            _ if character == quote => write!(f, "\\{quote}")?,
            _ if !is_text || character.is_control() => write!(f, "\\x{:02x}", u32::from(character))?,
            _ => f.write_char(character)?,
        }
    }
    f.write_char(quote)
}
