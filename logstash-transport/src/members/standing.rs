//! What is known of a member, and whether it may be used: pure, time is a parameter.

use crate::error::ErrorKind;
use lumberjack_codec::{Backoff, DEFAULT_WINDOW_EVENTS};
use std::time::{Duration, Instant};

#[derive(Clone, Debug)]
pub(crate) struct Standing {
    backoff: Backoff,
    /// For how long a member must have worked since its last failure, so that the next one counts as
    /// the first.
    stable_after: Duration,
    exclusion: Option<Exclusion>,
    /// Since when it has worked, after a failure.
    recovered: Option<Instant>,
    latency: Latency,
}

/// Why a member is left out, and until when.
#[derive(Clone, Copy, Debug)]
struct Exclusion {
    kind: ErrorKind,
    until: Instant,
}

impl Standing {
    pub(crate) fn new(backoff: Backoff, stable_after: Duration) -> Self {
        Self { backoff, stable_after, exclusion: None, recovered: None, latency: Latency::default() }
    }

    /// Whether nothing speaks against using it.
    pub(crate) fn is_usable(&self, now: Instant) -> bool {
        self.exclusion.is_none_or(|exclusion| exclusion.until <= now)
    }

    /// When it may be used again although it is left out for longer: at once, unless the peer itself
    /// has said how long to wait.
    pub(crate) fn may_be_tried(&self, now: Instant) -> bool {
        self.is_usable(now) || !matches!(self.failure(), Some(ErrorKind::Throttled { retry_after: Some(_) }))
    }

    /// When its exclusion ends, if it is left out.
    pub(crate) fn excluded_until(&self) -> Option<Instant> {
        self.exclusion.map(|exclusion| exclusion.until)
    }

    /// How it failed last, if it has not worked since.
    pub(crate) fn failure(&self) -> Option<ErrorKind> {
        self.exclusion.map(|exclusion| exclusion.kind)
    }

    /// It could not deliver: it is left out for a while, for longer each time.
    pub(crate) fn failed(&mut self, kind: ErrorKind, now: Instant) {
        let stable = self.recovered.take();
        if stable.is_some_and(|since| now.saturating_duration_since(since) >= self.stable_after) {
            self.backoff.reset();
        }
        let delay = self.backoff.next_delay();
        let wait = match kind {
            ErrorKind::Throttled { retry_after: Some(asked) } => delay.max(asked.min(LONGEST)),
            ErrorKind::Misconfigured => delay.max(RARELY),
            _ => delay,
        };
        self.exclusion = Some(Exclusion { kind, until: now + wait.min(LONGEST) });
    }

    /// It did its work.
    pub(crate) fn worked(&mut self, now: Instant) {
        self.exclusion = None;
        self.recovered.get_or_insert(now);
    }

    /// It delivered this many events in this time.
    pub(crate) fn measured(&mut self, took: Duration, events: u64, now: Instant) {
        self.latency.measured(took, events, now);
    }

    /// How long a window is expected to take.
    pub(crate) fn latency(&self, now: Instant) -> Duration {
        self.latency.expected(now)
    }
}

/// Moving average of the time until a window is acknowledged.
///
/// What is not measured fades, so that a member that was slow once is tried again.
#[derive(Clone, Copy, Debug, Default)]
struct Latency {
    average: Duration,
    measured: Option<Instant>,
}

impl Latency {
    fn measured(&mut self, took: Duration, events: u64, now: Instant) {
        let windows = events.div_ceil(EVENTS_PER_WINDOW).max(1);
        let sample = took.div_f64(windows as f64);
        self.average = match self.measured {
            Some(_) => self.average.mul_f64(1.0 - WEIGHT) + sample.mul_f64(WEIGHT),
            None => sample,
        };
        self.measured = Some(now);
    }

    fn expected(&self, now: Instant) -> Duration {
        let Some(measured) = self.measured else { return Duration::ZERO };
        let age = now.saturating_duration_since(measured).as_secs_f64();
        self.average.mul_f64((-age / FADING.as_secs_f64()).exp())
    }
}

/// The shortest exclusion of a member that a human must mend.
const RARELY: Duration = Duration::from_secs(60);

