//! Deadlines that cannot overflow, however long somebody is ready to wait.

use std::time::{Duration, Instant};

/// The moment `after` from now; for ever is a century.
pub(crate) fn deadline(after: Duration) -> Instant {
    later(Instant::now(), after)
}

/// The moment `after` from `now`; for ever is a century.
pub(crate) fn later(now: Instant, after: Duration) -> Instant {
    now.checked_add(after.min(CENTURY)).unwrap_or(now)
}

const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_ever_is_far_away_and_no_panic() {
        assert!(deadline(Duration::MAX) > Instant::now() + CENTURY / 2);
        assert!(deadline(Duration::ZERO) <= Instant::now());
    }
}
