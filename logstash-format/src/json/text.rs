//! Texts that come with an event: cut to the limits and searched for what is not to be seen.

use std::fmt::{self, Write};
#[cfg(feature = "regex")]
use std::mem;
use std::str;

use super::Json;
use super::escape::{escape, escaped_prefix};
use crate::limits::Cuts;
#[cfg(feature = "regex")]
use crate::rules::mask;

impl Json<'_> {
    /// A string.
    pub(crate) fn text(&mut self, text: &str) {
        #[cfg(feature = "regex")]
        if !self.policy.rules.patterns().is_empty() {
            return self.searched(text);
        }
        self.limited_text(text, TextLimits::of(self));
    }

    /// A string for what the program says about itself, such as the name of a thread: cut only if
    /// the event is too large, and not searched.
    pub(crate) fn plain_text(&mut self, text: &str) {
        self.limited_text(text, TextLimits { bytes: usize::MAX });
    }

    #[inline]
    fn limited_text(&mut self, text: &str, mut limits: TextLimits) {
        self.out.push(b'"');
        let is_whole = self.piece(text, &mut limits);
        self.end_text(is_whole);
    }

    /// A string of whatever `value` displays, up to where it fails.
    pub(crate) fn display(&mut self, value: impl fmt::Display) {
        #[cfg(feature = "regex")]
        if !self.policy.rules.patterns().is_empty() {
            return self.searched_display(value);
        }
        self.out.push(b'"');
        let mut pieces = Pieces { limits: TextLimits::of(self), json: self, is_whole: true };
        let result = write!(pieces, "{value}");
        let is_whole = pieces.is_whole;
        if is_whole && result.is_err() {
            self.raw(FAILED);
        }
        self.end_text(is_whole);
    }

    /// A string of UTF-8, with U+FFFD in place of what is not.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        match str::from_utf8(bytes) {
            Ok(text) => self.text(text),
            Err(_) => self.display(Lossy(bytes)),
        }
    }

    /// The name of a field, in quotation marks; to be cut by [`cut_name`](Self::cut_name) when the
    /// rules, which are about whole names, have seen it.
    #[inline]
    pub(crate) fn name(&mut self, name: &str) {
        let most = self.bytes_of_name();
        self.string(if name.len() > most { &name[..floor_char_boundary(name, most)] } else { name });
    }

    /// Likewise for the name of a field that is displayed.
    pub(super) fn display_name(&mut self, name: impl fmt::Display) {
        self.out.push(b'"');
        let limits = TextLimits { bytes: self.bytes_of_name() };
        let mut pieces = Pieces { limits, json: self, is_whole: true };
        if write!(pieces, "{name}").is_err() && pieces.is_whole {
            self.raw(FAILED);
        }
        self.out.push(b'"');
    }

    fn bytes_of_name(&self) -> usize {
        match self.policy.rules.is_empty() {
            // One byte too many is enough for it to be cut.
            true => self.policy.limits.name.saturating_add(4),
            false => usize::MAX,
        }
    }

    /// Cuts the name that stands in quotation marks from `start` to the end, if it is too long.
    #[inline]
    pub(crate) fn cut_name(&mut self, start: usize) {
        if self.out.len() - start - QUOTES > self.policy.limits.name {
            self.cut_long_name(start);
        }
    }

    #[cold]
    fn cut_long_name(&mut self, start: usize) {
        let limit = self.policy.limits.name;
        let name = &self.out[start + 1..self.out.len() - 1];
        let kept = escaped_prefix(name, limit - CUT_NAME.len());
        self.out.truncate(start + 1 + kept);
        self.raw(CUT_NAME);
        self.raw("\"");
        self.cuts.add(Cuts::NAMES);
    }

    /// Whether the name that stands at the end was cut, or looks so.
    pub(crate) fn ends_in_cut_name(&self) -> bool {
        self.cuts.has(Cuts::NAMES) && self.out.ends_with(b"~\"")
    }

    /// A string that is neither cut nor searched.
    pub(crate) fn quoted(&mut self, value: impl fmt::Display) {
        self.out.push(b'"');
        if write!(Escaped(self), "{value}").is_err() {
            self.raw(FAILED);
        }
        self.out.push(b'"');
    }

    fn end_text(&mut self, is_whole: bool) {
        if !is_whole {
            self.raw(CUT_TEXT);
            self.cuts.add(Cuts::STRINGS);
        }
        self.out.push(b'"');
    }

    /// Escapes as much of `text` as the limits let; returns whether that is all of it.
    #[inline]
    fn piece(&mut self, text: &str, limits: &mut TextLimits) -> bool {
        let start = self.out.len();
        // Escaping makes no text shorter, so what is cut here would not have fitted.
        let room = self.end.saturating_sub(start);
        if text.len() > limits.bytes.min(room) {
            self.cut_piece(text, limits, room);
            return false;
        }
        limits.bytes -= text.len();
        escape(text, self.policy.ascii, self.out);
        let fits = self.out.len() <= self.end;
        if !fits {
            self.cut_escaped(start, room);
        }
        fits
    }

    #[cold]
    fn cut_piece(&mut self, text: &str, limits: &mut TextLimits, room: usize) {
        let start = self.out.len();
        let kept = floor_char_boundary(text, limits.bytes.min(room));
        self.is_full |= room < limits.bytes;
        limits.bytes -= kept;
        escape(&text[..kept], self.policy.ascii, self.out);
        if self.out.len() > self.end {
            self.cut_escaped(start, room);
        }
    }

    /// Cuts what was escaped from `start` on.
    #[cold]
    fn cut_escaped(&mut self, start: usize, room: usize) {
        let fitting = escaped_prefix(&self.out[start..], room);
        self.out.truncate(start + fitting);
        self.is_full = true;
    }
}

