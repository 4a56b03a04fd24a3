//! `cargo xtask integration`: ours against the implementations of others, over real sockets.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::arguments::{Arguments, one_of};
use crate::failure::{Failure, Trying};
use crate::peers::{
    Chromium, GoLumber, Haproxy, Logger, Missing, Openssl, Profile, Python, Rsyslog, RustPeer,
    StandardPython, SyslogNg,
};
use crate::relay::Program;
use crate::task::{Flag, Task};
use crate::workspace::Workspace;

mod case;
mod clients;
mod corpus;
mod defects;
mod events;
mod inbox;
mod logstash_async;
mod our_client;
mod our_server;
mod our_tls;
mod relay;
mod relay_chains;
mod report;
mod status_page;
mod table;
mod wire;

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
            help: "only these peers (see above)",
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

  go-lumber              our client to its server, its clients to our server and our relay; needs Go 1.19
  pylogbeat              its client to our server and our relay; needs Python 3.11 with venv
  python-logstash-async  its transports, and ours beside them, to our receivers and our relay; needs Python 3.11
                         with venv
  ferro-lumberjack       our client to its server, its client to our server; the crate is built
  lumberjack-protocol    our client to its server, its client to our server; the crate is built
  python                 the handlers of its standard library to our relay; needs Python 3
  logger                 that of util-linux to our relay, in all its framings and formats
  rsyslog                to our relay over UDP, TCP, TLS and a unix socket, in all its framings and formats
  syslog-ng              to our relay over UDP, TCP, TLS and a unix socket, in all its framings and formats
  haproxy                in front of our relay, with the PROXY protocol, and how it looks whether somebody listens; needs
                         openssl
  openssl                s_client to our relay, lines, JSON and syslog over TLS
  relay-chains           each example of a configuration of the relay from end to end, and the commands of the README;
                         needs Go 1.19, Python 3, redis-server, rsyslog, openssl and logger
  chromium               looks at the status page of our relay

rsyslog and syslog-ng cannot be installed at once. On Debian the packages of what is not installed, and that of HAProxy,
are unpacked below target/peers/.

The programs are built and the Python packages are installed below target/peers/ with the first run. A peer that
cannot run here is skipped, loudly, with the way to get it; name it with --require to fail instead.

What python-logstash-async is known to lose, repeat, hold up or reorder, ours is made to go through beside it.

Where a peer is known to be at fault, its failure is what the case checks: its status is `expected failure`, and its
detail says what the fault is. The matrix at the end shows the worst of the cases that make up a cell; what a peer
cannot do at all is `n/a`.",
    run,
};

const PEERS: &[&str] = &[
    "go-lumber",
    "pylogbeat",
    "python-logstash-async",
    "ferro-lumberjack",
    "lumberjack-protocol",
    "python",
    "logger",
    "rsyslog",
    "syslog-ng",
    "haproxy",
    "openssl",
    "relay-chains",
    "chromium",
];

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
    let program = Arc::new(Program::debug(&workspace)?);
    let mut report = Report::default();
    let mut long = Vec::new();
    for peer in selected {
        match cases(peer, &workspace, &program, scratch.path()) {
            Ok((version, cases)) => {
                for case in cases {
                    let (name, cell) = (case.name.clone(), case.cell.clone());
                    if case.is_long {
                        long.push((peer, version.clone(), name, case.start()));
                    } else {
                        report.record(peer, &version, &name, cell.as_ref(), case.run());
                    }
                }
            }
            Err(missing) => report.skip(peer, &missing),
        }
    }
    for (peer, version, name, started) in long {
        report.record(peer, &version, &name, None, started.outcome());
    }

    if let Some(file) = arguments.value("--json") {
        fs::write(file, format!("{:#}\n", report.to_json())).trying(format_args!("cannot write {file}"))?;
    }
    report.finish(&required)
}

/// The version and the cases of a peer that can run here.
fn cases(
    peer: &'static str,
    workspace: &Workspace,
    program: &Arc<Program>,
    scratch: &Path,
) -> Result<(String, Vec<Case>), Missing> {
    if peer == "go-lumber" {
        let go = Arc::new(GoLumber::prepare(workspace)?);
        let mut cases = relay::filebeat(&go, program, scratch);
        cases.extend(our_client::cases(peer, &(Arc::clone(&go) as _), scratch));
        cases.extend(our_tls::cases(&go, scratch));
        cases.extend(corpus::cases(&go, workspace, scratch));
        let subjects = clients::go_lumber(&go);
        cases.extend(subjects.iter().flat_map(|subject| our_server::cases(subject, scratch)));
        cases.extend(relay::beats(peer, &subjects, program, scratch));
        cases.extend(relay::client_certificates(&go, program, scratch));
        return Ok((go.version.clone(), cases));
    }

    if peer == "ferro-lumberjack" || peer == "lumberjack-protocol" {
        let rust = Arc::new(RustPeer::prepare(workspace, peer, Profile::Debug)?);
        let mut cases = our_client::cases(peer, &(Arc::clone(&rust) as _), scratch);
        if peer == "ferro-lumberjack" {
            cases.extend(clients::ferro_lumberjack(&rust, scratch));
        } else {
            cases.push(our_client::dropped_batch(&rust, scratch));
            cases.extend(clients::lumberjack_protocol(&rust, scratch));
        }
        return Ok((rust.version.clone(), cases));
    }

    if peer == "relay-chains" {
        return relay_chains::cases(workspace, program, scratch);
    }

    if peer == "python" {
        let python = Arc::new(StandardPython::prepare(workspace)?);
        let cases = relay::standard_python(&python, program, scratch);
        return Ok((python.version.clone(), cases));
    }

    if peer == "logger" {
        let logger = Arc::new(Logger::prepare()?);
        return Ok((logger.version.clone(), relay::logger(&logger, program, scratch)));
    }

    if peer == "rsyslog" {
        let rsyslog = Arc::new(Rsyslog::prepare(workspace)?);
        return Ok((rsyslog.version.clone(), relay::rsyslog(&rsyslog, program, scratch)));
    }

    if peer == "syslog-ng" {
        let syslog_ng = Arc::new(SyslogNg::prepare(workspace)?);
        return Ok((syslog_ng.version.clone(), relay::syslog_ng(&syslog_ng, program, scratch)));
    }

    if peer == "haproxy" {
        let (haproxy, openssl) = (Arc::new(Haproxy::prepare(workspace)?), Arc::new(Openssl::prepare()?));
        return Ok((haproxy.version.clone(), relay::haproxy(&haproxy, &openssl, program, scratch)));
    }

    if peer == "chromium" {
        let chromium = Arc::new(Chromium::prepare()?);
        return Ok((chromium.version.clone(), status_page::cases(&chromium, program, scratch)));
    }

    if peer == "openssl" {
        let openssl = Arc::new(Openssl::prepare()?);
        return Ok((openssl.version.clone(), relay::openssl(&openssl, program, scratch)));
    }

    let python = Arc::new(Python::prepare(workspace)?);
    let version = python.version(peer)?;
    let cases = if peer == "pylogbeat" {
        let subjects = clients::pylogbeat(&python);
        let mut cases = our_server::cases(&subjects[0], scratch);
        cases.extend(relay::beats(peer, &subjects, program, scratch));
        cases
    } else {
        let mut cases = logstash_async::cases(&python, scratch);
        cases.extend(relay::logstash_async(&python, program, scratch));
        cases.extend(defects::cases(&python, scratch));
        cases
    };
    Ok((version, cases))
}
