use std::error::Error;
use std::fs;
use std::mem;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Outcome;
use crate::flags::Flags;

/// A client of one of the libraries.
pub trait Sender: Sized {
    async fn connect(settings: &Settings) -> Result<Self, Box<dyn Error>>;

    /// Returns how many events were acknowledged.
    async fn send(&mut self, window: Vec<Vec<u8>>) -> Result<usize, Box<dyn Error>>;

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
    let events = read(flags.needed("in")?, flags.has("encode"))?;
    let total = events.len();
    // The libraries take events by value: windows are cut before the clock starts.
    let mut windows = cut(events, size);

    let (started, before) = (Instant::now(), cpu_time());
    let mut acked = 0;
    let mut client: Option<S> = None;
    for window in &mut windows {
        loop {
            // Copied only where it may have to be sent again.
            let copy = if retry.is_zero() { mem::take(window) } else { window.clone() };
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
    window: Vec<Event>,
) -> Result<usize, Box<dyn Error>> {
    let client = match client {
        Some(client) => client,
        None => {
            let connected = S::connect(settings).await?;
            println!("connected");
            client.insert(connected)
        }
    };
    let encoded = window.into_iter().map(Event::into_json).collect::<Result<_, _>>()?;
    client.send(encoded).await
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

/// An event, encoded already or yet to be.
#[derive(Clone)]
enum Event {
    Ready(Vec<u8>),
    Decoded(Value),
}

impl Event {
    fn into_json(self) -> serde_json::Result<Vec<u8>> {
        match self {
            Self::Ready(json) => Ok(json),
            Self::Decoded(value) => serde_json::to_vec(&value),
        }
    }
}

/// Reads one JSON document a line; with `decode` they are encoded while the clock runs, as a program that logs has
/// to do it.
fn read(path: &str, decode: bool) -> Outcome<Vec<Event>> {
    let text = fs::read(path).map_err(|error| format!("cannot read {path}: {error}"))?;
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| {
            Ok(if decode {
                Event::Decoded(serde_json::from_slice(line)?)
            } else {
                Event::Ready(line.to_vec())
            })
        })
        .collect()
}

fn cut(events: Vec<Event>, size: usize) -> Vec<Vec<Event>> {
    let mut events = events.into_iter();
    let mut windows = Vec::new();
    loop {
        let window: Vec<Event> = events.by_ref().take(size.max(1)).collect();
        if window.is_empty() {
            return windows;
        }
        windows.push(window);
    }
}
