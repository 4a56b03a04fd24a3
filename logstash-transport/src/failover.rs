use crate::batch::Batch;
use crate::error::TransportError;
use crate::interrupt::Interrupt;
use crate::members::{Choice, Members, Standing};
use crate::probe::ProbeReport;
use crate::transport::Transport;
use lumberjack_codec::Backoff;
use std::time::{Duration, Instant};

/// Delivers with the first of several transports that works, in their order.
///
/// **Acknowledged** means what it means for the member that took the event. When a member fails in the
/// middle of a batch, the next one goes on behind the last event that was acknowledged: nothing is
/// lost and the order is kept. What the failed member had sent, but not yet got acknowledged, is sent
/// again, and arrives twice if it had arrived.
///
/// A member that failed is left out for at least [`return_after`](Self::return_after), then the next
/// batch goes to it again. If it fails again before it has worked for as long, the time doubles, up to
/// 32 times, so that a flapping primary is left alone. If all are left out, the one whose time comes
/// first is tried.
///
/// Members look their names up anew whenever they connect, and try all addresses. One that shall follow
/// its name meanwhile is a [`Balance`](crate::Balance) over its addresses.
///
/// | members that fail | kind of the error |
/// | --- | --- |
/// | one with [`Rejected`](crate::ErrorKind::Rejected) | `Rejected`, at once: the content is at fault, no other member is asked |
/// | at least one with `Unavailable` | `Unavailable` |
/// | else, at least one with `Throttled` | `Throttled`, with the shortest time that is left |
/// | all with `Misconfigured` | `Misconfigured` |
///
/// A failure that another member makes good does not show in the result; see
/// [`on_failure`](Self::on_failure).
///
/// ```
/// # #[cfg(feature = "beats")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use logstash_transport::{BeatsTransport, Failover};
///
/// let transport = Failover::new(BeatsTransport::new("logstash-1")?)
///     .or(BeatsTransport::new("logstash-2")?)
///     .on_failure(|member, error| eprintln!("logstash-{}: {error}", member + 1));
/// # let _ = transport;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "beats"))]
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct Failover {
    members: Members,
    return_after: Duration,
    active: usize,
}

impl Failover {
    /// A transport with a first member, the primary.
    #[must_use]
    pub fn new(primary: impl Transport + 'static) -> Self {
        let new = Self { members: Members::default(), return_after: RETURN_AFTER, active: 0 };
        new.or(primary)
    }

    /// Adds a member that is used when those before it fail.
    #[must_use]
    pub fn or(mut self, member: impl Transport + 'static) -> Self {
        let name = format!("member {}", self.members.len() + 1);
        let standing = self.standing();
        self.members.push(name, Box::new(member), standing);
        self
    }

    /// For how long a member that failed is left out, at least; and for how long it must then work to
    /// count as stable. Default: 30 s.
    #[must_use]
    pub fn return_after(mut self, time: Duration) -> Self {
        self.return_after = time;
        let standing = self.standing();
        self.members.reset(|| standing.clone());
        self
    }

    /// Calls `listener` with each failure of a member: its place, from 0, and the error.
    #[must_use]
    pub fn on_failure(mut self, listener: impl FnMut(usize, &TransportError) + Send + 'static) -> Self {
        self.members.listen(Box::new(listener));
        self
    }

    /// Place of the member that delivered last, from 0.
    #[must_use]
    pub const fn active(&self) -> usize {
        self.active
    }

    fn standing(&self) -> Standing {
        // A delay is drawn from the upper half of a step.
        let base = self.return_after.saturating_mul(2);
        Standing::new(Backoff::new().base(base).max(base.saturating_mul(32)), self.return_after)
    }
}

impl Transport for Failover {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        if batch.is_done() {
            return Ok(());
        }
        let place = self.members.send(batch, &mut InOrder)?;
        if place < self.active {
            // Back at a better one: the stopgap need not keep its connection.
            self.members.close_one(self.active);
        }
        self.active = place;
        Ok(())
    }

    /// Probes every member. A step `failed` stands for a member that cannot be used; an error means
    /// that none can.
    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        self.members.probe()
    }

    fn close(&mut self) {
        self.members.close();
    }

    fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.members.interrupt_by(interrupt);
    }
}

/// The first one.
struct InOrder;

impl Choice for InOrder {
    fn choose(&mut self, usable: &[usize], _: &[Standing], _: Instant) -> usize {
        usable.first().copied().unwrap_or_default()
    }
}

const RETURN_AFTER: Duration = Duration::from_secs(30);
