//! Single frames and whole windows as bytes.
//!
//! The frame functions write what they are told; [`window`] and [`json`] in an order that makes no
//! window are the caller's mistake. [`encode_window`] and [`WindowEncoder`] write only what every
//! server understands: a window frame, then either plain events or exactly one compressed frame with
//! all of them, numbered from 1.

use crate::frame::{FrameType, Version};
use crate::window::WindowEncoder;
use bytes::{BufMut, BytesMut};
use std::error::Error;
use std::fmt;

/// Events that one window may hold: go-lumber's server, which Filebeat and Elastic Agent use as
/// their input, closes the connection on more.
pub const MAX_EVENTS_PER_WINDOW: u32 = 10_000;

/// Bytes of one payload that an encoder takes: 64 MiB, what our decoder accepts by default.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of the frames of one window, so that every length on the wire stays below 2^31.
pub(crate) const MAX_FRAMES: usize = 1024 * 1024 * 1024;

/// Appends a window frame.
pub fn window(version: Version, events: u32, out: &mut impl BufMut) {
    head(version, FrameType::Window, out);
    out.put_u32(events);
}

/// Appends an event as a JSON frame. The payload must not be empty, nor above 4 GiB - 1.
#[inline]
pub fn json(version: Version, sequence: u32, payload: &[u8], out: &mut impl BufMut) {
    // The head at once: each call checks for room.
    out.put_slice(&json_head(version, sequence, length_field(payload.len())));
    out.put_slice(payload);
}

/// What stands before a payload of so many bytes in its JSON frame: version, type, sequence and length.
///
/// For vectored writes, which send a payload from where it lies:
///
/// ```
/// use lumberjack_codec::{Version, encode};
/// use std::io::{IoSlice, Write};
///
/// let payload = br#"{"message":"hello"}"#;
/// let head = encode::json_head(Version::V2, 1, 19);
/// let mut socket = Vec::new();
/// let written = socket.write_vectored(&[IoSlice::new(&head), IoSlice::new(payload)]).unwrap();
/// assert_eq!(written, 10 + 19);
/// ```
#[inline]
#[must_use]
pub const fn json_head(version: Version, sequence: u32, payload_len: u32) -> [u8; 10] {
    // Two words, as the copy moves them: bytes that were stored otherwise would have to be waited for.
    let front = (version.byte() as u64) << 56
        | (FrameType::Json.byte() as u64) << 48
        | (sequence as u64) << 16
        | (payload_len >> 16) as u64;
    let [b0, b1, b2, b3, b4, b5, b6, b7] = front.to_be_bytes();
    let [.., b8, b9] = payload_len.to_be_bytes();
    [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9]
}

/// Appends an event as a data frame of key-value pairs. There must be a pair.
pub fn data<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    version: Version,
    sequence: u32,
    pairs: &[(K, V)],
    out: &mut impl BufMut,
) {
    head(version, FrameType::Data, out);
    out.put_u32(sequence);
    length(pairs.len(), out);
    for (key, value) in pairs {
        for item in [key.as_ref(), value.as_ref()] {
            length(item.len(), out);
            out.put_slice(item);
        }
    }
}

/// Appends the frame around a zlib stream; the stream must hold whole frames.
pub fn compressed(version: Version, zlib: &[u8], out: &mut impl BufMut) {
    head(version, FrameType::Compressed, out);
    length(zlib.len(), out);
    out.put_slice(zlib);
}

/// Appends an acknowledgement; sequence 0 is a keepalive.
pub fn ack(version: Version, sequence: u32, out: &mut impl BufMut) {
    head(version, FrameType::Ack, out);
    out.put_u32(sequence);
}

/// Appends a whole window: its window frame, then plain events (level 0) or one compressed frame.
///
/// An empty window appends nothing, because go-lumber and Vector never answer one. To encode many
/// windows, keep a [`WindowEncoder`]: it reuses the state of the compressor.
///
/// # Errors
///
/// [`EncodeError`], before a byte is written, when a payload is empty or too long, or when there
/// are more than [`MAX_EVENTS_PER_WINDOW`].
pub fn encode_window<P>(payloads: P, level: u32, out: &mut BytesMut) -> Result<(), EncodeError>
where
    P: IntoIterator,
    P::Item: AsRef<[u8]>,
{
    WindowEncoder::new(level).encode(payloads)?.write_to(out);
    Ok(())
}

fn head(version: Version, frame: FrameType, out: &mut impl BufMut) {
    out.put_u8(version.byte());
    out.put_u8(frame.byte());
}

fn length(length: usize, out: &mut impl BufMut) {
    out.put_u32(length_field(length));
}

fn length_field(length: usize) -> u32 {
    debug_assert!(u32::try_from(length).is_ok(), "a length field has 32 bits");
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A window that must not be sent, and the event that is the reason.
///
/// The caller's fault; nothing was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EncodeError {
    kind: EncodeErrorKind,
}

impl EncodeError {
    pub(crate) const fn new(kind: EncodeErrorKind) -> Self {
        Self { kind }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> EncodeErrorKind {
        self.kind
    }

    /// The stable name, as metrics and the conformance scenarios use it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.kind {
            EncodeErrorKind::BatchTooLarge { .. } => "batch_too_large",
            EncodeErrorKind::Closed => "closed",
            EncodeErrorKind::EmptyEvent { .. } => "empty_event",
            EncodeErrorKind::EventTooLarge { .. } => "event_too_large",
            EncodeErrorKind::Unreadable => "unreadable",
            EncodeErrorKind::WindowLimit { .. } => "window_limit",
        }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            EncodeErrorKind::BatchTooLarge { size, limit } => {
                write!(f, "window of {size}, the limit is {limit}")
            }
            EncodeErrorKind::Closed => f.write_str("session is closed"),
            EncodeErrorKind::EmptyEvent { index } => {
                write!(f, "event {index} of the window is empty, which servers refuse")
            }
            EncodeErrorKind::EventTooLarge { index, length, limit } => {
                write!(f, "event {index} of the window has {length} bytes, the limit is {limit}")
            }
            EncodeErrorKind::Unreadable => {
                f.write_str("encoded window cannot be read back to be numbered anew")
            }
            EncodeErrorKind::WindowLimit { limit } => {
                write!(f, "{limit} windows are in flight, wait for an acknowledgement")
            }
        }
    }
}

impl Error for EncodeError {}

/// Why a window must not be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// Too many events, or too many bytes for the length field of a frame.
    BatchTooLarge {
        /// Events or bytes.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// The session takes no more windows.
    Closed,
    /// A payload of no bytes.
    EmptyEvent {
        /// Its place in the window, from 0.
        index: usize,
    },
    /// A payload above the limit.
    EventTooLarge {
        /// Its place in the window, from 0.
        index: usize,
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// An encoded window that had to be numbered anew does not inflate to what it claims.
    Unreadable,
    /// As many windows as allowed are in flight.
    WindowLimit {
        /// The limit.
        limit: usize,
    },
}
