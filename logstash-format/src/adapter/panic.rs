use std::backtrace::{Backtrace, BacktraceStatus};
use std::error::Error;
use std::fmt;
use std::panic::{Location, PanicHookInfo};

use crate::{Event, Level, Origin};

/// Calls `then` with the event of a panic, and returns what it returns; for `std::panic::set_hook`.
///
/// The event has the level [`Error`](Level::Error), the logger `panic`, the thread and the place in
/// the source, and as its [error](Event::error), of type `panic`, the message of the panic. The
/// backtrace is taken where `RUST_BACKTRACE` or `RUST_LIB_BACKTRACE` asks for it.
///
/// ```
/// use logstash_format::{Formatter, LogstashFormatter, panic_event};
///
/// let formatter = LogstashFormatter::new();
/// let previous = std::panic::take_hook();
/// std::panic::set_hook(Box::new(move |info| {
///     let mut document = Vec::new();
///     if panic_event(info, |event| formatter.format(event, &mut document)).is_ok() {
///         // Send it.
///     }
///     previous(info);
/// }));
/// ```
pub fn panic_event<R>(info: &PanicHookInfo<'_>, then: impl FnOnce(&Event<'_>) -> R) -> R {
    panic_event_with_backtrace(info, &Backtrace::capture(), then)
}

/// [`panic_event`] with a backtrace of your own, as `Backtrace::force_capture()`.
///
/// It is left out where it is not captured.
pub fn panic_event_with_backtrace<R>(
    info: &PanicHookInfo<'_>,
    backtrace: &Backtrace,
    then: impl FnOnce(&Event<'_>) -> R,
) -> R {
    let panic = Panic(message(info).to_owned());
    let location = info.location();
    let origin = Origin::new().file(location.map(Location::file)).line(location.map(Location::line));
    let message = format!("panicked: {panic}");
    let event = Event::new(Level::Error, "panic", &message).origin(origin).error(&panic).error_type("panic");
    match backtrace.status() {
        BacktraceStatus::Captured => then(&event.backtrace(backtrace)),
        _ => then(&event),
    }
}

fn message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("[no message]")
}

/// What a panic says, as an error.
#[derive(Debug)]
struct Panic(String);

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Panic {}
