use crate::members::{Choice, Standing};
use std::time::Instant;

/// How [`Balance`](crate::Balance) chooses among the members that work.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Strategy {
    /// Of two members drawn at random, the one whose windows were acknowledged faster of late. A slow
    /// member gets less, and is looked at again from time to time.
    LeastLatency,
    /// One after the other, from a random one on, so that not all programs begin with the same.
    #[default]
    RoundRobin,
}

/// A strategy with its memory.
#[derive(Debug)]
pub(super) struct Chooser {
    strategy: Strategy,
    /// Place behind the last choice; none before the first.
    next: Option<usize>,
    random: fastrand::Rng,
}

impl Chooser {
    pub(super) fn new(strategy: Strategy) -> Self {
        Self { strategy, next: None, random: fastrand::Rng::new() }
    }
}

impl Choice for Chooser {
    fn choose(&mut self, usable: &[usize], standings: &[Standing], now: Instant) -> usize {
        let first = usable.first().copied().unwrap_or_default();
        match self.strategy {
            Strategy::RoundRobin => {
                let place = match self.next {
                    Some(next) => usable.iter().find(|place| **place >= next),
                    None => self.random.choice(usable),
                };
                let place = place.copied().unwrap_or(first);
                self.next = Some(place + 1);
                place
            }
            Strategy::LeastLatency => {
                let two = self.random.choose_multiple(usable.iter().copied(), 2);
                let latency = |place: &usize| standings.get(*place).map(|standing| standing.latency(now));
                two.into_iter().min_by_key(latency).unwrap_or(first)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lumberjack_codec::Backoff;
    use std::time::Duration;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn standings(count: usize) -> Vec<Standing> {
        (0..count).map(|_| Standing::new(Backoff::new(), Duration::ZERO)).collect()
    }

    #[test]
    fn round_robin_goes_round_and_skips_what_is_left_out() {
        let mut chooser = Chooser { next: Some(0), ..Chooser::new(Strategy::RoundRobin) };
        let mut choose = |usable: &[usize]| chooser.choose(usable, &standings(3), Instant::now());
        let chosen: Vec<usize> = (0..5).map(|_| choose(&[0, 1, 2])).collect();
        assert_eq!(chosen, [0, 1, 2, 0, 1]);
        assert_eq!((choose(&[0, 1]), choose(&[1]), choose(&[0, 1, 2])), (0, 1, 2));
    }

    #[test]
    fn round_robin_begins_anywhere() {
        let begin = || Chooser::new(Strategy::RoundRobin).choose(&[0, 1], &standings(2), Instant::now());
        // That all of these begin with the same one is as likely as a thousand tosses of a coin.
        let begun: Vec<usize> = (0..1000).map(|_| begin()).collect();
        assert!(begun.contains(&0) && begun.contains(&1));
    }

    #[test]
    fn of_two_members_drawn_the_faster_is_taken() {
        let mut chooser =
            Chooser { random: fastrand::Rng::with_seed(3), ..Chooser::new(Strategy::LeastLatency) };
        let mut standings = standings(3);
        let now = Instant::now();
        for (place, factor) in [(0, 1), (1, 3), (2, 9)] {
            standings[place].measured(factor * MILLISECOND, 1, now);
        }
        let mut chosen = [0; 3];
        for _ in 0..3000 {
            chosen[chooser.choose(&[0, 1, 2], &standings, now)] += 1;
        }
        // Of the three pairs that can be drawn, the first member wins two and the last one none.
        assert!((1800..2200).contains(&chosen[0]) && (800..1200).contains(&chosen[1]), "{chosen:?}");
        assert_eq!(chosen[2], 0);
        assert_eq!(chooser.choose(&[2], &standings, now), 2);
    }

    #[test]
    fn a_slow_member_that_was_not_asked_for_a_while_is_tried_again() {
        let mut chooser = Chooser::new(Strategy::LeastLatency);
        let mut standings = standings(2);
        let start = Instant::now();
        standings[0].measured(100 * MILLISECOND, 1, start);
        let mut now = start;
        let mut rounds = 0;
        while chooser.choose(&[0, 1], &standings, now) != 0 {
            now += Duration::from_secs(1);
            standings[1].measured(MILLISECOND, 1, now);
            rounds += 1;
            assert!(rounds < 100, "never");
        }
        // 100 ms fade to 1 ms within 46 s.
        assert!((40..50).contains(&rounds), "{rounds}");
    }
}
