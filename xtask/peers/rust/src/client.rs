use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::mem;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Outcome;
use crate::flags::Flags;

/// A client of one of the libraries.
pub trait Sender: Sized {
    async fn connect(settings: &Settings) -> Result<Self, Box<dyn Error>>;

    /// What it sends as it is.
    type Document: Clone;

    /// Makes that of JSON, before the clock starts.
    fn document(json: Vec<u8>) -> Outcome<Self::Document>;

    /// Returns how many events were acknowledged.
    async fn send(&mut self, window: Vec<Self::Document>) -> Result<usize, Box<dyn Error>>;

    /// Encodes the events in the way that the library has for it.
    async fn encode_and_send(&mut self, window: Vec<Value>) -> Result<usize, Box<dyn Error>>;

    /// Whether it connects again by itself when a window is sent after one that failed.
    const RECONNECTS: bool;
}

pub struct Settings {
    pub address: String,
    pub level: u32,
    pub timeout: Duration,
}

/// Prints `connected` with each connection that it makes, and at the end `cost CPU`, the seconds of all processors
/// together, and `acked EVENTS SECONDS`: both run from the first connection attempt to the last acknowledgement.
pub async fn send<S: Sender>(flags: &Flags) -> Outcome<()> {
    let settings = Settings {
        address: flags.needed("addr")?.to_owned(),
        level: flags.number("level", 0)?,
        timeout: flags.duration("timeout")?.unwrap_or(Duration::from_secs(30)),
    };
    let retry = flags.duration("retry")?.unwrap_or_default();
    let size = flags.number("window", 2048)?;
    let (mut windows, total) = read::<S>(flags.needed("in")?, size, flags.has("encode"))?;

    let (started, before) = (Instant::now(), cpu_time());
    let mut acked = 0;
    let mut client: Option<S> = None;
    for window in &mut windows {
        loop {
            // Copied only where it may have to be sent again.
            let copy = if retry.is_zero() {
                mem::replace(window, Window::Values(Vec::new()))
            } else {
                window.clone()
            };
            let sent = match attempt(&settings, &mut client, copy).await {
                Ok(sent) => sent,
                Err(error) if started.elapsed() >= retry => {
                    return Err(format!("{acked} of {total} events acknowledged: {error}").into());
                }
                Err(_) => {
                    if !S::RECONNECTS {
                        client = None;
                    }
                    // The pause between two attempts to connect.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            };
            acked += sent;
            break;
        }
    }
    println!("cost {}", (cpu_time() - before).as_secs_f64());
    println!("acked {acked} {}", started.elapsed().as_secs_f64());
    Ok(())
}

async fn attempt<S: Sender>(
    settings: &Settings,
    client: &mut Option<S>,
    window: Window<S::Document>,
) -> Result<usize, Box<dyn Error>> {
    let client = match client {
        Some(client) => client,
        None => {
            let connected = S::connect(settings).await?;
            println!("connected");
            client.insert(connected)
        }
    };
    match window {
        Window::Documents(documents) => client.send(documents).await,
        Window::Values(values) => client.encode_and_send(values).await,
    }
}

/// What this process has used, the work of the system for it included; known on Linux only.
fn cpu_time() -> Duration {
    #[cfg(target_os = "linux")]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
    }
    #[cfg(not(target_os = "linux"))]
    Duration::ZERO
}

/// Events that are sent together, encoded already or yet to be. The libraries take them by value: windows are cut
/// before the clock starts.
#[derive(Clone)]
enum Window<D> {
    Documents(Vec<D>),
    Values(Vec<Value>),
}

/// Reads one JSON document a line, and tells how many there are; with `decode` they are encoded while the clock
/// runs, as a program that logs has to do it.
fn read<S: Sender>(path: &str, size: usize, decode: bool) -> Outcome<(Vec<Window<S::Document>>, usize)> {
    let file = File::open(path).map_err(|error| format!("cannot read {path}: {error}"))?;
    let mut windows = Vec::new();
    let mut total = 0;
    for line in BufReader::new(file).split(b'\n') {
        let line = line?;
        if line.is_empty() {
            continue;
        }
        if total % size.max(1) == 0 {
            windows.push(if decode { Window::Values(Vec::new()) } else { Window::Documents(Vec::new()) });
        }
        total += 1;
        match windows.last_mut() {
            Some(Window::Documents(documents)) => documents.push(S::document(line)?),
            Some(Window::Values(values)) => values.push(serde_json::from_slice(&line)?),
            None => {}
        }
    }
    Ok((windows, total))
}
