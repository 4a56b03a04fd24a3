//! The receiver: writes each event to a file before it acknowledges it.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use logstash_transport::testing::ReceiverOptions;
use serde_json::Value;

use crate::arguments::Arguments;
use crate::failure::{Failure, Trying};

/// Listens until it is killed.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let usage = |what: &str| Failure::Usage(format!("demo: the receiver needs {what}"));
    let folder = arguments.value("--folder").ok_or_else(|| usage("--folder"))?;
    let life = arguments.value("--run").ok_or_else(|| usage("--run"))?;
    let address: SocketAddr =
        arguments.value("--address").and_then(|text| text.parse().ok()).ok_or_else(|| usage("--address"))?;
    let path = Path::new(folder).join(format!("received-{life:0>3}"));
    let mut file = File::create(&path).trying(format_args!("cannot create {}", path.display()))?;
    let mut to_lose = arguments.has("--lose-one");
    let mut lines = Vec::new();
    let sink = move |events: &[Bytes]| {
        lines.clear();
        // The first event goes missing, after which it is acknowledged with the others.
        for event in events.iter().skip(usize::from(std::mem::take(&mut to_lose))) {
            lines.extend_from_slice(event);
            lines.push(b'\n');
        }
        if let Err(error) = file.write_all(&lines) {
            eprintln!("the receiver cannot write: {error}");
            std::process::exit(1);
        }
    };
    let receiver = ReceiverOptions::new().address(address).sink(sink).start();
    let receiver = receiver.trying(format_args!("cannot listen on {address}"))?;
    println!("listening {}", receiver.address());
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

/// An event as it arrived: who logged it, and which of his it was.
#[derive(Debug)]
pub(super) struct Arrival {
    /// Life of the application, from 1.
    pub(super) life: usize,
    pub(super) thread: usize,
    pub(super) number: u64,
}

/// Everything that all lives of the receiver wrote, in order.
pub(super) fn read(folder: &Path) -> Result<Vec<Arrival>, Failure> {
    let mut arrivals = Vec::new();
    for life in 1.. {
        let path = folder.join(format!("received-{life:0>3}"));
        if !path.exists() {
            break;
        }
        let text = fs::read(&path).trying(format_args!("cannot read {}", path.display()))?;
        // What follows the last line feed was cut by the kill, and never acknowledged.
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        for line in text[..whole].split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            arrivals.push(parse(line)?);
        }
    }
    Ok(arrivals)
}

fn parse(line: &[u8]) -> Result<Arrival, Failure> {
    let document: Value = serde_json::from_slice(line).map_err(|error| {
        Failure::because(format_args!("received {}", String::from_utf8_lossy(line)), error)
    })?;
    let number = |name: &str| document["extra"][name].as_u64();
    match (number("life"), number("thread"), number("number")) {
        (Some(life), Some(thread), Some(number)) => {
            Ok(Arrival { life: life as usize, thread: thread as usize, number })
        }
        _ => Err(Failure::Failed(format!("an event without its numbers: {document}"))),
    }
}
