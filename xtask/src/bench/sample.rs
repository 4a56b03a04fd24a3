//! The events that are measured: the same ones for every side.

use std::fs;
use std::path::Path;

use logstash_format::{Event, Formatter, Level, LogstashFormatter, Value};

use crate::failure::{Failure, Trying};

/// The process id is asked for once, as the handler does it; the peers are given it with the event.
pub(crate) fn formatter() -> LogstashFormatter {
    LogstashFormatter::new().program("shop").remember_pid(true)
}

/// Events of a given size as documents: what differs from one to the next does so as in real logs, so that they
/// compress as those do.
#[derive(Debug)]
pub(crate) struct Sized {
    /// Bytes of the note of each event.
    note: usize,
    /// Notes are cut from it; far longer than what zlib looks back.
    text: String,
}

impl Sized {
    /// Documents of about `size` bytes; the bare ones have 280.
    pub(crate) fn new(size: usize) -> Result<Self, Failure> {
        let mut random = fastrand::Rng::with_seed(1);
        let mut text = String::new();
        while text.len() < 1 << 20 {
            match random.u8(0..8) {
                0 => text.push_str(&format!("{}, ", random.u32(0..100_000))),
                _ => text.push_str(WORDS[random.usize(0..WORDS.len())]),
            }
            text.push(' ');
        }
        let mut events = Self { note: 0, text };
        let mut bare = Vec::new();
        events
            .with(100_000, |event| formatter().format(event, &mut bare))
            .map_err(|error| Failure::because("an event could not be formatted", error))?;
        events.note = size.saturating_sub(bare.len());
        Ok(events)
    }

    /// Calls `take` with the event of that number.
    pub(crate) fn with<T>(&self, number: usize, take: impl FnOnce(&Event<'_>) -> T) -> T {
        let customer = ["ada", "grace", "edsger", "barbara", "donald"][number % 5];
        let note = self.words(number, self.note);
        let fields = [("order", Value::from(scattered(number) >> 40)), ("note", Value::from(note))];
        take(
            &Event::new(Level::Info, "shop", format_args!("order {number} of {customer} was placed"))
                .fields(&fields),
        )
    }

    /// Words of that length in all, other ones for another number.
    pub(super) fn words(&self, number: usize, length: usize) -> &str {
        let start = (scattered(number) >> 20) as usize % (self.text.len() - length);
        self.text.get(start..start + length).unwrap_or_default()
    }

    /// Writes that many documents to a file, one a line.
    pub(super) fn write(&self, path: &Path, count: usize) -> Result<(), Failure> {
        let formatter = formatter();
        let mut text = Vec::new();
        for number in 0..count {
            self.with(number, |event| formatter.format(event, &mut text))
                .map_err(|error| Failure::because("an event could not be formatted", error))?;
            text.push(b'\n');
        }
        fs::write(path, &text).trying(format_args!("cannot write {}", path.display()))
    }
}

/// Multiplicative hashing: numbers that follow each other lie far apart.
fn scattered(number: usize) -> u64 {
    (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Plain ASCII, so that a text of them can be cut anywhere; nothing in it is escaped.
const WORDS: &[&str] = &[
    "parcel",
    "floor",
    "payment",
    "card",
    "accepted",
    "attempt",
    "bank",
    "answered",
    "coupon",
    "stock",
    "warehouse",
    "threshold",
    "delivery",
    "expected",
    "address",
    "corrected",
    "customer",
    "window",
    "courier",
    "route",
    "invoice",
    "sent",
    "retry",
    "tax",
    "service",
    "session",
    "ended",
    "minutes",
    "pages",
    "item",
    "swapped",
    "colour",
    "gift",
    "text",
    "added",
    "weight",
    "volume",
    "class",
    "since",
    "orders",
    "returns",
    "fraud",
    "score",
    "below",
    "limit",
    "robot",
    "picked",
    "shelf",
    "label",
    "printed",
    "device",
    "insurance",
    "declined",
    "points",
    "granted",
    "balance",
    "newsletter",
    "language",
    "currency",
    "shipped",
    "truck",
    "seal",
    "driver",
    "signed",
    "dock",
    "tracking",
    "number",
    "carrier",
    "call",
    "before",
    "mobile",
    "confirmed",
    "message",
    "elevator",
    "stairs",
    "customs",
    "form",
    "needed",
    "carbon",
    "offset",
    "feedback",
    "request",
    "scheduled",
    "queue",
    "depth",
    "consumer",
    "lag",
    "cache",
    "hit",
    "price",
    "list",
    "search",
    "results",
    "position",
    "basket",
    "kept",
    "checkout",
    "with",
    "and",
    "of",
    "the",
    "for",
];
