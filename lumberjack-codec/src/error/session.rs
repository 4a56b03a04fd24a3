use super::{DecodeError, ProtocolError};
use std::error::Error;
use std::fmt;

/// Which deadline has passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TimeoutKind {
    /// No acknowledgement, not even a keepalive, for a window in flight.
    Ack,
    /// The application kept a complete window for longer than the pending timeout.
    Pending,
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
            Self::Pending => "pending_timeout",
            Self::Progress => "progress_timeout",
            Self::Read => "read_timeout",
        }
    }
}

impl fmt::Display for TimeoutKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ack => "no acknowledgement within the ack timeout",
            Self::Pending => "application kept a complete window for longer than the pending timeout",
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
            Self::Protocol(error) => error.name(),
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
