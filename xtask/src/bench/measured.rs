use std::collections::BTreeMap;

use super::comparison::{Comparison, Side, alternate};
use crate::failure::Failure;

/// Sides with their names, measured in alternation.
pub(super) struct Measured {
    area: &'static str,
    names: Vec<&'static str>,
    rounds: Vec<Vec<Figures>>,
}

/// What one run of a side says, by unit.
pub(super) type Figures = BTreeMap<&'static str, f64>;

/// Runs a side once.
pub(super) type Run<'a> = Box<dyn FnMut() -> Result<Figures, Failure> + 'a>;

impl Measured {
    pub(super) fn run(
        area: &'static str,
        runs: usize,
        sides: &mut [(&'static str, Run<'_>)],
    ) -> Result<Self, Failure> {
        let names = sides.iter().map(|(name, _)| *name).collect();
        let mut sides: Vec<Side<'_, Figures>> = sides.iter_mut().map(|(_, run)| &mut **run as _).collect();
        Ok(Self { area, names, rounds: alternate(runs, &mut sides)? })
    }

    /// Of one side, a figure of each run; nothing if it did not run, or does not tell.
    pub(super) fn of(&self, side: &str, unit: &str) -> Option<Vec<f64>> {
        let place = self.names.iter().position(|name| *name == side)?;
        self.rounds.iter().map(|figures| figures[place].get(unit).copied()).collect()
    }

    /// Two sides, by each of the units that both tell.
    pub(super) fn compare(
        &self,
        name: &str,
        ours: &str,
        peer: &'static str,
        units: &[&'static str],
    ) -> Vec<Comparison> {
        let both = |unit| Some((unit, self.of(ours, unit)?, self.of(peer, unit)?));
        let told = units.iter().filter_map(|unit| both(*unit));
        told.map(|(unit, mine, theirs)| self.comparison(name, peer, unit, mine.into_iter().zip(theirs)))
            .collect()
    }

    /// Ours against a figure that does not depend on the run.
    pub(super) fn against(
        &self,
        name: &str,
        ours: &str,
        (peer, figure): (&'static str, f64),
        unit: &'static str,
    ) -> Option<Comparison> {
        let ours = self.of(ours, unit)?;
        Some(self.comparison(name, peer, unit, ours.into_iter().map(|own| (own, figure))))
    }

    pub(super) fn comparison(
        &self,
        name: &str,
        peer: &'static str,
        unit: &'static str,
        runs: impl IntoIterator<Item = (f64, f64)>,
    ) -> Comparison {
        Comparison {
            area: self.area,
            name: name.to_owned(),
            peer,
            unit,
            higher_is_better: unit.ends_with("/s"),
            runs: runs.into_iter().collect(),
        }
    }
}
