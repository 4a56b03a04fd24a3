//! How late events arrive under a steady load.

use super::AREA;
use super::process::{Load, Processes, numbers};
use crate::bench::Settings;
use crate::bench::comparison::{Comparison, Spread};
use crate::bench::measured::{Figures, Measured, Run};
use crate::failure::Failure;

pub(super) fn measure(settings: &Settings<'_>, processes: &Processes) -> Result<Vec<Comparison>, Failure> {
    let scratch = settings.workspace.scratch("bench")?;
    let folder = scratch.path().join("queue");
    let load = Load { events: if settings.quick { 2_000 } else { 20_000 }, size: 300, level: 3 };
    let mut comparisons = Vec::new();
    for (queue, flags) in QUEUES {
        let name = format!("lag, 5,000 events/s, {queue}");
        if !settings.wants(&name) {
            continue;
        }
        let run: Run<'_> = Box::new(|| {
            let mut process = processes.deliver(&load, flags, &folder)?;
            let figures: [f64; 3] = numbers(&mut process, "lag")?;
            Ok(UNITS.into_iter().zip(figures).collect::<Figures>())
        });
        let measured = Measured::run(AREA, settings.runs.min(RUNS), &mut [("ours", run)])?;
        for unit in UNITS {
            if unit == P99 {
                comparisons.extend(measured.against(&name, "ours", ("100 ms", 100.0), P99));
            } else {
                let figures = measured.of("ours", unit).unwrap_or_default();
                let Spread { median, min, max } = Spread::of(figures.into_iter());
                eprintln!("    {unit} {median:.1} ({min:.1} to {max:.1})");
            }
        }
    }
    Ok(comparisons)
}

/// The names of the queues, and how `cargo xtask deliver` is told.
const QUEUES: &[(&str, &[&str])] = &[
    ("MemoryQueue", &["--rate", "5000", "--queue", "memory"]),
    ("SledQueue Flush", &["--rate", "5000", "--queue", "flush"]),
];

const UNITS: [&str; 3] = ["ms p50", P99, "ms max"];
const P99: &str = "ms p99";

const RUNS: usize = 3;
