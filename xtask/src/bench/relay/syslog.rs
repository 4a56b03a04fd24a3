//! Lines of syslog over TCP, to a file and to a connection that throws them away.

use std::time::{Duration, Instant};

use super::AREA;
use super::lines::{Lines, ROUND, Senders};
use super::programs::Programs;
use super::sink::Sink;
use crate::bench::Settings;
use crate::bench::comparison::Comparison;
use crate::bench::measured::{Figures, Measured, Run};
use crate::failure::Failure;

mod rsyslog;
mod side;
mod syslog_ng;

pub(super) use side::{Side, Task};

pub(super) fn measure(settings: &Settings<'_>, programs: &Programs) -> Result<Vec<Comparison>, Failure> {
    let mut comparisons = Vec::new();
    for (job, prefix) in JOBS {
        let lines = Lines::new(*prefix)?;
        for (to_file, connections) in [(true, 1), (true, 50), (false, 1), (false, 50)] {
            let case = Case { job: *job, prefix: *prefix, to_file, connections };
            if settings.wants(&case.name()) {
                comparisons.extend(compare(settings, programs, case, &lines)?);
            }
        }
    }
    Ok(comparisons)
}

fn compare(
    settings: &Settings<'_>,
    programs: &Programs,
    case: Case,
    lines: &Lines,
) -> Result<Vec<Comparison>, Failure> {
    let total = if settings.quick { 50_000 } else { 400_000 };
    let mut sides: Vec<(&'static str, Run<'_>)> = Vec::new();
    for side in Side::all(programs, case) {
        // Python does some ten thousand a second.
        let total = if side == Side::Python { total / 8 } else { total };
        let rounds = (total / ROUND / case.connections).max(1);
        sides.push((side.name(), Box::new(move || run(settings, programs, (case, side), lines, rounds))));
    }
    let measured = Measured::run(AREA, settings.runs.min(RUNS), &mut sides)?;
    let peers = sides.iter().map(|(name, _)| *name).filter(|name| *name != side::OURS);
    Ok(peers.flat_map(|peer| measured.compare(&case.name(), side::OURS, peer, &[CPU, RATE])).collect())
}

/// Starts a collector, sends a round to warm it up, and then what counts.
fn run(
    settings: &Settings<'_>,
    programs: &Programs,
    (case, side): (Case, Side),
    lines: &Lines,
    rounds: usize,
) -> Result<Figures, Failure> {
    let scratch = settings.workspace.scratch("bench-relay")?;
    let sink = if case.to_file { Sink::file(scratch.path().join("lines")) } else { Sink::tcp()? };
    let task = Task { case, output: sink.destination(), folder: scratch.path() };
    let mut collector = side.start(programs, &task)?;
    let senders = Senders::connect(collector.address(), case.connections)?;
    let round = (ROUND * case.connections) as u64;
    let measured = (|| {
        senders.send(lines, 1)?;
        sink.wait_for(round, PATIENCE)?;
        let (before, started) = (collector.cpu_time()?, Instant::now());
        senders.send(lines, rounds)?;
        sink.wait_for(round * (1 + rounds as u64), PATIENCE)?;
        Ok((collector.cpu_time()? - before, started.elapsed()))
    })();
    let (cpu, took) = measured.map_err(|failure| collector.blame(failure))?;
    let count = (round * rounds as u64) as f64;
    Ok([(CPU, cpu.as_secs_f64() * 1e9 / count), (RATE, count / took.as_secs_f64())].into())
}

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) job: Job,
    pub(super) prefix: Prefix,
    pub(super) to_file: bool,
    pub(super) connections: usize,
}

impl Case {
    fn name(self) -> String {
        let Self { job, prefix, to_file, connections } = self;
        let to = if to_file { "file" } else { "TCP" };
        let plural = if connections == 1 { "" } else { "s" };
        format!("{}, {} to {to}, {connections} connection{plural}", job.name(), prefix.name())
    }
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Job {
    /// Written as it came; ours and syslog-ng do not look into it.
    Lines,
    /// Parsed, and written as it came.
    Syslog,
    /// Parsed, and written as a JSON document.
    Json,
}

impl Job {
    const fn name(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Syslog => "syslog",
            Self::Json => "syslog as JSON",
        }
    }
}

/// How a line begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Prefix {
    Rfc3164,
    Rfc5424,
}

impl Prefix {
    const fn name(self) -> &'static str {
        match self {
            Self::Rfc3164 => "RFC 3164",
            Self::Rfc5424 => "RFC 5424",
        }
    }

    /// That of one line.
    pub(super) fn write(self, number: usize) -> String {
        let (priority, second, milli, process) = (8 * 16 + 6, number % 60, number % 1000, 1000 + number % 97);
        match self {
            Self::Rfc3164 => {
                format!("<{priority}>Nov 12 10:07:{second:02} web-1 shop[{process}]: request {number} ")
            }
            Self::Rfc5424 => format!(
                "<{priority}>1 2026-11-12T10:07:{second:02}.{milli:03}Z web-1.example.org shop {process} \
                 request - request {number} "
            ),
        }
    }
}

const JOBS: &[(Job, Prefix)] = &[
    (Job::Lines, Prefix::Rfc5424),
    (Job::Syslog, Prefix::Rfc5424),
    (Job::Syslog, Prefix::Rfc3164),
    (Job::Json, Prefix::Rfc5424),
    (Job::Json, Prefix::Rfc3164),
];

const CPU: &str = "ns CPU/line";
const RATE: &str = "lines/s";

/// Runs that count. More would take longer than anybody waits.
const RUNS: usize = 5;

const PATIENCE: Duration = Duration::from_secs(60);
