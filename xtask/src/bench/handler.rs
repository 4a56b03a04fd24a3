//! The handler: what a call that logs costs, and what it takes until the event is acknowledged.

use super::Settings;
use super::comparison::Comparison;
use crate::failure::Failure;

mod backlog;
mod deliver;
mod emit;
mod lag;
mod process;

use process::Processes;

pub(super) fn measure(settings: &Settings<'_>) -> Result<Vec<Comparison>, Failure> {
    let processes = Processes::prepare(settings.workspace)?;
    let mut comparisons = emit::measure(settings, &processes)?;
    comparisons.extend(deliver::measure(settings, &processes)?);
    comparisons.extend(backlog::measure(settings, &processes)?);
    comparisons.extend(lag::measure(settings, &processes)?);
    Ok(comparisons)
}

const AREA: &str = "handler";

const RATE: &str = "events/s";
const CPU: &str = "ns CPU/event";
