//! `cargo xtask powercut`: what is left of a queue when the power goes.

use std::env;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use logstash_handler::Durability;

use crate::arguments::{Arguments, one_of};
use crate::failure::{Failure, Trying, fail};
use crate::process::{self, Running};
use crate::steps::Steps;
use crate::task::{Flag, Task};
use crate::workspace::Workspace;

mod disk;
mod reader;
mod verdict;
mod writer;

use disk::Disk;
use verdict::{Promises, Verdict};

pub(crate) const TASK: Task = Task {
    name: "powercut",
    summary: "Cuts the power of a disk while a queue is written to it and drained",
    operands: "[DURABILITY]...",
    flags: &[
        Flag { name: "--rounds", value: "N", help: "power cuts for each durability, 50 if not given" },
        Flag { name: "--require", value: "", help: "fail, instead of skipping, where no disk can be made" },
        Flag { name: "--seed", value: "N", help: "of the moments of the cuts" },
        Flag { name: "--role", value: "NAME", help: "what the task calls itself with: writer or reader" },
        Flag { name: "--folder", value: "PATH", help: "where a role has the queue" },
        Flag { name: "--first", value: "N", help: "number of the first event that the writer stores" },
    ],
    help: "\
For each durability that is named (flush, interval, os), all of them if none is: a queue lies on an ext4 file system
in an image on a loop device. A process writes to it and delivers from it, in small generations, and is stopped at a
random moment. A copy of the image at that moment is what reached the disk, and nothing else. The copy is mounted,
which replays its journal, and the queue in it is opened and drained by another process. The next round goes on with
that copy.

With `flush`, every event that was reported as stored and was not about to be delivered must be there, in order, and
none may be counted as damaged. With `interval` (100 ms) events may be missing that were stored in the last interval,
and 500 ms for the disk to sync; with `os` those that the kernel has not written. In all of them the queue must open,
nothing comes twice, and every gap is counted. `os` must lose something, or else this task would prove nothing.

Needs Linux, root, loop devices and mkfs.ext4. Elsewhere it is skipped, which it says, unless --require is given.",
    run,
};

/// What is durable when, and for how long what was stored may be lost.
const MODES: [(&str, Durability, Option<Duration>); 3] = [
    ("flush", Durability::Flush, Some(Duration::ZERO)),
    ("interval", Durability::Interval(INTERVAL), Some(INTERVAL.saturating_add(SYNC_TAKES))),
    ("os", Durability::Os, None),
];
const INTERVAL: Duration = Duration::from_millis(100);
/// What an `fdatasync` on a loop device may take, on a machine that is busy.
const SYNC_TAKES: Duration = Duration::from_millis(500);

/// How long a process may be silent.
const PATIENCE: Duration = Duration::from_secs(60);
const ROUNDS: u64 = 50;

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let known = MODES.map(|(name, ..)| name);
    let mut wanted = Vec::new();
    for name in arguments.operands() {
        wanted.push(one_of("durability", name, &known)?);
    }
    match arguments.value("--role") {
        None => supervise(arguments, &wanted),
        Some("writer") => writer::run(arguments, durability(&wanted)?),
        Some("reader") => reader::run(arguments, durability(&wanted)?),
        Some(role) => Err(Failure::Usage(format!("powercut: there is no role `{role}`"))),
    }
}

fn durability(wanted: &[&str]) -> Result<Durability, Failure> {
    let mode = MODES.iter().find(|(name, ..)| wanted == [*name]);
    mode.map(|(_, durability, _)| *durability)
        .ok_or_else(|| Failure::Usage("powercut: a role needs one durability".to_owned()))
}

fn supervise(arguments: &Arguments, wanted: &[&str]) -> Result<(), Failure> {
    let rounds = arguments.number("--rounds", ROUNDS)?;
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let seed = arguments.number("--seed", u64::from(now.subsec_nanos()))?;
    let scratch = Workspace::load()?.scratch("powercut")?;
    if let Err(failure) = Disk::try_out(scratch.path()) {
        if arguments.has("--require") {
            return Err(failure);
        }
        eprintln!("\npowercut SKIPPED, nothing was proven: {failure}\n");
        return Ok(());
    }
    eprintln!("{rounds} rounds for each durability, --seed {seed}");
    let mut steps = Steps::default();
    for (name, _, may_lose) in MODES {
        if wanted.is_empty() || wanted.contains(&name) {
            steps.run(name, || {
                let verdict = cut(scratch.path(), name, may_lose, rounds, seed)?;
                // With a round or two it may be luck.
                if may_lose.is_none() && rounds >= 10 && verdict.lost == 0 {
                    fail!(
                        "no power cut lost anything, although nothing was put on the disk: is this a disk?"
                    );
                }
                Ok(verdict.to_string())
            });
        }
    }
    steps.finish("cargo xtask powercut")
}

fn cut(
    scratch: &std::path::Path,
    mode: &str,
    may_lose: Option<Duration>,
    rounds: u64,
    seed: u64,
) -> Result<Verdict, Failure> {
    let mut disk = Disk::new(&scratch.join(mode))?;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut verdict = Verdict::default();
    for round in 0..rounds {
        let first = round * EVENTS_OF_A_ROUND;
        let mut writer = Running::observed(&mut role("writer", mode, &disk, first)?)?;
        let mut promises = Promises::new(first);
        let mut lines = 0;
        let stop_after = Duration::from_millis(20 + random.u64(..700));
        let started = Instant::now();
        // From when the queue is open, which is sometimes cut as well.
        while started.elapsed() < stop_after {
            match writer.next_line(stop_after.saturating_sub(started.elapsed()).max(Duration::from_millis(1)))
            {
                Ok(Some(line)) => {
                    promises.take(&line);
                    lines += 1;
                }
                Ok(None) => fail!("round {round}: the writer ended after {lines} lines"),
                Err(_) => break,
            }
        }
        signal("-STOP", writer.id())?;
        let stopped = SystemTime::now();
        let next = disk.copy()?;
        writer.kill();
        while let Some(line) = writer.next_line(PATIENCE)? {
            promises.take(&line);
        }
        disk = next.swap(disk)?;

        let mut reader = role("reader", mode, &disk, first)?;
        let report = process::output(&mut reader, PATIENCE)?;
        verdict
            .judge(&promises, &report, stopped, may_lose)
            .map_err(|failure| Failure::Failed(format!("round {round}: {failure}")))?;
    }
    Ok(verdict)
}

fn role(name: &str, mode: &str, disk: &Disk, first: u64) -> Result<Command, Failure> {
    let program = env::current_exe().trying("cannot tell where this program is")?;
    let mut command = Command::new(program);
    command
        .args(["powercut", mode, "--role", name, "--first", &first.to_string(), "--folder"])
        .arg(disk.path());
    Ok(command)
}

fn signal(signal: &str, process: u32) -> Result<(), Failure> {
    process::output(Command::new("kill").args([signal, &process.to_string()]), PATIENCE)?;
    // Threads that are in the kernel stop when they leave it.
    thread::sleep(Duration::from_millis(5));
    Ok(())
}

/// More than can be stored in one.
const EVENTS_OF_A_ROUND: u64 = 1_000_000_000;
