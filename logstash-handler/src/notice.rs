//! A handler's own troubles, told on stderr: one line per kind and minute.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a notice is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Delivery,
    Format,
    Misconfigured,
    Panic,
    Rejected,
    Storage,
}

/// Tells notices, but each kind at most once a minute; the next line says how many were left out.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    told: Mutex<Vec<(Kind, Instant, u64)>>,
}

impl Notices {
    pub(crate) fn tell(&self, kind: Kind, text: &str) {
        let Some(left_out) = self.due(kind, Instant::now()) else { return };
        let also =
            if left_out > 0 { format!(" ({left_out} more like this were not shown)") } else { String::new() };
        // Not a log record: that would feed the handler with its own troubles. And nothing can be
        // done where stderr is closed.
        let _ = writeln!(std::io::stderr(), "logstash-handler: {text}{also}");
    }

    /// How many were left out since the last one, if this one is to be told.
    fn due(&self, kind: Kind, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, last, left_out)) = told.iter_mut().find(|entry| entry.0 == kind) else {
            told.push((kind, now, 0));
            return Some(0);
        };
        if now.duration_since(*last) < INTERVAL {
            *left_out += 1;
            return None;
        }
        *last = now;
        Some(std::mem::take(left_out))
    }
}

const INTERVAL: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_per_kind_and_minute_and_the_rest_is_counted() {
        let (notices, start) = (Notices::default(), Instant::now());
        assert_eq!(notices.due(Kind::Delivery, start), Some(0));
        assert_eq!(notices.due(Kind::Storage, start), Some(0));
        for second in 1..60 {
            assert_eq!(notices.due(Kind::Delivery, start + Duration::from_secs(second)), None);
        }
        assert_eq!(notices.due(Kind::Delivery, start + Duration::from_secs(60)), Some(59));
        assert_eq!(notices.due(Kind::Delivery, start + Duration::from_secs(120)), Some(0));
    }
}
