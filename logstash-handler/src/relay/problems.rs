use crate::Stats;
use crate::stderr;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// What went wrong lately, for people: on stderr, one line for each place and minute, and the latest in memory.
#[derive(Debug)]
pub(crate) struct Problems {
    stderr: bool,
    state: Mutex<State>,
}

/// Something that went wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Problem {
    /// When, the last time.
    pub at: SystemTime,
    /// In which input or output.
    pub place: String,
    /// What.
    pub text: String,
    /// How often this was it, of an output how often anything was.
    pub count: u64,
}

impl Problem {
    /// The last error of an output, if there was one.
    pub(crate) fn of_output(name: &str, stats: &Stats) -> Option<Self> {
        let (at, text) = (stats.last_error_at?, stats.last_error.clone()?);
        Some(Self { at, place: format!("output {name}"), text, count: stats.failures })
    }
}

#[derive(Debug, Default)]
struct State {
    latest: VecDeque<Problem>,
    /// When a line about a place was printed last, and how many were not since.
    printed: HashMap<String, (Instant, u64)>,
}

impl Problems {
    pub(crate) fn new(stderr: bool) -> Self {
        Self { stderr, state: Mutex::default() }
    }

    pub(crate) fn tell(&self, place: &str, text: &str) {
        if let Some(line) = self.note(place, text, Instant::now()) {
            self.print(&line);
        }
    }

    /// Tells it in any case: somebody asked for what did not succeed, and looks what has become of it.
    pub(crate) fn answer(&self, place: &str, text: &str) {
        let line = self.note(place, text, Instant::now());
        self.print(&line.unwrap_or_else(|| format!("logstash-relay: {place}: {text}")));
    }

    pub(crate) fn print(&self, line: &str) {
        if self.stderr {
            stderr::print(line);
        }
    }

    /// The latest, oldest first.
    pub(crate) fn latest(&self) -> Vec<Problem> {
        self.lock().latest.iter().cloned().collect()
    }

    /// Notes a problem; tells the line to print, if one is due.
    fn note(&self, place: &str, text: &str, now: Instant) -> Option<String> {
        let mut state = self.lock();
        let is_same = |known: &Problem| known.place == place && known.text == text;
        let before = state.latest.iter().position(is_same).and_then(|index| state.latest.remove(index));
        if state.latest.len() >= KEPT {
            state.latest.pop_front();
        }
        let count = before.map_or(0, |before| before.count) + 1;
        state.latest.push_back(Problem {
            at: SystemTime::now(),
            place: place.to_owned(),
            text: text.to_owned(),
            count,
        });
        if state.printed.len() >= PLACES {
            state.printed.clear();
        }
        let silent = match state.printed.get_mut(place) {
            Some((last, silent)) if now.saturating_duration_since(*last) < INTERVAL => {
                *silent += 1;
                return None;
            }
            Some((_, silent)) => std::mem::take(silent),
            None => 0,
        };
        state.printed.insert(place.to_owned(), (now, 0));
        let more = if silent > 0 { format!(" ({silent} more since the last line)") } else { String::new() };
        Some(format!("logstash-relay: {place}: {text}{more}"))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const KEPT: usize = 50;
const PLACES: usize = 10_000;
const INTERVAL: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_a_line_a_minute_and_what_was_not_printed_is_counted() {
        let (problems, now) = (Problems::new(false), Instant::now());
        assert_eq!(problems.note("a", "x", now).as_deref(), Some("logstash-relay: a: x"));
        assert_eq!(problems.note("a", "y", now), None);
        assert!(problems.note("b", "x", now).is_some());
        let line = problems.note("a", "z", now + INTERVAL).unwrap();
        assert_eq!(line, "logstash-relay: a: z (1 more since the last line)");
    }

    #[test]
    fn what_comes_again_is_counted_and_is_the_latest() {
        let problems = Problems::new(false);
        for text in ["x", "y", "x"] {
            problems.tell("a", text);
        }
        let found: Vec<_> =
            problems.latest().into_iter().map(|problem| (problem.text, problem.count)).collect();
        assert_eq!(found, [("y".to_owned(), 1), ("x".to_owned(), 2)]);
    }

    #[test]
    fn the_latest_are_kept_and_no_more_than_that() {
        let problems = Problems::new(false);
        for number in 0..KEPT + 10 {
            problems.tell("a", &number.to_string());
        }
        let texts: Vec<String> = problems.latest().into_iter().map(|problem| problem.text).collect();
        assert_eq!((texts.len(), &*texts[0]), (KEPT, "10"));
    }
}
