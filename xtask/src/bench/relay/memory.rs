//! Memory of a collector that has nothing to do, and at a steady 50,000 events a second.

use std::thread;
use std::time::{Duration, Instant};

use super::AREA;
use super::beats;
use super::collector::Collector;
use super::lines::{Lines, Senders};
use super::programs::Programs;
use super::sink::Sink;
use super::syslog::{self, Case, Job, Prefix, Task};
use super::windows::{Sender, WINDOW, Windows};
use crate::bench::Settings;
use crate::bench::comparison::{Comparison, Spread};
use crate::bench::measured::{Figures, Measured, Run};
use crate::failure::{Failure, fail};
use crate::peers::Json;

pub(super) fn measure(settings: &Settings<'_>, programs: &Programs) -> Result<Vec<Comparison>, Failure> {
    let load = Duration::from_secs(if settings.quick { 1 } else { 5 });
    let mut comparisons = Vec::new();

    let case = "memory, syslog";
    if settings.wants(case) {
        let lines = Lines::new(Prefix::Rfc5424)?;
        let mut sides: Vec<(&'static str, Run<'_>)> = Vec::new();
        for side in syslog::Side::all(programs, COLLECTING) {
            let lines = &lines;
            sides.push((side.name(), Box::new(move || collect(settings, programs, side, lines, load))));
        }
        comparisons.extend(compare(settings, case, &mut sides)?);
    }

    let case = "memory, Beats";
    if settings.wants(case) {
        let windows = Windows::new(300, 3)?;
        let mut sides: Vec<(&'static str, Run<'_>)> = Vec::new();
        for side in beats::Side::all(programs) {
            if side != beats::Side::GoLumber(Json::Kept) {
                let windows = &windows;
                sides.push((side.name(), Box::new(move || receive(settings, programs, side, windows, load))));
            }
        }
        comparisons.extend(compare(settings, case, &mut sides)?);
    }
    Ok(comparisons)
}

fn compare(
    settings: &Settings<'_>,
    case: &str,
    sides: &mut [(&'static str, Run<'_>)],
) -> Result<Vec<Comparison>, Failure> {
    let measured = Measured::run(AREA, settings.runs.min(RUNS), sides)?;
    let limits = [(IDLE, LIMIT_IDLE), (STEADY, LIMIT), (PEAK, LIMIT)];
    let mut comparisons = Vec::new();
    for (unit, limit) in limits {
        comparisons.extend(measured.against(case, OURS, ("limit", limit), unit));
    }
    for peer in sides.iter().map(|(name, _)| *name).filter(|name| *name != OURS) {
        comparisons.extend(measured.compare(case, OURS, peer, &[IDLE, STEADY, PEAK]));
    }
    Ok(comparisons)
}

fn collect(
    settings: &Settings<'_>,
    programs: &Programs,
    side: syslog::Side,
    lines: &Lines,
    load: Duration,
) -> Result<Figures, Failure> {
    let scratch = settings.workspace.scratch("bench-relay")?;
    let sink = Sink::tcp()?;
    let task = Task { case: COLLECTING, output: sink.destination(), folder: scratch.path() };
    let collector = side.start(programs, &task)?;
    let idle = idle(&collector)?;
    let senders = Senders::connect(collector.address(), COLLECTING.connections)?;
    let each = 10;
    let turns = Turns { events: each * COLLECTING.connections, load };
    let figures = turns.take(&collector, idle, |turn| senders.send_few(lines, turn, each))?;
    sink.wait_for(turns.total(), PATIENCE)?;
    Ok(figures)
}

fn receive(
    settings: &Settings<'_>,
    programs: &Programs,
    side: beats::Side,
    windows: &Windows,
    load: Duration,
) -> Result<Figures, Failure> {
    let scratch = settings.workspace.scratch("bench-relay")?;
    let collector = side.start(programs, scratch.path())?;
    let idle = idle(&collector)?;
    let mut sender = Sender::connect(collector.address())?;
    let turns = Turns { events: WINDOW, load };
    turns.take(&collector, idle, |_| sender.send(windows, 1))
}

/// What it takes before anybody sends something, in MB.
fn idle(collector: &Collector) -> Result<f64, Failure> {
    // It listens, but may be about to make itself at home.
    thread::sleep(Duration::from_millis(500));
    Ok(collector.memory()?.now as f64 / 1e6)
}

/// A steady load.
struct Turns {
    /// Of each turn.
    events: usize,
    load: Duration,
}

impl Turns {
    fn count(&self) -> usize {
        self.load.as_secs() as usize * RATE / self.events
    }

    fn total(&self) -> u64 {
        (self.count() * self.events) as u64
    }

    /// Calls `send` for every turn at its time, and looks at the memory now and then.
    fn take(
        &self,
        collector: &Collector,
        idle: f64,
        mut send: impl FnMut(usize) -> Result<(), Failure>,
    ) -> Result<Figures, Failure> {
        let started = Instant::now();
        let at = |turn: usize| Duration::from_secs_f64((turn * self.events) as f64 / RATE as f64);
        let mut steady = Vec::new();
        for turn in 0..self.count() {
            thread::sleep(at(turn).saturating_sub(started.elapsed()));
            send(turn)?;
            if turn >= self.count() / 2 {
                steady.push(collector.memory()?.now as f64 / 1e6);
            }
        }
        if started.elapsed() > self.load * 2 {
            fail!(
                "{} events took {:.1} s: they are not taken at {RATE} a second",
                self.total(),
                started.elapsed().as_secs_f64()
            );
        }
        let peak = collector.memory()?.peak as f64 / 1e6;
        Ok([(IDLE, idle), (STEADY, Spread::of(steady.into_iter()).median), (PEAK, peak)].into())
    }
}

const COLLECTING: Case = Case { job: Job::Json, prefix: Prefix::Rfc5424, to_file: false, connections: 50 };

/// Events a second.
const RATE: usize = 50_000;

const IDLE: &str = "MB idle";
const STEADY: &str = "MB under load";
const PEAK: &str = "MB at most";

const LIMIT_IDLE: f64 = 12.0;
const LIMIT: f64 = 48.0;

const OURS: &str = "ours";

const RUNS: usize = 3;

const PATIENCE: Duration = Duration::from_secs(30);
