//! What the protocol costs without sockets: single frames against other crates, whole windows on each zlib, and
//! deflate alone.

use super::Settings;
use super::comparison::Comparison;
use super::program::build;
use crate::failure::{Failure, fail};

mod deflate;
mod frames;
mod programs;
mod windows;

pub(super) fn measure(settings: &Settings<'_>) -> Result<Vec<Comparison>, Failure> {
    let runs = if settings.quick { settings.runs } else { settings.runs.max(RUNS) };
    let mut comparisons = frames::measure(settings, runs)?;
    comparisons.extend(windows::measure(settings, runs)?);
    comparisons.extend(deflate::measure(settings, runs)?);
    Ok(comparisons)
}

/// A line that a program wrote: `NAME NUMBER...`, with exactly so many numbers.
fn figures<const N: usize>(line: &str) -> Result<(&str, [f64; N]), Failure> {
    let mut words = line.split(' ');
    let name = words.next().unwrap_or_default();
    let numbers = words.map(str::parse).collect::<Result<Vec<f64>, _>>();
    match numbers.ok().and_then(|numbers| <[f64; N]>::try_from(numbers).ok()) {
        Some(numbers) => Ok((name, numbers)),
        None => fail!("a program that measures the codec wrote `{line}`"),
    }
}

const AREA: &str = "codec";

/// What is measured in nanoseconds needs more runs than what takes seconds.
const RUNS: usize = 11;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_name_and_its_numbers_or_is_refused() {
        assert_eq!(figures::<2>("encode 300 15.5").unwrap(), ("encode", [300.0, 15.5]));
        for line in ["", "encode", "encode 300", "encode 300 x", "encode 1 2 3"] {
            let failure = figures::<2>(line).unwrap_err().to_string();
            assert!(failure.contains(&format!("`{line}`")), "{failure}");
        }
    }
}
