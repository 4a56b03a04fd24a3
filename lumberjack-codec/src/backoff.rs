use std::time::Duration;

/// Waiting times between attempts: exponential, with equal jitter.
///
/// Each delay is drawn from the upper half of a step, and steps double from `base` up to `max`.
/// Defaults: 1 s to 60 s, as Filebeat has them. Pure: it neither sleeps nor reads a clock.
///
/// ```
/// use lumberjack_codec::Backoff;
/// use std::time::Duration;
///
/// let mut backoff = Backoff::new().base(Duration::from_secs(1)).max(Duration::from_secs(60));
/// let first = backoff.next_delay();
/// assert!(first >= Duration::from_millis(500) && first <= Duration::from_secs(1));
/// let second = backoff.next_delay();
/// assert!(second >= Duration::from_secs(1) && second <= Duration::from_secs(2));
/// backoff.reset();
/// assert!(backoff.next_delay() <= Duration::from_secs(1));
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    max: Duration,
    attempts: u32,
    random: fastrand::Rng,
}

impl Backoff {
    /// 1 s doubling to 60 s.
    #[must_use]
    pub fn new() -> Self {
        Self {
            base: Duration::from_secs(1),
            max: Duration::from_secs(60),
            attempts: 0,
            random: fastrand::Rng::new(),
        }
    }

    /// Sets the first step; 0 counts as 1 ms, so that no setting makes a hot loop.
    #[must_use]
    pub fn base(mut self, base: Duration) -> Self {
        self.base = base.max(Duration::from_millis(1));
        self
    }

    /// Sets the largest step.
    #[must_use]
    pub fn max(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }

    /// Makes the jitter repeatable.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.random = fastrand::Rng::with_seed(seed);
        self
    }

    /// The time to wait before the next attempt.
    #[must_use]
    pub fn next_delay(&mut self) -> Duration {
        // 2^31 times a millisecond is 24 days, beyond any sensible maximum.
        let factor = 1_u32 << self.attempts.min(31);
        let step = self.base.saturating_mul(factor).min(self.max.max(self.base));
        self.attempts = self.attempts.saturating_add(1);
        step / 2 + (step / 2).mul_f64(self.random.f64())
    }

    /// Delays drawn since the last reset.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Starts over, after a success.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}