/// The longest exclusion, whatever a peer asks for.
const LONGEST: Duration = Duration::from_secs(3600);

/// How much a new measurement counts beside all earlier ones.
const WEIGHT: f64 = 0.3;

/// Time in which a measurement fades to a third.
const FADING: Duration = Duration::from_secs(10);

/// Batches of different sizes are compared by windows of the usual size.
const EVENTS_PER_WINDOW: u64 = DEFAULT_WINDOW_EVENTS as u64;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const UNAVAILABLE: ErrorKind = ErrorKind::Unavailable;

    /// Waits from 1 to 2 s at first, up to 16 s.
    fn standing() -> (Standing, Instant) {
        let backoff = Backoff::new().base(2 * SECOND).max(16 * SECOND).seed(7);
        (Standing::new(backoff, 5 * SECOND), Instant::now())
    }

    fn exclusion(standing: &Standing, now: Instant) -> Duration {
        standing.excluded_until().unwrap() - now
    }

    #[test]
    fn a_failure_excludes_for_a_while_and_the_next_one_for_longer() {
        let (mut standing, mut now) = standing();
        assert!(standing.is_usable(now));
        for step in [2, 4, 8, 16, 16] {
            standing.failed(UNAVAILABLE, now);
            let wait = exclusion(&standing, now);
            assert!(wait >= step * SECOND / 2 && wait <= step * SECOND, "{wait:?}");
            assert!(!standing.is_usable(now) && standing.may_be_tried(now));
            now += wait;
            assert!(standing.is_usable(now));
        }
    }

    #[test]
    fn only_a_stable_while_makes_the_next_failure_the_first() {
        let (mut standing, mut now) = standing();
        for _ in 0..3 {
            standing.failed(UNAVAILABLE, now);
        }
        standing.worked(now);
        assert!(standing.is_usable(now) && standing.failure().is_none());
        now += 4 * SECOND;
        standing.worked(now);
        standing.failed(UNAVAILABLE, now);
        assert!(exclusion(&standing, now) >= 8 * SECOND, "it flaps");
        standing.worked(now);
        now += 5 * SECOND;
        standing.failed(UNAVAILABLE, now);
        assert!(exclusion(&standing, now) <= 2 * SECOND, "it was stable");
    }

    #[test]
    fn a_peer_that_says_how_long_is_believed_within_reason() {
        let (mut standing, now) = standing();
        standing.failed(ErrorKind::Throttled { retry_after: Some(40 * SECOND) }, now);
        assert_eq!(exclusion(&standing, now), 40 * SECOND);
        assert!(!standing.may_be_tried(now) && standing.may_be_tried(now + 40 * SECOND));
        standing.failed(ErrorKind::Throttled { retry_after: Some(Duration::MAX) }, now);
        assert_eq!(exclusion(&standing, now), LONGEST);
        standing.failed(ErrorKind::Throttled { retry_after: None }, now);
        assert!(standing.may_be_tried(now));
    }

    #[test]
    fn a_wrong_setting_is_tried_rarely_and_no_setting_overflows() {
        let (mut standing, now) = standing();
        standing.failed(ErrorKind::Misconfigured, now);
        assert_eq!(exclusion(&standing, now), RARELY);
        let mut endless = Standing::new(Backoff::new().base(Duration::MAX).max(Duration::MAX), SECOND);
        endless.failed(UNAVAILABLE, now);
        assert_eq!(exclusion(&endless, now), LONGEST);
    }

    #[test]
    fn latency_is_per_window_smooth_and_fades() {
        let (mut standing, now) = standing();
        assert_eq!(standing.latency(now), Duration::ZERO);
        standing.measured(SECOND, 5, now);
        assert_eq!(standing.latency(now), SECOND);
        standing.measured(4 * SECOND, 4 * EVENTS_PER_WINDOW, now);
        assert_eq!(standing.latency(now), SECOND);
        standing.measured(2 * SECOND, 0, now);
        assert_eq!(standing.latency(now), SECOND.mul_f64(1.3));
        let later = standing.latency(now + FADING);
        assert!(later < SECOND / 2 && later > SECOND / 3, "{later:?}");
    }
}
