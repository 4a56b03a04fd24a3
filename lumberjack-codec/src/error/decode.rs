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
    pub(crate) const fn new(kind: DecodeErrorKind, offset: u64) -> Self {
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
    /// An [`EncodedWindow`](crate::EncodedWindow) does not hold the events that it claims.
    DamagedWindow {
        /// What was found.
        cause: &'static str,
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
            Self::DamagedWindow { .. } => "damaged_window",
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
            Self::DamagedWindow { cause } => write!(f, "encoded window is damaged: {cause}"),
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
