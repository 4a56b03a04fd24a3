//! The handlers of Python's standard library, which send pickles, to our relay.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::case::Case;
use super::events::read_lines;
use crate::failure::{Failure, Trying, fail};
use crate::peers::StandardPython;
use crate::process::{self, Running, free_address};
use crate::test::BUILD;
use crate::workspace::Workspace;

pub(super) fn cases(python: &Arc<StandardPython>, workspace: &Workspace, scratch: &Path) -> Vec<Case> {
    let program = workspace.target.join("debug").join(if cfg!(windows) {
        "logstash-relay.exe"
    } else {
        "logstash-relay"
    });
    // As many datagrams as the buffer of a socket holds by default, so that none is lost if the relay does not
    // get to run.
    [("SocketHandler", 1000), ("DatagramHandler", 50)]
        .into_iter()
        .map(|(handler, events)| {
            let trial = Trial {
                python: Arc::clone(python),
                program: program.clone(),
                handler,
                events,
                folder: scratch.join(format!("python-{handler}")),
            };
            Case::new(format!("its {handler} to our relay"), move || trial.run())
        })
        .collect()
}

struct Trial {
    python: Arc<StandardPython>,
    program: PathBuf,
    handler: &'static str,
    events: usize,
    folder: PathBuf,
}

impl Trial {
    /// Everything arrives as it was logged, and a record that holds code is refused.
    fn run(self) -> Result<String, Failure> {
        fs::create_dir_all(&self.folder).trying(format_args!("cannot make {}", self.folder.display()))?;
        let (mut relay, address) = self.start_relay()?;
        let file = self.folder.join("logged");
        self.python.log(self.handler, address, self.events, &file)?.succeed(PATIENCE)?;
        let mut arrived = Vec::new();
        while arrived.len() < self.events {
            let Some(line) = relay.next_line(PATIENCE)? else {
                return Err(relay.fault("ended before everything had arrived"));
            };
            arrived.push(line.into_bytes());
        }
        let refused = as_logged(&file, &parsed(&arrived)?)?;
        let whole = self.events - refused;
        Ok(format!("{whole} events as they were logged, {refused} with code refused"))
    }

    /// The relay, which writes what arrives to its standard output.
    fn start_relay(&self) -> Result<(Running, SocketAddr), Failure> {
        let mut build = process::cargo();
        build.args(["build", "--quiet", "--locked", "--package", "logstash-handler"]);
        process::output(build.args(["--features", "relay", "--bin", "logstash-relay"]), BUILD)?;
        let address = free_address()?;
        // Inputs start in the order of their names: where the last one answers, all do.
        let config = format!(
            "inputs.a.listen = \"python+udp://{address}\"\n\
             inputs.b.listen = \"python+tcp://{address}\"\n\
             outputs.all.endpoint = \"stdout:\"\n"
        );
        let file = self.folder.join("relay.toml");
        fs::write(&file, config).trying(format_args!("cannot write {}", file.display()))?;
        let mut relay = Running::captured(Command::new(&self.program).args(["run", "--config"]).arg(&file))?;
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            if Instant::now() > deadline {
                return Err(relay.fault("does not listen"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok((relay, address))
    }
}

/// Checks documents against what a program says that it logged, and returns how many of them tell of a record that
/// was refused, as asked for.
pub(super) fn as_logged(file: &Path, documents: &[Value]) -> Result<usize, Failure> {
    let expected = parsed(&read_lines(file)?)?;
    let (refused, arrived): (Vec<&Value>, Vec<&Value>) =
        documents.iter().partition(|document| document["tags"] == serde_json::json!(["_pickle_refused"]));
    if arrived.len() != expected.len() {
        fail!("{} records were refused, {} asked for code", refused.len(), documents.len() - expected.len());
    }
    for (expected, arrived) in expected.iter().zip(arrived) {
        for (name, value) in expected.as_object().into_iter().flatten() {
            if &arrived[name] != value {
                fail!("{name} is {} instead of {value}, in {arrived}", arrived[name]);
            }
        }
    }
    Ok(refused.len())
}

pub(super) fn parsed(lines: &[Vec<u8>]) -> Result<Vec<Value>, Failure> {
    let values: Result<Vec<Value>, _> = lines.iter().map(|line| serde_json::from_slice(line)).collect();
    values.map_err(|error| Failure::because("what was logged is not JSON", error))
}

/// What a step may take at most.
const PATIENCE: Duration = Duration::from_secs(60);
