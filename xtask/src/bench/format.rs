//! What an event costs until it is a document, against the formatters of others.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use super::Settings;
use super::comparison::Comparison;
use super::program::build;
use crate::failure::{Failure, fail};
use crate::peers::Python;
use crate::process;

pub(super) fn measure(settings: &Settings<'_>) -> Result<Vec<Comparison>, Failure> {
    let runs = if settings.quick { settings.runs } else { settings.runs.max(RUNS) };
    let milliseconds = if settings.quick { 5 } else { 50 };
    let program = match build(settings.workspace, "format", None) {
        Ok(program) => program,
        Err(failure) => {
            eprintln!("SKIPPED format: {failure}; to get its peers: let `cargo` reach its registry once");
            return Ok(Vec::new());
        }
    };
    let python = Python::prepare(settings.workspace)
        .inspect_err(|missing| eprintln!("SKIPPED python-logstash-async: {missing}"))
        .ok();

    let mut figures = Figures::default();
    // All Rust sides run in one process, which takes its turns itself; Python's turn is before or after it.
    for turn in 0..runs {
        let rust = || {
            process::output(
                Command::new(&program).args([milliseconds.to_string(), turn.to_string()]),
                PATIENCE,
            )
        };
        let other = || python.as_ref().map(|python| python.time_formatter(milliseconds)).transpose();
        let (ours, theirs) = if turn % 2 == 0 {
            let ours = rust()?;
            (ours, other()?)
        } else {
            let theirs = other()?;
            (rust()?, theirs)
        };
        figures.read(&ours)?;
        figures.read(&theirs.unwrap_or_default())?;
    }
    figures.tell_allocations();
    figures.check_that_ours_allocate_nothing()?;
    figures.comparisons()
}

/// What was measured, by what was done and who did it.
#[derive(Debug, Default)]
struct Figures {
    sides: BTreeMap<(Job, String), Vec<Figure>>,
}

/// How the event came about, and what it holds.
type Job = (String, String);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Figure {
    nanoseconds: f64,
    allocations: f64,
    bytes: f64,
}

impl Figures {
    /// Reads lines of `WAY CASE SIDE NANOSECONDS ALLOCATIONS BYTES`.
    fn read(&mut self, text: &str) -> Result<(), Failure> {
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let &[way, case, side, ref numbers @ ..] = &words[..] else {
                fail!("a program that measures formatters wrote `{line}`");
            };
            let numbers: Option<Vec<f64>> = numbers.iter().map(|number| number.parse().ok()).collect();
            let Some(&[nanoseconds, allocations, bytes]) = numbers.as_deref() else {
                fail!("a program that measures formatters wrote `{line}`");
            };
            let side = ((way.to_owned(), case.to_owned()), side.to_owned());
            self.sides.entry(side).or_default().push(Figure { nanoseconds, allocations, bytes });
        }
        Ok(())
    }

    fn of(&self, way: &str, case: &str, side: &str) -> Option<&[Figure]> {
        self.sides.get(&((way.to_owned(), case.to_owned()), side.to_owned())).map(Vec::as_slice)
    }

    /// Each of our two formatters against each peer that did the same.
    fn comparisons(&self) -> Result<Vec<Comparison>, Failure> {
        let mut comparisons = Vec::new();
        for ours in OURS {
            for peer in PEERS {
                for (way, case) in self.sides.keys().filter(|(_, side)| side == peer).map(|(job, _)| job) {
                    let our_way = if way == "python" { "direct" } else { way };
                    let (Some(mine), Some(theirs)) = (self.of(our_way, case, ours), self.of(way, case, peer))
                    else {
                        fail!("`{case}` was not measured with `{ours}` by way of `{our_way}`");
                    };
                    comparisons.push(Comparison {
                        area: "format",
                        name: format!("{ours}, {our_way}, {}", case.replace('-', " ")),
                        peer,
                        unit: "ns/event",
                        higher_is_better: false,
                        runs: mine.iter().zip(theirs).map(|(a, b)| (a.nanoseconds, b.nanoseconds)).collect(),
                    });
                }
            }
        }
        Ok(comparisons)
    }

    /// The highest count of all runs; Python's are not counted.
    fn tell_allocations(&self) {
        eprintln!("allocations per event, and bytes of the document:");
        for (((way, case), side), figures) in &self.sides {
            if way != "python" {
                let (most, bytes) =
                    (most_allocations(figures), figures.first().map_or(0.0, |figure| figure.bytes));
                eprintln!("  {:<34}{side:<20}{most:>7.2} {bytes:>6} B", format!("{way}, {case}"));
            }
        }
    }

    fn check_that_ours_allocate_nothing(&self) -> Result<(), Failure> {
        for (((way, case), side), figures) in &self.sides {
            // Less than one in a thousand events: something of the process, not of the event.
            if OURS.contains(&side.as_str()) && most_allocations(figures) >= 0.001 {
                fail!("`{side}` allocates for each event of `{way}, {case}`: {}", most_allocations(figures));
            }
        }
        Ok(())
    }
}

