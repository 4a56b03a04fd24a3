//! The handler: what a call that logs costs, and what it takes until the event is acknowledged.

use std::collections::BTreeMap;

use super::Settings;
use super::comparison::{Comparison, Side, alternate};
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

/// What one run of a side says, by unit.
type Figures = BTreeMap<&'static str, f64>;

/// Sides with their names, measured in alternation.
struct Measured {
    names: Vec<&'static str>,
    rounds: Vec<Vec<Figures>>,
}

impl Measured {
    fn run(runs: usize, sides: &mut [(&'static str, Run<'_>)]) -> Result<Self, Failure> {
        let names = sides.iter().map(|(name, _)| *name).collect();
        let mut sides: Vec<Side<'_, Figures>> = sides.iter_mut().map(|(_, run)| &mut **run as _).collect();
        Ok(Self { names, rounds: alternate(runs, &mut sides)? })
    }

    /// Of one side, a figure of each run; nothing if it did not run, or does not tell.
    fn of(&self, side: &str, unit: &str) -> Option<Vec<f64>> {
        let place = self.names.iter().position(|name| *name == side)?;
        self.rounds.iter().map(|figures| figures[place].get(unit).copied()).collect()
    }

    /// Two sides, by each of the units that both tell.
    fn compare(
        &self,
        name: &str,
        ours: &'static str,
        peer: &'static str,
        units: &[&'static str],
    ) -> Vec<Comparison> {
        let both = |unit| Some((unit, self.of(ours, unit)?, self.of(peer, unit)?));
        let told = units.iter().filter_map(|unit| both(*unit));
        told.map(|(unit, mine, theirs)| comparison(name, peer, unit, mine.into_iter().zip(theirs))).collect()
    }
}

type Run<'a> = Box<dyn FnMut() -> Result<Figures, Failure> + 'a>;

fn comparison(
    name: &str,
    peer: &'static str,
    unit: &'static str,
    runs: impl IntoIterator<Item = (f64, f64)>,
) -> Comparison {
    Comparison {
        area: "handler",
        name: name.to_owned(),
        peer,
        unit,
        higher_is_better: unit.ends_with("/s"),
        runs: runs.into_iter().collect(),
    }
}

const RATE: &str = "events/s";
const CPU: &str = "ns CPU/event";
