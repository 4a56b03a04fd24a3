use super::exit::{Outcome, Trouble, no_output};
use super::run::Configuration;
use crate::relay::{Finding, probe};
use clap::Args;
use std::io::{self, Write};

/// Reads the configuration and the certificates, tries whether inputs could listen and queues could be
/// written, and connects to every output, step by step. What is wrong is told with what to do about it.
/// Nothing is sent.
#[derive(Args, Debug)]
pub(super) struct Check {
    #[command(flatten)]
    configuration: Configuration,
}

impl Check {
    pub(super) fn run(self) -> Result<Outcome, Trouble> {
        let config = self.configuration.load()?;
        let (mut all, mut wrong) = (0_usize, 0_usize);
        let mut out = io::stdout().lock();
        let mut written = Ok(());
        probe(&config, |Finding { place, is_right, text, .. }| {
            all += 1;
            wrong += usize::from(!is_right);
            let verdict = if *is_right { "right" } else { "WRONG" };
            let text = text.replace('\n', "\n       ");
            let line = writeln!(out, "{verdict}  {place}: {text}").and_then(|()| out.flush());
            if written.is_ok() {
                written = line;
            }
        });
        written.map_err(no_output)?;
        if wrong > 0 {
            return Err(Trouble::new(format!("{wrong} of {all} checks failed")));
        }
        Ok(Outcome::Done)
    }
}
