//! Errors, by whose fault they are: [`DecodeError`] the bytes, [`ProtocolError`] their order,
//! [`TimeoutKind`] the clock.

use crate::frame::{FrameType, Role, Version};
use std::error::Error;
use std::fmt;

/// The bytes of a peer are no Lumberjack frames, or break a limit.
///
/// Always fatal: after any framing error the position in the stream is lost.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DecodeError {
    kind: DecodeErrorKind,
    offset: u64,
}

impl DecodeError {
    pub(crate) fn new(kind: DecodeErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &DecodeErrorKind {
        &self.kind
    }

    /// Where: bytes from the start of the connection to the frame that is wrong. For a frame inside
    /// a compressed frame, the start of the compressed frame.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The stable name of the kind, as metrics and the conformance vectors use it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.kind.name()
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (frame at byte {})", self.kind, self.offset)
    }
}

impl Error for DecodeError {}

/// What is wrong with the bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The zlib stream is damaged, or it is none.
    CorruptCompressed {
        /// What the inflater said.
        cause: String,
        /// What the bytes look like instead.
        hint: Option<Hint>,
    },
    /// A compressed frame inflates to more than [`Limits::max_decompressed`](crate::Limits::max_decompressed).
    DecompressedTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// An event without content, which other implementations take for an error too.
    EmptyPayload {
        /// JSON or data.
        part: Part,
    },
    /// A compressed frame inside a compressed frame.
    NestedCompression,
    /// The content of a compressed frame ends in the middle of a frame.
    PartialFrameInCompressed {
        /// Bytes of the frame that are there.
        bytes: usize,
    },
    /// A declared length is above its limit.
    PayloadTooLarge {
        /// Which length.
        part: Part,
        /// The declared length in bytes.
        length: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A v1 event declares more pairs than [`Limits::max_pairs`](crate::Limits::max_pairs).
    TooManyPairs {
        /// The declared count.
        count: u32,
        /// The limit.
        limit: u32,
    },
    /// The zlib stream ends before the compressed frame does.
    TrailingCompressedData {
        /// Bytes behind the end of the zlib stream.
        bytes: u64,
    },
    /// The compressed frame ends before its zlib stream does.
    TruncatedCompressed {
        /// Bytes that came out before the end.
        inflated: u64,
    },
    /// A known frame that this side never receives.
    UnexpectedFrameType {
        /// The frame.
        frame: FrameType,
        /// The side that reads.
        role: Role,
    },
    /// The second byte of a frame is no frame type.
    UnknownFrameType {
        /// The byte.
        byte: u8,
    },
    /// The first byte of a frame is no version, or one that is not accepted.
    UnsupportedVersion {
        /// The byte.
        byte: u8,
        /// What the peer seems to speak.
        hint: Option<Hint>,
    },
    /// The peer changed its version within a connection.
    VersionMismatch {
        /// The version of this frame.
        got: Version,
        /// The version of the connection.
        want: Version,
    },
}

