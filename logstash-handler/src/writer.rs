//! The writer thread: takes what has gathered, makes windows of it, stores them.

use crate::arena::{Chunk, Piece, Taken};
use crate::core::Core;
use crate::deadline::deadline;
use crate::loss::Losses;
use crate::notice::Kind;
use crate::overflow::Overflow;
use crate::queue::{Contained, Queue, QueueError, QueueErrorKind};
use crate::stats::DropReason;
use crate::suppress::suppress_this_thread;
use logstash_transport::error_chain;
use lumberjack_codec::{EncodedWindow, WindowEncoder, window_prefix};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

/// Runs until the arena is closed and empty.
pub(crate) fn run(core: &Core) {
    suppress_this_thread();
    let (mut writer, mut chunk) = (Writer::new(core), Chunk::default());
    while catch_unwind(AssertUnwindSafe(|| while writer.pass(&mut chunk) == Taken::More {})).is_err() {
        core.notices.tell(Kind::Panic, "the writer thread panicked; events in its hands are dropped");
        writer.recover();
        chunk = Chunk::default();
    }
    core.ledger.update(|books| books.writer_ended = true);
}

pub(crate) struct Writer<'c> {
    core: &'c Core,
    encoder: WindowEncoder,
    losses: Losses,
    /// When there is something to do, whether events come or not.
    alarm: Option<Instant>,
}

impl<'c> Writer<'c> {
    pub(crate) fn new(core: &'c Core) -> Self {
        let encoder = WindowEncoder::new(core.options.compression_level);
        Self { core, encoder, losses: Losses::default(), alarm: None }
    }

    /// Goes on after a panic: what was in hand is gone, but counted, and the next events are not to blame.
    ///
    /// What the queue took before is as durable as it was.
    pub(crate) fn recover(&mut self) {
        self.encoder = WindowEncoder::new(self.core.options.compression_level);
        self.core.ledger.update(|books| {
            let lost = std::mem::take(&mut books.in_writer);
            books.dropped.add(DropReason::Unwritable, lost);
            books.give_up(books.handled..books.taken, DropReason::Unwritable);
            books.handled = books.taken;
        });
        // Somebody may wait for what was not committed.
        self.core.arena.poke();
    }

    /// Waits for something to do and does it.
    pub(crate) fn pass(&mut self, chunk: &mut Chunk) -> Taken {
        let core = self.core;
        let mut position = 0;
        let taken = core.arena.take(chunk, core.options.linger, self.alarm, |chunk| {
            let mut books = core.ledger.lock();
            position = books.take(chunk.displaced(), chunk.len());
        });
        core.ledger.stir();
        core.notices.tell_noted();
        if taken == Taken::Last {
            // Memory is no place to stay any more.
            core.ledger.update(|books| books.durable_wanted = u64::MAX);
        }
        if chunk.is_empty() {
            core.ledger.update(|books| books.handled = books.taken);
            self.commit();
        } else {
            self.store(chunk, position);
        }
        for result in [core.queue.maintain(), self.adopt()] {
            if let Err(error) = result {
                self.stumbled(&error);
            }
        }
        for report in core.queue.reports() {
            core.notices.tell(Kind::Storage, &report);
        }
        self.watch_queue(None);
        core.listeners.tell_drops(core.dropped());
        let loss_report = self.report_losses(taken == Taken::Last);
        self.alarm = loss_report.into_iter().chain(core.queue.maintain_in().map(deadline)).min();
        taken
    }

    /// Stores all events of a chunk, window by window, so that sending starts with the first.
    ///
    /// `position` is that of the first event.
    fn store(&mut self, chunk: &Chunk, mut position: u64) {
        let events: Vec<&[u8]> = chunk.events().collect();
        for piece in chunk.pieces() {
            match piece {
                Piece::Events(places) => {
                    let count = places.len() as u64;
                    self.store_events(chunk, &events, places, position);
                    position += count;
                }
                Piece::Window(window, at) => {
                    let range = position..position + u64::from(window.events());
                    position = range.end;
                    let window = self.encoder.compress(window.clone());
                    self.append(window, at, range);
                }
            }
        }
        self.core.ledger.update(|books| books.handled = books.taken);
        self.commit();
    }

    /// Makes windows of the single events at these places, the first of which is at `position`.
    fn store_events(&mut self, chunk: &Chunk, events: &[&[u8]], places: Range<usize>, position: u64) {
        let options = &self.core.options;
        let mut first = places.start;
        while let Some(rest) = events.get(first..places.end).filter(|rest| !rest.is_empty()) {
            let lengths = rest.iter().map(|event| event.len());
            let count = window_prefix(lengths, options.window_events, options.window_bytes);
            let start = position + (first - places.start) as u64;
            let range = start..start + count as u64;
            match self.encoder.encode(rest.iter().take(count)) {
                Ok(window) => self.append(window, chunk.oldest(first, count), range),
                Err(error) => {
                    let text = format!("{count} events dropped, they make no window: {error}");
                    self.core.notices.tell(Kind::Storage, &text);
                    self.give_up(range, DropReason::Unwritable);
                }
            }
            first += count;
        }
    }

    /// Makes what is in the queue as durable as somebody wants it to be, or else as the queue does.
    fn commit(&self) {
        let (is_due, is_wanted) = {
            let books = self.core.ledger.lock();
            // What is the handler's own has no position, but must not stay in memory either.
            let is_last = books.durable_wanted == u64::MAX;
            (is_last || books.taken > books.stored, books.durable_wanted > books.stored)
        };
        if !is_due {
            return;
        }
        let is_durable = if is_wanted {
            self.persist(|queue| queue.sync().map(|()| true))
        } else {
            self.persist(Queue::commit)
        };
        if is_durable {
            self.core.ledger.update(|books| books.stored = books.taken);
        }
    }

