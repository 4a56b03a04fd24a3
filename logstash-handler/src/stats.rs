use crate::progress::Latency;
use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

/// The books of a handler at one moment.
///
/// Every event is in exactly one place: [`is_balanced`](Self::is_balanced) holds for every snapshot.
///
/// ```text
/// accepted + recovered + reports = acknowledged + dropped + in_arena + in_writer + queued
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Events that were logged to the handler since it started.
    pub accepted: u64,
    /// Events that were in the queue when the handler started.
    pub recovered: u64,
    /// Events of the handler's own: [reports of losses](crate::HandlerBuilder::report_losses).
    pub reports: u64,
    /// Events that the peer has taken over.
    pub acknowledged: u64,
    /// Events that were given up, by reason.
    pub dropped: Drops,
    /// Events that were handed over and wait for the writer thread.
    pub in_arena: u64,
    /// Whether the writer thread leaves them there for a while, for others to share their window: see
    /// [`linger`](crate::HandlerBuilder::linger).
    pub lingering: bool,
    /// Events that the writer thread is storing.
    pub in_writer: u64,
    /// Events in the queue.
    pub queued: u64,
    /// Serialised bytes that wait for the writer thread.
    pub arena_bytes: u64,
    /// Encoded bytes in the queue.
    pub queue_bytes: u64,
    /// Bytes that the queue takes on disk.
    pub queue_bytes_on_disk: u64,
    /// Age of the oldest window in the queue.
    pub oldest: Option<Duration>,
    /// How long windows took from their oldest event to their acknowledgement.
    pub latency: Latency,
    /// How long it takes to deliver what is pending, at the pace of the last seconds and without new
    /// events; `None` while there is no pace.
    pub drain_time: Option<Duration>,
    /// What the sender thread is doing.
    pub connection: ConnectionState,
    /// Attempts of the transport and operations of the queue that failed. A full queue is none.
    pub failures: u64,
    /// The last error of transport or queue, with its causes.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<SystemTime>,
}

impl Stats {
    /// Whether every event is in exactly one place.
    #[must_use]
    pub const fn is_balanced(&self) -> bool {
        self.accepted + self.recovered + self.reports
            == self.acknowledged + self.dropped.total() + self.in_arena + self.in_writer + self.queued
    }

    /// Events that are neither delivered nor given up.
    #[must_use]
    pub const fn pending(&self) -> u64 {
        self.in_arena + self.in_writer + self.queued
    }
}

/// How many events were given up, by reason.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Drops {
    /// Those of [`DropReason::Overflow`].
    pub overflow: u64,
    /// Those of [`DropReason::Closed`].
    pub closed: u64,
    /// Those of [`DropReason::Unformattable`].
    pub unformattable: u64,
    /// Those of [`DropReason::Oversized`].
    pub oversized: u64,
    /// Those of [`DropReason::Recursion`].
    pub recursion: u64,
    /// Those of [`DropReason::Expired`].
    pub expired: u64,
    /// Those of [`DropReason::Rejected`].
    pub rejected: u64,
    /// Those of [`DropReason::Damaged`].
    pub damaged: u64,
    /// Those of [`DropReason::Unwritable`].
    pub unwritable: u64,
    /// Those of [`DropReason::Shutdown`].
    pub shutdown: u64,
}

