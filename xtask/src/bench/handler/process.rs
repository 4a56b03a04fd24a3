use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{CPU, RATE};
use crate::bench::measured::Figures;
use crate::bench::program::build;
use crate::bench::receiver::Receiver;
use crate::failure::{Failure, Trying};
use crate::peers::{Client, ClientKind, GoLumber, Python, Sent, or_say_so};
use crate::process::{self, Running};
use crate::workspace::Workspace;

/// The programs that are measured, each run of each in a process of its own.
#[derive(Debug)]
pub(super) struct Processes {
    ours: PathBuf,
    /// Logs through ours and through those of others that are crates.
    pub(super) emit: Option<PathBuf>,
    pub(super) go: Option<GoLumber>,
    pub(super) python: Option<Python>,
    receiver: Receiver,
}

impl Processes {
    pub(super) fn prepare(workspace: &Workspace) -> Result<Self, Failure> {
        let emit = build(workspace, "handler", None).inspect_err(|failure| {
            eprintln!("SKIPPED emit: {failure}; to get its peers: let `cargo` reach its registry once");
        });
        Ok(Self {
            ours: env::current_exe().trying("cannot tell where this program lies")?,
            emit: emit.ok(),
            go: or_say_so("go-lumber", GoLumber::prepare(workspace)),
            python: or_say_so("python-logstash-async", Python::prepare(workspace)),
            receiver: Receiver::start(&[])?,
        })
    }

    pub(super) fn receiver(&self) -> SocketAddr {
        self.receiver.address()
    }

    /// `cargo xtask deliver`, with these flags; `queue` is where it may have its queue, anew for each run.
    pub(super) fn deliver(&self, load: &Load, flags: &[&str], queue: &Path) -> Result<Running, Failure> {
        if queue.exists() {
            fs::remove_dir_all(queue).trying("cannot remove the queue of the last run")?;
        }
        let mut command = Command::new(&self.ours);
        command
            .args(["deliver", "--with-parent", "--to", &self.receiver().to_string()])
            .args(["--events", &load.events.to_string(), "--size", &load.size.to_string()])
            .args(["--level", &load.level.to_string()])
            .args(flags)
            .arg("--folder")
            .arg(queue);
        Running::captured(&mut command)
    }

    /// go-lumber's client, from structures in memory to the last acknowledgement.
    pub(super) fn go_lumber(&self, go: &GoLumber, load: &Load, documents: &Path) -> Result<Figures, Failure> {
        let mut client = go.send(&Client {
            kind: ClientKind::Async { in_flight: IN_FLIGHT },
            address: self.receiver(),
            events: documents,
            window: WINDOW,
            level: load.level,
            timeout: PATIENCE,
            retry: Duration::ZERO,
            authority: None,
            encode: true,
        })?;
        delivered(&mut client, load.events)
    }
}

/// What each side of a comparison has to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) events: usize,
    pub(super) size: usize,
    pub(super) level: u32,
}

/// Reads what delivering cost and how long it took, at the end of a process; every event has to be acknowledged.
pub(super) fn delivered(process: &mut Running, events: usize) -> Result<Figures, Failure> {
    let cost: [f64; 1] = numbers(process, "cost")?;
    let sent = Sent::expect(process, PATIENCE)?;
    if sent.acked != events {
        return Err(process.fault(&format!("had {} of {events} events acknowledged", sent.acked)));
    }
    let events = events as f64;
    Ok([(CPU, cost[0] * 1e9 / events), (RATE, events / sent.seconds)].into())
}

/// The first so many numbers of the next line that starts with `word`.
pub(super) fn numbers<const N: usize>(process: &mut Running, word: &str) -> Result<[f64; N], Failure> {
    let line = process.expect_line(word, PATIENCE)?;
    let numbers: Option<Vec<f64>> = line.split(' ').take(N).map(|number| number.parse().ok()).collect();
    numbers
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or_else(|| process.fault(&format!("wrote `{word} {line}`")))
}

/// The words that a program writes, as numbers.
pub(super) fn output<const N: usize>(command: &mut Command) -> Result<[f64; N], Failure> {
    let text = process::output(command, PATIENCE)?;
    let numbers: Option<Vec<f64>> = text.split_whitespace().map(|number| number.parse().ok()).collect();
    numbers
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or_else(|| Failure::Failed(format!("a program that measures wrote `{text}`")))
}

/// Windows that the peer may have on the wire; it gains nothing by more.
const IN_FLIGHT: usize = 5;

/// Events per window; ours and Filebeat's default.
const WINDOW: usize = 2048;

pub(super) const PATIENCE: Duration = Duration::from_secs(120);
