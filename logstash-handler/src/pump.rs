//! The rules of sending, without a thread and without a clock.

use crate::deadline::later;
use logstash_transport::ErrorKind;
use lumberjack_codec::Backoff;
use std::time::{Duration, Instant};

/// Decides when to send how much, and what a failure means.
///
/// * Unreachable: wait, with backoff and jitter; start over once the peer took something.
/// * Throttled: wait as long as the peer says.
/// * Rejected: halve what is sent until one event is alone, give that one up, go on.
/// * Misconfigured: keep everything and try rarely.
#[derive(Debug)]
pub(crate) struct Pump {
    backoff: Backoff,
    /// Wait after an error that only a human can mend.
    rarely: Duration,
    /// Events that the next batch may have, while an event that the peer rejects is looked for.
    narrowed_to: Option<u64>,
    not_before: Option<Instant>,
}

impl Pump {
    pub(crate) fn new(backoff: Backoff, rarely: Duration) -> Self {
        Self { backoff, rarely, narrowed_to: None, not_before: None }
    }

    /// What to do with `queued` events waiting.
    pub(crate) fn step(&self, queued: u64, now: Instant) -> Step {
        match self.not_before {
            _ if queued == 0 => Step::Idle,
            Some(time) if time > now => Step::Wait { until: time },
            _ => Step::Send { limit: self.narrowed_to },
        }
    }

    /// Takes in how a batch went: `attempted` events of which `acknowledged` were taken over.
    pub(crate) fn finished(
        &mut self,
        attempted: u64,
        acknowledged: u64,
        error: Option<ErrorKind>,
        now: Instant,
    ) -> Verdict {
        self.not_before = None;
        if acknowledged > 0 {
            self.backoff.reset();
        }
        let Some(error) = error else {
            // What was narrowed down is behind us; widen again step by step.
            self.narrowed_to =
                self.narrowed_to.map(|limit| limit.saturating_mul(2)).filter(|limit| *limit < WIDE);
            return Verdict::Continue;
        };
        match error {
            ErrorKind::Rejected => return self.narrow(attempted - acknowledged),
            ErrorKind::Throttled { retry_after: Some(pause) } => {
                self.not_before = Some(later(now, pause.min(LONGEST_PAUSE)));
            }
            ErrorKind::Misconfigured => self.not_before = Some(later(now, self.rarely)),
            // Unavailable, and what is added to the kinds later.
            _ => self.not_before = Some(later(now, self.backoff.next_delay())),
        }
        Verdict::Continue
    }

    /// Takes in that the queue or the transport broke down: waits as if the peer were unreachable.
    pub(crate) fn stumbled(&mut self, now: Instant) {
        self.not_before = Some(later(now, self.backoff.next_delay()));
    }

    /// Takes the wait back, because somebody asks for an attempt now.
    pub(crate) fn hurry(&mut self) {
        self.not_before = None;
    }

    fn narrow(&mut self, left: u64) -> Verdict {
        if left == 0 {
            return Verdict::Continue;
        }
        if left == 1 {
            // The next events have done nothing wrong yet, but may be of the same kind.
            self.narrowed_to = Some(1);
            return Verdict::GiveUpFirst;
        }
        self.narrowed_to = Some(left / 2);
        Verdict::Continue
    }
}

/// What the sender does next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// Waits for events.
    Idle,
    /// Sends a batch of at most so many events.
    Send { limit: Option<u64> },
    /// Waits for a time.
    Wait { until: Instant },
}

/// What becomes of the events at the head after a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Continue,
    /// The first event that was not acknowledged is rejected for good.
    GiveUpFirst,
}

/// Events from which on a batch counts as not narrowed: as large as batches get.
const WIDE: u64 = 1 << 16;

