//! `cargo xtask backlog`: what it costs when the peer is away for long.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use logstash_handler::queue::{Queue, inspect};
use logstash_handler::{BeatsTransport, Handler, Overflow, SledQueue};

use crate::arguments::Arguments;
use crate::bench::Sized;
use crate::failure::{Failure, Trying, fail};
use crate::process;
use crate::task::{Flag, Task};
use crate::workspace::Workspace;

pub(crate) const TASK: Task = Task {
    name: "backlog",
    summary: "Measures memory, disk and opening with millions of events queued",
    operands: "",
    flags: &[
        Flag { name: "--events", value: "N", help: "events that are logged while the peer is away, 2000000 if not given" },
        Flag { name: "--role", value: "NAME", help: "what the task calls itself with: logger, opener or drainer" },
        Flag { name: "--folder", value: "PATH", help: "where a role has the queue" },
    ],
    help: "\
Logs events of 300 bytes through a handler in its default configuration, with a queue on disk and nobody where it
delivers to, and tells the memory of that process and the size of the queue. Then another process opens the queue and
tells how long it took until the first event could be had; a third one drains it and tells how long it takes until the
directory is below 32 MB. Fails when an event is missing, when that process ever took 64 MB of memory (in debug mode: beside its code), or when the
directory is not below 32 MB ten seconds after the last event was drained; times are told and not judged. Linux only;
in the mode in which the task itself was built.",
    run,
};

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let events = arguments.number("--events", 2_000_000)?;
    let folder = arguments.value("--folder").map(Path::new);
    match (arguments.value("--role"), folder) {
        (None, _) => supervise(events),
        (Some("logger"), Some(folder)) => log(folder, events),
        (Some("opener"), Some(folder)) => open(folder),
        (Some("drainer"), Some(folder)) => drain(folder, events),
        (Some(role), _) => {
            Err(Failure::Usage(format!("backlog: there is no role `{role}` without --folder")))
        }
    }
}

fn supervise(events: usize) -> Result<(), Failure> {
    let scratch = Workspace::load()?.scratch("backlog")?;
    let mode = if cfg!(debug_assertions) { "debug" } else { "release" };
    println!("{events} events of 300 bytes, {mode} mode");
    for role in ["logger", "opener", "drainer"] {
        let program = env::current_exe().trying("cannot tell where this program is")?;
        let mut command = Command::new(program);
        command.args(["backlog", "--role", role, "--events", &events.to_string(), "--folder"]);
        print!("{}", process::output(command.arg(scratch.path().join("queue")), Duration::from_secs(1_800))?);
    }
    Ok(())
}

fn log(folder: &Path, events: usize) -> Result<(), Failure> {
    // The port of nobody.
    let transport =
        BeatsTransport::new("127.0.0.1:9").map_err(|error| Failure::because("no transport", error))?;
    let (handler, guard) = Handler::builder(crate::bench::formatter(), transport)
        .queue(queue(folder)?)
        .overflow(Overflow::Block { timeout: Duration::from_secs(60) })
        .start()
        .map_err(|error| Failure::because("cannot start the handler", error))?;
    let sized = Sized::new(300)?;
    let started = Instant::now();
    for number in 0..events {
        sized.with(number, |event| handler.emit(event));
    }
    if !handler.sync(Duration::from_secs(60)).complete {
        fail!("the events are not stored within a minute");
    }
    let took = started.elapsed();
    let stats = handler.stats();
    println!("logged and stored in {:.1} s; {} queued", took.as_secs_f64(), stats.queued);
    let most = tell_memory()?;
    println!("  {} MB of windows, {} MB on disk", stats.queue_bytes / 1_000_000, on_disk(folder)?);
    if stats.queued != events as u64 {
        fail!("{events} were logged, {} are queued", stats.queued);
    }
    if most >= MOST_MEMORY {
        fail!("the process took {} of memory, {} are its limit", megabytes(most), megabytes(MOST_MEMORY));
    }
    drop(guard);
    Ok(())
}

fn open(folder: &Path) -> Result<(), Failure> {
    let started = Instant::now();
    let queue = queue(folder)?;
    let opened = started.elapsed();
    let peek = queue.peek(1, 1).map_err(|error| Failure::because("cannot peek", error))?;
    let had = started.elapsed();
    if peek.windows.is_empty() {
        fail!("there is no event in the queue");
    }
    println!("opened in {} ms, the first event after {} ms", opened.as_millis(), had.as_millis());
    tell_memory()?;
    Ok(())
}

fn drain(folder: &Path, events: usize) -> Result<(), Failure> {
    let failed = |error| Failure::because("the queue failed", error);
    let queue = queue(folder)?;
    let started = Instant::now();
    let mut drained = 0;
    loop {
        let peek = queue.peek(8, 4 << 20).map_err(failed)?;
        let found: u64 = peek.windows.iter().map(|window| u64::from(window.events())).sum();
        if found == 0 {
            break;
        }
        queue.advance(found - u64::from(peek.skip));
        drained += found - u64::from(peek.skip);
        queue.maintain().map_err(failed)?;
    }
    let took = started.elapsed();
    if drained != events as u64 {
        fail!("{events} were queued, {drained} came out");
    }
    let drained = Instant::now();
    while on_disk(folder)? >= 32 {
        if drained.elapsed() > Duration::from_secs(10) {
            fail!("ten seconds after the last event the queue takes {} MB", on_disk(folder)?);
        }
        thread::sleep(Duration::from_millis(20));
        queue.maintain().map_err(failed)?;
    }
    println!(
        "drained in {:.1} s, {} ms later {} MB on disk",
        took.as_secs_f64(),
        drained.elapsed().as_millis(),
        on_disk(folder)?
    );
    tell_memory()?;
    Ok(())
}

fn queue(folder: &Path) -> Result<SledQueue, Failure> {
    SledQueue::open(folder).map_err(|error| Failure::because("cannot open the queue", error))
}

/// Megabytes that the directory of the queue takes.
fn on_disk(folder: &Path) -> Result<u64, Failure> {
    let inspection =
        inspect(folder).map_err(|error| Failure::because("cannot look into the queue", error))?;
    Ok(inspection.bytes_on_disk / 1_000_000)
}

/// Tells what this process takes; returns the most that it ever took, in bytes, in debug mode without its code, which
/// is large there and not the handler's.
fn tell_memory() -> Result<u64, Failure> {
    let [now, most, program] = [memory("VmRSS")?, memory("VmHWM")?, memory("RssFile")?];
    let code = if cfg!(debug_assertions) { program } else { 0 };
    let [now, peak, program] = [now, most, program].map(megabytes);
    println!("  memory {now} now, {peak} at most; {program} of it are the program's code");
    Ok(most - code)
}

/// A line of what the kernel says of this process, in bytes.
fn memory(name: &str) -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status").trying("cannot read /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    let Some(kilobytes) = kilobytes else { fail!("/proc/self/status says no {name}") };
    Ok(kilobytes * 1_024)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// What a process may take with a backlog of any size.
const MOST_MEMORY: u64 = 64_000_000;
