//! The relay beside other collectors: what a line and an event cost it, its memory, its size.

use super::Settings;
use super::comparison::Comparison;
use crate::failure::Failure;

mod beats;
mod collector;
mod lines;
mod memory;
mod programs;
mod sink;
mod size;
mod syslog;
mod windows;

use programs::Programs;

pub(super) fn measure(settings: &Settings<'_>) -> Result<Vec<Comparison>, Failure> {
    let programs = Programs::prepare(settings.workspace)?;
    let mut comparisons = syslog::measure(settings, &programs)?;
    comparisons.extend(beats::measure(settings, &programs)?);
    comparisons.extend(memory::measure(settings, &programs)?);
    comparisons.extend(size::measure(settings, &programs)?);
    Ok(comparisons)
}

const AREA: &str = "relay";