fn most_allocations(figures: &[Figure]) -> f64 {
    figures.iter().map(|figure| figure.allocations).fold(0.0, f64::max)
}

const OURS: [&str; 2] = ["logstash", "ecs"];

const PEERS: [&str; 6] = [
    "tracing-subscriber",
    "tracing-logstash",
    "tracing-ecs",
    "ecs-logger",
    "serde_json",
    "python-logstash-async",
];

/// What is measured in nanoseconds needs many runs.
const RUNS: usize = 11;

const PATIENCE: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "\
tracing bare logstash 300.0 0.00 280
tracing bare ecs 320.0 0.00 290
tracing bare tracing-subscriber 900.0 2.00 250
direct bare logstash 200.0 0.00 280
direct bare ecs 210.0 0.00 290
python bare python-logstash-async 20000.0 0 330
";

    #[test]
    fn each_of_ours_is_compared_with_each_peer_that_did_the_same() {
        let mut figures = Figures::default();
        figures.read(RUN).unwrap();
        figures.read(&RUN.replace("900.0", "600.0")).unwrap();
        figures.check_that_ours_allocate_nothing().unwrap();
        let comparisons = figures.comparisons().unwrap();
        let rows: Vec<_> =
            comparisons.iter().map(|row| (row.name.as_str(), row.peer, &row.runs[..])).collect();
        assert_eq!(
            rows,
            [
                ("logstash, tracing, bare", "tracing-subscriber", &[(300.0, 900.0), (300.0, 600.0)][..]),
                ("logstash, direct, bare", "python-logstash-async", &[(200.0, 20000.0); 2]),
                ("ecs, tracing, bare", "tracing-subscriber", &[(320.0, 900.0), (320.0, 600.0)]),
                ("ecs, direct, bare", "python-logstash-async", &[(210.0, 20000.0); 2]),
            ]
        );
    }

    #[test]
    fn an_allocation_of_ours_fails_the_measurement_and_one_of_a_peer_does_not() {
        let mut figures = Figures::default();
        figures.read(&RUN.replace("ecs 320.0 0.00", "ecs 320.0 1.00")).unwrap();
        let failure = figures.check_that_ours_allocate_nothing().unwrap_err().to_string();
        assert!(failure.contains("`ecs` allocates") && failure.contains("tracing, bare"), "{failure}");
    }

    #[test]
    fn a_line_that_is_none_and_a_side_that_is_missing_are_told() {
        for line in ["tracing", "tracing bare ecs 1 2", "tracing bare ecs 1 2 x", "tracing bare ecs 1 2 3 4"]
        {
            let failure = Figures::default().read(line).unwrap_err().to_string();
            assert!(failure.contains(&format!("`{line}`")), "{failure}");
        }
        let mut figures = Figures::default();
        figures.read("log bare ecs-logger 1 2 3\n").unwrap();
        assert!(figures.comparisons().unwrap_err().to_string().contains("`bare`"));
    }
}
