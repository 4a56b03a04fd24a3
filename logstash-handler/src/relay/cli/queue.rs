use super::exit::{Outcome, Trouble, no_output, tell};
use super::output::{self, Output};
use crate::queue::{Depth, Inspection, QueueError, export, inspect, is_queue, purge};
use crate::{DeadLetterFile, SledQueue};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use logstash_format::LogstashFormatter;
use serde_json::json;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Queues may be in use meanwhile: each process has a part of its own, and what it has is left to it.
#[derive(Args, Debug)]
pub(super) struct Queue {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Delivers what programs that have ended left in a queue
    Drain {
        #[command(flatten)]
        output: Output,
        /// The directory of the queue
        #[arg(value_name = "DIR")]
        queue: PathBuf,
    },
    /// Writes the events that wait in a queue to the standard output, one a line, and leaves them there
    Export {
        /// The directory of the queue
        #[arg(value_name = "DIR")]
        queue: PathBuf,
    },
    /// Tells what is in a queue, and changes nothing
    Inspect {
        /// Tells it as JSON
        #[arg(long)]
        json: bool,
        /// The directory of the queue
        #[arg(value_name = "DIR")]
        queue: PathBuf,
    },
    /// Deletes what programs that have ended left in a queue, and damaged parts that were kept
    Purge {
        /// Says that the events are to be lost
        #[arg(long, required = true)]
        yes: bool,
        /// The directory of the queue
        #[arg(value_name = "DIR")]
        queue: PathBuf,
    },
    /// Delivers events again that were rejected
    Replay {
        #[command(flatten)]
        output: Output,
        /// The file of dead letters; those that are rejected again come back to it
        #[arg(value_name = "FILE")]
        letters: PathBuf,
    },
}

impl Queue {
    pub(super) fn run(self) -> Result<Outcome, Trouble> {
        match &self.command {
            Command::Drain { queue, .. }
            | Command::Export { queue }
            | Command::Inspect { queue, .. }
            | Command::Purge { queue, .. } => expect_queue(queue)?,
            Command::Replay { .. } => {}
        }
        match self.command {
            Command::Drain { output, queue } => drain(&output, &queue),
            Command::Export { queue } => print_events(&queue),
            Command::Inspect { json, queue } => {
                let inspection = inspect(&queue).map_err(|error| unusable(&queue, error))?;
                let text = if json { as_json(&inspection) } else { as_text(&inspection) };
                io::stdout().lock().write_all(text.as_bytes()).map_err(no_output)?;
                Ok(Outcome::Done)
            }
            Command::Purge { yes: _, queue } => {
                let Depth { events, bytes, .. } = purge(&queue).map_err(|error| unusable(&queue, error))?;
                tell(format_args!("{events} events are deleted, {bytes} bytes"));
                Ok(Outcome::Done)
            }
            Command::Replay { output, letters } => replay(&output, &letters),
        }
    }
}

/// Refuses a directory without a queue. What is meant may be that of an output, in the folder of all queues of a relay.
fn expect_queue(path: &Path) -> Result<(), Trouble> {
    // Where there is no directory, that is told by whoever opens it.
    if !path.is_dir() || is_queue(path) {
        return Ok(());
    }
    let folders = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut below: Vec<String> =
        folders.filter(|path| is_queue(path)).take(10).map(|path| path.display().to_string()).collect();
    below.sort();
    let hint = if below.is_empty() { String::new() } else { format!("; try {}", below.join(", ")) };
    Err(Trouble::new(format!("there is no queue in {}{hint}", path.display())))
}

fn drain(output: &Output, path: &Path) -> Result<Outcome, Trouble> {
    // There must be one; to open it would make it.
    inspect(path).map_err(|error| unusable(path, error))?;
    let queue = SledQueue::open(path).map_err(|error| unusable(path, error))?;
    // They are serialised already.
    let builder = output.handler(LogstashFormatter::new())?.queue(queue);
    let (handler, guard) = output::start(builder)?;
    Ok(output.finish(&handler, guard))
}

