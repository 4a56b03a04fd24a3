//! One program of `xtask/peers/codec`, built on each implementation of deflate in turn.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::super::Settings;
use super::super::comparison::{Side, alternate};
use super::build;
use crate::failure::Failure;
use crate::process;

/// The program on one implementation, and what it measured.
pub(super) struct Program<M> {
    pub(super) name: &'static str,
    path: PathBuf,
    read: fn(&str) -> Result<M, Failure>,
    rounds: Vec<Vec<M>>,
}

impl<M> Program<M> {
    /// The program on ours, which has to be there, and on those of the others that can be built here. `read` takes
    /// a line of what it writes.
    pub(super) fn prepare(
        settings: &Settings<'_>,
        peer: &str,
        others: &[(&'static str, &str)],
        read: fn(&str) -> Result<M, Failure>,
    ) -> Result<Vec<Self>, Failure> {
        let program = |name, path| Self { name, path, read, rounds: Vec::new() };
        let mut programs = vec![program(OURS, build(settings.workspace, peer, Some(OURS))?)];
        for (name, remedy) in others {
            match build(settings.workspace, peer, Some(name)) {
                Ok(path) => programs.push(program(name, path)),
                Err(failure) => eprintln!("SKIPPED {name}: {failure}; to get it: {remedy}"),
            }
        }
        Ok(programs)
    }

    /// Runs them in turn; each run measures all cases. The first argument is for how long each.
    pub(super) fn run(programs: &mut [Self], runs: usize, arguments: &[&OsStr]) -> Result<(), Failure> {
        let mut measured: Vec<_> = programs.iter_mut().map(|program| || program.round(arguments)).collect();
        let mut sides: Vec<Side<'_>> = measured.iter_mut().map(|side| side as Side<'_>).collect();
        alternate(runs, &mut sides).map(drop)
    }

    /// What was measured in each round but the first, which warms up.
    pub(super) fn rounds(&self) -> impl Iterator<Item = &Vec<M>> {
        self.rounds.iter().skip(1)
    }

    /// One round of all cases, which is one turn; the figure that is returned says only that it went well.
    fn round(&mut self, arguments: &[&OsStr]) -> Result<f64, Failure> {
        let text = process::output(Command::new(&self.path).args(arguments), PATIENCE)?;
        self.rounds.push(text.lines().map(self.read).collect::<Result<_, _>>()?);
        Ok(1.0)
    }

    /// As if it had written these lines in its rounds.
    #[cfg(test)]
    pub(super) fn that_wrote(
        name: &'static str,
        read: fn(&str) -> Result<M, Failure>,
        rounds: &[&[&str]],
    ) -> Self {
        let rounds = rounds.iter().map(|round| round.iter().map(|line| read(line).unwrap()).collect());
        Self { name, path: PathBuf::new(), read, rounds: rounds.collect() }
    }
}

/// What the codec uses.
pub(super) const OURS: &str = "zlib-rs";

const PATIENCE: Duration = Duration::from_secs(120);
