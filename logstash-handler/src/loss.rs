//! The report in band: an event of the handler's own says how many others were lost.

use crate::deadline::later;
use crate::stats::{DropReason, Drops};
use logstash_format::{Event, Fields, Level, Value};
use std::fmt;
use std::time::{Duration, Instant};

/// Decides when losses are reported, and remembers which ones are not yet.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    reported: Drops,
    /// When the first of those that are not reported was noticed.
    noticed: Option<Instant>,
    last_report: Option<Instant>,
}

impl Losses {
    /// Takes in what was dropped so far; tells when to look again, if there is something to report.
    pub(crate) fn notice(&mut self, dropped: Drops, now: Instant) -> Option<Instant> {
        let lost = dropped.since(self.reported);
        if lost.worth_telling() == 0 {
            self.noticed = None;
            return None;
        }
        let noticed = *self.noticed.get_or_insert(now);
        let soon = later(noticed, GATHER);
        Some(self.last_report.map_or(soon, |last| soon.max(later(last, INTERVAL))))
    }

    /// What is to be told now.
    pub(crate) fn report(&self, dropped: Drops, now: Instant) -> Option<LossReport> {
        let lost = dropped.since(self.reported);
        let noticed = self.noticed?;
        Some(LossReport { lost, during: now.saturating_duration_since(noticed) })
    }

    /// The report about everything that was dropped until then is on its way.
    pub(crate) fn told(&mut self, dropped: Drops, now: Instant) {
        self.reported = dropped;
        self.noticed = None;
        self.last_report = Some(now);
    }
}

/// How many events were lost, why, and since when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LossReport {
    lost: Drops,
    during: Duration,
}

impl LossReport {
    /// Calls `then` with the event that tells it.
    pub(crate) fn with_event<R>(&self, then: impl FnOnce(&Event<'_>) -> R) -> R {
        then(&Event::new(Level::Warn, LOGGER, format_args!("{self}")).fields(self))
    }
}

impl fmt::Display for LossReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.lost.worth_telling();
        write!(f, "{total} log event{} lost:", if total == 1 { " was" } else { "s were" })?;
        let mut separator = " ";
        for (reason, events) in self.lost.reasons().filter(|(reason, events)| is_told(*reason) && *events > 0)
        {
            write!(f, "{separator}{events} {}", reason.name())?;
            separator = ", ";
        }
        Ok(())
    }
}

impl Fields for LossReport {
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        visit("lost_events", Value::U64(self.lost.worth_telling()));
        visit("lost_during_ms", Value::U64(u64::try_from(self.during.as_millis()).unwrap_or(u64::MAX)));
        for (reason, events) in self.lost.reasons().filter(|(reason, events)| is_told(*reason) && *events > 0)
        {
            visit(field(reason), Value::U64(events));
        }
    }
}

impl Drops {
    /// Those that a report is about.
    fn worth_telling(self) -> u64 {
        self.reasons().filter(|(reason, _)| is_told(*reason)).map(|(_, events)| events).sum()
    }
}

/// Whether there is anybody left to be told of it.
const fn is_told(reason: DropReason) -> bool {
    !matches!(reason, DropReason::Closed | DropReason::Shutdown)
}

const fn field(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Closed => "lost_closed",
        DropReason::Damaged => "lost_damaged",
        DropReason::Expired => "lost_expired",
        DropReason::Overflow => "lost_overflow",
        DropReason::Oversized => "lost_oversized",
        DropReason::Recursion => "lost_recursion",
        DropReason::Rejected => "lost_rejected",
        DropReason::Shutdown => "lost_shutdown",
        DropReason::Unformattable => "lost_unformattable",
        DropReason::Unwritable => "lost_unwritable",
    }
}

/// The logger of the handler's own events.
const LOGGER: &str = "logstash_handler";

/// Losses seldom come alone.
const GATHER: Duration = Duration::from_millis(500);

/// Time between two reports, while it goes on.
const INTERVAL: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(overflow: u64, closed: u64) -> Drops {
        Drops { overflow, closed, ..Drops::default() }
    }

    #[test]
    fn losses_gather_and_are_told_once() {
        let (mut losses, start) = (Losses::default(), Instant::now());
        assert_eq!(losses.notice(dropped(0, 0), start), None);
        assert_eq!(losses.notice(dropped(2, 0), start), Some(start + GATHER));
        let later = start + Duration::from_millis(300);
        assert_eq!(losses.notice(dropped(5, 0), later), Some(start + GATHER), "counted from the first");
        let report = losses.report(dropped(5, 0), start + GATHER).unwrap();
        assert_eq!(report, LossReport { lost: dropped(5, 0), during: GATHER });
        losses.told(dropped(5, 0), start + GATHER);
        assert_eq!(losses.notice(dropped(5, 0), start + GATHER), None);
        assert_eq!(losses.report(dropped(5, 0), start + GATHER), None);
    }

    #[test]
    fn while_it_goes_on_reports_come_at_intervals_and_tell_what_is_new() {
        let (mut losses, start) = (Losses::default(), Instant::now());
        losses.notice(dropped(5, 0), start);
        losses.told(dropped(5, 0), start);
        let soon = start + Duration::from_secs(1);
        assert_eq!(losses.notice(dropped(6, 0), soon), Some(start + INTERVAL));
        let report = losses.report(dropped(8, 0), start + INTERVAL).unwrap();
        assert_eq!(report.lost, dropped(3, 0));
    }

    #[test]
    fn what_comes_after_the_end_is_not_told() {
        let mut losses = Losses::default();
        assert_eq!(losses.notice(dropped(0, 7), Instant::now()), None);
    }

    #[test]
    fn a_report_reads_well_and_has_its_numbers_as_fields() {
        let lost = Drops { overflow: 10, rejected: 2, closed: 5, ..Drops::default() };
        let report = LossReport { lost, during: Duration::from_millis(1500) };
        assert_eq!(report.to_string(), "12 log events were lost: 10 overflow, 2 rejected");
        let mut fields = Vec::new();
        report.for_each(&mut |name, value| fields.push(format!("{name}={value:?}")));
        assert_eq!(fields, ["lost_events=12", "lost_during_ms=1500", "lost_overflow=10", "lost_rejected=2"]);
        let one = LossReport { lost: dropped(1, 0), during: Duration::ZERO };
        assert_eq!(one.to_string(), "1 log event was lost: 1 overflow");
    }
}
