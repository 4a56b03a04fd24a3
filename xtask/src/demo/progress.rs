//! What the demo shows while it runs: a line that updates on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::line::Ledger;

pub(super) struct Progress {
    events: u64,
    on_terminal: bool,
    shown: Option<Instant>,
}

impl Progress {
    pub(super) fn new(events: u64) -> Self {
        Self { events, on_terminal: io::stdout().is_terminal(), shown: None }
    }

    /// Shows how far things are: what earlier lives of the application did, and the books of this one.
    pub(super) fn show(&mut self, logged: u64, acknowledged: u64, now: &Ledger) {
        let interval = Duration::from_millis(if self.on_terminal { 100 } else { 500 });
        if self.shown.is_some_and(|shown| shown.elapsed() < interval) {
            return;
        }
        self.shown = Some(Instant::now());
        let acknowledged = acknowledged + now.acknowledged;
        let filled = usize::try_from(acknowledged * BAR as u64 / self.events).unwrap_or(BAR).min(BAR);
        let line = format!(
            "[{}{}] accepted {:>6}  queued {:>6}  acknowledged {acknowledged:>6}  {}",
            "#".repeat(filled),
            ".".repeat(BAR - filled),
            logged + now.accepted,
            now.queued,
            now.state,
        );
        if self.on_terminal {
            print!("\r\x1b[2K{line}");
            let _ = io::stdout().flush();
        } else {
            println!("{line}");
        }
    }

    /// Tells something that stays.
    pub(super) fn note(&mut self, text: &str) {
        if self.on_terminal {
            print!("\r\x1b[2K");
        }
        println!("-- {text}");
    }

    pub(super) fn finish(&mut self) {
        if self.on_terminal {
            println!();
        }
    }
}

const BAR: usize = 24;
