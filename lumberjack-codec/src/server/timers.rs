//! The deadlines of a server session.

use super::{Phase, ServerSession};
use crate::frame::Version;
use std::time::{Duration, Instant};

impl ServerSession {
    /// The earliest deadline; at the same instant in the order of the variants.
    pub(super) fn next_timer(&self) -> Option<(Instant, Timer)> {
        let due = |timer| Some((self.deadline(timer)?, timer));
        let timers: &[Timer] = match self.phase {
            Phase::Active => &[Timer::Keepalive, Timer::Read, Timer::Idle, Timer::Pending],
            Phase::Draining { .. } => &[Timer::Drain, Timer::Keepalive],
            Phase::Closed => &[],
        };
        timers.iter().copied().filter_map(due).min()
    }

    /// When a timer fires; `None` while it is not armed.
    fn deadline(&self, timer: Timer) -> Option<Instant> {
        match timer {
            Timer::Drain => self.drain_deadline(),
            Timer::Keepalive => self.keepalive_deadline(),
            Timer::Read => self.read_deadline(),
            Timer::Idle => self.idle_deadline(),
            Timer::Pending => self.pending_deadline(),
        }
    }

    fn drain_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Draining { since, .. } => since.checked_add(self.config.drain_timeout),
            Phase::Active | Phase::Closed => None,
        }
    }

    fn keepalive_deadline(&self) -> Option<Instant> {
        // logstash-forwarder takes any six bytes for the acknowledgement of its whole batch, so
        // peers of version 1 never get a keepalive.
        let since = match self.pending.front() {
            Some(head) => Some(head.completed_at).filter(|_| head.version == Version::V2),
            None => self.waits_inside_since(),
        };
        self.last_transmit.max(since?).checked_add(self.config.keepalive.max(MIN_KEEPALIVE))
    }

    fn read_deadline(&self) -> Option<Instant> {
        let armed = self.is_inside() && !self.is_full() && self.paused_at.is_none();
        self.last_receive.checked_add(self.config.read_timeout).filter(|_| armed)
    }

    fn idle_deadline(&self) -> Option<Instant> {
        let armed = !self.is_inside() && self.pending.is_empty() && self.paused_at.is_none();
        self.last_receive.max(self.last_transmit).checked_add(self.config.idle_timeout?).filter(|_| armed)
    }

    fn pending_deadline(&self) -> Option<Instant> {
        self.pending.front()?.completed_at.checked_add(self.config.pending_timeout?)
    }

    /// Since when a peer of version 2 waits because nothing is read of what it has begun. Several short pauses count as
    /// one: it sees no difference.
    fn waits_inside_since(&self) -> Option<Instant> {
        let waits = self.paused_at.is_some() && self.is_inside() && self.version() == Some(Version::V2);
        waits.then(|| self.open.as_ref().map_or(self.last_receive, |open| open.opened_at))
    }

    /// The version that the peer speaks, as far as is known: each frame tells it in its first byte.
    fn version(&self) -> Option<Version> {
        self.decoder.version().or_else(|| self.input.first().copied().and_then(Version::from_byte))
    }
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Timer {
    Drain,
    Keepalive,
    Read,
    Idle,
    Pending,
}

/// No setting makes a hot loop.
const MIN_KEEPALIVE: Duration = Duration::from_millis(1);
