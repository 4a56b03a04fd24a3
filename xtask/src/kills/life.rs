//! The processes: one that logs until it is killed, and one that delivers what is left.

use std::io::{self, Write};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use logstash_format::{Event, FormatError, Formatter, Level};
use logstash_handler::queue::OnBacklog;
use logstash_handler::{BeatsTransport, Guard, Handler, Overflow, SledOptions};
use lumberjack_codec::Backoff;

use super::Mode;
use crate::arguments::Arguments;
use crate::failure::{Failure, fail};

/// Events of a window, and windows on the wire.
pub(super) const WINDOW: usize = 100;
pub(super) const IN_FLIGHT: usize = 2;
/// Threads that log.
pub(super) const THREADS: usize = 3;
/// Events that a thread logs at full speed; then it waits for each to be durable.
const AT_ONCE: u64 = 1_500;

/// Logs until it is killed, and says which events are durable.
pub(super) fn log(arguments: &Arguments, mode: Mode) -> Result<(), Failure> {
    let life = arguments.number("--life", 0)?;
    let (handler, _guard) = start(arguments, mode)?;
    let failure = Mutex::new(None);
    thread::scope(|scope| {
        for thread in 0..THREADS as u64 {
            let (handler, failure) = (&handler, &failure);
            scope.spawn(move || {
                let failed = log_as(handler, life, thread);
                *failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(failed);
                // The others would go on for ever.
                std::process::exit(1);
            });
        }
    });
    fail!("nobody logs: {failure:?}")
}

/// Returns why it cannot go on.
fn log_as(handler: &Handler, life: u64, thread: u64) -> String {
    let mut random = fastrand::Rng::with_seed(life * 16 + thread);
    for number in 0.. {
        let document = format!("[{life},{thread},{number}]");
        let event = Event::new(Level::Info, "kills", document.as_str());
        if number < AT_ONCE && random.u8(..) > 0 {
            handler.emit(&event);
            continue;
        }
        if let Err(error) = handler.emit_durable(&event, super::PATIENCE) {
            say(&format!("broken {error}"));
            return error.to_string();
        }
        say(&format!("durable {thread} {} .", number + 1));
        let stats = handler.stats();
        if !stats.is_balanced() {
            say(&format!("broken books are not balanced: {stats:?}"));
            return "the books are not balanced".to_owned();
        }
    }
    String::new()
}

/// Delivers what is left, and says how much that was.
pub(super) fn drain(arguments: &Arguments, mode: Mode) -> Result<(), Failure> {
    let (handler, guard) = start(arguments, mode)?;
    let flushed = handler.flush(4 * super::PATIENCE);
    let report = guard.shutdown(super::PATIENCE);
    let stats = handler.stats();
    let is_even = stats.is_balanced() && stats.recovered == stats.acknowledged && stats.accepted == 0;
    if !(flushed.complete && report.complete && is_even) {
        fail!("not all was delivered, or not all of it is in the books: {report}; {stats:?}");
    }
    say(&format!("delivered {}", report.acknowledged));
    Ok(())
}

fn start(arguments: &Arguments, mode: Mode) -> Result<(Handler, Guard), Failure> {
    let needed = |flag| {
        let value = arguments.value(flag);
        value.ok_or_else(|| Failure::Usage(format!("kills: a role needs {flag}")))
    };
    let transport = BeatsTransport::new(needed("--peer")?)
        .map_err(|error| Failure::because("no transport", error))?
        .max_in_flight(IN_FLIGHT);
    // In generations so small that kills hit changes of them.
    let store = SledOptions::new()
        .durability(mode.durability.1)
        .generation_bytes(100_000)
        .cache_bytes(50_000)
        .min_free_bytes(0)
        .open(needed("--folder")?)
        .map_err(|error| Failure::because("cannot open the queue", error))?;
    let builder = Handler::builder(Plain, transport)
        .overflow(Overflow::Block { timeout: super::PATIENCE })
        .window(WINDOW, 1 << 20)
        .linger(Duration::from_millis(2))
        .report_losses(false)
        .stderr(false)
        .retry(Backoff::new().base(Duration::from_millis(5)).max(Duration::from_millis(50)));
    let builder = if mode.on_backlog {
        // So little, and so soon, that it goes to the store and back to memory again and again.
        builder.queue(OnBacklog::new(store).memory_bytes(20_000).after(Duration::from_millis(30)))
    } else {
        builder.queue(store)
    };
    builder.start().map_err(|error| Failure::because("cannot start the handler", error))
}

/// The message of an event is its document.
#[derive(Debug)]
struct Plain;

impl Formatter for Plain {
    fn format(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(event.message.to_string().as_bytes());
        Ok(())
    }
}

/// One write for each line, so that a kill cuts the last one only.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(format!("{line}\n").as_bytes());
    let _ = out.flush();
}
