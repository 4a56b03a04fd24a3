//! From the call that logs to the acknowledgement, while the peer keeps up.

use super::process::{Load, Processes, delivered};
use super::{AREA, CPU, RATE};
use crate::bench::Settings;
use crate::bench::comparison::Comparison;
use crate::bench::measured::{Measured, Run};
use crate::bench::sample::Sized;
use crate::failure::Failure;

pub(super) fn measure(settings: &Settings<'_>, processes: &Processes) -> Result<Vec<Comparison>, Failure> {
    let scratch = settings.workspace.scratch("bench")?;
    let (documents, folder) = (scratch.path().join("documents"), scratch.path().join("queue"));
    let mut comparisons = Vec::new();
    for (size, level) in [(300, 3), (300, 0), (1024, 3), (1024, 0)] {
        let case = format!("deliver, {size} B, level {level}");
        if !settings.wants(&case) {
            continue;
        }
        let load = Load { events: if settings.quick { 10_000 } else { 60_000_000 / size }, size, level };
        Sized::new(size)?.write(&documents, load.events)?;
        let mut sides: Vec<(&'static str, Run<'_>)> = Vec::new();
        for queue in QUEUES {
            let folder = &folder;
            sides.push((
                queue.name,
                Box::new(move || delivered(&mut processes.deliver(&load, queue.flags, folder)?, load.events)),
            ));
        }
        if let Some(go) = &processes.go {
            sides.push((GO, Box::new(|| processes.go_lumber(go, &load, &documents))));
        }
        if let Some(python) = processes.python.as_ref().filter(|_| level == 3) {
            // Some thousand a second is all that it does.
            let events = if settings.quick { 500 } else { 2_000 };
            sides.push((
                PYTHON,
                Box::new(move || delivered(&mut python.deliver(processes.receiver(), events, size)?, events)),
            ));
        }
        let measured = Measured::run(AREA, settings.runs.min(RUNS), &mut sides)?;
        for queue in QUEUES {
            let name = format!("{case}, {}", queue.name);
            if queue.name == FLUSH && (size, level) == (300, 3) {
                comparisons.extend(measured.against(&name, FLUSH, ("300,000", 3e5), RATE));
            }
            if queue.name != MEMORY {
                comparisons.extend(measured.compare(&name, queue.name, MEMORY, &[RATE]));
            }
            comparisons.extend(measured.compare(&name, queue.name, GO, &[CPU, RATE]));
            if queue.name == MEMORY || queue.name == FLUSH {
                comparisons.extend(measured.compare(&name, queue.name, PYTHON, &[CPU, RATE]));
            }
        }
    }
    Ok(comparisons)
}

/// A queue of ours, and how `cargo xtask deliver` is told.
struct Queue {
    name: &'static str,
    flags: &'static [&'static str],
}

const QUEUES: &[Queue] = &[
    Queue { name: MEMORY, flags: &["--queue", "memory"] },
    Queue { name: FLUSH, flags: &["--queue", "flush"] },
    Queue { name: "SledQueue Interval", flags: &["--queue", "interval"] },
    Queue { name: "SledQueue Os", flags: &["--queue", "os"] },
    Queue { name: "OnBacklog Flush", flags: &["--queue", "flush", "--on-backlog"] },
    Queue { name: "OnBacklog Interval", flags: &["--queue", "interval", "--on-backlog"] },
    Queue { name: "OnBacklog Os", flags: &["--queue", "os", "--on-backlog"] },
];

const MEMORY: &str = "MemoryQueue";
const FLUSH: &str = "SledQueue Flush";
const GO: &str = "go-lumber async";
const PYTHON: &str = "python-logstash-async";

const RUNS: usize = 5;
