//! Clients alone, each in a process of its own: what an event costs its sender.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Settings;
use super::comparison::{Comparison, Side, alternate};
use super::sample::Sized;
use crate::failure::{Failure, fail};
use crate::peers::{Client, ClientKind, GoLumber, Json, Profile, Python, RustPeer, Sent, or_say_so};
use crate::process::Running;
use crate::workspace::Workspace;

mod wire;

pub(super) fn measure(settings: &Settings<'_>) -> Result<Vec<Comparison>, Failure> {
    let scratch = settings.workspace.scratch("bench")?;
    let peers = Peers::prepare(settings.workspace);
    let ours = super::receiver::Receiver::start(&[])?;
    let theirs = match &peers.go {
        Some(go) => Some(go.serve_and_discard(Json::Checked)?),
        None => None,
    };
    let mut receivers = vec![("ours", ours.address())];
    receivers.extend(theirs.iter().map(|server| ("go-lumber", server.address())));

    let mut comparisons = Vec::new();
    for size in [300, 1024] {
        let files = Files { folder: scratch.path(), size, events: Sized::new(size)? };
        for (receiver, address) in &receivers {
            for (level, encode) in LEVELS.into_iter().flat_map(|level| [(level, false), (level, true)]) {
                let case = Case { receiver, size, level, encode };
                if !settings.wants(&case.name()) {
                    continue;
                }
                let events = if settings.quick { 5 * WINDOW } else { case.bytes() / size };
                let load = Load { case, address: *address, documents: &files.with(events)?, events };
                comparisons.extend(compare(settings, &peers, &load)?);
                // What the server is makes no difference there, nor where the documents come from.
                if *receiver == "ours" && !encode {
                    let events = 8 * WINDOW;
                    let load = Load { documents: &files.with(events)?, events, ..load };
                    comparisons.extend(wire::compare(&peers, &load)?);
                }
            }
        }
    }
    Ok(comparisons)
}

/// Documents of one size, in files of so many.
#[derive(Debug)]
struct Files<'a> {
    folder: &'a Path,
    size: usize,
    events: Sized,
}

impl Files<'_> {
    /// The file with that many documents, written when it is wanted first.
    fn with(&self, events: usize) -> Result<PathBuf, Failure> {
        let path = self.folder.join(format!("documents-{}-{events}", self.size));
        if !path.exists() {
            self.events.write(&path, events)?;
        }
        Ok(path)
    }
}

/// Measures every client in turn and compares ours with those that keep as many windows in flight.
fn compare(settings: &Settings<'_>, peers: &Peers, load: &Load<'_>) -> Result<Vec<Comparison>, Failure> {
    let contenders = peers.contenders(load.case);
    let mut figures: Vec<Vec<Figures>> = contenders.iter().map(|_| Vec::new()).collect();
    let mut measured: Vec<_> = contenders
        .iter()
        .zip(&mut figures)
        .map(|(contender, figures)| {
            || {
                figures.push(contender.run(peers, load)?);
                Ok(1.0)
            }
        })
        .collect();
    let mut sides: Vec<Side<'_>> = measured.iter_mut().map(|side| side as Side<'_>).collect();
    alternate(settings.runs.min(RUNS), &mut sides)?;
    drop(measured);

    let mut comparisons = Vec::new();
    for (ours, own) in contenders.iter().zip(&figures).filter(|(contender, _)| contender.is_ours()) {
        let rivals = contenders.iter().zip(&figures);
        for (rival, theirs) in
            rivals.filter(|(rival, _)| !rival.is_ours() && rival.in_flight == ours.in_flight)
        {
            // The first round warms up.
            let pairs = || own.iter().zip(theirs).skip(1);
            let mut push = |unit, higher_is_better, runs| {
                comparisons.push(Comparison {
                    area: AREA,
                    name: format!("{}, {} in flight", load.case.name(), ours.in_flight),
                    peer: rival.library.name(),
                    unit,
                    higher_is_better,
                    runs,
                });
            };
            push("ns CPU/event", false, pairs().map(|(ours, theirs)| (ours.cpu, theirs.cpu)).collect());
            push("events/s", true, pairs().map(|(ours, theirs)| (ours.rate, theirs.rate)).collect());
        }
    }
    Ok(comparisons)
}

/// What is compared.
#[derive(Clone, Copy, Debug)]
struct Case<'a> {
    receiver: &'a str,
    size: usize,
    level: u32,
    /// Whether the events are encoded from structures while the clock runs.
    encode: bool,
}

impl Case<'_> {
    fn name(&self) -> String {
        let what = if self.encode { "encode" } else { "documents" };
        format!("{what}, {} B, level {}, to {}", self.size, self.level, self.receiver)
    }

    /// Bytes of documents in one run: so many that connecting hardly counts, where an event costs little, and not so
    /// many that all cases together take longer than a coffee.
    fn bytes(&self) -> usize {
        match (self.level, self.encode, self.receiver) {
            (0, false, "ours") => 60_000_000,
            (0, false, _) => 30_000_000,
            _ => 10_000_000,
        }
    }
}

/// What every client of one comparison is given.
#[derive(Clone, Copy, Debug)]
struct Load<'a> {
    case: Case<'a>,
    address: std::net::SocketAddr,
    documents: &'a Path,
    events: usize,
}

/// What one run says, per event and per second.
#[derive(Clone, Copy, Debug)]
struct Figures {
    /// Nanoseconds of all processors together, per event.
    cpu: f64,
    rate: f64,
}

