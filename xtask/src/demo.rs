//! `cargo xtask demo`: the main job, with everything going wrong that can.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, process, thread};

use crate::arguments::Arguments;
use crate::failure::{Failure, Trying, fail};
use crate::process::Running;
use crate::task::{Flag, Task};

mod application;
mod line;
mod progress;
mod receiver;
mod verdict;

use line::{Ledger, Line, THREADS};
use progress::Progress;
use verdict::Verdict;

pub(crate) const TASK: Task = Task {
    name: "demo",
    summary: "Ships 120,000 events while receiver and application are killed",
    operands: "",
    flags: &[
        Flag { name: "--role", value: "NAME", help: "what the demo calls itself with: receiver or application" },
        Flag { name: "--folder", value: "PATH", help: "where a role keeps its files" },
        Flag { name: "--address", value: "HOST:PORT", help: "where the receiver is" },
        Flag { name: "--run", value: "N", help: "number of this life of a role" },
        Flag { name: "--events", value: "N", help: "events that this life of the application logs" },
        Flag {
            name: "--lose-one",
            value: "",
            help: "the receiver loses an event after acknowledging it: the verdict must be a failure",
        },
    ],
    help: "\
An application logs through `tracing` and `log` from several threads. Its handler keeps events in a queue on disk
and delivers them to a receiver, a process of its own. While events flow, the receiver is killed with SIGKILL and
restarted twice, and the application is killed once and restarted on the same queue. At the end every event that
the handler had reported as stored must have arrived, at least once, and in order for each thread; then the exit
code is 0. Needs nothing but this repository, and leaves nothing behind.",
    run,
};

fn run(arguments: &Arguments) -> Result<(), Failure> {
    match arguments.value("--role") {
        None => supervise(arguments.has("--lose-one")),
        Some("receiver") => receiver::run(arguments),
        Some("application") => application::run(arguments),
        Some(role) => Err(Failure::Usage(format!("demo: there is no role `{role}`"))),
    }
}

/// Events that the whole demo logs.
const EVENTS: u64 = 120_000;

/// Kills, and after how many acknowledged events.
const PLAN: [(u64, Victims); 2] = [(EVENTS / 5, Victims::Receiver), (EVENTS / 2, Victims::Both)];

#[derive(Clone, Copy, Debug)]
enum Victims {
    /// The receiver, and the application a moment later, so that its queue is not empty.
    Both,
    Receiver,
}

/// How long the receiver stays away: enough for the application to notice, and for its queue to fill.
const AWAY: Duration = Duration::from_millis(500);

/// How long a process may be silent.
const PATIENCE: Duration = Duration::from_secs(20);

fn supervise(lose_one: bool) -> Result<(), Failure> {
    let folder = Folder::new()?;
    let started = Instant::now();
    let mut stage = Stage::new(&folder.path, lose_one)?;
    let ledgers = stage.play()?;
    let verdict = Verdict::of(&stage.stored, &receiver::read(&folder.path)?);
    stage.progress.finish();

    println!("\nthe ledger of each life of the application");
    for (life, ledger) in ledgers.iter().enumerate() {
        println!("  {}: {ledger}", life + 1);
    }
    println!("\n{verdict}");
    println!("took {:.1} s", started.elapsed().as_secs_f64());
    if let Some(ledger) = ledgers.iter().find(|ledger| !ledger.is_balanced()) {
        fail!("the books do not balance: {ledger}");
    }
    if !verdict.is_good() {
        fail!("events that were reported as stored are missing or out of order");
    }
    Ok(())
}

/// The processes of the demo and what they have said.
struct Stage<'f> {
    folder: &'f Path,
    address: String,
    receivers: u32,
    receiver: Running,
    progress: Progress,
    /// For each life of the application, how many events of each thread were reported as stored.
    stored: Vec<[u64; THREADS]>,
}

