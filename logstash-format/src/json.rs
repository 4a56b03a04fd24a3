//! JSON appended to a `Vec<u8>`, in one pass and without a tree.

mod compound;
mod escape;
mod key;
mod names;
mod scan;
mod serialize;
mod text;
mod word;

pub(crate) use escape::{ascii_only, escape};
pub(crate) use names::{Claim, Digest, Digests, Names};
pub(crate) use scan::{elements, members, texts_in};
pub(crate) use serialize::{SerializeError, Serializer};
#[cfg(feature = "tracing")]
pub(crate) use text::FAILED;

use std::error::Error;
use std::fmt;
use std::mem;
use std::time::SystemTime;

use crate::limits::Cuts;
use crate::policy::Policy;
use crate::rules::{Fate, MASK};
use crate::timestamp::{two_digits, write_timestamp};
use crate::{Precision, Value};

/// Writes values at the end of `out`; whoever uses it writes the punctuation between them.
///
/// [`value`](Self::value), [`text`](Self::text) and [`name`](Self::name) keep to the policy: they
/// are for what comes with an event. The other methods write what they are given.
pub(crate) struct Json<'o> {
    pub(crate) out: &'o mut Vec<u8>,
    policy: &'o Policy,
    /// Where `out` has to end.
    end: usize,
    /// How many more fields may be written.
    fields_left: usize,
    /// How many more bytes of text are searched for patterns.
    #[cfg(feature = "regex")]
    search: text::SearchBudget,
    cuts: Cuts,
    /// Whether something was cut because `end` was near.
    is_full: bool,
    memory: Memory,
}

/// What is written aside; kept from one document to the next, so that it need not be allocated anew.
#[derive(Default)]
pub(crate) struct Memory {
    /// The names of the objects around, with dots between them; kept only if a rule asks for it.
    path: Vec<u8>,
    /// A text that has to be formatted before it can be searched.
    #[cfg(feature = "regex")]
    text: String,
    #[cfg(feature = "regex")]
    matches: Vec<crate::rules::NextMatch>,
}

impl Memory {
    pub(crate) const fn new() -> Self {
        Self {
            path: Vec::new(),
            #[cfg(feature = "regex")]
            text: String::new(),
            #[cfg(feature = "regex")]
            matches: Vec::new(),
        }
    }
}

impl<'o> Json<'o> {
    /// Without limit of the whole.
    pub(crate) fn new(out: &'o mut Vec<u8>, policy: &'o Policy) -> Self {
        Self {
            out,
            policy,
            end: usize::MAX,
            fields_left: policy.limits.fields,
            #[cfg(feature = "regex")]
            search: text::SearchBudget::default(),
            cuts: Cuts::default(),
            is_full: false,
            memory: Memory::new(),
        }
    }

    /// Sets where `out` has to end. What is begun before is completed, so that up to
    /// [`OVERRUN`] bytes more are written.
    pub(crate) fn set_end(&mut self, end: usize) {
        self.end = end;
    }

    /// Where `out` has to end.
    pub(crate) fn end(&self) -> usize {
        self.end
    }

    /// Keeps room for what will be inserted.
    pub(crate) fn reserve(&mut self, len: usize) {
        self.end = self.end.saturating_sub(len);
    }

    /// As [`set_end`](Self::set_end); returns where it had to end before.
    pub(crate) fn swap_end(&mut self, end: usize) -> usize {
        mem::replace(&mut self.end, end)
    }

