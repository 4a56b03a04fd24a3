use super::exit::{Outcome, Trouble, no_output};
use clap::{Args, CommandFactory};
use clap_mangen::Man;
use std::io::{self, Write};

/// To read it at once: `logstash-relay man | man -l -`.
#[derive(Args, Debug)]
pub(super) struct Manual {
    /// The command whose page it is to be, such as `send`; the page of the program if there is none
    command: Vec<String>,
}

impl Manual {
    pub(super) fn run(self) -> Result<Outcome, Trouble> {
        let mut command = super::CommandLine::command();
        command.build();
        let mut page = &command;
        for name in &self.command {
            page = page
                .find_subcommand(name)
                .ok_or_else(|| Trouble::new(format!("there is no command {:?}", self.command.join(" "))))?;
        }
        let mut text = Vec::new();
        Man::new(page.clone()).render(&mut text).map_err(no_output)?;
        io::stdout().lock().write_all(&text).map_err(no_output)?;
        Ok(Outcome::Done)
    }
}
