//! Whole windows: our codec on each zlib implementation, and what the codec adds to the one that it uses.

use super::super::Settings;
use super::super::comparison::Comparison;
use super::programs::Program;
use super::{AREA, figures};
use crate::failure::{Failure, fail};

pub(super) fn measure(settings: &Settings<'_>, runs: usize) -> Result<Vec<Comparison>, Failure> {
    let mut programs = Program::prepare(
        settings,
        "codec/windows",
        &[
            ("miniz_oxide", "let `cargo` reach its registry once"),
            ("zlib-ng", "install a C compiler and CMake (Debian: apt-get install gcc cmake)"),
        ],
        Measurement::read,
    )?;
    let milliseconds = if settings.quick { "5" } else { "80" };
    Program::run(&mut programs, runs, &[milliseconds.as_ref()])?;
    comparisons(&programs)
}

/// One case of one run, in MB/s.
#[derive(Debug, PartialEq)]
struct Measurement {
    case: Case,
    ours: f64,
    /// The same bytes through flate2 alone; at level 0, copied once.
    bare: f64,
}

impl Measurement {
    fn read(line: &str) -> Result<Self, Failure> {
        let (name, [size, level, ours, bare]) = figures(line)?;
        let work = match name {
            "encode" => Work::Encode,
            "session" => Work::Session,
            "payloads" => Work::Payloads,
            _ => fail!("a program that measures the codec wrote `{line}`"),
        };
        Ok(Self { case: Case { work, size: size as u64, level: level as u32 }, ours, bare })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Case {
    work: Work,
    size: u64,
    level: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Work {
    Encode,
    Session,
    Payloads,
}

impl Case {
    fn name(self) -> String {
        let work = match self.work {
            Work::Encode => "encode window",
            Work::Session => "decode window, session",
            Work::Payloads => "decode window, payloads",
        };
        format!("{work}, {} B, level {}", self.size, self.level)
    }

    fn bare(self) -> &'static str {
        match (self.level, self.work) {
            (0, _) => "bare copy",
            (_, Work::Encode) => "bare deflate",
            (_, Work::Session | Work::Payloads) => "bare inflate",
        }
    }
}

/// Ours, the first program, against the others, and against the bare work that its own process measured.
fn comparisons(programs: &[Program<Measurement>]) -> Result<Vec<Comparison>, Failure> {
    let Some((ours, others)) = programs.split_first() else { return Ok(Vec::new()) };
    let Some(first) = ours.rounds().next() else { return Ok(Vec::new()) };
    let mut comparisons = Vec::new();
    for (index, measurement) in first.iter().enumerate() {
        let case = measurement.case;
        let mut compare = |peer, runs| {
            comparisons.push(Comparison {
                area: AREA,
                name: case.name(),
                peer,
                unit: "MB/s",
                higher_is_better: true,
                runs,
            });
        };
        let own = figures_of(ours, index, case)?;
        // No zlib is at work at level 0.
        for other in others.iter().filter(|_| case.level > 0) {
            let theirs = figures_of(other, index, case)?;
            compare(
                other.name,
                own.iter().zip(theirs).map(|(ours, theirs)| (ours.ours, theirs.ours)).collect(),
            );
        }
        if matches!(case.level, 0 | 3) {
            compare(
                case.bare(),
                own.iter().map(|measurement| (measurement.ours, measurement.bare)).collect(),
            );
        }
    }
    Ok(comparisons)
}

/// The case in every round.
fn figures_of(
    program: &Program<Measurement>,
    index: usize,
    case: Case,
) -> Result<Vec<&Measurement>, Failure> {
    let figures: Option<Vec<_>> = program
        .rounds()
        .map(|round| round.get(index).filter(|measurement| measurement.case == case))
        .collect();
    figures.ok_or_else(|| {
        Failure::Failed(format!("on {} there is no figure of `{}`", program.name, case.name()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &'static str, rounds: &[&[&str]]) -> Program<Measurement> {
        Program::that_wrote(name, Measurement::read, rounds)
    }

    #[test]
    fn levels_are_compared_with_other_zlibs_and_with_the_bare_work() {
        let ours =
            [&["encode 300 0 1 2", "session 300 3 3 4"][..], &["encode 300 0 5 6", "session 300 3 7 8"]];
        let theirs =
            [&["encode 300 0 1 1", "session 300 3 1 1"][..], &["encode 300 0 9 9", "session 300 3 14 1"]];
        let comparisons = comparisons(&[program("zlib-rs", &ours), program("zlib-ng", &theirs)]).unwrap();
        let rows: Vec<_> =
            comparisons.iter().map(|row| (row.name.as_str(), row.peer, &row.runs[..])).collect();
        assert_eq!(
            rows,
            [
                ("encode window, 300 B, level 0", "bare copy", &[(5.0, 6.0)][..]),
                ("decode window, session, 300 B, level 3", "zlib-ng", &[(7.0, 14.0)]),
                ("decode window, session, 300 B, level 3", "bare inflate", &[(7.0, 8.0)]),
            ]
        );
    }

    #[test]
    fn a_case_that_is_missing_is_told() {
        let ours = program("zlib-rs", &[&["encode 300 3 1 2"], &["encode 300 3 1 2"]]);
        let theirs = program("zlib-ng", &[&["encode 300 3 1 2"], &[]]);
        let failure = comparisons(&[ours, theirs]).unwrap_err().to_string();
        assert!(failure.contains("on zlib-ng") && failure.contains("level 3"), "{failure}");
    }
}
