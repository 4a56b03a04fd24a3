use crate::core::Core;
use crate::queue::Queue;
use crate::stats::Drops;
use std::fmt;
use std::time::Duration;

/// What became of the events of a handler, as a flush or shutdown leaves it.
///
/// Counts are since the start of the handler.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Whether what was asked for was achieved within the timeout; the call says what that is.
    pub complete: bool,
    /// Events that were logged.
    pub accepted: u64,
    /// Events that were in the queue from an earlier run.
    pub recovered: u64,
    /// Events of the handler's own: [reports of losses](crate::HandlerBuilder::report_losses).
    pub reports: u64,
    /// Events that the peer has taken over.
    pub acknowledged: u64,
    /// Events that wait in a queue on disk, which keeps them for the next run.
    pub stored: u64,
    /// Events that are in memory only, or not on the disk for sure.
    pub unsaved: u64,
    /// Events that were given up, by reason.
    pub dropped: Drops,
    /// How long it took.
    pub elapsed: Duration,
}

impl Report {
    pub(crate) fn of(core: &Core, complete: bool, elapsed: Duration) -> Self {
        let stats = core.stats();
        let persistent = core.queue.is_persistent();
        let in_memory = stats.in_arena + stats.in_writer;
        let undurable = {
            let books = core.ledger.lock();
            books.taken.saturating_sub(books.stored)
        };
        // Those in the queue that it has not made durable, because there was no time or the disk failed.
        let at_risk = if persistent { undurable.saturating_sub(stats.in_writer) } else { stats.queued };
        let at_risk = at_risk.min(stats.queued);
        Self {
            complete,
            accepted: stats.accepted,
            recovered: stats.recovered,
            reports: stats.reports,
            acknowledged: stats.acknowledged,
            stored: stats.queued - at_risk,
            unsaved: in_memory + at_risk,
            dropped: stats.dropped,
            elapsed,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, recovered, reports, acknowledged, stored, unsaved, .. } = self;
        write!(f, "accepted {accepted} + recovered {recovered}")?;
        if *reports > 0 {
            write!(f, " + reports of losses {reports}")?;
        }
        let dropped = self.dropped.total();
        write!(f, " = acknowledged {acknowledged} + stored {stored} + unsaved {unsaved} + dropped {dropped}")
    }
}
