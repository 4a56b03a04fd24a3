//! The events that are measured: the same ones for every side.

use std::fs;
use std::path::Path;

use logstash_format::{Event, Formatter, Level, LogstashFormatter, Origin, Value};

use crate::failure::{Failure, Trying};

pub(super) fn formatter() -> LogstashFormatter {
    LogstashFormatter::new().program("shop")
}

/// Calls `take` with the event of that number, a document of about 400 bytes.
pub(super) fn with_event<T>(number: usize, take: impl FnOnce(&Event<'_>) -> T) -> T {
    let customer = ["ada", "grace", "edsger", "barbara", "donald"][number % 5];
    let fields = [
        ("order", Value::from(number as u64)),
        ("customer", Value::from(customer)),
        ("amount", Value::from((number % 10_000) as f64 / 100.0)),
    ];
    take(
        &Event::new(Level::Info, "shop::orders", format_args!("order {number} of {customer} was placed"))
            .origin(Origin::new().file("src/orders.rs").line(42).module("shop::orders"))
            .fields(&fields),
    )
}

/// Writes the documents of that many events to a file, one a line, and returns their size in bytes.
pub(super) fn write_documents(path: &Path, count: usize) -> Result<usize, Failure> {
    let formatter = formatter();
    let mut text = Vec::new();
    for number in 0..count {
        with_event(number, |event| formatter.format(event, &mut text))
            .map_err(|error| Failure::because("an event could not be formatted", error))?;
        text.push(b'\n');
    }
    fs::write(path, &text).trying(format_args!("cannot write {}", path.display()))?;
    Ok(text.len() - count)
}
