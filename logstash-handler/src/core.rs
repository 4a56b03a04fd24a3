//! What a handler, its guard and its two threads share.

use crate::arena::{Admission, Arena, ArenaCounts, Refusal, Share};
use crate::builder::Options;
use crate::child::Children;
use crate::clock::Clock;
use crate::dead_letter::DeadLetterStore;
use crate::fork;
use crate::ledger::{Books, Ledger};
use crate::listener::Listeners;
use crate::notice::{Kind, Notices};
use crate::queue::{self, Contained, Queue};
use crate::stats::{DropReason, Drops, Stats};
use logstash_format::{Event, Formatter, Level};
use logstash_transport::Interrupt;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, SystemTime};

pub(crate) struct Core {
    /// The process that started the handler; a child that it forks has none of its threads.
    pub(crate) pid: u32,
    /// By how many forks that process is away from the first one.
    pub(crate) depth: u32,
    /// What the handler is in forked children.
    pub(crate) children: Children,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) formatter: Arc<dyn Formatter>,
    pub(crate) arena: Arena,
    pub(crate) queue: Arc<Contained>,
    pub(crate) ledger: Ledger,
    pub(crate) notices: Notices,
    pub(crate) interrupt: Interrupt,
    pub(crate) listeners: Listeners,
    pub(crate) dead_letters: Option<Box<dyn DeadLetterStore>>,
    /// How full the queue is, in percent, as the writer saw it last.
    pub(crate) queue_fill: AtomicU8,
    pub(crate) options: Options,
}

impl Core {
    /// What this is in the current process: itself, unless that was forked since.
    pub(crate) fn here(self: &Arc<Self>) -> &Arc<Self> {
        if fork::depth() == self.depth { self } else { self.children.here(self) }
    }

    /// The same, but a forked child in which nothing was logged yet has none.
    #[cfg(unix)]
    pub(crate) fn here_if_started(self: &Arc<Self>) -> Option<&Arc<Self>> {
        if fork::depth() == self.depth { Some(self) } else { self.children.started(self) }
    }

    /// Serialises an event and hands it over; tells its position.
    pub(crate) fn emit(
        &self,
        event: &Event<'_>,
        patience: Patience,
        urgent: bool,
    ) -> Result<u64, DropReason> {
        let Some(_depth) = Depth::enter() else {
            return Err(self.turn_away(DropReason::Recursion, 1));
        };
        let admission = self.admit(Some(event.level), patience)?;
        if self.arena.is_exhausted_for(admission) {
            self.arena.turn_away();
            return Err(DropReason::Overflow);
        }
        with_buffer(|buffer| match self.format(event, buffer) {
            Ok(()) => self.push(buffer, event.timestamp, admission, urgent),
            Err(why) => Err(self.unformattable(&why)),
        })
    }

    /// Hands a serialised event over; tells its position.
    pub(crate) fn hand_over(
        &self,
        document: &[u8],
        at: SystemTime,
        level: Option<Level>,
        patience: Patience,
        urgent: bool,
    ) -> Result<u64, DropReason> {
        let admission = self.admit(level, patience)?;
        self.push(document, at, admission, urgent)
    }

    /// On which terms an event of that level is taken; one that is not is counted.
    fn admit(&self, level: Option<Level>, patience: Patience) -> Result<Admission, DropReason> {
        let admission = match patience {
            Patience::OfPolicy => {
                let fill = Share(self.queue_fill.load(Ordering::Relaxed));
                self.options.overflow.admission(level, fill)
            }
            Patience::Of(patience) => Some(Admission { patience, tentative: false, ..Admission::TENTATIVE }),
        };
        admission.ok_or_else(|| {
            self.arena.turn_away();
            DropReason::Overflow
        })
    }

