//! How much a connection reads at once, and when it lets others go first.

use std::time::{Duration, Instant};
use tokio::task::yield_now;

/// The pace of a connection: more at once, the more comes; less, if to understand it takes long.
#[derive(Debug)]
pub(super) struct Pace {
    step: usize,
    /// What others have waited since they had their turn.
    worked: Duration,
}

impl Pace {
    pub(super) const fn new() -> Self {
        Self { step: FIRST_STEP, worked: Duration::ZERO }
    }

    /// Bytes to read at once.
    pub(super) const fn step(&self) -> usize {
        self.step
    }

    /// So many bytes have been read.
    pub(super) fn read(&mut self, length: usize) {
        if length >= self.step {
            self.step = (2 * self.step).min(LARGEST_STEP);
        }
    }

    /// Work has been done from one time to another, without a break. Few compressed bytes can make much of it, and the
    /// runtime counts reads only.
    pub(super) async fn work(&mut self, from: Instant, to: Instant) {
        let took = to.saturating_duration_since(from);
        if took >= LONG {
            self.step = (self.step / 2).max(FIRST_STEP);
        }
        self.worked += took;
        if self.worked >= LONG {
            self.worked = Duration::ZERO;
            yield_now().await;
        }
    }
}

const FIRST_STEP: usize = 4 * 1024;
pub(super) const LARGEST_STEP: usize = 64 * 1024;

/// How long others may wait for what one connection has sent.
const LONG: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn who_sends_much_is_read_in_large_steps() {
        let mut pace = Pace::new();
        pace.read(FIRST_STEP - 1);
        assert_eq!(pace.step(), FIRST_STEP);
        for _ in 0..10 {
            pace.read(pace.step());
        }
        assert_eq!(pace.step(), LARGEST_STEP);
    }

    #[test]
    fn what_makes_much_work_is_read_in_small_steps_and_others_go_first() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _inside = runtime.enter();
        let from = Instant::now();
        // Whether others go first after work of this time.
        let yields = |pace: &mut Pace, took| {
            let work = pin!(pace.work(from, from + took));
            work.poll(&mut Context::from_waker(Waker::noop())) == Poll::Pending
        };
        let mut pace = Pace { step: LARGEST_STEP, worked: Duration::ZERO };
        assert!(!yields(&mut pace, LONG / 2));
        assert!(yields(&mut pace, LONG / 2), "two times a half is long too");
        assert_eq!(pace.step(), LARGEST_STEP);
        assert!(yields(&mut pace, LONG));
        assert_eq!(pace.step(), LARGEST_STEP / 2);
        for _ in 0..10 {
            yields(&mut pace, 2 * LONG);
        }
        assert_eq!(pace.step(), FIRST_STEP);
    }
}
