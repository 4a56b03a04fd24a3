//! A handler's own troubles, told on stderr: one line per kind and minute. No log records, which would feed the
//! handler with its own troubles.

use crate::stderr::print;
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
#[derive(Debug)]
pub(crate) struct Notices {
    /// Whether anything is told at all.
    enabled: bool,
    told: Mutex<Vec<(Kind, Instant, u64)>>,
    /// Lines of threads that must not wait for stderr.
    noted: Mutex<Vec<String>>,
}

impl Notices {
    pub(crate) fn new(enabled: bool) -> Self {
        Self { enabled, told: Mutex::default(), noted: Mutex::default() }
    }

    /// Tells it now; for the threads of the handler.
    pub(crate) fn tell(&self, kind: Kind, text: &str) {
        if let Some(line) = self.line(kind, text) {
            print(&line);
        }
    }

    /// Leaves it for [`tell_noted`](Self::tell_noted); for threads that log, because stderr may be a
    /// pipe that nobody reads. Returns whether there is something to tell.
    pub(crate) fn note(&self, kind: Kind, text: &str) -> bool {
        let line = self.line(kind, text);
        let is_due = line.is_some();
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).extend(line);
        is_due
    }

    /// Tells what was noted.
    pub(crate) fn tell_noted(&self) {
        let noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        noted.iter().for_each(|line| print(line));
    }

    fn line(&self, kind: Kind, text: &str) -> Option<String> {
        if !self.enabled {
            return None;
        }
        let left_out = self.due(kind, Instant::now())?;
        let also =
            if left_out > 0 { format!(" ({left_out} more like this were not shown)") } else { String::new() };
        Some(format!("logstash-handler: {text}{also}"))
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
    fn what_is_noted_waits_and_counts_like_what_is_told() {
        let notices = Notices::new(true);
        assert!(notices.note(Kind::Format, "once"));
        assert!(!notices.note(Kind::Format, "twice"));
        assert_eq!(notices.noted.lock().unwrap().len(), 1);
        notices.tell_noted();
        assert!(notices.noted.lock().unwrap().is_empty());
    }

    #[test]
    fn one_line_per_kind_and_minute_and_the_rest_is_counted() {
        let (notices, start) = (Notices::new(true), Instant::now());
        assert_eq!(notices.due(Kind::Delivery, start), Some(0));
        assert_eq!(notices.due(Kind::Storage, start), Some(0));
        for second in 1..60 {
            assert_eq!(notices.due(Kind::Delivery, start + Duration::from_secs(second)), None);
        }
        assert_eq!(notices.due(Kind::Delivery, start + Duration::from_secs(60)), Some(59));
        assert_eq!(notices.due(Kind::Delivery, start + Duration::from_secs(120)), Some(0));
    }
}
