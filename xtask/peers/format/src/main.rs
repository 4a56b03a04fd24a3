//! Formats the same events with several crates in one process, in alternation.
//!
//! `format-peer MILLISECONDS TURN` measures every side of every case once, for so many milliseconds after a warm-up,
//! and writes a line for each: `WAY CASE SIDE NANOSECONDS ALLOCATIONS BYTES`, all per event. An odd turn takes the
//! sides in the opposite order. `WAY CASE SIDE` behind the numbers leaves out everything else, for profilers.

#[path = "../../allocations.rs"]
mod allocations;
mod case;
mod direct;
mod error;
mod log_records;
mod sink;
mod tracing_events;

use std::env;
use std::time::{Duration, Instant};

use allocations::allocations;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let numbers: Vec<u64> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let (&[milliseconds, turn], Some(only)) = (&numbers[..], arguments.get(2..)) else {
        eprintln!("usage: format-peer MILLISECONDS TURN [WAY CASE SIDE]");
        std::process::exit(2);
    };
    let time = Duration::from_millis(milliseconds);
    let settings = Settings { time, is_reversed: turn % 2 == 1, only: only.join(" ") };
    tracing_events::measure(&settings);
    log_records::measure(&settings);
    direct::measure(&settings);
}

struct Settings {
    time: Duration,
    is_reversed: bool,
    /// The one side to be measured, or empty.
    only: String,
}

/// One side of a case: its name, what its document must hold, and how it writes one.
struct Side<'a> {
    name: &'static str,
    write: Box<dyn FnMut() + 'a>,
}

impl<'a> Side<'a> {
    fn new(name: &'static str, write: impl FnMut() + 'a) -> Self {
        Self { name, write: Box::new(write) }
    }

    /// Measures and prints the sides of a case. All of them must write JSON that holds the `facts`.
    fn measure_all(settings: &Settings, way: &str, case: &str, facts: &[&str], mut sides: Vec<Self>) {
        if settings.is_reversed {
            sides.reverse();
        }
        sides.retain(|side| {
            settings.only.is_empty() || settings.only == format!("{way} {case} {}", side.name)
        });
        for side in &mut sides {
            let bytes = side.check(way, case, facts);
            // Buffers grow, caches fill.
            side.run(settings.time / 4);
            let before = allocations();
            let (spent, events) = side.run(settings.time);
            let allocated = (allocations() - before) as f64 / events as f64;
            let nanoseconds = spent.as_nanos() as f64 / events as f64;
            println!("{way} {case} {} {nanoseconds:.1} {allocated:.2} {bytes}", side.name);
        }
    }

    fn check(&mut self, way: &str, case: &str, facts: &[&str]) -> usize {
        sink::clear();
        (self.write)();
        sink::with(|document| {
            let text = String::from_utf8_lossy(document);
            let parsed: Result<serde_json::Value, _> = serde_json::from_str(text.trim_end());
            let missing = facts.iter().find(|fact| !text.contains(**fact));
            if parsed.is_err() || missing.is_some() {
                eprintln!("{way} {case} {}: without {missing:?} in {text}", self.name);
                std::process::exit(1);
            }
            document.len()
        })
    }

    fn run(&mut self, time: Duration) -> (Duration, u64) {
        let started = Instant::now();
        let mut events = 0;
        loop {
            for _ in 0..BATCH {
                sink::clear();
                (self.write)();
            }
            events += BATCH;
            let spent = started.elapsed();
            if spent >= time {
                return (spent, events);
            }
        }
    }
}

/// Events between two looks at the clock.
const BATCH: u64 = 64;
