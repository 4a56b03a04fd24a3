//! What was promised, and what was kept.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::failure::{Failure, fail};

/// What a writer said before the power was cut.
#[derive(Debug)]
pub(super) struct Promises {
    /// Events before this one are or may be delivered.
    delivering: u64,
    /// Events before this number were stored at this time.
    stored: Vec<(u64, SystemTime)>,
}

impl Promises {
    pub(super) const fn new(first: u64) -> Self {
        Self { delivering: first, stored: Vec::new() }
    }

    pub(super) fn take(&mut self, line: &str) {
        let mut words = line.split(' ');
        let word = words.next();
        let numbers: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
        match (word, numbers.as_slice()) {
            (Some("stored"), &[next, millis]) => {
                self.stored.push((next, SystemTime::UNIX_EPOCH + Duration::from_millis(millis)));
            }
            (Some("delivering"), &[next]) => self.delivering = self.delivering.max(next),
            // The last line may be cut.
            _ => {}
        }
    }

    /// Events before this one must be there, or have been delivered.
    fn bound(&self, stopped: SystemTime, may_lose: Option<Duration>) -> u64 {
        let Some(since) = may_lose.and_then(|may_lose| stopped.checked_sub(may_lose)) else { return 0 };
        let kept = self.stored.iter().filter(|(_, at)| may_lose == Some(Duration::ZERO) || *at <= since);
        kept.map(|(next, _)| *next).max().unwrap_or(0)
    }

    fn last(&self) -> u64 {
        self.stored.last().map_or(0, |(next, _)| *next)
    }
}

/// What came of all rounds.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    rounds: u32,
    stored: u64,
    found: u64,
    repeated: u64,
    /// Events that were reported as stored and are gone, as they may be.
    pub(super) lost: u64,
    damaged: u64,
    /// How long before the cut the oldest of those that are gone was stored.
    longest: Duration,
}

impl Verdict {
    /// Judges a round by what the reader found.
    pub(super) fn judge(
        &mut self,
        promises: &Promises,
        report: &str,
        stopped: SystemTime,
        may_lose: Option<Duration>,
    ) -> Result<(), Failure> {
        let (mut runs, mut damaged) = (Vec::new(), None);
        for line in report.lines() {
            let mut words = line.split(' ');
            let word = words.next();
            let numbers: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
            match (word, numbers.as_slice()) {
                (Some("run"), &[start, end]) => runs.push((start, end)),
                (Some("damaged"), &[events]) => damaged = Some(events),
                _ => fail!("the reader said `{line}`"),
            }
        }
        let Some(damaged) = damaged else { fail!("the reader did not come to its end") };
        if !runs.is_sorted_by(|one, other| one.1 < other.0) {
            fail!("events are out of order or come twice: {runs:?}");
        }
        let gaps: u64 = runs.windows(2).map(|pair| pair[1].0 - pair[0].1).sum();
        if gaps > damaged {
            fail!("{gaps} events are missing in the middle, {damaged} are counted: {runs:?}");
        }
        let bound = promises.bound(stopped, may_lose);
        let missing = |from: u64, to: u64| {
            let inside = |&(start, end): &(u64, u64)| end.min(to).saturating_sub(start.max(from));
            to.saturating_sub(from) - runs.iter().map(inside).sum::<u64>()
        };
        let gone = missing(promises.delivering, bound);
        if gone > 0 {
            fail!(
                "{gone} events are gone that were promised, of those from {} to {bound}; there is {runs:?}",
                promises.delivering
            );
        }
        if may_lose == Some(Duration::ZERO) && damaged > 0 {
            fail!("{damaged} events are counted as damaged, and nothing was");
        }
        self.rounds += 1;
        self.damaged += damaged;
        self.found += runs.iter().map(|(start, end)| end - start).sum::<u64>();
        let delivered = |&(start, end): &(u64, u64)| end.min(promises.delivering).saturating_sub(start);
        self.repeated += runs.iter().map(delivered).sum::<u64>();
        let last = promises.last();
        self.stored += last % super::EVENTS_OF_A_ROUND;
        self.lost += missing(promises.delivering, last.max(promises.delivering));
        let end = runs.last().map_or(promises.delivering, |run| run.1).max(promises.delivering);
        let oldest = promises.stored.iter().find(|(next, _)| *next > end);
        let age = oldest.and_then(|(_, at)| stopped.duration_since(*at).ok());
        self.longest = self.longest.max(age.unwrap_or_default());
        Ok(())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, stored, found, repeated, lost, damaged, longest } = self;
        write!(
            f,
            "{rounds} power cuts: {stored} events reported as stored, {found} found ({repeated} of them delivered \
             before), {lost} lost, none stored more than {} ms before the cut; {damaged} counted as damaged",
            longest.as_millis()
        )
    }
}
