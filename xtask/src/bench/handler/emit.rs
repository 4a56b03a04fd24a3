//! What a call that logs costs the thread that logs.

use std::path::Path;
use std::process::Command;

use super::AREA;
use super::process::{Load, Processes, delivered, numbers, output};
use crate::bench::Settings;
use crate::bench::comparison::Comparison;
use crate::bench::measured::{Figures, Measured, Run};
use crate::failure::{Failure, fail};

pub(super) fn measure(settings: &Settings<'_>, processes: &Processes) -> Result<Vec<Comparison>, Failure> {
    let Some(program) = &processes.emit else { return Ok(Vec::new()) };
    let bursts = if settings.quick { 4 } else { 20 };
    let mut comparisons = Vec::new();
    for (event, crates) in [("tracing", CRATES), ("log", &CRATES[..2])] {
        for (state, threads) in STATES.iter().flat_map(|state| [1, 2, 4].map(|threads| (*state, threads))) {
            let name =
                format!("emit, {event}, {threads} thread{}, {state}", if threads == 1 { "" } else { "s" });
            if !settings.wants(&name) {
                continue;
            }
            let case = [event.to_owned(), threads.to_string(), state.to_owned(), bursts.to_string()];
            let mut sides: Vec<(&'static str, Run<'_>)> = Vec::new();
            for side in crates {
                let case = &case;
                sides.push((side, Box::new(move || log_in_bursts(program, side, case))));
            }
            // It has no state in which it is full, and is far from any other figure.
            if let Some(python) = &processes.python
                && (event, threads, state) == ("tracing", 1, "idle")
            {
                let load = Load { events: 1_000, size: 300, level: 6 };
                sides.push((
                    PYTHON,
                    Box::new(move || {
                        let mut process = python.deliver(processes.receiver(), load.events, load.size)?;
                        let figures = numbers(&mut process, "log")?;
                        delivered(&mut process, load.events)?;
                        Ok(percentiles(figures))
                    }),
                ));
            }
            let measured = Measured::run(AREA, settings.runs, &mut sides)?;
            check_that_ours_allocate_nothing(&name, &measured)?;
            for peer in crates[1..].iter().chain([&PYTHON]) {
                comparisons.extend(measured.compare(&name, crates[0], peer, UNITS));
            }
        }
    }
    Ok(comparisons)
}

fn log_in_bursts(program: &Path, side: &str, case: &[String]) -> Result<Figures, Failure> {
    let [p50, p99, p999, allocations] = output(Command::new(program).arg(side).args(case))?;
    let mut figures = percentiles([p50, p99, p999]);
    figures.insert(ALLOCATIONS, allocations);
    Ok(figures)
}

fn percentiles(figures: [f64; 3]) -> Figures {
    UNITS.iter().copied().zip(figures).collect()
}

fn check_that_ours_allocate_nothing(name: &str, measured: &Measured) -> Result<(), Failure> {
    let most = measured.of(CRATES[0], ALLOCATIONS).unwrap_or_default().into_iter().fold(0.0, f64::max);
    // Less than one in a thousand events: something of the process, not of the event.
    if most >= 0.001 {
        fail!("in `{name}` ours allocates for each event: {most}");
    }
    Ok(())
}

/// Ours first.
const CRATES: &[&str] = &["ours", "tracing-appender", "opentelemetry"];

const PYTHON: &str = "python-logstash-async";

const STATES: &[&str] = &["idle", "saturated"];

const UNITS: &[&str] = &["ns p50", "ns p99", "ns p99.9"];

const ALLOCATIONS: &str = "allocations/event";
