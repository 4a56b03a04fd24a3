//! What a call that logs costs the thread that logs.

use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use logstash_format::Formatter;
use logstash_handler::{Handler, MemoryQueue};
use logstash_transport::{Batch, ProbeReport, Transport, TransportError};

use super::comparison::{Comparison, alternate};
use super::sample::{formatter, with_event};
use super::{Settings, shut_down};
use crate::failure::{Failure, fail};

/// Bursts, as applications log: everything of a burst has room in the arena, and the clock stands still while it
/// drains. Both sides format the same events; they differ in how they hand them over.
pub(super) fn measure(settings: &Settings<'_>) -> Result<Vec<Comparison>, Failure> {
    let bursts = if settings.quick { 3 } else { 30 };
    let mut comparisons = Vec::new();
    for threads in [1, 4] {
        let mut ours = || over_handler(threads, bursts);
        let mut theirs = || over_channel(threads, bursts);
        let rounds = alternate(settings.runs, &mut [&mut ours, &mut theirs])?;
        comparisons.push(Comparison {
            area: "emit",
            name: format!("format and hand over, {threads} thread{}", if threads == 1 { "" } else { "s" }),
            peer: "std sync_channel",
            unit: "ns/call",
            higher_is_better: false,
            runs: rounds.iter().map(|figures| (figures[0], figures[1])).collect(),
        });
    }
    Ok(comparisons)
}

fn over_handler(threads: usize, bursts: usize) -> Result<f64, Failure> {
    let (handler, guard) = Handler::builder(formatter(), Acknowledge)
        .queue(MemoryQueue::new())
        .start()
        .map_err(|error| Failure::because("the handler does not start", error))?;
    let mut spent = Duration::ZERO;
    for _ in 0..bursts {
        spent += burst(threads, |number| with_event(number, |event| handler.emit(event)));
        if !handler.flush(PATIENCE).complete {
            fail!("the handler did not deliver a burst within {} s", PATIENCE.as_secs());
        }
    }
    shut_down(guard, (bursts * BURST) as u64)?;
    Ok(per_call(spent, bursts))
}

fn over_channel(threads: usize, bursts: usize) -> Result<f64, Failure> {
    let (sender, receiver) = mpsc::sync_channel::<Vec<u8>>(BURST);
    let formatter = formatter();
    thread::scope(|scope| {
        let taken = scope.spawn(move || receiver.iter().filter(|document| !document.is_empty()).count());
        let mut spent = Duration::ZERO;
        for _ in 0..bursts {
            spent += burst(threads, |number| {
                let mut document = Vec::with_capacity(512);
                if with_event(number, |event| formatter.format(event, &mut document)).is_ok() {
                    // The receiver lives until the sender is dropped.
                    let _ = sender.send(document);
                }
            });
        }
        drop(sender);
        match taken.join() {
            Ok(taken) if taken == bursts * BURST => Ok(per_call(spent, bursts)),
            _ => Err(Failure::Failed("the channel lost events".to_owned())),
        }
    })
}

/// Calls `log` [`BURST`] times, spread over the threads, and returns the sum of what the threads spent on it.
fn burst(threads: usize, log: impl Fn(usize) + Sync) -> Duration {
    let start = Barrier::new(threads);
    let share = BURST / threads;
    thread::scope(|scope| {
        let (log, start) = (&log, &start);
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    start.wait();
                    let started = Instant::now();
                    for number in thread * share..(thread + 1) * share {
                        log(number);
                    }
                    started.elapsed()
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_default()).sum()
    })
}

fn per_call(spent: Duration, bursts: usize) -> f64 {
    spent.as_secs_f64() * 1e9 / (bursts * BURST) as f64
}

/// A peer that takes everything over at once: what remains is the cost of the handler.
#[derive(Debug)]
struct Acknowledge;

impl Transport for Acknowledge {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        batch.acknowledge(batch.remaining_events());
        Ok(())
    }

    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        Ok(ProbeReport::new())
    }

    fn close(&mut self) {}
}

/// Events of a burst: 2 MB, well below the capacity of the arena.
const BURST: usize = 4_000;

const PATIENCE: Duration = Duration::from_secs(30);