    pub(crate) fn policy(&self) -> &'o Policy {
        self.policy
    }

    /// What was cut so far.
    pub(crate) fn cuts(&self) -> Cuts {
        self.cuts
    }

    /// What was cut so far, and then nothing.
    pub(crate) fn take_cuts(&mut self) -> Cuts {
        mem::take(&mut self.cuts)
    }

    pub(crate) fn add_cut(&mut self, cut: Cuts) {
        self.cuts.add(cut);
    }

    /// Whether something was cut because the end was near.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Exchanges the memory for what is written aside, which only rules ask for.
    pub(crate) fn swap_memory(&mut self, memory: &mut Memory) {
        if !self.policy.rules.are_none() {
            mem::swap(&mut self.memory, memory);
        }
    }

    pub(crate) fn raw(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }

    /// A text of the formatter itself.
    pub(crate) fn string(&mut self, text: &str) {
        self.out.push(b'"');
        escape(text, self.policy.ascii, self.out);
        self.out.push(b'"');
    }

    /// A text of the formatter itself that needs no escape.
    pub(crate) fn plain_string(&mut self, text: &str) {
        self.out.push(b'"');
        self.raw(text);
        self.out.push(b'"');
    }

    /// Ends an object whose entries were each followed by a comma.
    pub(crate) fn close(&mut self, close: &str) {
        if self.out.last() == Some(&b',') {
            self.out.pop();
        }
        self.raw(close);
    }

    pub(crate) fn u64(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut start = digits.len();
        while number >= 10 {
            start -= 2;
            digits[start..start + 2].copy_from_slice(&two_digits(number % 100));
            number /= 100;
        }
        // Nothing is left of a number with an even count of digits.
        if number > 0 || start == digits.len() {
            start -= 1;
            digits[start] = b'0' + number as u8;
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
            _ => self.quoted(number),
        }
    }

    pub(crate) fn u128(&mut self, number: u128) {
        match u64::try_from(number) {
            Ok(number) => self.u64(number),
            Err(_) => self.quoted(number),
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

    pub(crate) fn time(&mut self, time: SystemTime, precision: Precision) {
        self.out.push(b'"');
        write_timestamp(time, precision, self.out);
        self.out.push(b'"');
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.raw(if value { "true" } else { "false" });
    }

    pub(crate) fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Null => self.raw("null"),
            Value::Bool(value) => self.bool(value),
            Value::I64(number) => self.i64(number),
            Value::U64(number) => self.u64(number),
            Value::I128(number) => self.i128(number),
            Value::U128(number) => self.u128(number),
            Value::F32(number) => self.f32(number),
            Value::F64(number) => self.f64(number),
            Value::Str(text) => self.text(text),
            Value::Char(char) => self.text(char.encode_utf8(&mut [0; 4])),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::Time(time) => self.time(time, Precision::Nanoseconds),
            Value::Duration(duration) => self.f64(duration.as_secs_f64()),
            Value::Display(value) => self.display(value),
            Value::Debug(value) => self.display(format_args!("{value:?}")),
            Value::Error(error) => self.display(SourceChain(error)),
            Value::Structured(value) => {
                let start = self.out.len();
                let path = self.memory.path.len();
                if let Err(error) = value.write(Serializer::new(self)) {
                    self.out.truncate(start);
                    self.memory.path.truncate(path);
                    self.display(format_args!("[not serialisable: {error}]"));
                }
            }
        }
    }

    pub(crate) fn mask(&mut self) {
        self.string(MASK);
    }

    /// Whether there is room for another entry whose name is already written; notes that it is
    /// left out if there is none.
    pub(crate) fn has_room(&mut self) -> bool {
        self.has_room_for(0)
    }

    /// Likewise for an entry of `len` bytes.
    pub(crate) fn has_room_for(&mut self, len: usize) -> bool {
        let has_room = self.out.len().saturating_add(len).saturating_add(SMALL) <= self.end;
        if !has_room {
            self.is_full = true;
            self.cuts.add(Cuts::FIELDS);
        }
        has_room
    }

    /// Whether all of `len` bytes fit; notes that they are left out if not.
    pub(crate) fn fits(&mut self, len: usize) -> bool {
        let fits = self.out.len().saturating_add(len) <= self.end;
        if !fits {
            self.is_full = true;
            self.cuts.add(Cuts::FIELDS);
        }
        fits
    }

    /// Counts a field, unless there are too many.
    pub(crate) fn take_field(&mut self) -> bool {
        match self.fields_left.checked_sub(1) {
            Some(left) => {
                self.fields_left = left;
                true
            }
            None => {
                self.cuts.add(Cuts::FIELDS);
                false
            }
        }
    }

    /// Whether a rule meets the field of this name.
    pub(crate) fn rules_meet(&self, name: &str) -> bool {
        let rules = &self.policy.rules;
        !rules.is_empty() && rules.fate(name.as_bytes()) != Fate::KEEP
    }

    /// What becomes of the field of the event whose name stands, in quotation marks, from `start`
    /// to the end of `out`. Begins the path with it.
    #[inline]
    pub(crate) fn field_fate(&mut self, start: usize) -> Fate<'o> {
        match self.policy.rules.is_empty() {
            true => Fate::KEEP,
            false => self.field_fate_by_rules(start),
        }
    }

    #[inline]
    fn field_fate_by_rules(&mut self, start: usize) -> Fate<'o> {
        let rules = &self.policy.rules;
        let name = &self.out[start + 1..self.out.len() - 1];
        if rules.reach_inside() {
            self.memory.path.clear();
            self.memory.path.extend_from_slice(name);
        }
        rules.fate(name)
    }

    /// Likewise for an entry of an object inside of a value. Makes the path longer by it.
    fn inner_fate(&mut self, start: usize) -> Fate<'o> {
        let rules = &self.policy.rules;
        if !rules.reach_inside() {
            return Fate::KEEP;
        }
        self.memory.path.push(b'.');
        self.memory.path.extend_from_slice(&self.out[start + 1..self.out.len() - 1]);
        rules.fate(&self.memory.path)
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
            f.write_str("\ncaused by: ")?;
            fmt::Display::fmt(error, f)?;
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

/// What may be written beyond the end: what closes 64 levels, a number, and the end of a text.
pub(crate) const OVERRUN: usize = 256;

/// Room for an entry that is not a text: a number of 128 bits, a mark that something was cut.
const SMALL: usize = 64;

/// An error may be its own source.
const MAX_SOURCES: usize = 32;