    /// Takes over what others have left, and into the books before the sender can see it.
    fn adopt(&self) -> Result<(), QueueError> {
        self.core.queue.adopt(&mut |events| {
            self.core.ledger.update(|books| {
                books.recovered += events;
                books.queued += events;
                books.appended += events;
            });
            Ok(())
        })
    }

    /// Tells in band what was lost, when it is due; tells when to look again.
    fn report_losses(&mut self, last: bool) -> Option<Instant> {
        if !self.core.options.report_losses {
            return None;
        }
        let (dropped, now) = (self.core.dropped(), self.core.clock.now());
        let due = self.losses.notice(dropped, now)?;
        if due > now && !last {
            return Some(due);
        }
        let told = self.losses.report(dropped, now).is_none_or(|report| {
            let mut document = Vec::new();
            let formatted = report.with_event(|event| self.core.format(event, &mut document));
            // A formatter that fails on it would fail again.
            formatted.is_err() || self.append_own(&document, last)
        });
        if !told {
            return Some(deadline(RETRY_PAUSE));
        }
        self.losses.told(dropped, now);
        None
    }

    /// Appends an event of the handler's own, if the queue takes it at once.
    fn append_own(&mut self, document: &[u8], last: bool) -> bool {
        let core = self.core;
        let Ok(window) = self.encoder.encode([document]) else { return true };
        core.ledger.update(|books| {
            books.reports += 1;
            books.queued += 1;
        });
        let appended = core.queue.append(&[window], core.clock.wall());
        core.ledger.update(|books| match appended {
            Ok(()) => books.appended += 1,
            Err(_) => {
                books.reports -= 1;
                books.queued = books.queued.saturating_sub(1);
            }
        });
        // Where this fails, the next sync makes up for it.
        let _ = if last { core.queue.sync().map(|()| true) } else { core.queue.commit() };
        appended.is_ok()
    }

    /// Appends a window, however often it takes.
    fn append(&self, window: EncodedWindow, at: SystemTime, range: Range<u64>) {
        let events = u64::from(window.events());
        let windows = [window];
        loop {
            // Counted before it happens: the sender may be done with the window before this returns.
            self.core.ledger.update(|books| {
                books.in_writer = books.in_writer.saturating_sub(events);
                books.queued += events;
            });
            let appended = self.core.queue.append(&windows, at);
            self.watch_queue(appended.as_ref().err());
            let Err(error) = appended else {
                return self.core.ledger.update(|books| books.append(range, at));
            };
            let left = self.core.ledger.update(|books| {
                books.in_writer += events;
                books.queued = books.queued.saturating_sub(events);
                let is_full = error.kind() == QueueErrorKind::Full;
                books.room_wanted = is_full && self.core.options.overflow == Overflow::DropOldest;
                books.left_queue
            });
            self.stumbled(&error);
            if !self.wait_to_retry(error.kind(), left) {
                return self.give_up(range, DropReason::Shutdown);
            }
        }
    }

    /// Notes how full the queue is, for the threads that log.
    fn watch_queue(&self, error: Option<&QueueError>) {
        if self.core.options.overflow != Overflow::BySeverity {
            return;
        }
        let depth = self.core.queue.depth();
        let bytes = depth.bytes.max(depth.bytes_on_disk);
        let max = self.core.queue.max_bytes().unwrap_or(u64::MAX);
        let mut fill = u8::try_from(bytes.saturating_mul(100) / max.max(1)).unwrap_or(100);
        if error.is_some_and(|error| error.kind() == QueueErrorKind::Full) {
            // Whatever the figures say; what is left of the arena is for what is severe.
            fill = fill.max(FULL_ENOUGH);
        }
        self.core.queue_fill.store(fill, Ordering::Relaxed);
    }

    /// Waits until another attempt makes sense; `false` when there is no time for one.
    fn wait_to_retry(&self, kind: QueueErrorKind, left_queue: u64) -> bool {
        let pause = if kind == QueueErrorKind::Full { ROOM_PAUSE } else { RETRY_PAUSE };
        let interrupt = &self.core.interrupt;
        self.core.ledger.wait_until(Some(deadline(pause)), |books| {
            let room = kind == QueueErrorKind::Full && books.left_queue > left_queue;
            room || interrupt.is_raised()
        });
        // What was delivered meanwhile may be what takes the room. Why it fails, the next attempt tells.
        let _ = self.core.queue.maintain();
        !interrupt.is_raised()
    }

    /// Syncs or commits, however often it takes; `false` if there was no time for another attempt.
    fn persist(&self, attempt: impl Fn(&Contained) -> Result<bool, QueueError>) -> bool {
        loop {
            let error = match attempt(&self.core.queue) {
                Ok(is_durable) => return is_durable,
                Err(error) => error,
            };
            self.stumbled(&error);
            if !self.wait_to_retry(error.kind(), 0) {
                return false;
            }
        }
    }

    fn give_up(&self, range: Range<u64>, reason: DropReason) {
        self.core.ledger.update(|books| {
            let events = range.end - range.start;
            books.in_writer = books.in_writer.saturating_sub(events);
            books.dropped.add(reason, events);
            books.give_up(range, reason);
        });
    }

    fn stumbled(&self, error: &QueueError) {
        let text = format!("queue: {}", error_chain(error));
        self.core.notices.tell(Kind::Storage, &text);
        if error.kind() != QueueErrorKind::Full {
            self.core.ledger.update(|books| books.failed(text));
        }
    }
}

/// Percent from which on only warnings and errors are taken.
const FULL_ENOUGH: u8 = 75;

/// How long a full queue is left alone if nothing leaves it.
const ROOM_PAUSE: Duration = Duration::from_millis(200);

/// How long a store that failed is left alone.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
