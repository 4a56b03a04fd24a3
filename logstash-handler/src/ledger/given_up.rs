use super::places::MAX_RANGES;
use crate::stats::DropReason;
use std::collections::VecDeque;
use std::ops::Range;

/// The positions of events that the writer had to give up, so that nobody is told that they are stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct GivenUp {
    ranges: VecDeque<(Range<u64>, DropReason)>,
    /// How many there were in all.
    pub(crate) events: u64,
}

impl GivenUp {
    /// Adds some; tells those that are forgotten for it.
    pub(super) fn push(&mut self, range: Range<u64>, reason: DropReason) -> Option<(Range<u64>, DropReason)> {
        if range.is_empty() {
            return None;
        }
        self.events += range.end - range.start;
        match self.ranges.back_mut() {
            Some((last, of)) if last.end == range.start && *of == reason => last.end = range.end,
            _ => self.ranges.push_back((range, reason)),
        }
        // Whoever waits for an event asks soon after it is given up, so old ranges may be forgotten.
        if self.ranges.len() > MAX_RANGES { self.ranges.pop_front() } else { None }
    }

    /// Why the first of the events at some positions that were given up was, if any was.
    pub(super) fn reason_in(&self, positions: &Range<u64>) -> Option<DropReason> {
        let meets = |range: &Range<u64>| range.start < positions.end && positions.start < range.end;
        self.ranges.iter().find(|(range, _)| meets(range)).map(|(_, reason)| *reason)
    }

    /// Why the event at a position was given up, if it was.
    pub(crate) fn reason(&self, position: u64) -> Option<DropReason> {
        self.ranges.iter().find(|(range, _)| range.contains(&position)).map(|(_, reason)| *reason)
    }
}
