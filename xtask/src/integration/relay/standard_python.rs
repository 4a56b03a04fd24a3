//! The handlers of Python's standard library: those that send pickles, and the one for syslog.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::documents::{TWO_LINES, same, texts};
use super::rig::Rig;
use crate::failure::{Failure, Trying};
use crate::integration::case::Case;
use crate::integration::events::{parsed, read_lines};
use crate::peers::StandardPython;
use crate::relay::Program;

pub(in super::super) fn cases(
    python: &Arc<StandardPython>,
    program: &Arc<Program>,
    scratch: &Path,
) -> Vec<Case> {
    let trial = |name: &str| Trial {
        python: Arc::clone(python),
        program: Arc::clone(program),
        folder: scratch.join(format!("python-{name}")),
    };
    // As many datagrams as the buffer of a socket holds by default, so that none is lost if the relay does not
    // get to run.
    let pickles = [("SocketHandler", "tcp", 1000), ("DatagramHandler", "udp", 50)];
    let pickles = pickles.map(|(handler, carrier, events)| {
        let trial = trial(handler);
        Case::new(format!("its {handler} to our relay"), move || trial.pickles(handler, carrier, events))
    });
    let syslog = ["udp", "tcp", "unix"].map(|way| {
        let trial = trial(way);
        Case::new(format!("its SysLogHandler to our relay, {way}"), move || trial.syslog(way))
    });
    pickles.into_iter().chain(syslog).collect()
}

struct Trial {
    python: Arc<StandardPython>,
    program: Arc<Program>,
    folder: PathBuf,
}

impl Trial {
    /// Everything arrives as it was logged, and a record that holds code is refused.
    fn pickles(self, handler: &str, carrier: &str, events: usize) -> Result<String, Failure> {
        let rig = Rig::listening(&self.program, &self.folder, &format!("python+{carrier}"))?;
        let file = self.folder.join("logged");
        self.python.log(handler, rig.address()?, events, &file)?.succeed(PATIENCE)?;
        let refused = as_logged(&file, &rig.finish(events)?)?;
        Ok(format!("{} events as they were logged, {refused} with code refused", events - refused))
    }

    fn syslog(self, way: &str) -> Result<String, Failure> {
        let rig = Rig::listening(&self.program, &self.folder, &format!("syslog+{way}"))?;
        let address = match way {
            "unix" => self.folder.join("socket").display().to_string(),
            _ => rig.address()?.port().to_string(),
        };
        let mut logged: Vec<String> = texts().into_iter().map(|(_, text)| text).collect();
        logged.push(String::new());
        if way != "tcp" {
            logged.push(TWO_LINES.to_owned());
        }
        let (texts, file) = (self.folder.join("texts"), self.folder.join("logged"));
        fs::write(&texts, json!(logged).to_string())
            .trying(format_args!("cannot write {}", texts.display()))?;
        self.python.log_syslog(way, &address, &texts, &file)?.succeed(PATIENCE)?;
        let expected = parsed(&read_lines(&file)?)?;
        same(&expected, &rig.finish(expected.len())?)?;
        Ok(format!("{} events as they were logged", expected.len()))
    }
}

/// Checks documents against what a program says that it logged, and returns how many of them tell of a record that
/// was refused, as asked for.
pub(in super::super) fn as_logged(file: &Path, documents: &[Value]) -> Result<usize, Failure> {
    let expected = parsed(&read_lines(file)?)?;
    let is_refused = |document: &Value| document["tags"] == json!(["_pickle_refused"]);
    let (refused, arrived): (Vec<_>, Vec<_>) = documents.iter().cloned().partition(is_refused);
    same(&expected, &arrived)?;
    Ok(refused.len())
}

/// What a step may take at most.
const PATIENCE: Duration = Duration::from_secs(60);