impl DecodeErrorKind {
    /// The stable name, as metrics and the conformance vectors use it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CorruptCompressed { .. } => "corrupt_compressed",
            Self::DecompressedTooLarge { .. } => "decompressed_too_large",
            Self::EmptyPayload { .. } => "empty_payload",
            Self::NestedCompression => "nested_compression",
            Self::PartialFrameInCompressed { .. } => "partial_frame_in_compressed",
            Self::PayloadTooLarge { .. } => "payload_too_large",
            Self::TooManyPairs { .. } => "too_many_pairs",
            Self::TrailingCompressedData { .. } => "trailing_compressed_data",
            Self::TruncatedCompressed { .. } => "truncated_compressed",
            Self::UnexpectedFrameType { .. } => "unexpected_frame_type",
            Self::UnknownFrameType { .. } => "unknown_frame_type",
            Self::UnsupportedVersion { .. } => "unsupported_version",
            Self::VersionMismatch { .. } => "version_mismatch",
        }
    }

    /// What the peer seems to speak, where the bytes tell.
    #[must_use]
    pub const fn hint(&self) -> Option<Hint> {
        match self {
            Self::CorruptCompressed { hint, .. } | Self::UnsupportedVersion { hint, .. } => *hint,
            _ => None,
        }
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CorruptCompressed { cause, hint } => {
                write!(f, "compressed frame holds no valid zlib stream: {cause}")?;
                hint.map_or(Ok(()), |hint| write!(f, "; {hint}"))
            }
            Self::DecompressedTooLarge { limit } => {
                write!(f, "compressed frame inflates to more than {limit} bytes")
            }
            Self::EmptyPayload { part } => write!(f, "{part} is empty"),
            Self::NestedCompression => f.write_str("compressed frame inside a compressed frame"),
            Self::PartialFrameInCompressed { bytes } => {
                write!(f, "compressed frame ends {bytes} bytes into a frame")
            }
            Self::PayloadTooLarge { part, length, limit } => {
                write!(f, "{part} of {length} bytes, the limit is {limit}")
            }
            Self::TooManyPairs { count, limit } => write!(f, "event of {count} pairs, the limit is {limit}"),
            Self::TrailingCompressedData { bytes } => {
                write!(f, "{bytes} bytes behind the end of the zlib stream in a compressed frame")
            }
            Self::TruncatedCompressed { inflated } => {
                write!(f, "compressed frame ends inside its zlib stream, after {inflated} inflated bytes")
            }
            Self::UnexpectedFrameType { frame, role } => {
                let side = match role {
                    Role::Client(_) => "server",
                    Role::Server => "client",
                };
                write!(f, "frame type '{}' never comes from a {side}", char::from(frame.byte()))
            }
            Self::UnknownFrameType { byte } => write!(f, "unknown frame type 0x{byte:02x}"),
            Self::UnsupportedVersion { byte, hint } => {
                write!(f, "unsupported protocol version 0x{byte:02x}")?;
                hint.map_or(Ok(()), |hint| write!(f, "; {hint}"))
            }
            Self::VersionMismatch { got, want } => {
                write!(f, "frame of version {got:?} on a connection of version {want:?}")
            }
        }
    }
}

/// What a peer seems to speak instead of Lumberjack.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Hint {
    /// A gzip wrapper where zlib belongs.
    Gzip,
    /// HTTP.
    Http,
    /// TLS.
    Tls,
}

impl Hint {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Http => "http",
            Self::Tls => "tls",
        }
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "the bytes are gzip, zlib is wanted",
            Self::Http => "the peer speaks HTTP",
            Self::Tls => "the peer speaks TLS to a plain port",
        })
    }
}

/// The part of a frame that an error is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Part {
    /// The bytes of a compressed frame.
    Compressed,
    /// A v1 event.
    Data,
    /// A JSON document.
    Json,
    /// A key of a v1 event.
    Key,
}

impl Part {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compressed => "compressed",
            Self::Data => "data",
            Self::Json => "json",
            Self::Key => "key",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compressed => "compressed frame",
            Self::Data => "data event",
            Self::Json => "json payload",
            Self::Key => "key of a data event",
        })
    }
}

/// The frames of a peer are well-formed but come where they must not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProtocolError {
    kind: ProtocolErrorKind,
    offset: u64,
}

impl ProtocolError {
    pub(crate) fn new(kind: ProtocolErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &ProtocolErrorKind {
        &self.kind
    }

    /// Where: bytes from the start of the connection to the end of the frame that is wrong.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.kind, self.offset)
    }
}

impl Error for ProtocolError {}

/// What is wrong with the order of frames.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ProtocolErrorKind {
    /// An acknowledgement beyond the window that it is for; nothing of it is credited.
    AckOutOfRange {
        /// The acknowledged sequence.
        value: u32,
        /// Events in the window.
        window: u32,
    },
    /// An event outside of any window.
    DataOutsideWindow {
        /// Sequence of the event.
        sequence: u32,
    },
    /// A sequence that does not follow its predecessor, under [`SequencePolicy::Strict`](crate::SequencePolicy::Strict).
    SequenceGap {
        /// The sequence of the event.
        got: u32,
        /// The sequence that was due.
        want: u32,
    },
    /// More complete windows inside one compressed frame than may be pending.
    TooManyWindows {
        /// The limit.
        limit: usize,
    },
    /// An acknowledgement although nothing is in flight.
    UnexpectedAck {
        /// The acknowledged sequence.
        value: u32,
    },
    /// The connection ended inside a frame or a window.
    UnexpectedEof {
        /// Events that the open window still lacks.
        missing_events: u32,
    },
    /// A window began before the last one was full.
    WindowIncomplete {
        /// Events that the open window lacks.
        missing_events: u32,
    },
    /// A window announces more events than [`Limits::max_window`](crate::Limits::max_window).
    WindowTooLarge {
        /// The announced size.
        size: u32,
        /// The limit.
        limit: u32,
    },
}

