//! The program of the relay on disk.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::AREA;
use super::programs::Programs;
use crate::bench::Settings;
use crate::bench::comparison::Comparison;
use crate::failure::{Failure, Trying};
use crate::process;

pub(super) fn measure(settings: &Settings<'_>, programs: &Programs) -> Result<Vec<Comparison>, Failure> {
    let case = "size of the program, stripped";
    if !settings.wants(case) {
        return Ok(Vec::new());
    }
    let scratch = settings.workspace.scratch("bench-relay")?;
    let stripped = scratch.path().join("stripped");
    process::output(
        Command::new("strip").arg("-o").arg(&stripped).arg(programs.relay.path()),
        Duration::from_secs(60),
    )?;
    let bytes = fs::metadata(&stripped).trying("cannot tell the size of a file")?.len();
    Ok(vec![Comparison {
        area: AREA,
        name: case.to_owned(),
        peer: "limit",
        unit: "MB",
        higher_is_better: false,
        runs: vec![(bytes as f64 / 1e6, LIMIT)],
    }])
}

const LIMIT: f64 = 10.0;
