//! What must have arrived, and what has.

use std::collections::HashMap;
use std::fmt;

use bytes::Bytes;

use super::life::THREADS;
use crate::failure::{Failure, fail};

/// What a process said before it was killed, and what had arrived by then.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// How many events of each thread were reported as durable.
    pub(super) durable: [u64; THREADS],
    /// Events that had arrived, of all processes so far.
    pub(super) received: u64,
}

impl Life {
    /// Takes in a line; tells whether it says that something is durable.
    pub(super) fn take(&mut self, line: &str) -> Result<bool, Failure> {
        if line.starts_with("broken") {
            fail!("a process says: {line}");
        }
        // The end mark tells a whole line from one that the kill has cut.
        let Some(numbers) = line.strip_prefix("durable ").and_then(|line| line.strip_suffix(" .")) else {
            return Ok(false);
        };
        let numbers: Vec<u64> = numbers.split(' ').filter_map(|number| number.parse().ok()).collect();
        let &[thread, events] = numbers.as_slice() else { fail!("a process says: {line}") };
        let Some(durable) = self.durable.get_mut(thread as usize) else { fail!("a process says: {line}") };
        *durable = events;
        Ok(true)
    }

    /// How many events were reported as durable.
    pub(super) fn events(&self) -> u64 {
        self.durable.iter().sum()
    }
}

/// What came of all rounds of a mode.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    kills: usize,
    /// Kills of processes that had an event durable.
    with_durable: usize,
    durable: u64,
    arrived: u64,
    repeated: u64,
    /// Most that came again after one kill.
    most: u64,
    /// Events that arrived and were not reported as durable.
    pub(super) beyond: u64,
    /// Most of them of one thread.
    pub(super) most_beyond: u64,
}

impl Verdict {
    /// Judges what arrived in all lives, and of the process that delivered the rest.
    pub(super) fn of(lives: &[Life], arrived: &[Bytes], on_the_wire: u64) -> Result<Self, Failure> {
        let mut verdict = Self { kills: lives.len(), ..Self::default() };
        let mut next: HashMap<(u64, u64), u64> = HashMap::new();
        // How many others had arrived before, each counted once: that is its place in the queue.
        let mut places: HashMap<(u64, u64, u64), u64> = HashMap::new();
        let mut ends = lives.iter().map(|life| life.received).chain([u64::MAX]);
        let (mut end, mut before, mut repeated) = (ends.next().unwrap_or(u64::MAX), 0, 0);
        for (at, document) in (0..).zip(arrived) {
            while at >= end {
                (before, end, repeated) = (verdict.arrived, ends.next().unwrap_or(u64::MAX), 0);
            }
            let Ok([life, thread, number]) = serde_json::from_slice::<[u64; 3]>(document) else {
                fail!("this arrived and was never logged: {}", String::from_utf8_lossy(document));
            };
            let due = next.entry((life, thread)).or_default();
            if number > *due {
                fail!("of life {life}, thread {thread}, event {number} arrived where {due} was due");
            }
            if number == *due {
                *due += 1;
                places.insert((life, thread, number), verdict.arrived);
                verdict.arrived += 1;
                continue;
            }
            repeated += 1;
            verdict.repeated += 1;
            verdict.most = verdict.most.max(repeated);
            let place = places.get(&(life, thread, number)).copied().unwrap_or_default();
            if repeated > on_the_wire || place >= before || before - place > on_the_wire {
                fail!(
                    "event {number} of life {life}, thread {thread} arrived again, {repeated} of its process did; it \
                     came after {place} others, and {before} had when a process was killed; no more than {on_the_wire} \
                     were on the wire"
                );
            }
        }
        for (number, life) in (0..).zip(lives) {
            verdict.with_durable += usize::from(life.durable.iter().any(|events| *events > 0));
            for (thread, durable) in (0..).zip(life.durable) {
                verdict.durable += durable;
                let arrived = next.get(&(number, thread)).copied().unwrap_or_default();
                if arrived < durable {
                    fail!(
                        "of life {number}, thread {thread}, {durable} events were durable, {arrived} arrived"
                    );
                }
                verdict.beyond += arrived - durable;
                verdict.most_beyond = verdict.most_beyond.max(arrived - durable);
            }
        }
        if verdict.durable == 0 {
            fail!("no event was durable before its process was killed, so that nothing is proven");
        }
        Ok(verdict)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, with_durable, durable, arrived, repeated, most, .. } = self;
        write!(
            f,
            "{kills} kills, {with_durable} of them with durable events: {durable} durable, {arrived} arrived, {repeated} \
             of them twice, at most {most} after one kill"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(durable: [u64; 3], received: u64, arrived: &[[u64; 3]]) -> Result<Verdict, Failure> {
        let life = Life { durable, received };
        let arrived: Vec<Bytes> =
            arrived.iter().map(|event| serde_json::to_vec(event).unwrap().into()).collect();
        Verdict::of(&[life], &arrived, 2)
    }

    const A: [u64; 3] = [0, 0, 0];
    const B: [u64; 3] = [0, 0, 1];
    const C: [u64; 3] = [0, 0, 2];

    #[test]
    fn repeats_of_what_was_on_the_wire_are_no_fault() {
        let verdict = judge([3, 0, 0], 2, &[A, B, A, B, C]).unwrap();
        assert_eq!((verdict.arrived, verdict.repeated, verdict.most), (3, 2, 2));
    }

    #[test]
    fn losses_holes_and_repeats_of_what_was_long_delivered_are_faults() {
        for (durable, received, arrived, fault) in [
            (4, 2, &[A, B, C][..], "4 events were durable, 3 arrived"),
            (1, 2, &[A, C], "event 2 arrived where 1 was due"),
            (3, 3, &[A, B, C, A], "event 0 of life 0"),
            (3, 3, &[A, B, C, B, C, B], "3 of its process did"),
            (3, 9, &[A, B, A, C], "0 had when a process was killed"),
        ] {
            let failure = judge([durable, 0, 0], received, arrived).unwrap_err().to_string();
            assert!(failure.contains(fault), "{failure}");
        }
    }
}
