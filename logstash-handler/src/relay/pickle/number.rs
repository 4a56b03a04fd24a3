//! Numbers as pickles have them.

use super::error::PickleErrorKind;
use super::value::Node;
use std::fmt::Write as _;

/// An integer in decimal digits.
pub(super) fn decimal<'a>(line: &[u8]) -> Result<Node<'a>, PickleErrorKind> {
    let number = str::from_utf8(line).map_err(|_| NOT_A_NUMBER)?.trim();
    if let Ok(value) = number.parse() {
        return Ok(Node::Int(value));
    }
    let digits = number.strip_prefix('-').unwrap_or(number);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Node::BigInt(number.to_owned())).ok_or(NOT_A_NUMBER)
}

/// An integer in two's complement, the least significant byte first.
pub(super) fn little_endian<'a>(bytes: &[u8]) -> Node<'a> {
    let is_negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
    let sign = if is_negative { 0xff } else { 0 };
    // Bytes that repeat the sign say nothing.
    let length = bytes.iter().rposition(|byte| *byte != sign).map_or(0, |last| last + 2).min(bytes.len());
    let bytes = &bytes[..length];
    if bytes.len() <= 16 {
        let mut value = [sign; 16];
        value[..bytes.len()].copy_from_slice(bytes);
        return Node::Int(i128::from_le_bytes(value));
    }
    let mut carry = is_negative;
    let magnitude: Vec<u8> = bytes
        .iter()
        .map(|byte| {
            let (byte, carries) = (byte ^ sign).overflowing_add(carry.into());
            carry = carries;
            byte
        })
        .collect();
    let mut text = String::with_capacity(2 * bytes.len() + 3);
    text.push_str(if is_negative { "-0x" } else { "0x" });
    let digits = magnitude.iter().rev().skip_while(|byte| **byte == 0);
    for (index, byte) in digits.enumerate() {
        let _ = if index == 0 { write!(text, "{byte:x}") } else { write!(text, "{byte:02x}") };
    }
    Node::BigInt(text)
}

pub(super) fn float(line: &[u8]) -> Result<f64, PickleErrorKind> {
    str::from_utf8(line).ok().and_then(|text| text.trim().parse().ok()).ok_or(NOT_A_NUMBER)
}

/// An index of the memo, in decimal digits.
pub(super) fn index(line: &[u8]) -> Result<u32, PickleErrorKind> {
    str::from_utf8(line).ok().and_then(|text| text.trim().parse().ok()).ok_or(NOT_A_NUMBER)
}

const NOT_A_NUMBER: PickleErrorKind = PickleErrorKind::Malformed("a number is none");