impl Drops {
    /// The sum over all reasons.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.overflow
            + self.closed
            + self.unformattable
            + self.oversized
            + self.recursion
            + self.expired
            + self.rejected
            + self.damaged
            + self.unwritable
            + self.shutdown
    }

    /// How many were given up for a reason.
    #[must_use]
    pub const fn of(&self, reason: DropReason) -> u64 {
        match reason {
            DropReason::Closed => self.closed,
            DropReason::Damaged => self.damaged,
            DropReason::Expired => self.expired,
            DropReason::Overflow => self.overflow,
            DropReason::Oversized => self.oversized,
            DropReason::Recursion => self.recursion,
            DropReason::Rejected => self.rejected,
            DropReason::Shutdown => self.shutdown,
            DropReason::Unformattable => self.unformattable,
            DropReason::Unwritable => self.unwritable,
        }
    }

    /// Every reason with its count.
    pub fn reasons(self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL.into_iter().map(move |reason| (reason, self.of(reason)))
    }

    /// What was dropped since an earlier count.
    pub(crate) fn since(&self, earlier: Self) -> Self {
        let mut drops = Self::default();
        for (reason, events) in self.reasons() {
            drops.add(reason, events.saturating_sub(earlier.of(reason)));
        }
        drops
    }

    /// Counts events as dropped for a reason.
    pub(crate) fn add(&mut self, reason: DropReason, events: u64) {
        let count = match reason {
            DropReason::Closed => &mut self.closed,
            DropReason::Damaged => &mut self.damaged,
            DropReason::Expired => &mut self.expired,
            DropReason::Overflow => &mut self.overflow,
            DropReason::Oversized => &mut self.oversized,
            DropReason::Recursion => &mut self.recursion,
            DropReason::Rejected => &mut self.rejected,
            DropReason::Shutdown => &mut self.shutdown,
            DropReason::Unformattable => &mut self.unformattable,
            DropReason::Unwritable => &mut self.unwritable,
        };
        *count += events;
    }
}

/// Why an event was given up.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum DropReason {
    /// It was logged after the handler was shut down.
    Closed,
    /// Its window in the queue was damaged.
    Damaged,
    /// It was older than the [time to live](crate::HandlerBuilder::ttl) before the peer took it.
    Expired,
    /// There was no room: disk or peer did not keep up with what was logged. See [`Overflow`](crate::Overflow).
    Overflow,
    /// It was above the [maximum size](crate::HandlerBuilder::max_event_bytes) of an event.
    Oversized,
    /// It was logged by code that runs while an event is serialised, too deep to tell from a loop.
    Recursion,
    /// The peer rejected it. See [`dead_letters`](crate::HandlerBuilder::dead_letters).
    Rejected,
    /// It was still in memory when the handler was shut down, with nowhere to stay.
    Shutdown,
    /// It could not be serialised, or doing so panicked.
    Unformattable,
    /// The writer thread broke down over it.
    Unwritable,
}

impl DropReason {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Closed,
        Self::Damaged,
        Self::Expired,
        Self::Overflow,
        Self::Oversized,
        Self::Recursion,
        Self::Rejected,
        Self::Shutdown,
        Self::Unformattable,
        Self::Unwritable,
    ];

    /// The stable name, for metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Damaged => "damaged",
            Self::Expired => "expired",
            Self::Overflow => "overflow",
            Self::Oversized => "oversized",
            Self::Recursion => "recursion",
            Self::Rejected => "rejected",
            Self::Shutdown => "shutdown",
            Self::Unformattable => "unformattable",
            Self::Unwritable => "unwritable",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the handler is shut down",
            Self::Damaged => "its window in the queue is damaged",
            Self::Expired => "it is older than the time to live",
            Self::Overflow => "there is no room, disk or peer do not keep up",
            Self::Oversized => "it is above the maximum size of an event",
            Self::Recursion => {
                "it was logged while another event was serialised, too deep to tell from a loop"
            }
            Self::Rejected => "the peer rejected it",
            Self::Shutdown => "it had nowhere to stay when the handler was shut down",
            Self::Unformattable => "it could not be serialised",
            Self::Unwritable => "the writer thread broke down over it",
        })
    }
}

impl Error for DropReason {}

/// What the sender thread is doing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Nothing to send.
    #[default]
    Idle,
    /// A batch is on its way.
    Sending,
    /// The last attempt failed; the next one comes later.
    Waiting,
    /// The last attempt failed for a reason that only a human can mend.
    Misconfigured,
}

impl ConnectionState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Idle, Self::Misconfigured, Self::Sending, Self::Waiting];

    /// The stable name, for metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Misconfigured => "misconfigured",
            Self::Sending => "sending",
            Self::Waiting => "waiting",
        }
    }
}
