use super::exit::{Outcome, Trouble, no_output};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::{self, Write};

/// For bash, put it into the folder that `pkg-config --variable=completionsdir bash-completion` names.
#[derive(Args, Debug)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<Outcome, Trouble> {
        let mut script = Vec::new();
        let mut command = super::CommandLine::command();
        clap_complete::generate(self.shell, &mut command, "logstash-relay", &mut script);
        io::stdout().lock().write_all(&script).map_err(no_output)?;
        Ok(Outcome::Done)
    }
}
