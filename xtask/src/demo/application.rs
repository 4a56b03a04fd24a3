//! The application: logs from several threads and tells how its handler is doing.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use logstash_handler::{BeatsTransport, Handler, LogstashFormatter, Overflow, SledQueue};
use lumberjack_codec::Backoff;

use super::line::{Ledger, Line, THREADS};
use crate::arguments::Arguments;
use crate::failure::{Failure, fail};

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let usage = |what: &str| Failure::Usage(format!("demo: the application needs {what}"));
    let folder = arguments.value("--folder").ok_or_else(|| usage("--folder"))?;
    let address = arguments.value("--address").ok_or_else(|| usage("--address"))?;
    let number = |flag: &str| {
        arguments.value(flag).and_then(|text| text.parse::<u64>().ok()).ok_or_else(|| usage(flag))
    };
    let (life, events) = (number("--run")?, number("--events")?);

    let transport =
        BeatsTransport::new(address).map_err(|error| Failure::because("cannot use the address", error))?;
    let queue = SledQueue::open(Path::new(folder).join("queue"))
        .map_err(|error| Failure::because("cannot open the queue", error))?;
    let (handler, guard) = Handler::builder(LogstashFormatter::new(), transport)
        .queue(queue)
        .overflow(Overflow::Block { timeout: Duration::from_secs(10) })
        .retry(Backoff::new().base(Duration::from_millis(50)).max(Duration::from_millis(500)))
        .start()
        .map_err(|error| Failure::because("cannot start the handler", error))?;
    // Half of the threads log through `log`, half through `tracing`.
    handler
        .clone()
        .init_log(log::LevelFilter::Info)
        .map_err(|error| Failure::because("cannot log", error))?;
    use tracing_subscriber::layer::SubscriberExt;
    let subscriber = Arc::new(tracing_subscriber::registry().with(handler.layer()));

    let emitted: [AtomicU64; THREADS] = Default::default();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| watch(&handler, &emitted, &done));
        let producers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let share = events / THREADS as u64 + u64::from((thread as u64) < events % THREADS as u64);
                let (subscriber, emitted) = (Arc::clone(&subscriber), &emitted);
                scope.spawn(move || {
                    tracing::subscriber::with_default(subscriber, || {
                        produce(life, thread, share, &emitted[thread]);
                    });
                })
            })
            .collect();
        for producer in producers {
            let _ = producer.join();
        }
        done.store(true, Ordering::Release);
        let _ = watch.join();
    });
    let report = guard.shutdown(Duration::from_secs(15));
    say(&Line::Stored(counts(&emitted)));
    say(&Line::Ledger(Ledger::of(&handler.stats())));
    if report.acknowledged + report.dropped.total() != report.accepted + report.recovered {
        fail!("not everything was delivered in time: {report}");
    }
    Ok(())
}

/// Logs in bursts, as applications do.
fn produce(life: u64, thread: usize, events: u64, emitted: &AtomicU64) {
    let request = tracing::info_span!("request", life, thread);
    let _entered = request.enter();
    for number in 0..events {
        if thread.is_multiple_of(2) {
            log::info!(life = life, thread = thread, number = number; "the {number}th line of a thread that uses log");
        } else {
            tracing::info!(number, "the {number}th line of a thread that uses tracing");
        }
        emitted.store(number + 1, Ordering::Release);
        if number % BURST == BURST - 1 {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Tells the books every now and then, and what is stored by then.
fn watch(handler: &Handler, emitted: &[AtomicU64; THREADS], done: &AtomicBool) {
    while !done.load(Ordering::Acquire) {
        let counts = counts(emitted);
        if handler.sync(Duration::from_secs(5)).complete {
            say(&Line::Stored(counts));
        }
        say(&Line::Ledger(Ledger::of(&handler.stats())));
        thread::sleep(Duration::from_millis(50));
    }
}

fn counts(emitted: &[AtomicU64; THREADS]) -> [u64; THREADS] {
    std::array::from_fn(|thread| emitted[thread].load(Ordering::Acquire))
}

fn say(line: &Line) {
    // In one piece, so that a kill cuts at the end of a line or not at all, where the system allows it.
    let mut out = io::stdout().lock();
    let _ = out.write_all(format!("{line}\n").as_bytes());
    let _ = out.flush();
}

const BURST: u64 = 50;