fn replay(output: &Output, path: &Path) -> Result<Outcome, Trouble> {
    if !path.exists() {
        return Err(Trouble::new(format!("there is no file {}", path.display())));
    }
    let failed = |error: Box<dyn std::error::Error>| {
        Trouble::new(format!("dead letters of {}", path.display())).because(error)
    };
    let letters = Arc::new(DeadLetterFile::open(path).map_err(|error| failed(error.into()))?);
    let builder = output.handler(LogstashFormatter::new())?.dead_letters(Arc::clone(&letters));
    let (handler, guard) = output::start(builder)?;
    let replayed = handler.replay(&letters, output.timeout());
    if let Ok(replay) = &replayed
        && replay.damaged > 0
    {
        tell(format_args!("{} lines were no letters", replay.damaged));
    }
    let outcome = output.finish(&handler, guard);
    replayed.map(|_| outcome).map_err(|error| failed(error.into()))
}

fn print_events(path: &Path) -> Result<Outcome, Trouble> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut result = Ok(Outcome::Done);
    let exported = export(path, |window, delivered| {
        if result.as_ref().is_err() {
            return;
        }
        match window.payloads() {
            Ok(events) => {
                for event in events.iter().skip(delivered as usize) {
                    let written = out.write_all(event).and_then(|()| out.write_all(b"\n"));
                    if let Err(error) = written {
                        result = Err(no_output(error));
                        return;
                    }
                }
            }
            Err(error) => {
                tell(format_args!("{} events are damaged: {error}", window.events()));
                result = Ok(Outcome::Incomplete);
            }
        }
    });
    exported.map_err(|error| unusable(path, error))?;
    let outcome = result?;
    out.flush().map_err(no_output)?;
    Ok(outcome)
}

fn unusable(path: &Path, error: QueueError) -> Trouble {
    Trouble::new(format!("queue {}", path.display())).because(error)
}

fn as_text(inspection: &Inspection) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<14}{value}\n"));
    line("events", inspection.events().to_string());
    let lost: u64 = inspection.lanes.iter().map(|lane| lane.lost).sum();
    if lost > 0 {
        line("lost", lost.to_string());
    }
    line("bytes", inspection.lanes.iter().map(|lane| lane.bytes).sum::<u64>().to_string());
    line("bytes on disk", inspection.bytes_on_disk.to_string());
    line("oldest", time(inspection.oldest()).unwrap_or_else(|| "none".to_owned()));
    for lane in &inspection.lanes {
        let owner = match lane.process {
            None => "of a program that has ended".to_owned(),
            Some(0) => "in use".to_owned(),
            Some(process) => format!("in use by process {process}"),
        };
        line(&format!("part {}", lane.number), format!("{} events, {owner}", lane.events));
    }
    for damaged in &inspection.damaged {
        let path = damaged.path.display();
        line("damaged", format!("{path}, {} bytes: {}", damaged.bytes, damaged.reason));
    }
    text
}

fn as_json(inspection: &Inspection) -> String {
    let lanes: Vec<_> = inspection
        .lanes
        .iter()
        .map(|lane| {
            json!({
                "number": lane.number,
                "process": lane.process,
                "events": lane.events,
                "lost": lane.lost,
                "bytes": lane.bytes,
                "oldest": time(lane.oldest),
            })
        })
        .collect();
    let damaged: Vec<_> = inspection
        .damaged
        .iter()
        .map(|damaged| {
            json!({
                "path": damaged.path.to_string_lossy(),
                "bytes": damaged.bytes,
                "at": time(Some(damaged.at)),
                "reason": damaged.reason,
            })
        })
        .collect();
    let all = json!({
        "events": inspection.events(),
        "bytes_on_disk": inspection.bytes_on_disk,
        "oldest": time(inspection.oldest()),
        "parts": lanes,
        "damaged": damaged,
    });
    format!("{all:#}\n")
}

fn time(time: Option<SystemTime>) -> Option<String> {
    time.and_then(|time| Timestamp::try_from(time).ok()).map(|time| format!("{time:.3}"))
}
