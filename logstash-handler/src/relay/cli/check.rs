use super::exit::{Outcome, Trouble, no_output};
use super::ink::{Colour, Ink, printable};
use super::run::Configuration;
use crate::relay::{Finding, probe};
use clap::Args;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Reads the configuration and the certificates, tries whether inputs could listen and queues could be
/// written, and connects to every output, step by step. What is wrong is told with what to do about it.
/// Nothing is sent. The exit code is 0 if all is right, otherwise 1.
#[derive(Args, Debug)]
#[command(
    override_usage = "logstash-relay check --config <FILE>\n       logstash-relay check --input <URL> --output <URL> [OPTIONS]"
)]
pub(super) struct Check {
    #[command(flatten)]
    configuration: Configuration,
    /// Shows what was found as JSON, at the end
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<Outcome, Trouble> {
        let config = self.configuration.load()?;
        let (mut all, mut wrong) = (0_usize, 0_usize);
        let (mut out, ink) = (io::stdout().lock(), Ink::of_stdout());
        let mut written = Ok(());
        let mut findings = Vec::new();
        probe(&config, |finding| {
            all += 1;
            wrong += usize::from(!finding.is_right);
            if self.json {
                findings.push(as_json(finding));
            } else if written.is_ok() {
                written = out.write_all(as_text(finding, ink).as_bytes()).and_then(|()| out.flush());
            }
        });
        if self.json {
            written = writeln!(out, "{:#}", Value::from(findings));
        }
        written.map_err(no_output)?;
        if wrong > 0 {
            return Err(Trouble::new(format!("{wrong} of {all} checks failed")));
        }
        Ok(Outcome::Done)
    }
}

fn as_text(finding: &Finding, ink: Ink) -> String {
    let Finding { place, is_right, text, steps, advice, .. } = finding;
    let (verdict, colour) = if *is_right { ("right", Colour::Good) } else { ("WRONG", Colour::Bad) };
    let mut lines = text.lines().map(printable);
    let first = lines.next().unwrap_or_default();
    let mut out = format!("{}  {}: {first}\n", ink.paint(colour, verdict), printable(place));
    let steps = steps.iter().map(|step| ink.paint(Colour::Dim, &printable(&step.to_string())).into_owned());
    let advice = advice.iter().map(|advice| format!("to do: {}", printable(advice)));
    for line in lines.chain(steps).chain(advice) {
        out.push_str(&format!("       {line}\n"));
    }
    out
}

fn as_json(finding: &Finding) -> Value {
    let Finding { place, is_right, text, steps, advice, .. } = finding;
    let steps: Vec<_> = steps
        .iter()
        .map(|step| {
            let milliseconds = step.duration.as_secs_f64() * 1e3;
            json!({"name": step.name, "detail": step.detail, "milliseconds": milliseconds})
        })
        .collect();
    json!({"place": place, "right": is_right, "text": text, "steps": steps, "advice": advice})
}