#[cfg(feature = "regex")]
impl Json<'_> {
    /// A string, with masks.
    fn searched(&mut self, text: &str) {
        self.out.push(b'"');
        let is_whole = self.search_pieces(text, true);
        self.end_text(is_whole);
    }

    fn searched_display(&mut self, value: impl fmt::Display) {
        let mut scratch = mem::take(&mut self.memory.text);
        let mut bounded = Bounded { text: &mut scratch, left: self.search.bytes, is_whole: true };
        let result = write!(bounded, "{value}");
        let is_whole = bounded.is_whole;
        self.out.push(b'"');
        let is_whole = self.search_pieces(&scratch, is_whole);
        if is_whole && result.is_err() {
            self.raw(FAILED);
        }
        self.end_text(is_whole);
        scratch.clear();
        self.memory.text = scratch;
    }

    /// Returns whether all of the text was written; `is_whole` says whether `text` is all of it.
    fn search_pieces(&mut self, text: &str, is_whole: bool) -> bool {
        let kept = floor_char_boundary(text, self.search.bytes);
        let is_whole = is_whole && kept == text.len();
        self.search.bytes -= kept;
        // Half of a secret would not be found, so the text ends before the end of what is searched.
        let visible = if is_whole { kept } else { floor_char_boundary(text, kept.saturating_sub(EDGE)) };
        let (mut limits, mut fits) = (TextLimits::of(self), true);
        let mut effort = self.search.effort;
        let mut matches = mem::take(&mut self.memory.matches);
        mask(self.policy.rules.patterns(), &text[..kept], visible, &mut effort, &mut matches, |piece| {
            fits = fits && self.piece(piece, &mut limits);
        });
        self.search.effort = effort;
        self.memory.matches = matches;
        is_whole && fits
    }
}

/// What searching the texts of one event may take.
#[cfg(feature = "regex")]
pub(super) struct SearchBudget {
    bytes: usize,
    effort: usize,
}

#[cfg(feature = "regex")]
impl Default for SearchBudget {
    fn default() -> Self {
        Self { bytes: SEARCHED, effort: EFFORT }
    }
}

/// Keeps what is formatted into it, up to a length; fails beyond.
#[cfg(feature = "regex")]
struct Bounded<'t> {
    text: &'t mut String,
    left: usize,
    is_whole: bool,
}

#[cfg(feature = "regex")]
impl Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let kept = if self.is_whole { floor_char_boundary(text, self.left) } else { 0 };
        self.left -= kept;
        self.text.push_str(&text[..kept]);
        self.is_whole &= kept == text.len();
        if self.is_whole { Ok(()) } else { Err(fmt::Error) }
    }
}

/// What is left for one text.
struct TextLimits {
    bytes: usize,
}

impl TextLimits {
    fn of(json: &Json<'_>) -> Self {
        Self { bytes: json.policy.limits.string }
    }
}

/// Escapes and cuts what is formatted into it; fails once it has cut, so that a value without end
/// has one.
struct Pieces<'j, 'o> {
    json: &'j mut Json<'o>,
    limits: TextLimits,
    is_whole: bool,
}

impl Write for Pieces<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // A value may go on after it was told to stop.
        self.is_whole = self.is_whole && self.json.piece(text, &mut self.limits);
        if self.is_whole { Ok(()) } else { Err(fmt::Error) }
    }
}

/// Escapes what is formatted into it.
struct Escaped<'j, 'o>(&'j mut Json<'o>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(text, self.0.policy.ascii, self.0.out);
        Ok(())
    }
}

struct Lossy<'a>(&'a [u8]);

impl fmt::Display for Lossy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("\u{fffd}")?;
            }
        }
        Ok(())
    }
}

/// The last boundary of characters up to `at`.
fn floor_char_boundary(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default()
}

/// In place of what a `Display` or `Debug` did not write because it failed.
pub(crate) const FAILED: &str = "[formatting failed]";

/// At the end of a text that was cut.
const CUT_TEXT: &str = "...[truncated]";

/// The quotation marks around a name.
const QUOTES: usize = 2;

/// At the end of a name that was cut. Dots and brackets would mean something to Logstash.
const CUT_NAME: &str = "~";

/// Bytes of text that are searched in one event.
#[cfg(feature = "regex")]
const SEARCHED: usize = 64 * 1024;

/// Bytes that the searches of one event may go through, counted anew after each match.
#[cfg(feature = "regex")]
const EFFORT: usize = 4 * 1024 * 1024;

/// Longer than most secrets.
#[cfg(feature = "regex")]
const EDGE: usize = 256;