impl<'f> Stage<'f> {
    fn new(folder: &'f Path, lose_one: bool) -> Result<Self, Failure> {
        let (receiver, address) = start_receiver(folder, "127.0.0.1:0", 1, lose_one)?;
        let progress = Progress::new(EVENTS);
        Ok(Self { folder, address, receivers: 1, receiver, progress, stored: Vec::new() })
    }

    /// Runs the application through all its lives; returns what it said of its books at the end of each.
    fn play(&mut self) -> Result<Vec<Ledger>, Failure> {
        let mut ledgers = Vec::new();
        let mut plan = PLAN.into_iter().peekable();
        let (mut logged, mut acknowledged) = (0, 0);
        loop {
            let life = ledgers.len() as u32 + 1;
            let mut application = self.start_application(life, EVENTS - logged)?;
            let mut last = Ledger::default();
            self.stored.push([0; THREADS]);
            let ended = loop {
                let Some(text) = application.next_line(PATIENCE)? else { break true };
                self.take_line(&text, &mut last);
                self.progress.show(logged, acknowledged, &last);
                let due = plan.next_if(|(after, _)| acknowledged + last.acknowledged >= *after);
                let Some((_, victims)) = due else { continue };
                self.progress.note("killed the receiver");
                self.receiver.kill();
                thread::sleep(AWAY);
                if let Victims::Both = victims {
                    application.kill();
                    self.progress.note("killed the application, whose queue is not empty");
                }
                self.restart_receiver()?;
                if let Victims::Both = victims {
                    self.progress.note("starting the application again on the same queue");
                    break false;
                }
            };
            // What it had said before its end is still in the pipe.
            while let Some(text) = application.next_line(PATIENCE)? {
                self.take_line(&text, &mut last);
            }
            logged += last.accepted;
            acknowledged += last.acknowledged;
            ledgers.push(last);
            if ended {
                application.succeed(PATIENCE)?;
                if plan.next().is_some() {
                    fail!("the application ended before everybody was killed who was to be");
                }
                return Ok(ledgers);
            }
        }
    }

    fn take_line(&mut self, text: &str, last: &mut Ledger) {
        match Line::parse(text) {
            Some(Line::Ledger(ledger)) => *last = ledger,
            Some(Line::Stored(counts)) => {
                if let Some(stored) = self.stored.last_mut() {
                    *stored = counts;
                }
            }
            // The last line of a process that was killed may be cut.
            None => {}
        }
    }

    fn restart_receiver(&mut self) -> Result<(), Failure> {
        self.receivers += 1;
        let (receiver, _) = start_receiver(self.folder, &self.address, self.receivers, false)?;
        self.receiver = receiver;
        self.progress.note("started the receiver again");
        Ok(())
    }

    fn start_application(&self, life: u32, events: u64) -> Result<Running, Failure> {
        let mut command = role("application", self.folder, life)?;
        command.args(["--address", &self.address, "--events", &events.to_string()]);
        Running::observed(&mut command)
    }
}

fn start_receiver(
    folder: &Path,
    address: &str,
    life: u32,
    lose_one: bool,
) -> Result<(Running, String), Failure> {
    let mut command = role("receiver", folder, life)?;
    command.args(["--address", address]);
    if lose_one {
        command.arg("--lose-one");
    }
    let mut receiver = Running::observed(&mut command)?;
    let address = receiver.expect_line("listening", PATIENCE)?;
    Ok((receiver, address))
}

fn role(name: &str, folder: &Path, life: u32) -> Result<Command, Failure> {
    let program = env::current_exe().trying("cannot tell where this program is")?;
    let mut command = Command::new(program);
    command.args(["demo", "--role", name, "--run", &life.to_string(), "--folder"]).arg(folder);
    Ok(command)
}

/// A folder of the demo's own, removed at its end.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn new() -> Result<Self, Failure> {
        let path = env::temp_dir().join(format!("logstash-demo-{}", process::id()));
        fs::create_dir_all(&path).trying(format_args!("cannot create {}", path.display()))?;
        Ok(Self { path })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
