//! The unit for systemd.

use std::fs;
use std::process::Command;

use super::super::case::Verdict;
use super::{Links, PATIENCE, example};
use crate::failure::{Failure, Trying, fail};
use crate::process::{self, Running};

/// Every line of it means something to systemd, and nothing is passed over.
pub(super) fn verify(links: &Links) -> Result<Verdict, Failure> {
    if !process::is_installed("systemd-analyze", "--version") {
        return Ok(Verdict::NotApplicable("there is no systemd here".to_owned()));
    }
    let shown = links.root.join(example::FOLDER).join(NAME);
    let text = fs::read_to_string(&shown).trying(format_args!("cannot read {}", shown.display()))?;
    let program = links.program.path().display().to_string();
    let file = links.folder("unit")?.join(NAME);
    fs::write(&file, text.replace("/usr/bin/logstash-relay", &program))
        .trying(format_args!("cannot write {}", file.display()))?;
    let mut systemd = Running::overheard(Command::new("systemd-analyze").arg("verify").arg(&file))?;
    while let Some(line) = systemd.next_line(PATIENCE)? {
        // It tells of other units too, and fails for those that a container does not have.
        if line.contains(NAME) {
            fail!("{line}");
        }
    }
    systemd.wait(PATIENCE)?;
    Ok(Verdict::Passed("nothing in it is unknown".to_owned()))
}

const NAME: &str = "logstash-relay.service";
