use crate::stats::DropReason;
use std::collections::BTreeMap;
use std::ops::Range;

/// Positions of events that somebody waits for, with what the books have forgotten of them otherwise: however much
/// comes behind them, the wait ends when it is due.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    positions: BTreeMap<u64, Wait>,
}

#[derive(Debug, Default)]
struct Wait {
    /// How many wait.
    count: usize,
    noted: Option<Noted>,
}

/// What is known of an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Noted {
    GivenUp(DropReason),
    /// Its place in the queue.
    Place(u64),
}

impl Awaited {
    pub(super) fn add(&mut self, position: u64) {
        self.positions.entry(position).or_default().count += 1;
    }

    pub(super) fn remove(&mut self, position: u64) {
        if let Some(wait) = self.positions.get_mut(&position) {
            wait.count -= 1;
            if wait.count == 0 {
                self.positions.remove(&position);
            }
        }
    }

    /// Notes what is about to be forgotten of these positions. That an event was given up counts more than its place.
    pub(super) fn note(&mut self, positions: Range<u64>, what: impl Fn(u64) -> Noted) {
        for (position, wait) in self.positions.range_mut(positions) {
            if !matches!(wait.noted, Some(Noted::GivenUp(_))) {
                wait.noted = Some(what(*position));
            }
        }
    }

    pub(super) fn loss(&self, position: u64) -> Option<DropReason> {
        match self.noted(position)? {
            Noted::GivenUp(reason) => Some(reason),
            Noted::Place(_) => None,
        }
    }

    pub(super) fn place(&self, position: u64) -> Option<u64> {
        match self.noted(position)? {
            Noted::GivenUp(_) => None,
            Noted::Place(place) => Some(place),
        }
    }

    fn noted(&self, position: u64) -> Option<Noted> {
        self.positions.get(&position)?.noted
    }
}
