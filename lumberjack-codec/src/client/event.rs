use crate::error::CloseReason;

/// What happened on a [`ClientSession`](crate::ClientSession).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// All events of a window are taken over by the server.
    Acknowledged {
        /// The caller's name for the window.
        token: u64,
        /// Events in the window.
        events: u32,
    },
    /// The session is over; nothing follows.
    Closed {
        /// Why.
        reason: CloseReason,
    },
    /// A window was not acknowledged in full; comes before [`Closed`](Self::Closed), in order.
    Failed {
        /// The caller's name for the window.
        token: u64,
        /// Leading events that are taken over; the rest must be sent again.
        acknowledged: u32,
        /// Events in the window.
        events: u32,
    },
    /// The server is alive and still at work.
    Keepalive,
    /// The leading events of a window are taken over.
    Progress {
        /// The caller's name for the window.
        token: u64,
        /// How many.
        acknowledged: u32,
    },
    /// An acknowledgement that says less than an earlier one; a sign of life only.
    StaleAck {
        /// The caller's name for the window.
        token: u64,
        /// The acknowledged sequence.
        sequence: u32,
    },
}
