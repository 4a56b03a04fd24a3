//! Single J frames, against the two other crates that speak the protocol.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use super::super::Settings;
use super::super::comparison::Comparison;
use super::{AREA, build, figures};
use crate::failure::{Failure, fail};
use crate::process;

/// All sides run in one process, which takes its turns itself: a process each would differ by more than the sides.
pub(super) fn measure(settings: &Settings<'_>, runs: usize) -> Result<Vec<Comparison>, Failure> {
    let program = match build(settings.workspace, "codec/frames", None) {
        Ok(program) => program,
        Err(failure) => {
            eprintln!(
                "SKIPPED {}: {failure}; to get them: let `cargo` reach its registry once",
                PEERS.join(", ")
            );
            return Ok(Vec::new());
        }
    };
    let milliseconds = if settings.quick { "2" } else { "20" };
    let text = process::output(Command::new(program).args([&runs.to_string(), milliseconds]), PATIENCE)?;
    comparisons(&text, runs)
}

fn comparisons(text: &str, runs: usize) -> Result<Vec<Comparison>, Failure> {
    let mut cases: BTreeMap<(u64, String), Vec<[f64; 3]>> = BTreeMap::new();
    for line in text.lines() {
        let (case, [size, ours, ferro, lumberjack]) = figures(line)?;
        cases.entry((size as u64, case.to_owned())).or_default().push([ours, ferro, lumberjack]);
    }
    let mut comparisons = Vec::new();
    for ((size, case), rounds) in cases {
        if rounds.len() != runs {
            fail!("`{case}` of {size} B was measured {} times instead of {runs}", rounds.len());
        }
        for (index, peer) in PEERS.into_iter().enumerate() {
            comparisons.push(Comparison {
                area: AREA,
                name: format!("{}, {size} B", title(&case)?),
                peer,
                unit: "ns/frame",
                higher_is_better: false,
                runs: rounds.iter().map(|figures| (figures[0], figures[1 + index])).collect(),
            });
        }
    }
    Ok(comparisons)
}

/// What a case is called in the report.
fn title(case: &str) -> Result<&'static str, Failure> {
    Ok(match case {
        "append" => "append a J frame to a buffer",
        "borrow" => "decode a J frame, borrowed",
        "decode" => "decode a J frame",
        "encode" => "encode a J frame",
        "head" => "encode a J frame, for a vectored write",
        _ => fail!("a program that measures the codec measured `{case}`"),
    })
}

const PEERS: [&str; 2] = ["ferro-lumberjack", "lumberjack-protocol"];

const PATIENCE: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_case_is_compared_with_each_peer() {
        let text = "encode 300 10 20 10\ndecode 300 5 25 20\nencode 300 12 24 6\ndecode 300 6 24 18\n";
        let comparisons = comparisons(text, 2).unwrap();
        let rows: Vec<_> =
            comparisons.iter().map(|row| (row.name.as_str(), row.peer, &row.runs[..])).collect();
        assert_eq!(
            rows,
            [
                ("decode a J frame, 300 B", "ferro-lumberjack", &[(5.0, 25.0), (6.0, 24.0)][..]),
                ("decode a J frame, 300 B", "lumberjack-protocol", &[(5.0, 20.0), (6.0, 18.0)]),
                ("encode a J frame, 300 B", "ferro-lumberjack", &[(10.0, 20.0), (12.0, 24.0)]),
                ("encode a J frame, 300 B", "lumberjack-protocol", &[(10.0, 10.0), (12.0, 6.0)]),
            ]
        );
    }

    #[test]
    fn a_case_that_nobody_knows_is_told() {
        let failure = comparisons("guess 300 10 20 10\n", 1).unwrap_err().to_string();
        assert!(failure.contains("`guess`"), "{failure}");
    }

    #[test]
    fn a_run_that_is_missing_is_told() {
        let failure = comparisons("encode 300 10 20 10\n", 2).unwrap_err().to_string();
        assert!(failure.contains("1 times instead of 2"), "{failure}");
    }
}
