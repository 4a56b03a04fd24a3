//! Where one message of a byte stream ends and the next begins.

mod frame;
pub use frame::{Extent, Frame};

mod options;
pub use options::{FramerOptions, Framing, TooLong};

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memchr2};
use std::mem;

/// Takes a stream of bytes apart into messages, however the bytes arrive.
///
/// The caller appends what it reads to a buffer and calls [`next`](Self::next) until there is no
/// message any more, then reads on; at the end of the stream it calls [`finish`](Self::finish) in the
/// same way. After `None` the buffer holds at most the longest message and its length or line end:
/// whatever a peer declares or sends, memory is bounded by the limit and by what is read at once.
///
/// There are no errors: any bytes are messages, or parts of messages which say so.
///
/// ```
/// use bytes::BytesMut;
/// use logstash_handler::relay::{Extent, Framer, FramerOptions, Framing};
///
/// let mut framer = Framer::new(FramerOptions::new(Framing::Syslog).max_length(1024));
/// let mut input = BytesMut::from("<13>a line\n14 <13>a counted <1");
/// assert_eq!(framer.next(&mut input).unwrap().content, "<13>a line");
/// assert_eq!(framer.next(&mut input).unwrap().content, "<13>a counted ");
/// assert!(framer.next(&mut input).is_none()); // more is to come, or the stream has ended:
/// let last = framer.finish(&mut input).unwrap();
/// assert_eq!((&last.content[..], last.extent), (&b"<1"[..], Extent::Whole));
/// ```
#[derive(Debug)]
pub struct Framer {
    options: FramerOptions,
    state: State,
    /// Bytes of the buffer in which no line end was found; they are not searched again.
    searched: usize,
    skipped: u64,
}

#[derive(Debug)]
enum State {
    /// At the start of a message.
    Start,
    /// Within a line of which a piece went out.
    InLine,
    /// Before the rest of a line that is not wanted.
    SkippingLine,
    /// Within a message of known length; so many bytes are still to come.
    Counted { left: u64 },
    /// Before so many bytes that are not wanted.
    SkippingCounted { left: u64 },
}

impl Framer {
    /// A framer for the start of a stream.
    #[must_use]
    pub const fn new(options: FramerOptions) -> Self {
        Self { options, state: State::Start, searched: 0, skipped: 0 }
    }

    /// Bytes of messages that were longer than the limit and are not in any frame.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Takes the next message off the front of `input`; none if more bytes are needed.
    pub fn next(&mut self, input: &mut BytesMut) -> Option<Frame> {
        loop {
            let frame = match self.state {
                State::Start => match self.start(input)? {
                    Start::Line => self.line(input)?,
                    Start::Counted { header, length } => {
                        input.advance(header);
                        self.state = State::Counted { left: length };
                        continue;
                    }
                },
                State::InLine => self.line(input)?,
                State::SkippingLine => {
                    self.skip_line(input)?;
                    continue;
                }
                State::Counted { left } => self.counted(input, left)?,
                State::SkippingCounted { left } => {
                    self.skip_counted(input, left)?;
                    continue;
                }
            };
            if !frame.content.is_empty() || self.options.keep_empty && frame.extent == Extent::Whole {
                return Some(frame);
            }
        }
    }

    /// Takes the next message off the front of `input` where nothing follows; none if there is none.
    pub fn finish(&mut self, input: &mut BytesMut) -> Option<Frame> {
        if let Some(frame) = self.next(input) {
            return Some(frame);
        }
        self.searched = 0;
        let rest = input.len();
        let is_line = match mem::replace(&mut self.state, State::Start) {
            State::SkippingLine | State::SkippingCounted { .. } => {
                self.skipped += rest as u64;
                input.clear();
                return None;
            }
            State::Counted { .. } => false,
            State::InLine => true,
            State::Start => self.options.framing != Framing::LengthPrefixed,
        };
        if rest == 0 {
            return None;
        }
        if !is_line {
            return Some(Frame { content: input.split().freeze(), extent: Extent::Unfinished });
        }
        let length = rest - usize::from(input.last() == Some(&b'\r'));
        if length > self.options.max_length {
            return Some(self.too_long_line(input));
        }
        let mut content = input.split().freeze();
        content.truncate(length);
        (length > 0 || self.options.keep_empty).then_some(Frame { content, extent: Extent::Whole })
    }

    /// What the message at the front is; none if that cannot be told yet.
    fn start(&self, input: &[u8]) -> Option<Start> {
        match self.options.framing {
            Framing::Lines => Some(Start::Line),
            Framing::LengthPrefixed => {
                let length = u32::from_be_bytes(*input.first_chunk()?);
                Some(Start::Counted { header: 4, length: length.into() })
            }
            Framing::Syslog => octet_count(input),
        }
    }

