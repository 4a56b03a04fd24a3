use crate::error::CloseReason;
use crate::frame::{Pair, Version};
use crate::window::EncodedWindow;
use bytes::Bytes;

/// What happened on a [`ServerSession`](crate::ServerSession).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// The session is over; nothing follows.
    Closed {
        /// Why.
        reason: CloseReason,
    },
    /// Nothing more is read; complete windows may still be acknowledged, within the drain timeout.
    Draining {
        /// Why.
        reason: CloseReason,
    },
    /// An event of the window that is open. Provisional until [`WindowComplete`](Self::WindowComplete):
    /// a compressed frame is verified at its end only.
    Event {
        /// The window.
        window: WindowId,
        /// Place in the window, from 0.
        index: u32,
        /// Number that the peer gave it.
        sequence: u32,
        /// Its content.
        payload: Payload,
    },
    /// A window ended before it was full or verified; its events count as not received.
    WindowAborted {
        /// The window.
        window: WindowId,
    },
    /// A window is full and verified: store its events, then acknowledge it.
    WindowComplete {
        /// The window.
        window: WindowId,
        /// Events in the window.
        events: u32,
        /// The window as it arrived, where it was exactly one compressed frame numbered from 1 and
        /// [`keep_encoded`](crate::ServerConfig::keep_encoded) allows it.
        encoded: Option<EncodedWindow>,
    },
    /// A window begins.
    WindowStart {
        /// The window.
        window: WindowId,
        /// Version that the peer speaks.
        version: Version,
        /// Events that are announced.
        events: u32,
    },
    /// A complete window could not be acknowledged any more; the peer will send it again.
    WindowUnacknowledged {
        /// The window.
        window: WindowId,
    },
}

/// The content of an event.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "the protocol has two kinds of events")]
pub enum Payload {
    /// Key-value pairs in the order of the wire; for a map, the last of equal keys wins.
    Data(Vec<Pair>),
    /// One document, opaque to this crate.
    Json(Bytes),
}

impl Payload {
    /// The document of a JSON event.
    #[must_use]
    pub const fn as_json(&self) -> Option<&Bytes> {
        match self {
            Self::Data(_) => None,
            Self::Json(document) => Some(document),
        }
    }
}

/// Names a window within its session; numbers run from 0 in order of arrival.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct WindowId(pub(crate) u64);

impl WindowId {
    /// The number of the window.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}