    /// Appends the document of an event, or tells why there is none.
    pub(crate) fn format(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), String> {
        // To ask for it each time is a system call, which costs more than most of the rest.
        let event = &event.clone().pid(event.pid.unwrap_or(self.pid));
        match catch_unwind(AssertUnwindSafe(|| self.formatter.format(event, out))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("it cannot be formatted: {error}")),
            Err(_) => Err("formatting it panicked".to_owned()),
        }
    }

    fn push(
        &self,
        document: &[u8],
        at: SystemTime,
        admission: Admission,
        urgent: bool,
    ) -> Result<u64, DropReason> {
        self.check_document(document)?;
        self.arena.push(document, at, admission, urgent).map_err(|refusal| match refusal {
            Refusal::Closed => self.turn_away(DropReason::Closed, 1),
            // Counted by the arena, under the lock that it holds anyway.
            Refusal::Full => DropReason::Overflow,
        })
    }

    /// Turns a document away that can be no event.
    pub(crate) fn check_document(&self, document: &[u8]) -> Result<(), DropReason> {
        if document.is_empty() {
            return Err(self.turn_away(DropReason::Unformattable, 1));
        }
        if document.len() > self.options.max_event_bytes {
            return Err(self.turn_away(DropReason::Oversized, 1));
        }
        Ok(())
    }

    fn unformattable(&self, why: &str) -> DropReason {
        if self.notices.note(Kind::Format, &format!("event dropped, {why}")) {
            // The writer thread has the time to tell it.
            self.arena.poke();
        }
        self.turn_away(DropReason::Unformattable, 1)
    }

    /// Counts events as dropped that never reached the arena.
    pub(crate) fn turn_away(&self, reason: DropReason, events: u64) -> DropReason {
        let mut books = self.ledger.lock();
        books.turned_away += events;
        books.dropped.add(reason, events);
        reason
    }

    /// What was given up so far, by reason.
    pub(crate) fn dropped(&self) -> Drops {
        let overflowed = self.arena.snapshot(|counts| counts.overflowed);
        let mut dropped = self.ledger.lock().dropped;
        dropped.add(DropReason::Overflow, overflowed);
        dropped
    }

    /// The books, with every event in exactly one place.
    pub(crate) fn stats(&self) -> Stats {
        let depth = self.queue.depth();
        // Both locks at once, in the order in which the writer takes them.
        self.arena.snapshot(|counts| self.stats_of(counts, &self.ledger.lock(), depth))
    }

    fn stats_of(&self, arena: ArenaCounts, books: &Books, depth: queue::Depth) -> Stats {
        let mut dropped = books.dropped;
        dropped.add(DropReason::Overflow, arena.overflowed);
        let (last_error, last_error_at) = books.last_error.clone().unzip();
        let pending = arena.events + books.in_writer + books.queued;
        Stats {
            latency: books.progress.latency.clone(),
            drain_time: books.progress.drain_time(pending, self.clock.now()),
            accepted: arena.accepted + books.turned_away,
            recovered: books.recovered,
            reports: books.reports,
            acknowledged: books.acknowledged,
            dropped,
            in_arena: arena.events,
            lingering: arena.is_lingering,
            in_writer: books.in_writer,
            queued: books.queued,
            arena_bytes: arena.bytes,
            queue_bytes: depth.bytes,
            queue_bytes_on_disk: depth.bytes_on_disk,
            oldest: depth.oldest.map(|oldest| self.clock.wall().duration_since(oldest).unwrap_or_default()),
            connection: books.connection,
            failures: books.failures,
            last_error,
            last_error_at,
        }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("options", &self.options).finish_non_exhaustive()
    }
}

/// How long a logging thread waits for room.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    OfPolicy,
    Of(Duration),
}

/// How many events this thread is serialising, one inside the other.
///
/// A `Display` that logs is served, once; one that logs each time it is displayed would never end.
struct Depth;

impl Depth {
    fn enter() -> Option<Self> {
        let deep = DEPTH.try_with(|depth| {
            let deep = depth.get();
            depth.set(deep + 1);
            deep
        });
        let entered = Self;
        // While the thread ends there is no counter any more, and no nesting worth the name.
        (deep.unwrap_or(0) < MAX_DEPTH).then_some(entered)
    }
}

impl Drop for Depth {
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
    }
}

/// Whether this thread is serialising an event or handing it over.
pub(crate) fn is_emitting() -> bool {
    DEPTH.try_with(Cell::get).unwrap_or(0) > 0
}

const MAX_DEPTH: u32 = 2;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Where this thread serialises; taken out while in use, so that a nested event gets its own.
    static SCRATCH: Cell<Option<Vec<u8>>> = const { Cell::new(None) };
}

/// Works with the buffer of this thread.
fn with_buffer<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let taken = SCRATCH.try_with(Cell::take).unwrap_or_default();
    let mut buffer = taken.unwrap_or_default();
    buffer.clear();
    let result = work(&mut buffer);
    // One huge event must not hold its memory for the rest of the thread's life.
    if buffer.capacity() <= KEEP_CAPACITY {
        let _ = SCRATCH.try_with(|scratch| scratch.set(Some(buffer)));
    }
    result
}

const KEEP_CAPACITY: usize = 64 * 1024;