/// A peer that asks for more patience gets another try after this time all the same.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;
    use Step::{Idle, Send};

    const SECOND: Duration = Duration::from_secs(1);

    fn pump() -> Pump {
        Pump::new(Backoff::new().base(SECOND).max(8 * SECOND).seed(7), 60 * SECOND)
    }

    fn wait(pump: &Pump, now: Instant) -> Duration {
        match pump.step(1, now) {
            Step::Wait { until } => until - now,
            step => panic!("no wait: {step:?}"),
        }
    }

    #[test]
    fn nothing_queued_is_idle_and_something_is_sent() {
        let now = Instant::now();
        assert_eq!(pump().step(0, now), Idle);
        assert_eq!(pump().step(1, now), Send { limit: None });
    }

    #[test]
    fn an_unreachable_peer_is_tried_with_doubling_waits_up_to_the_cap() {
        let (mut pump, now) = (pump(), Instant::now());
        for step in [1, 2, 4, 8, 8, 8] {
            assert_eq!(pump.finished(10, 0, Some(ErrorKind::Unavailable), now), Verdict::Continue);
            let wait = wait(&pump, now);
            assert!(wait >= step * SECOND / 2 && wait <= step * SECOND, "{wait:?} at {step}");
        }
        assert_eq!(pump.step(1, now + 8 * SECOND), Send { limit: None });
    }

    #[test]
    fn a_hundred_handlers_do_not_storm_a_peer_that_is_away() {
        const HANDLERS: u64 = 100;
        let start = Instant::now();
        let mut attempts = Vec::new();
        for seed in 0..HANDLERS {
            let backoff = Backoff::new().base(SECOND).max(60 * SECOND).seed(seed);
            let (mut pump, mut now) = (Pump::new(backoff, 60 * SECOND), start);
            while now < start + 3600 * SECOND {
                match pump.step(1, now) {
                    Step::Wait { until } => now = until,
                    step => {
                        assert_eq!(step, Send { limit: None });
                        attempts.push((now - start).as_secs());
                        pump.finished(10, 0, Some(ErrorKind::Unavailable), now);
                    }
                }
            }
        }
        // Of each two a minute at most, once they have waited for some time.
        let late = attempts.iter().filter(|second| **second >= 600).count() as u64;
        assert!(late <= HANDLERS * 2 * 50, "{late} attempts in 50 minutes");
        // And not all of them at the same time.
        let most = (600..3600).map(|second| attempts.iter().filter(|at| **at == second).count()).max();
        assert!(most < Some(20), "{most:?} attempts in one second");
    }

    #[test]
    fn progress_resets_the_backoff_even_when_the_batch_fails() {
        let (mut pump, now) = (pump(), Instant::now());
        for _ in 0..5 {
            pump.finished(10, 0, Some(ErrorKind::Unavailable), now);
        }
        pump.finished(10, 3, Some(ErrorKind::Unavailable), now);
        assert!(wait(&pump, now) <= SECOND);
        pump.finished(10, 10, None, now);
        assert_eq!(pump.step(1, now), Send { limit: None });
    }

    #[test]
    fn a_throttling_peer_is_given_the_time_that_it_asks_for() {
        let (mut pump, now) = (pump(), Instant::now());
        pump.finished(10, 0, Some(ErrorKind::Throttled { retry_after: Some(17 * SECOND) }), now);
        assert_eq!(wait(&pump, now), 17 * SECOND);
        pump.finished(10, 0, Some(ErrorKind::Throttled { retry_after: None }), now);
        assert!(wait(&pump, now) <= SECOND);
    }

    #[test]
    fn a_misconfiguration_is_tried_rarely() {
        let (mut pump, now) = (pump(), Instant::now());
        pump.finished(10, 0, Some(ErrorKind::Misconfigured), now);
        assert_eq!(wait(&pump, now), 60 * SECOND);
        pump.hurry();
        assert_eq!(pump.step(1, now), Send { limit: None });
    }

    #[test]
    fn a_rejection_of_nothing_that_is_left_gives_nothing_up() {
        let (mut pump, now) = (pump(), Instant::now());
        assert_eq!(pump.finished(5, 5, Some(ErrorKind::Rejected), now), Verdict::Continue);
    }

    #[test]
    fn settings_beyond_all_measure_are_no_panic() {
        let now = Instant::now();
        let mut pump = Pump::new(Backoff::new().base(Duration::MAX).max(Duration::MAX), Duration::MAX);
        pump.finished(1, 0, Some(ErrorKind::Unavailable), now);
        pump.finished(1, 0, Some(ErrorKind::Misconfigured), now);
        pump.stumbled(now);
        assert!(matches!(pump.step(1, now), Step::Wait { .. }));
    }

    /// Plays a peer that takes everything but the events at `poison`.
    fn deliver(poison: &[u64], events: u64) -> (Vec<u64>, Vec<u64>, usize) {
        let (mut pump, now) = (pump(), Instant::now());
        let (mut delivered, mut given_up, mut sends) = (Vec::new(), Vec::new(), 0);
        let mut head = 0;
        while let Send { limit } = pump.step(events - head, now) {
            sends += 1;
            assert!(sends < 10_000, "never ends");
            let end = events.min(head + limit.unwrap_or(u64::MAX).min(events));
            let bad = (head..end).any(|event| poison.contains(&event));
            let verdict = if bad {
                pump.finished(end - head, 0, Some(ErrorKind::Rejected), now)
            } else {
                delivered.extend(head..end);
                let all = end - head;
                head = end;
                pump.finished(all, all, None, now)
            };
            if verdict == Verdict::GiveUpFirst {
                given_up.push(head);
                head += 1;
            }
        }
        (delivered, given_up, sends)
    }

    #[test]
    fn just_the_rejected_events_are_given_up_wherever_they_are() {
        for poison in [&[0][..], &[99], &[50], &[49, 50], &[0, 1, 2, 97, 98, 99]] {
            let (delivered, given_up, sends) = deliver(poison, 100);
            assert_eq!(given_up, poison);
            assert_eq!(delivered, (0..100).filter(|event| !poison.contains(event)).collect::<Vec<_>>());
            assert!(sends <= 20 * poison.len() + 20, "{sends} sends for {poison:?}");
        }
        let all: Vec<u64> = (0..30).collect();
        assert_eq!(deliver(&all, 30).1, all);
    }
}
