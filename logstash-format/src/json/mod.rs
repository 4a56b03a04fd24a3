//! JSON appended to a `Vec<u8>`, in one pass and without a tree.

mod compound;
mod escape;
mod key;
mod names;
mod serialize;

pub(crate) use escape::{ascii_only, escape};
pub(crate) use names::{Claim, Names};
pub(crate) use serialize::{SerializeError, Serializer};

use std::error::Error;
use std::fmt::{self, Write};

use crate::Value;

/// Writes values at the end of `out`; whoever uses it writes the punctuation between them.
pub(crate) struct Json<'o> {
    pub(crate) out: &'o mut Vec<u8>,
    /// Whether characters beyond ASCII are written as `\uXXXX`.
    ascii: bool,
}

impl<'o> Json<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>, ascii: bool) -> Self {
        Self { out, ascii }
    }

    pub(crate) fn raw(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }

    pub(crate) fn string(&mut self, text: &str) {
        self.out.push(b'"');
        escape(text, self.ascii, self.out);
        self.out.push(b'"');
    }

    /// A string of whatever `value` displays, up to where it fails.
    pub(crate) fn text(&mut self, value: impl fmt::Display) {
        self.out.push(b'"');
        if write!(Escaped(self), "{value}").is_err() {
            self.raw(FAILED);
        }
        self.out.push(b'"');
    }

    pub(crate) fn u64(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&digits[start..]);
    }

    pub(crate) fn i64(&mut self, number: i64) {
        if number < 0 {
            self.out.push(b'-');
        }
        self.u64(number.unsigned_abs());
    }

    /// As a number where 64 bits hold it, because most readers have no larger type.
    pub(crate) fn i128(&mut self, number: i128) {
        match (i64::try_from(number), u64::try_from(number)) {
            (Ok(number), _) => self.i64(number),
            (_, Ok(number)) => self.u64(number),
            _ => self.text(number),
        }
    }

    pub(crate) fn u128(&mut self, number: u128) {
        match u64::try_from(number) {
            Ok(number) => self.u64(number),
            Err(_) => self.text(number),
        }
    }

    pub(crate) fn f64(&mut self, number: f64) {
        if number.is_finite() {
            // Writing a finite number to a vector cannot fail.
            let _ = serde_json::to_writer(&mut *self.out, &number);
        } else {
            self.string(non_finite(number));
        }
    }

    pub(crate) fn f32(&mut self, number: f32) {
        if number.is_finite() {
            // As above.
            let _ = serde_json::to_writer(&mut *self.out, &number);
        } else {
            self.string(non_finite(number.into()));
        }
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.raw(if value { "true" } else { "false" });
    }

    /// UTF-8, with U+FFFD in place of what is not.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        for chunk in bytes.utf8_chunks() {
            escape(chunk.valid(), self.ascii, self.out);
            if !chunk.invalid().is_empty() {
                escape("\u{fffd}", self.ascii, self.out);
            }
        }
        self.out.push(b'"');
    }

    pub(crate) fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Null => self.raw("null"),
            Value::Bool(value) => self.bool(value),
            Value::I64(number) => self.i64(number),
            Value::U64(number) => self.u64(number),
            Value::I128(number) => self.i128(number),
            Value::U128(number) => self.u128(number),
            Value::F64(number) => self.f64(number),
            Value::Str(text) => self.string(text),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::Display(value) => self.text(value),
            Value::Debug(value) => self.text(format_args!("{value:?}")),
            Value::Error(error) => self.text(SourceChain(error)),
            Value::Structured(value) => {
                let start = self.out.len();
                if let Err(error) = value.write(Serializer::new(self)) {
                    self.out.truncate(start);
                    self.text(format_args!("[not serialisable: {error}]"));
                }
            }
        }
    }
}

/// Escapes what is formatted into it.
struct Escaped<'j, 'o>(&'j mut Json<'o>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(text, self.0.ascii, self.0.out);
        Ok(())
    }
}

/// An error and its sources, one per line.
pub(crate) struct SourceChain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for SourceChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)?;
        let mut source = self.0.source();
        for _ in 0..MAX_SOURCES {
            let Some(error) = source else { return Ok(()) };
            write!(f, "\ncaused by: {error}")?;
            source = error.source();
        }
        match source {
            Some(_) => f.write_str("\n[more causes left out]"),
            None => Ok(()),
        }
    }
}

/// An error and its sources, then where it arose.
pub(crate) struct StackTrace<'a> {
    pub(crate) error: &'a (dyn Error + 'static),
    pub(crate) backtrace: Option<&'a dyn fmt::Display>,
}

impl fmt::Display for StackTrace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SourceChain(self.error).fmt(f)?;
        match self.backtrace {
            Some(backtrace) => write!(f, "\n{backtrace}"),
            None => Ok(()),
        }
    }
}

fn non_finite(number: f64) -> &'static str {
    match number {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    }
}

/// In place of what a `Display` or `Debug` did not write because it failed.
pub(crate) const FAILED: &str = "[formatting failed]";

/// An error may be its own source.
const MAX_SOURCES: usize = 32;
