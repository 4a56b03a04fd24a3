//! Logs through one library and measures what the threads that log have to wait for it.
//!
//! `handler-peer SIDE EVENT THREADS STATE BURSTS`, where SIDE is `ours`, `tracing-appender` or `opentelemetry`, EVENT
//! is `tracing` (an event with four fields) or `log` (a record), and STATE is
//!
//! * `idle`: bursts for which there is room; the clocks stand still while what is behind takes them away,
//! * `saturated`: nobody takes anything away and there is no room any more, so that each side does what it does by
//!   default, which is to drop the event.
//!
//! Writes `P50 P99 P99.9 ALLOCATIONS`: nanoseconds of a call, and allocations per call on the threads that log, both
//! after a warm-up.

#[path = "../../allocations.rs"]
mod allocations;
mod appender;
mod gate;
mod opentelemetry;
mod ours;

use std::env;
use std::process::exit;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use allocations::allocations;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let &[side, event, threads, state, bursts] = &words[..] else { usage() };
    let (Ok(threads), Ok(bursts)) = (threads.parse(), bursts.parse()) else { usage() };
    let is_idle = match state {
        "idle" => true,
        "saturated" => false,
        _ => usage(),
    };
    let side: Box<dyn Side> = match side {
        "ours" => Box::new(ours::Ours::start(is_idle)),
        "tracing-appender" => Box::new(appender::Appender::start(is_idle)),
        "opentelemetry" => Box::new(opentelemetry::OpenTelemetry::start(is_idle)),
        _ => usage(),
    };
    let log = match event {
        "tracing" => event_of_tracing,
        "log" => record_of_log,
        _ => usage(),
    };
    if !is_idle {
        (0..FILLING).for_each(|_| log());
    }
    let figures = measure(&*side, log, threads, bursts, is_idle);
    println!("{figures}");
    // Nothing of what is blocked is waited for.
    exit(0)
}

fn usage() -> ! {
    eprintln!("usage: handler-peer SIDE EVENT THREADS STATE BURSTS");
    exit(2)
}

/// A library that is set up as the logger of the process.
trait Side {
    /// Waits until what was logged has been taken away: `logged` calls since the start.
    fn drain(&self, logged: u64);

    /// Calls whose event was dropped, if it tells.
    fn dropped(&self) -> Option<u64>;
}

fn event_of_tracing() {
    tracing::info!(
        target: TARGET,
        order = 1001_u64,
        customer = "Ada Lovelace",
        amount = 59.9,
        express = true,
        "order placed"
    );
}

fn record_of_log() {
    log::info!(target: TARGET, "order {} of {} was placed", 1001, "Ada Lovelace");
}

/// Threads that stay, because what a library keeps for each thread is made with its first event.
fn measure(side: &dyn Side, log: fn(), threads: usize, bursts: usize, is_idle: bool) -> String {
    let share = BURST / threads;
    let barrier = Barrier::new(threads + 1);
    let dropped_before = side.dropped();
    let (mut samples, allocated) = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| log_in_bursts(log, share, bursts, &barrier))).collect();
        for burst in 1..=WARM_UP + bursts {
            barrier.wait();
            barrier.wait();
            if is_idle {
                side.drain((burst * share * threads) as u64);
            }
        }
        workers.into_iter().map(|worker| worker.join().expect("a thread that logs panicked")).fold(
            (Vec::new(), 0),
            |(mut all, count), (samples, allocated)| {
                all.extend(samples);
                (all, count + allocated)
            },
        )
    });
    check_drops(side, dropped_before, (share * threads * (WARM_UP + bursts)) as u64, is_idle);

    let calls = samples.len();
    samples.sort_unstable();
    let at = |share: f64| samples[((calls - 1) as f64 * share) as usize];
    format!("{} {} {} {}", at(0.5), at(0.99), at(0.999), allocated as f64 / calls as f64)
}

/// What each call took, in nanoseconds, and the allocations of all of them.
fn log_in_bursts(log: fn(), share: usize, bursts: usize, barrier: &Barrier) -> (Vec<u32>, u64) {
    let mut samples: Vec<u32> = Vec::with_capacity(share * (bursts + WARM_UP));
    let mut before = 0;
    for burst in 0..WARM_UP + bursts {
        if burst == WARM_UP {
            samples.clear();
            before = allocations();
        }
        barrier.wait();
        // One look at the clock for each call.
        let mut last = Instant::now();
        for _ in 0..share {
            log();
            let now = Instant::now();
            samples.push((now - last).as_nanos().try_into().unwrap_or(u32::MAX));
            last = now;
        }
        barrier.wait();
    }
    (samples, allocations() - before)
}

/// The state has to be what it is called: everything is taken, or nothing.
fn check_drops(side: &dyn Side, before: Option<u64>, calls: u64, is_idle: bool) {
    let Some((before, after)) = before.zip(side.dropped()) else { return };
    let expected = if is_idle { 0 } else { calls };
    if after - before != expected {
        eprintln!("of {calls} events {} were dropped, not {expected}", after - before);
        exit(1);
    }
}

const TARGET: &str = "shop::orders";

/// Events of a burst of all threads together: 2 MB at most, less than each side has room for.
const BURST: usize = 4_000;

const WARM_UP: usize = 4;

/// Events that take all the room that any side has.
const FILLING: usize = 200_000;
