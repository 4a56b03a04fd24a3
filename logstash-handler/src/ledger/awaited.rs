use super::places::Places;
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
    /// It never got into the queue.
    GivenUp(DropReason),
    /// It was given up in the queue.
    Refused(DropReason),
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

    /// Notes what is about to be forgotten of these positions. What became of an event counts more than its place.
    pub(super) fn note(&mut self, positions: Range<u64>, what: impl Fn(u64) -> Noted) {
        for (position, wait) in self.positions.range_mut(positions) {
            if matches!(wait.noted, None | Some(Noted::Place(_))) {
                wait.noted = Some(what(*position));
            }
        }
    }

    /// Notes that the events at these places of the queue were given up there, which is about to be forgotten.
    pub(super) fn note_refused(&mut self, refused: &Range<u64>, reason: DropReason, places: &Places) {
        for (position, wait) in &mut self.positions {
            let place = match wait.noted {
                Some(Noted::GivenUp(_) | Noted::Refused(_)) => continue,
                Some(Noted::Place(place)) => Some(place),
                None => places.of(*position),
            };
            match place {
                // They are in order.
                Some(place) if place >= refused.end => break,
                Some(place) if place >= refused.start => wait.noted = Some(Noted::Refused(reason)),
                _ => {}
            }
        }
    }

    pub(super) fn loss(&self, position: u64) -> Option<DropReason> {
        match self.noted(position)? {
            Noted::GivenUp(reason) => Some(reason),
            Noted::Refused(_) | Noted::Place(_) => None,
        }
    }

    pub(super) fn refusal(&self, position: u64) -> Option<DropReason> {
        match self.noted(position)? {
            Noted::Refused(reason) => Some(reason),
            Noted::GivenUp(_) | Noted::Place(_) => None,
        }
    }

    pub(super) fn place(&self, position: u64) -> Option<u64> {
        match self.noted(position)? {
            Noted::GivenUp(_) | Noted::Refused(_) => None,
            Noted::Place(place) => Some(place),
        }
    }

    fn noted(&self, position: u64) -> Option<Noted> {
        self.positions.get(&position)?.noted
    }
}
