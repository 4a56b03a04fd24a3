//! `cargo xtask integration`: ours against the implementations of others, over real sockets.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::arguments::{Arguments, one_of};
use crate::failure::{Failure, Trying};
use crate::peers::{GoLumber, Missing, Python};
use crate::task::{Flag, Task};
use crate::workspace::Workspace;

mod case;
mod corpus;
mod events;
mod our_client;
mod our_server;
mod python;
mod report;

use case::Case;
use report::Report;

pub(crate) const TASK: Task = Task {
    name: "integration",
    summary: "Runs our client and server against those of others",
    operands: "",
    flags: &[
        Flag {
            name: "--peer",
            value: "NAME,...",
            help: "only these peers: go-lumber, pylogbeat, python-logstash-async",
        },
        Flag {
            name: "--require",
            value: "all|NAME,...",
            help: "fail if one of these cannot run here",
        },
        Flag {
            name: "--json",
            value: "FILE",
            help: "write {peer, version, case, status, detail} of each case to a file",
        },
    ],
    help: "\
Starts the peers as processes and compares what arrives with what was sent, byte for byte:

  go-lumber              our client to its server, its clients to our server; needs Go 1.19
  pylogbeat              its client to our server; needs Python 3.11 with venv
  python-logstash-async  its Beats transport to our server; needs Python 3.11 with venv

The Go program is built and the Python packages are installed below target/peers/ with the first run. A peer that
cannot run here is skipped, loudly, with the way to get it; name it with --require to fail instead.",
    run,
};

const PEERS: &[&str] = &["go-lumber", "pylogbeat", "python-logstash-async"];

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut selected = Vec::new();
    for name in arguments.values("--peer") {
        selected.push(one_of("peer", name, PEERS)?);
    }
    if selected.is_empty() {
        selected.extend(PEERS);
    }
    let mut required = Vec::new();
    for name in arguments.values("--require") {
        match name {
            "all" => required.extend(&selected),
            _ => required.push(one_of("peer", name, PEERS)?),
        }
    }
    if let Some(name) = required.iter().find(|name| !selected.contains(name)) {
        return Err(Failure::Usage(format!("integration: {name} is required and left out by --peer")));
    }

    let workspace = Workspace::load()?;
    let scratch = workspace.scratch("integration")?;
    let mut report = Report::default();
    for peer in selected {
        match cases(peer, &workspace, scratch.path()) {
            Ok((version, cases)) => {
                for case in cases {
                    let name = case.name.clone();
                    report.record(peer, &version, &name, case.run());
                }
            }
            Err(missing) => report.skip(peer, &missing),
        }
    }

    if let Some(file) = arguments.value("--json") {
        fs::write(file, format!("{:#}\n", report.to_json())).trying(format_args!("cannot write {file}"))?;
    }
    report.finish(&required)
}

/// The version and the cases of a peer that can run here.
fn cases(peer: &str, workspace: &Workspace, scratch: &Path) -> Result<(String, Vec<Case>), Missing> {
    if peer == "go-lumber" {
        let go = Arc::new(GoLumber::prepare(workspace)?);
        let mut cases = our_client::cases(&go, scratch);
        cases.extend(corpus::cases(&go, workspace, scratch));
        cases.extend(our_server::cases(&go, scratch));
        return Ok((go.version.clone(), cases));
    }

    let python = Arc::new(Python::prepare(workspace)?);
    let version = python.version(peer)?;
    let cases = if peer == "pylogbeat" {
        python::pylogbeat(&python, scratch)
    } else {
        python::logstash_async(&python, scratch)
    };
    Ok((version, cases))
}
