use std::fs::{File, OpenOptions};
use std::io::Write;
use std::time::Duration;

use crate::Outcome;
use crate::flags::Flags;

/// What a server does with its windows.
pub struct Behaviour {
    pub listen: String,
    /// How long each window waits for its acknowledgement.
    pub delay: Duration,
    /// Interval of the keepalives while a window waits; none if zero.
    pub keepalive: Duration,
    /// How many windows, from the first on, the application drops: neither kept nor acknowledged.
    pub drop: usize,
}

impl Behaviour {
    pub fn new(flags: &Flags) -> Outcome<Self> {
        Ok(Self {
            listen: flags.text("listen").unwrap_or("127.0.0.1:0").to_owned(),
            delay: flags.duration("delay")?.unwrap_or_default(),
            keepalive: flags.duration("keepalive")?.unwrap_or(Duration::from_secs(3)),
            drop: flags.number("drop", 0)?,
        })
    }
}

/// Where the events go.
pub struct Output {
    file: Option<File>,
    total: usize,
    is_quiet: bool,
}

impl Output {
    pub fn new(flags: &Flags) -> Outcome<Self> {
        let file = flags
            .text("out")
            .map(|path| OpenOptions::new().create(true).append(true).open(path))
            .transpose()?;
        Ok(Self { file, total: 0, is_quiet: flags.has("quiet") })
    }

    /// Writes the events of a window, one a line, and prints `batch EVENTS TOTAL`, unless it is to be quiet.
    pub fn write<'e>(&mut self, events: impl ExactSizeIterator<Item = &'e [u8]>) -> Outcome<()> {
        let count = events.len();
        if let Some(file) = &mut self.file {
            let mut lines = Vec::new();
            for event in events {
                if event.contains(&b'\n') {
                    return Err(format!("an event holds a line feed: {}", String::from_utf8_lossy(event)).into());
                }
                lines.extend_from_slice(event);
                lines.push(b'\n');
            }
            file.write_all(&lines)?;
        }
        self.total += count;
        if !self.is_quiet {
            println!("batch {count} {}", self.total);
        }
        Ok(())
    }
}
