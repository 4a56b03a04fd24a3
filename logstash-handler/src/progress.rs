use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant, SystemTime};

/// How fast events get through, as far as it is known without asking anybody.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Up to which place of the queue windows reach, and the time of their oldest event.
    windows: VecDeque<(u64, SystemTime)>,
    pub(crate) latency: Latency,
    /// Events that had been acknowledged at some moments, a second apart or more.
    samples: VecDeque<(Instant, u64)>,
    acknowledged: u64,
}

impl Progress {
    /// A window was appended that ends before this place.
    pub(crate) fn appended(&mut self, end: u64, at: SystemTime) {
        // In a backlog beyond all measure the oldest are not timed.
        if self.windows.len() == MAX_WINDOWS {
            self.windows.pop_front();
        }
        self.windows.push_back((end, at));
    }

    /// Everything before this place is delivered, `events` of it just now.
    pub(crate) fn acknowledged(&mut self, left_queue: u64, events: u64, now: Instant, wall: SystemTime) {
        while let Some(at) = self.pop(left_queue) {
            // A clock that was set back makes it nothing, not an error.
            self.latency.add(wall.duration_since(at).unwrap_or_default());
        }
        if self.samples.back().is_none_or(|(at, _)| now.saturating_duration_since(*at) >= SAMPLE) {
            if self.samples.len() == SAMPLES {
                self.samples.pop_front();
            }
            self.samples.push_back((now, self.acknowledged));
        }
        self.acknowledged += events;
    }

    /// Everything before this place is given up, or delivered.
    pub(crate) fn gave_up(&mut self, left_queue: u64) {
        while self.pop(left_queue).is_some() {}
    }

    /// Takes the first window off, if it ends before this place.
    fn pop(&mut self, left_queue: u64) -> Option<SystemTime> {
        let (end, at) = *self.windows.front()?;
        (end <= left_queue).then(|| {
            self.windows.pop_front();
            at
        })
    }

    /// How long it takes until `events` are delivered, at the pace of the last seconds.
    pub(crate) fn drain_time(&self, events: u64, now: Instant) -> Option<Duration> {
        if events == 0 {
            return Some(Duration::ZERO);
        }
        let recent = |at: Instant| now.saturating_duration_since(at) <= SAMPLE * SAMPLES as u32 * 2;
        let (since, before) = self.samples.iter().copied().find(|(at, _)| recent(*at))?;
        let done = self.acknowledged - before;
        let seconds = now.saturating_duration_since(since).as_secs_f64();
        let wanted = seconds / done as f64 * events as f64;
        (done > 0).then(|| Duration::try_from_secs_f64(wanted).unwrap_or(Duration::MAX))
    }
}

/// How long windows took from their oldest event to their acknowledgement, by the wall clock.
///
/// Kept in buckets a fifth apart, so that a quantile is at most that much too high.
#[derive(Clone, Eq, PartialEq)]
pub struct Latency {
    buckets: [u64; BUCKETS],
    count: u64,
    max: Duration,
}

impl Latency {
    /// Windows that were measured.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The longest time.
    #[must_use]
    pub const fn max(&self) -> Duration {
        self.max
    }

    /// The time within which this part of the windows was acknowledged, such as 0.99 of them; `None`
    /// while there was none.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let rank = (part.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(upper_bound(bucket).min(self.max))
    }

    /// The times that came in since an earlier moment, as the upper bound of their bucket, and how many.
    #[cfg(feature = "metrics")]
    pub(crate) fn since(&self, earlier: &Self) -> impl Iterator<Item = (Duration, u64)> {
        let counts = self.buckets.iter().zip(&earlier.buckets).enumerate();
        counts.filter_map(|(bucket, (now, before))| {
            let count = now.saturating_sub(*before);
            (count > 0).then(|| (upper_bound(bucket).min(self.max), count))
        })
    }

    fn add(&mut self, time: Duration) {
        let bucket = bucket(time);
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
        }
        self.count += 1;
        self.max = self.max.max(time);
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS], count: 0, max: Duration::ZERO }
    }
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latency")
            .field("count", &self.count)
            .field("median", &self.quantile(0.5))
            .field("p99", &self.quantile(0.99))
            .field("max", &self.max)
            .finish()
    }
}

