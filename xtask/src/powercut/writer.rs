//! Stores and delivers until the power goes, and says what is done.

use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::SystemTime;

use logstash_handler::Durability;
use logstash_handler::queue::{Queue, QueueError, SledOptions, SledQueue};
use lumberjack_codec::{EncodedWindow, WindowEncoder};

use crate::arguments::Arguments;
use crate::failure::{Failure, fail};

pub(super) fn run(arguments: &Arguments, durability: Durability) -> Result<(), Failure> {
    let first = arguments.number("--first", 0)?;
    let queue = open(arguments, durability)?;
    thread::scope(|scope| {
        let storing = scope.spawn(|| store(&queue, first));
        let delivering = scope.spawn(|| deliver(&queue));
        for ended in [storing.join(), delivering.join()] {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(Failure::because("the queue failed", error)),
                Err(_) => fail!("the writer panicked"),
            }
        }
        Ok(())
    })
}

/// The queue in the folder of a role: with generations so small that a round sees many.
pub(super) fn open(arguments: &Arguments, durability: Durability) -> Result<SledQueue, Failure> {
    let folder = arguments
        .value("--folder")
        .ok_or_else(|| Failure::Usage("powercut: a role needs --folder".to_owned()))?;
    SledOptions::new()
        .durability(durability)
        .generation_bytes(2 << 20)
        .cache_bytes(100_000)
        .max_bytes(160 << 20)
        .min_free_bytes(0)
        .open(Path::new(folder).join("queue"))
        .map_err(|error| Failure::because("cannot open the queue", error))
}

fn store(queue: &SledQueue, first: u64) -> Result<(), QueueError> {
    let mut random = fastrand::Rng::new();
    let mut encoder = WindowEncoder::new(0);
    // A line longer than a part of a value now and then.
    let noise = "n".repeat(40_000);
    let mut next = first;
    loop {
        let events = random.u64(1..=50);
        let window = window(&mut encoder, next..next + events, &noise[..random.usize(..40_000)]);
        next += events;
        queue.append(&[window], SystemTime::now())?;
        if random.u8(..3) > 0 {
            queue.sync()?;
            let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
            say(&format!("stored {next} {}", now.as_millis()));
        }
        if random.u8(..4) == 0 {
            queue.maintain()?;
        }
        // The disk is bounded, and delivery is behind.
        while queue.depth().bytes > 30 << 20 {
            queue.maintain()?;
            thread::yield_now();
        }
    }
}

fn window(encoder: &mut WindowEncoder, events: std::ops::Range<u64>, noise: &str) -> EncodedWindow {
    let payloads =
        events.map(|number| format!("{{\"n\":{number},\"noise\":\"{}\"}}", &noise[..noise.len() / 50]));
    let payloads: Vec<_> = payloads.collect();
    // Small payloads always make a window.
    encoder.encode(&payloads).unwrap_or_else(|error| unreachable!("{error}"))
}

fn deliver(queue: &SledQueue) -> Result<(), QueueError> {
    let mut random = fastrand::Rng::new();
    loop {
        let peek = queue.peek(4, usize::MAX)?;
        let events = numbers(&peek.windows, peek.skip);
        // Often in the middle of a window, and seldom all there is.
        let done = random.usize(..=events.len());
        let Some(&last) = done.checked_sub(1).and_then(|last| events.get(last)) else {
            thread::yield_now();
            continue;
        };
        say(&format!("delivering {}", last + 1));
        queue.advance(done as u64);
        if random.u8(..10) < 6 {
            thread::sleep(std::time::Duration::from_millis(random.u64(..12)));
        }
    }
}

/// The numbers of the events in windows, but for the first ones.
pub(super) fn numbers(windows: &[EncodedWindow], skip: u32) -> Vec<u64> {
    let payloads = windows.iter().flat_map(|window| window.payloads().unwrap_or_default());
    let number = |payload: bytes::Bytes| {
        let text = payload.strip_prefix(b"{\"n\":".as_slice())?;
        let digits = text.split(|byte| !byte.is_ascii_digit()).next()?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    payloads.skip(skip as usize).filter_map(number).collect()
}

pub(super) fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(format!("{line}\n").as_bytes());
    let _ = out.flush();
}