/// A client, and how many windows it may keep in flight.
#[derive(Clone, Copy, Debug)]
struct Contender {
    library: Library,
    in_flight: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Library {
    Ours,
    Ferro,
    GoAsync,
    GoSync,
    LumberjackProtocol,
    PyLogBeat,
}

impl Library {
    const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Ferro => "ferro-lumberjack",
            Self::GoAsync => "go-lumber async",
            Self::GoSync => "go-lumber sync",
            Self::LumberjackProtocol => "lumberjack-protocol",
            Self::PyLogBeat => "pylogbeat",
        }
    }
}

impl Contender {
    fn is_ours(self) -> bool {
        self.library == Library::Ours
    }

    /// Runs once; every event has to be acknowledged.
    fn run(self, peers: &Peers, load: &Load<'_>) -> Result<Figures, Failure> {
        let mut process = self.start(peers, load)?;
        let cost = process.expect_line("cost", PATIENCE)?;
        let cost = cost.split(' ').next().and_then(|seconds| seconds.parse::<f64>().ok());
        let Some(cost) = cost else { return Err(process.fault("did not tell what it cost")) };
        let sent = Sent::expect(&mut process, PATIENCE)?;
        if sent.acked != load.events {
            return Err(process.fault(&format!("had {} of {} events acknowledged", sent.acked, load.events)));
        }
        let events = load.events as f64;
        Ok(Figures { cpu: cost * 1e9 / events, rate: events / sent.seconds })
    }

    fn start(self, peers: &Peers, load: &Load<'_>) -> Result<Running, Failure> {
        let kind = match self.library {
            Library::GoAsync => ClientKind::Async { in_flight: self.in_flight },
            _ => ClientKind::Sync,
        };
        let client = Client {
            kind,
            address: load.address,
            events: load.documents,
            window: WINDOW,
            level: load.case.level,
            timeout: PATIENCE,
            retry: Duration::ZERO,
            authority: None,
            encode: load.case.encode,
        };
        match self.library {
            Library::Ours => self.start_ours(peers, load),
            Library::Ferro => here(peers.ferro.as_ref())?.send(&client),
            Library::GoAsync | Library::GoSync => here(peers.go.as_ref())?.send(&client),
            Library::LumberjackProtocol => here(peers.lumberjack_protocol.as_ref())?.send(&client),
            Library::PyLogBeat => here(peers.python.as_ref())?.send(&client),
        }
    }

    fn start_ours(self, peers: &Peers, load: &Load<'_>) -> Result<Running, Failure> {
        let mut command = Command::new(&peers.ours);
        command
            .args(["send", "--with-parent", "--to", &load.address.to_string()])
            .args(["--level", &load.case.level.to_string()])
            .args(["--in-flight", &self.in_flight.to_string()]);
        if load.case.encode {
            command.args(["--events", &load.events.to_string(), "--size", &load.case.size.to_string()]);
        } else {
            command.arg("--file").arg(load.documents);
        }
        Running::captured(&mut command)
    }
}

/// Those that can run here.
#[derive(Debug)]
struct Peers {
    ours: PathBuf,
    ferro: Option<RustPeer>,
    go: Option<GoLumber>,
    lumberjack_protocol: Option<RustPeer>,
    python: Option<Python>,
}

impl Peers {
    fn prepare(workspace: &Workspace) -> Self {
        let rust = |library| or_say_so(library, RustPeer::prepare(workspace, library, Profile::Release));
        Self {
            ours: env::current_exe().unwrap_or_default(),
            ferro: rust("ferro-lumberjack"),
            go: or_say_so("go-lumber", GoLumber::prepare(workspace)),
            lumberjack_protocol: rust("lumberjack-protocol"),
            python: or_say_so("pylogbeat", Python::prepare(workspace)),
        }
    }

    fn contenders(&self, case: Case<'_>) -> Vec<Contender> {
        let mut list: Vec<Contender> =
            [1, 2, 5].map(|in_flight| Contender { library: Library::Ours, in_flight }).into();
        if self.go.is_some() {
            list.push(Contender { library: Library::GoSync, in_flight: 1 });
            list.extend([2, 5].map(|in_flight| Contender { library: Library::GoAsync, in_flight }));
        }
        // ferro-lumberjack numbers events on over windows, which a go-lumber server refuses in the second one;
        // pylogbeat does so too, compresses at level 6 only, and takes documents as they are.
        if case.receiver == "ours" {
            if self.ferro.is_some() {
                list.push(Contender { library: Library::Ferro, in_flight: 1 });
            }
            if self.python.is_some() && case.level == 6 && !case.encode {
                list.push(Contender { library: Library::PyLogBeat, in_flight: 1 });
            }
        }
        if self.lumberjack_protocol.is_some() {
            list.push(Contender { library: Library::LumberjackProtocol, in_flight: 1 });
        }
        list
    }
}

fn here<T>(peer: Option<&T>) -> Result<&T, Failure> {
    match peer {
        Some(peer) => Ok(peer),
        None => fail!("a peer that is not here was to run"),
    }
}

const AREA: &str = "transport";

/// Runs that count. More would take longer than anybody waits.
const RUNS: usize = 5;

const LEVELS: [u32; 4] = [0, 1, 3, 6];

/// Events per window; ours and Filebeat's default.
const WINDOW: usize = 2048;

const PATIENCE: Duration = Duration::from_secs(60);