/// The bucket of a time: the power of two of its microseconds, and the two bits behind it.
fn bucket(time: Duration) -> usize {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    if micros < 4 {
        return micros as usize;
    }
    let power = micros.ilog2();
    let quarter = (micros >> (power - 2)) & 3;
    (((power - 1) * 4) as usize + quarter as usize).min(BUCKETS - 1)
}

/// The end of a bucket.
fn upper_bound(bucket: usize) -> Duration {
    let next = bucket + 1;
    if next < 4 {
        return Duration::from_micros(next as u64);
    }
    let (power, quarter) = (next / 4 + 1, next % 4);
    Duration::from_micros((4 + quarter as u64) << (power - 2))
}

/// Up to two to the power of 40 microseconds, which is twelve days.
const BUCKETS: usize = 39 * 4;

const MAX_WINDOWS: usize = 4096;

/// Time between two samples of the pace, and how many there are.
const SAMPLE: Duration = Duration::from_secs(1);
const SAMPLES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_lies_in_its_bucket_and_that_is_narrow() {
        for micros in (0..10_000).chain((10_000..100_000_000).step_by(9_973)) {
            let time = Duration::from_micros(micros);
            let end = upper_bound(bucket(time));
            assert!(time < end, "{time:?} {end:?}");
            assert!(end <= time * 5 / 4 + Duration::from_micros(1), "{time:?} {end:?}");
        }
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
        assert!(upper_bound(BUCKETS - 1) > Duration::from_secs(12 * 24 * 3600));
    }

    #[test]
    fn quantiles_are_those_of_what_was_added() {
        let mut latency = Latency::default();
        assert_eq!(latency.quantile(0.5), None);
        for millis in 1..=1000 {
            latency.add(Duration::from_millis(millis));
        }
        let near = |part, millis| {
            let found = latency.quantile(part).unwrap();
            assert!(found >= Duration::from_millis(millis) && found <= Duration::from_millis(millis * 5 / 4));
        };
        near(0.5, 500);
        near(0.99, 990);
        assert_eq!(latency.quantile(1.0), Some(Duration::from_secs(1)));
        assert_eq!((latency.count(), latency.max()), (1000, Duration::from_secs(1)));
    }

    #[test]
    fn windows_are_timed_when_all_of_them_is_delivered_and_not_when_they_are_given_up() {
        let (mut progress, now) = (Progress::default(), Instant::now());
        let wall = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        progress.appended(10, wall(100));
        progress.appended(20, wall(101));
        progress.appended(30, wall(102));
        progress.acknowledged(9, 9, now, wall(103));
        assert_eq!(progress.latency.count(), 0);
        progress.acknowledged(10, 1, now, wall(104));
        assert_eq!((progress.latency.count(), progress.latency.max()), (1, Duration::from_secs(4)));
        progress.gave_up(20);
        progress.acknowledged(30, 10, now, wall(50));
        assert_eq!((progress.latency.count(), progress.latency.max()), (2, Duration::from_secs(4)));
    }

    #[test]
    fn the_time_to_drain_follows_the_pace_of_the_last_seconds() {
        let (mut progress, start) = (Progress::default(), Instant::now());
        assert_eq!(progress.drain_time(0, start), Some(Duration::ZERO));
        assert_eq!(progress.drain_time(10, start), None, "nothing is known");
        for second in 0..100 {
            progress.acknowledged(0, 50, start + Duration::from_secs(second), SystemTime::UNIX_EPOCH);
        }
        let now = start + Duration::from_secs(100);
        let estimate = progress.drain_time(500, now).unwrap();
        assert_eq!(estimate.as_secs(), 10, "{estimate:?}");
        assert_eq!(progress.drain_time(500, now + Duration::from_secs(60)), None, "the pace is of long ago");
    }
}
