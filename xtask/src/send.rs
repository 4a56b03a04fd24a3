//! `cargo xtask send`: our client, with what it costs.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::iter;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use logstash_format::Formatter;
use logstash_transport::{Batch, BeatsTransport, Transport};

use crate::arguments::Arguments;
use crate::bench::{Sized, formatter};
use crate::cost::Cost;
use crate::failure::{Failure, Trying, fail};
use crate::task::{Flag, Task};
use crate::with_parent;

pub(crate) const TASK: Task = Task {
    name: "send",
    summary: "Sends events to a Beats receiver and tells what it cost",
    operands: "",
    flags: &[
        Flag { name: "--to", value: "HOST:PORT", help: "address of the receiver" },
        Flag { name: "--file", value: "FILE", help: "one document a line, read before the clock starts" },
        Flag {
            name: "--events",
            value: "COUNT",
            help: "without a file: events that are formatted while the clock runs",
        },
        Flag { name: "--size", value: "BYTES", help: "size of the documents of those events, 300 by default" },
        Flag { name: "--rounds", value: "COUNT", help: "how often the file is sent, once by default" },
        Flag { name: "--level", value: "LEVEL", help: "compression level, 0 by default" },
        Flag { name: "--in-flight", value: "WINDOWS", help: "windows on the wire, 2 by default" },
        with_parent::FLAG,
    ],
    help: "\
Our client as `cargo xtask bench transport` measures it: windows of 2,048 events, documents read from a file, or
made by the formatter as a program that logs does it. Prints `cost CPU USER` in seconds, CPU with and USER without
what the system did, USER in steps of 10 ms, and `acked EVENTS SECONDS`; all three run from the first attempt to connect to the last
acknowledgement.",
    run,
};

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Some(address) = arguments.value("--to").and_then(|address| address.parse::<SocketAddr>().ok()) else {
        return Err(Failure::Usage("send: --to wants an address such as 127.0.0.1:5044".to_owned()));
    };
    with_parent::obey(arguments);
    let in_flight = arguments.number("--in-flight", 2)?;
    let transport = BeatsTransport::new(&address.to_string())
        .map_err(|error| Failure::because("our client refuses the address", error))?
        .compression_level(arguments.number("--level", 0)?)
        .max_in_flight(in_flight)
        .max_window_events(WINDOW);

    match arguments.value("--file") {
        Some(file) => {
            let documents = read(file)?;
            let mut batches: Vec<_> = (0..arguments.number("--rounds", 1)?)
                .map(|_| Batch::from_events(documents.clone()))
                .collect();
            measured(transport, |transport| batches.iter_mut().map(|batch| deliver(transport, batch)).sum())
        }
        None => {
            let (events, size) =
                (arguments.number("--events", 100_000)?, Sized::new(arguments.number("--size", 300)?)?);
            // Enough to keep that many windows in flight.
            let batch = in_flight.max(1).saturating_mul(2 * WINDOW);
            measured(transport, |transport| format_and_deliver(transport, events, &size, batch))
        }
    }
}

/// The lines of a file, an allocation for each, as other clients have it.
fn read(path: &str) -> Result<Vec<Bytes>, Failure> {
    let file = File::open(path).trying(format_args!("cannot read {path}"))?;
    let mut documents = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        let line = line.trying(format_args!("cannot read {path}"))?;
        if !line.is_empty() {
            documents.push(Bytes::from(line.into_boxed_slice()));
        }
    }
    Ok(documents)
}

/// Runs it against the clocks and prints what they say.
fn measured(
    mut transport: BeatsTransport,
    work: impl FnOnce(&mut BeatsTransport) -> Result<u64, Failure>,
) -> Result<(), Failure> {
    let (started, before) = (Instant::now(), Cost::now()?);
    let acked = work(&mut transport)?;
    let (took, spent) = (started.elapsed(), before.until_now()?);
    transport.close();
    println!("{spent}");
    println!("acked {acked} {}", took.as_secs_f64());
    Ok(())
}

fn deliver(transport: &mut BeatsTransport, batch: &mut Batch<'_>) -> Result<u64, Failure> {
    transport.send(batch).map_err(|error| Failure::because("our client could not deliver", error))?;
    Ok(batch.acknowledged())
}

/// Formats into one buffer as much as a batch holds, and sends that.
fn format_and_deliver(
    transport: &mut BeatsTransport,
    events: usize,
    size: &Sized,
    batch: usize,
) -> Result<u64, Failure> {
    let formatter = formatter();
    let mut acked = 0;
    let mut next = 0;
    let mut text = Vec::new();
    while next < events {
        let end = events.min(next.saturating_add(batch));
        text.clear();
        let mut ends = Vec::with_capacity(end - next);
        for number in next..end {
            size.with(number, |event| formatter.format(event, &mut text))
                .map_err(|error| Failure::because("an event could not be formatted", error))?;
            ends.push(text.len());
        }
        let shared = Bytes::from(text);
        let starts = iter::once(0).chain(ends.iter().copied());
        let documents = starts.zip(&ends).map(|(start, end)| shared.slice(start..*end));
        acked += deliver(transport, &mut Batch::from_events(documents))?;
        // The same memory again: nobody else holds it any more.
        text = shared.into();
        next = end;
    }
    if acked != events as u64 {
        fail!("{acked} of {events} events were acknowledged");
    }
    Ok(acked)
}

/// Events per window; ours and Filebeat's default.
const WINDOW: usize = 2048;
