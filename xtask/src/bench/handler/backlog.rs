//! A million events that nobody takes at first: stored, then drained.

use std::path::Path;

use super::process::{Load, Processes, delivered, numbers};
use super::{AREA, CPU, RATE};
use crate::bench::Settings;
use crate::bench::comparison::Comparison;
use crate::bench::measured::{Figures, Measured, Run};
use crate::failure::Failure;

pub(super) fn measure(settings: &Settings<'_>, processes: &Processes) -> Result<Vec<Comparison>, Failure> {
    let scratch = settings.workspace.scratch("bench")?;
    let folder = scratch.path().join("queue");
    let mut comparisons = Vec::new();
    for level in [3, 0] {
        let case = format!("backlog, level {level}");
        if !settings.wants(&case) {
            continue;
        }
        let load = Load { events: if settings.quick { 50_000 } else { 1_000_000 }, size: 300, level };
        let mut sides: Vec<(&'static str, Run<'_>)> = Vec::new();
        for (queue, flags) in QUEUES {
            let folder = &folder;
            sides.push((*queue, Box::new(move || store_and_drain(processes, &load, flags, folder))));
        }
        let measured = Measured::run(AREA, settings.runs.min(RUNS), &mut sides)?;
        for (queue, _) in &QUEUES[1..] {
            let name = format!("{case}, {queue}");
            comparisons.extend(measured.compare(
                &name,
                queue,
                MEMORY,
                &[STORED, STORED_CPU, DRAINED, DRAINED_CPU],
            ));
            let bytes = measured.of(queue, BYTES).unwrap_or_default();
            let payload = measured.of(queue, PAYLOAD).unwrap_or_default();
            comparisons.push(measured.comparison(&name, "payload", BYTES, bytes.into_iter().zip(payload)));
        }
    }
    Ok(comparisons)
}

fn store_and_drain(
    processes: &Processes,
    load: &Load,
    flags: &[&str],
    folder: &Path,
) -> Result<Figures, Failure> {
    let mut process = processes.deliver(load, flags, folder)?;
    let [cost] = numbers(&mut process, "cost")?;
    let [seconds, bytes, payload] = numbers(&mut process, "stored")?;
    let drained = delivered(&mut process, load.events)?;
    let events = load.events as f64;
    Ok([
        (STORED, events / seconds),
        (STORED_CPU, cost * 1e9 / events),
        (DRAINED, drained[RATE]),
        (DRAINED_CPU, drained[CPU]),
        (BYTES, bytes),
        (PAYLOAD, payload),
    ]
    .into())
}

/// The names of the queues, and how `cargo xtask deliver` is told.
const QUEUES: &[(&str, &[&str])] = &[
    (MEMORY, &["--backlog", "--queue", "memory"]),
    ("SledQueue Flush", &["--backlog", "--queue", "flush"]),
    ("OnBacklog Flush", &["--backlog", "--queue", "flush", "--on-backlog"]),
];

const MEMORY: &str = "MemoryQueue";

const STORED: &str = "events stored/s";
const STORED_CPU: &str = "ns CPU/event stored";
const DRAINED: &str = "events drained/s";
const DRAINED_CPU: &str = "ns CPU/event drained";
const BYTES: &str = "bytes on disk";
const PAYLOAD: &str = "payload";

const RUNS: usize = 3;
