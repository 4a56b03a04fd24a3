//! Texts of protocol 0, which are lines.

use super::error::PickleErrorKind;
use crate::relay::text::text;

/// A text of Python 2 as its `repr` writes it.
pub(super) fn quoted(line: &[u8]) -> Result<String, PickleErrorKind> {
    let ([b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"']) = line else {
        return Err(PickleErrorKind::Malformed("a text has no quotes"));
    };
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        let Some((escape, behind)) = rest.split_first() else {
            return Err(PickleErrorKind::Malformed("a text ends within an escape"));
        };
        rest = behind;
        let plain = match escape {
            b'\\' | b'\'' | b'"' => *escape,
            b'a' => 0x07,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0b,
            b'x' => {
                let value = digits(&rest[..rest.len().min(2)], 16).filter(|_| rest.len() >= 2);
                let value = value.ok_or(PickleErrorKind::Malformed("a text has a damaged escape"))?;
                rest = &rest[2..];
                value as u8
            }
            b'0'..=b'7' => {
                let others = rest.iter().take(2).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
                let value =
                    u32::from(escape - b'0') << (3 * others) | digits(&rest[..others], 8).unwrap_or_default();
                rest = &rest[others..];
                value as u8
            }
            _ => {
                bytes.push(b'\\');
                *escape
            }
        };
        bytes.push(plain);
    }
    Ok(text(&bytes).into_owned())
}

/// A text in Python's encoding `raw-unicode-escape`: Latin-1 with `\u20ac` and `\U0001f600`.
pub(super) fn raw_unicode(line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((byte, behind)) = rest.split_first() {
        match escaped(rest).or_else(|| escaped_pair(rest)) {
            Some((character, length)) => {
                text.push(character);
                rest = &rest[length..];
            }
            None => {
                text.push(char::from(*byte));
                rest = behind;
            }
        }
    }
    text
}

/// The character of an escape at the front, and how long the escape is.
fn escaped(rest: &[u8]) -> Option<(char, usize)> {
    let (code, length) = match rest {
        [b'\\', b'u', ..] => (digits(rest.get(2..6)?, 16)?, 6),
        [b'\\', b'U', ..] => (digits(rest.get(2..10)?, 16)?, 10),
        _ => return None,
    };
    Some((char::from_u32(code)?, length))
}

/// A character beyond the basic plane as old versions write it: as two surrogates.
fn escaped_pair(rest: &[u8]) -> Option<(char, usize)> {
    let half = |at: usize| match rest.get(at..at + 6)? {
        [b'\\', b'u', code @ ..] => u16::try_from(digits(code, 16)?).ok(),
        _ => None,
    };
    let character = char::decode_utf16([half(0)?, half(6)?]).next()?.ok()?;
    Some((character, 12))
}

fn digits(digits: &[u8], radix: u32) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, digit| {
        value.checked_mul(radix)?.checked_add(char::from(*digit).to_digit(radix)?)
    })
}
