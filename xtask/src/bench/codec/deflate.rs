//! Deflate alone: how fast is each implementation where it makes no more bytes than ours?

use super::super::Settings;
use super::super::comparison::{Comparison, Spread};
use super::super::sample::Sized;
use super::programs::Program;
use super::{AREA, figures};
use crate::failure::{Failure, fail};

pub(super) fn measure(settings: &Settings<'_>, runs: usize) -> Result<Vec<Comparison>, Failure> {
    let mut programs = Program::prepare(
        settings,
        "codec/deflate",
        &[
            ("libdeflate", "install a C compiler (Debian: apt-get install gcc)"),
            ("miniz_oxide", "let `cargo` reach its registry once"),
            ("zlib-ng", "install a C compiler and CMake (Debian: apt-get install gcc cmake)"),
        ],
        Measurement::read,
    )?;
    // How they compare depends on what is deflated: documents of many fields, and documents of text.
    let scratch = settings.workspace.scratch("bench")?;
    let texts = [300, 1024].map(|size| (size, scratch.path().join(format!("text-{size}"))));
    for (size, path) in &texts {
        Sized::new(*size)?.write(path, EVENTS)?;
    }
    let milliseconds = if settings.quick { "2" } else { "40" };
    let arguments = [milliseconds.as_ref(), texts[0].1.as_os_str(), texts[1].1.as_os_str()];
    Program::run(&mut programs, runs, &arguments)?;
    comparisons(&programs)
}

/// A window of 2,048 events at one level, in one run.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Measurement {
    kind: Kind,
    /// Bytes of an event.
    size: u64,
    level: u32,
    /// MB of frames per second.
    speed: f64,
    /// How many times smaller they became; the same in every run.
    ratio: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Fields,
    Text,
}

impl Measurement {
    fn read(line: &str) -> Result<Self, Failure> {
        let (name, [size, level, speed, ratio]) = figures(line)?;
        let kind = match name {
            "deflate" => Kind::Fields,
            "text" => Kind::Text,
            _ => fail!("a program that measures deflate wrote `{line}`"),
        };
        Ok(Self { kind, size: size as u64, level: level as u32, speed, ratio })
    }

    /// Whether the same documents were deflated.
    fn is_of(&self, other: &Self) -> bool {
        (self.kind, self.size) == (other.kind, other.size)
    }

    fn median_speed(self, program: &Program<Self>) -> f64 {
        Spread::of(self.speeds(program).into_iter()).median
    }

    /// In every run.
    fn speeds(self, program: &Program<Self>) -> Vec<f64> {
        let same = |other: &&Self| other.is_of(&self) && other.level == self.level;
        program.rounds().filter_map(|round| round.iter().find(same)).map(|other| other.speed).collect()
    }
}

fn comparisons(programs: &[Program<Measurement>]) -> Result<Vec<Comparison>, Failure> {
    let Some((ours, others)) = programs.split_first() else { return Ok(Vec::new()) };
    let cases = |program: &Program<Measurement>| program.rounds().next().cloned().unwrap_or_default();
    let mut comparisons = Vec::new();
    for own in cases(ours).into_iter().filter(|own| LEVELS.contains(&own.level)) {
        for other in others {
            let rivals = cases(other).into_iter().filter(|theirs| theirs.is_of(&own));
            // Every one has its own idea of what a level is.
            let fastest = rivals
                .filter(|theirs| theirs.ratio >= own.ratio * (1.0 - TOLERANCE))
                .max_by(|a, b| a.median_speed(other).total_cmp(&b.median_speed(other)));
            let Some(theirs) = fastest else {
                eprintln!("{} makes more bytes than level {} at every level", other.name, own.level);
                continue;
            };
            comparisons.push(Comparison {
                area: AREA,
                name: format!(
                    "deflate window{}, {} B, level {} ({:.2}:1), peer at level {} ({:.2}:1)",
                    if own.kind == Kind::Text { " of text" } else { "" },
                    own.size,
                    own.level,
                    own.ratio,
                    theirs.level,
                    theirs.ratio
                ),
                peer: other.name,
                unit: "MB/s",
                higher_is_better: true,
                runs: own.speeds(ours).into_iter().zip(theirs.speeds(other)).collect(),
            });
        }
    }
    Ok(comparisons)
}

const LEVELS: [u32; 3] = [1, 3, 6];

/// As many as the programs want in a file.
const EVENTS: usize = 2048;

/// So much more counts as no more bytes.
const TOLERANCE: f64 = 0.01;

#[cfg(test)]
mod tests {
    use super::*;

    fn program(name: &'static str, rounds: &[&[&str]]) -> Program<Measurement> {
        Program::that_wrote(name, Measurement::read, rounds)
    }

    #[test]
    fn a_level_is_compared_with_the_fastest_one_that_makes_no_more_bytes() {
        let ours = [&["deflate 300 3 1 1"][..], &["deflate 300 3 100 5.0", "deflate 300 4 50 6.0"]];
        let theirs = [
            &["deflate 300 1 1 1"][..],
            &[
                "deflate 300 1 900 4.9",
                "deflate 300 2 150 4.96",
                "deflate 300 3 120 5.5",
                "deflate 1000 3 500 9.0",
                "text 300 3 500 9.0",
            ],
        ];
        let comparisons = comparisons(&[program("zlib-rs", &ours), program("libdeflate", &theirs)]).unwrap();
        assert_eq!(comparisons.len(), 1);
        assert_eq!(comparisons[0].name, "deflate window, 300 B, level 3 (5.00:1), peer at level 2 (4.96:1)");
        assert_eq!(comparisons[0].peer, "libdeflate");
        assert_eq!(comparisons[0].runs, [(100.0, 150.0)]);
    }

    #[test]
    fn one_that_always_makes_more_bytes_is_left_out() {
        let ours = [&["deflate 300 6 1 1"][..], &["deflate 300 6 100 5.0"]];
        let theirs = [&["deflate 300 6 1 1"][..], &["deflate 300 6 900 4.0"]];
        let comparisons = comparisons(&[program("zlib-rs", &ours), program("zlib-ng", &theirs)]).unwrap();
        assert!(comparisons.is_empty());
    }

    #[test]
    fn a_line_that_nobody_knows_is_told() {
        let failure = Measurement::read("inflate 300 6 1 1").unwrap_err().to_string();
        assert!(failure.contains("`inflate 300 6 1 1`"), "{failure}");
    }
}
