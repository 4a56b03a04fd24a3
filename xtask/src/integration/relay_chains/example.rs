use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Links, PATIENCE};
use crate::failure::{Failure, Trying, fail};
use crate::process::Running;

/// A configuration as the documentation shows it, with addresses and paths of this run in place of its own.
pub(super) struct Example {
    name: &'static str,
    text: String,
}

impl Example {
    pub(super) fn read(links: &Links, name: &'static str) -> Result<Self, Failure> {
        let file = links.root.join(FOLDER).join(name);
        let text = fs::read_to_string(&file).trying(format_args!("cannot read {}", file.display()))?;
        // What comments show is not to be mistaken for what the relay reads.
        let text =
            text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        Ok(Self { name, text })
    }

    /// Puts an address or a path of this run in the place of one that must be there.
    pub(super) fn put(mut self, shown: &str, actual: impl Display) -> Result<Self, Failure> {
        if !self.text.contains(shown) {
            fail!("{} does not contain `{shown}` any more", self.name);
        }
        self.text = self.text.replace(shown, &actual.to_string());
        Ok(self)
    }

    /// Runs a relay with it, and waits until it listens.
    pub(super) fn start(
        self,
        links: &Links,
        folder: &Path,
        environment: &[(&str, &str)],
    ) -> Result<Running, Failure> {
        let file = folder.join(self.name);
        fs::write(&file, &self.text).trying(format_args!("cannot write {}", file.display()))?;
        let mut command = Command::new(links.program.path());
        command.args(["run", "--config"]).arg(file).envs(environment.iter().copied());
        let mut relay = Running::captured(&mut command)?;
        relay.expect_complaint(" listens on ", PATIENCE)?;
        Ok(relay)
    }
}

pub(super) const FOLDER: &str = "logstash-handler/examples/relay";
