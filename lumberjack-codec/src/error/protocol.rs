use std::error::Error;
use std::fmt;

/// The frames of a peer are well-formed but come where they must not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProtocolError {
    kind: ProtocolErrorKind,
    offset: u64,
}

impl ProtocolError {
    pub(crate) const fn new(kind: ProtocolErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &ProtocolErrorKind {
        &self.kind
    }

    /// Where: bytes from the start of the connection to the frame that is wrong, or to where the
    /// connection ended. For a frame inside a compressed frame, the start of the compressed frame.
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
    /// More complete windows inside one compressed frame than may be pending, or more empty ones than a
    /// window may have events.
    TooManyWindows {
        /// The limit.
        limit: usize,
    },
    /// An acknowledgement although no window is on the wire.
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
                write!(f, "acknowledgement of event {value} with no window on the wire")
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
