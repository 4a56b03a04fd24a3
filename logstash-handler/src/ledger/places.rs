use std::collections::VecDeque;
use std::ops::Range;

/// Where in the queue the events at some positions are, for those who wait for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// Positions, and the place of the first.
    ranges: VecDeque<(Range<u64>, u64)>,
}

impl Places {
    /// Adds some; tells those that are forgotten for it.
    pub(super) fn push(&mut self, positions: Range<u64>, place: u64) -> Option<(Range<u64>, u64)> {
        match self.ranges.back_mut() {
            Some((last, first))
                if last.end == positions.start && *first + (last.end - last.start) == place =>
            {
                last.end = positions.end;
            }
            _ => self.ranges.push_back((positions, place)),
        }
        if self.ranges.len() > MAX_RANGES { self.ranges.pop_front() } else { None }
    }

    pub(super) fn of(&self, position: u64) -> Option<u64> {
        let index = self.ranges.partition_point(|(positions, _)| positions.end <= position);
        let (positions, first) = self.ranges.get(index)?;
        positions.contains(&position).then(|| first + (position - positions.start))
    }
}

/// There is a new range where events were given up on the way, or others came between. A queue that fills for days
/// has any number of them, and only those that somebody waits for are of use.
pub(super) const MAX_RANGES: usize = 1024;