    /// A line up to its end, or as much of it as the limit allows.
    fn line(&mut self, input: &mut BytesMut) -> Option<Frame> {
        let max = self.options.max_length;
        match self.line_end(input) {
            Some(end) => {
                let length = end - usize::from(end > 0 && input[end - 1] == b'\r');
                if length > max {
                    return Some(self.too_long_line(input));
                }
                self.searched = 0;
                self.state = State::Start;
                let content = input.split_to(length).freeze();
                input.advance(end + 1 - length);
                Some(Frame { content, extent: Extent::Whole })
            }
            // One byte more may be the first half of a line end.
            None if input.len() > max.saturating_add(1) => Some(self.too_long_line(input)),
            None => None,
        }
    }

    fn too_long_line(&mut self, input: &mut BytesMut) -> Frame {
        self.searched = 0;
        let extent = match self.options.too_long {
            TooLong::Truncate => {
                self.state = State::SkippingLine;
                Extent::Truncated
            }
            TooLong::Split => {
                self.state = State::InLine;
                Extent::Piece
            }
        };
        Frame { content: self.beginning(input), extent }
    }

    /// As much of a message as the limit allows; no character of a text is taken apart.
    fn beginning(&self, input: &mut BytesMut) -> Bytes {
        let max = self.options.max_length;
        let is_inside_character = |at: usize| matches!(input.get(at), Some(0x80..=0xbf));
        let mut cut = max;
        if self.options.framing != Framing::LengthPrefixed && is_inside_character(max) {
            let before = (max.saturating_sub(3).max(1)..max).rev().find(|at| !is_inside_character(*at));
            cut = before.unwrap_or(max);
        }
        input.split_to(cut).freeze()
    }

    fn skip_line(&mut self, input: &mut BytesMut) -> Option<()> {
        match self.line_end(input) {
            Some(end) => {
                self.skipped += (end - usize::from(end > 0 && input[end - 1] == b'\r')) as u64;
                self.searched = 0;
                self.state = State::Start;
                input.advance(end + 1);
                Some(())
            }
            None => {
                // The last byte may belong to the line end.
                let kept = usize::from(input.last() == Some(&b'\r'));
                self.skipped += (input.len() - kept) as u64;
                input.advance(input.len() - kept);
                self.searched = 0;
                None
            }
        }
    }

    /// The position of the byte that ends the line.
    fn line_end(&mut self, input: &[u8]) -> Option<usize> {
        let rest = &input[self.searched..];
        let found = match self.options.framing {
            Framing::Syslog => memchr2(b'\n', 0, rest),
            _ => memchr(b'\n', rest),
        };
        let end = found.map(|at| self.searched + at);
        self.searched = end.unwrap_or(input.len());
        end
    }

    fn counted(&mut self, input: &mut BytesMut, left: u64) -> Option<Frame> {
        let max = self.options.max_length;
        match usize::try_from(left) {
            Ok(length) if length <= max => {
                if input.len() < length {
                    return None;
                }
                self.state = State::Start;
                let mut content = input.split_to(length).freeze();
                if self.options.framing == Framing::Syslog {
                    content.truncate(without_line_end(&content));
                }
                Some(Frame { content, extent: Extent::Whole })
            }
            _ if input.len() <= max => None,
            _ => {
                let content = self.beginning(input);
                let left = left - content.len() as u64;
                let extent = match self.options.too_long {
                    TooLong::Truncate => {
                        self.state = State::SkippingCounted { left };
                        Extent::Truncated
                    }
                    TooLong::Split => {
                        self.state = State::Counted { left };
                        Extent::Piece
                    }
                };
                Some(Frame { content, extent })
            }
        }
    }

    fn skip_counted(&mut self, input: &mut BytesMut, left: u64) -> Option<()> {
        let here = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
        self.skipped += here as u64;
        input.advance(here);
        let left = left - here as u64;
        self.state = if left == 0 { State::Start } else { State::SkippingCounted { left } };
        (left == 0).then_some(())
    }
}

enum Start {
    Line,
    Counted { header: usize, length: u64 },
}

/// The length of RFC 6587 at the front of `input`; none if more bytes are needed to tell.
fn octet_count(input: &[u8]) -> Option<Start> {
    let digits = input.iter().take(MAX_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    if digits > MAX_DIGITS || input.first().is_some_and(|first| !(b'1'..=b'9').contains(first)) {
        return Some(Start::Line);
    }
    match (input.get(digits)?, input.get(digits + 1)) {
        (b' ', Some(b'<')) => {
            let length =
                input[..digits].iter().fold(0, |length, digit| 10 * length + u64::from(digit - b'0'));
            Some(Start::Counted { header: digits + 1, length })
        }
        (b' ', None) => None,
        _ => Some(Start::Line),
    }
}

/// The length of `content` without one line end.
fn without_line_end(content: &[u8]) -> usize {
    match content {
        [rest @ .., b'\r', b'\n'] | [rest @ .., b'\n' | 0] => rest.len(),
        _ => content.len(),
    }
}

/// Enough for more than four gigabytes; longer numbers are text.
const MAX_DIGITS: usize = 10;
