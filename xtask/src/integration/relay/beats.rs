//! Clients of Beats through the relay to our receiver: windows pass as they came.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::rig::Rig;
use crate::failure::{Failure, fail};
use crate::integration::case::Case;
use crate::integration::clients::Subject;
use crate::integration::events::{documents, same, write_lines};
use crate::peers::{Client, Sent};
use crate::relay::Program;

pub(in super::super) fn cases(
    peer: &str,
    subjects: &[Subject],
    program: &Arc<Program>,
    scratch: &Path,
) -> Vec<Case> {
    let mut cases = Vec::new();
    for subject in subjects {
        for level in [0, 3] {
            if level == 0 && subject.always_compresses {
                continue;
            }
            for scheme in ["beats", "beats+tls"] {
                let trial = Trial {
                    subject: subject.clone(),
                    program: Arc::clone(program),
                    level,
                    scheme,
                    // The numbers of PyLogBeat run on over windows.
                    passes: level > 0 && peer == "go-lumber",
                    folder: scratch.join(format!("relay-{peer}-{}", cases.len())),
                };
                let compression = if level == 0 { "plain" } else { "compressed" };
                let name = format!("{} to our relay, {scheme}, {compression}", subject.name);
                cases.push(Case::new(name, move || trial.run()));
            }
        }
    }
    cases
}

struct Trial {
    subject: Subject,
    program: Arc<Program>,
    level: u32,
    scheme: &'static str,
    /// Whether its windows are such that they go on as they came.
    passes: bool,
    folder: PathBuf,
}

impl Trial {
    fn run(self) -> Result<String, Failure> {
        let sent = documents(EVENTS)?;
        let mut rig = Rig::listening(&self.program, &self.folder, self.scheme)?;
        let (file, authority) = (self.folder.join("sent"), self.folder.join("server.pem"));
        write_lines(&file, &sent)?;
        let mut client = (self.subject.send)(&Client {
            kind: self.subject.kind,
            address: rig.address()?,
            events: &file,
            window: WINDOW,
            level: self.level,
            timeout: PATIENCE,
            retry: Duration::ZERO,
            authority: self.scheme.ends_with("+tls").then_some(&*authority),
            encode: false,
        })?;
        let acked = Sent::expect(&mut client, PATIENCE)?.acked;
        if acked != EVENTS {
            fail!("the client counts {acked} of {EVENTS} events as acknowledged");
        }
        rig.wait_for(EVENTS)?;
        let windows = rig.receiver().windows();
        if self.passes && windows != EVENTS.div_ceil(WINDOW) as u64 {
            fail!("{EVENTS} events came in windows of {WINDOW} and went on in {windows} windows");
        }
        same(&sent, &rig.finish_exact(EVENTS)?)?;
        Ok(format!("{EVENTS} events, exact and in order, in {windows} windows"))
    }
}

const EVENTS: usize = 10_000;
const WINDOW: usize = 2048;

const PATIENCE: Duration = Duration::from_secs(60);