impl ProtocolErrorKind {
    /// The stable name, as metrics and the conformance vectors use it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AckOutOfRange { .. } => "ack_out_of_range",
            Self::DataOutsideWindow { .. } => "data_outside_window",
            Self::SequenceGap { .. } => "sequence_gap",
            Self::TooManyWindows { .. } => "too_many_windows",
            Self::UnexpectedAck { .. } => "unexpected_ack",
            Self::UnexpectedEof { .. } => "unexpected_eof",
            Self::WindowIncomplete { .. } => "window_incomplete",
            Self::WindowTooLarge { .. } => "window_too_large",
        }
    }
}

impl fmt::Display for ProtocolErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AckOutOfRange { value, window } => {
                write!(f, "acknowledgement of event {value} for a window of {window}")
            }
            Self::DataOutsideWindow { sequence } => write!(f, "event {sequence} outside of a window"),
            Self::SequenceGap { got, want } => write!(f, "event {got} where {want} was due"),
            Self::TooManyWindows { limit } => {
                write!(f, "more than {limit} windows in one compressed frame")
            }
            Self::UnexpectedAck { value } => {
                write!(f, "acknowledgement of event {value} with nothing in flight")
            }
            Self::UnexpectedEof { missing_events } => {
                write!(f, "connection ended inside a frame or window, {missing_events} events missing")
            }
            Self::WindowIncomplete { missing_events } => {
                write!(f, "new window while the open one lacks {missing_events} events")
            }
            Self::WindowTooLarge { size, limit } => {
                write!(f, "window of {size} events, the limit is {limit}")
            }
        }
    }
}

/// Which deadline has passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TimeoutKind {
    /// No acknowledgement, not even a keepalive, for a window in flight.
    Ack,
    /// Keepalives, but no progress, for a window in flight.
    Progress,
    /// A peer stopped in the middle of a frame or window.
    Read,
}

impl TimeoutKind {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ack => "ack_timeout",
            Self::Progress => "progress_timeout",
            Self::Read => "read_timeout",
        }
    }
}

impl fmt::Display for TimeoutKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ack => "no acknowledgement within the ack timeout",
            Self::Progress => "keepalives but no progress within the progress timeout",
            Self::Read => "peer stopped in the middle of a frame or window",
        })
    }
}

/// Why a session failed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SessionError {
    /// The connection ended while windows were in flight.
    ConnectionLost,
    /// The peer's bytes are wrong.
    Decode(DecodeError),
    /// The peer's frames come where they must not.
    Protocol(ProtocolError),
    /// The peer was too slow.
    Timeout(TimeoutKind),
}

impl SessionError {
    /// The stable name, as metrics and the conformance scenarios use it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ConnectionLost => "connection_lost",
            Self::Decode(error) => error.name(),
            Self::Protocol(error) => error.kind.name(),
            Self::Timeout(kind) => kind.name(),
        }
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionLost => {
                f.write_str("connection ended before everything in flight was acknowledged")
            }
            Self::Decode(error) => error.fmt(f),
            Self::Protocol(error) => error.fmt(f),
            Self::Timeout(kind) => kind.fmt(f),
        }
    }
}

impl Error for SessionError {}

/// Why a session ended.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The application closed the client session and everything was acknowledged.
    Closed,
    /// Something went wrong.
    Error(SessionError),
    /// Nothing happened for longer than the idle timeout.
    IdleTimeout,
    /// The peer closed the connection between windows.
    PeerClosed,
    /// The application shut the server session down.
    Shutdown,
}

impl CloseReason {
    /// The stable name, as metrics and the conformance scenarios use it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Error(error) => error.name(),
            Self::IdleTimeout => "idle_timeout",
            Self::PeerClosed => "peer_closed",
            Self::Shutdown => "shutdown",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed"),
            Self::Error(error) => error.fmt(f),
            Self::IdleTimeout => f.write_str("idle for longer than the idle timeout"),
            Self::PeerClosed => f.write_str("closed by the peer"),
            Self::Shutdown => f.write_str("shut down"),
        }
    }
}
