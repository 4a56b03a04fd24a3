//! The writer thread: takes what has gathered, makes windows of it, stores them.

use crate::arena::{Chunk, Taken};
use crate::core::Core;
use crate::notice::Kind;
use crate::queue::{QueueError, QueueErrorKind};
use crate::stats::DropReason;
use crate::suppress::suppress_this_thread;
use lumberjack_codec::{EncodedWindow, WindowEncoder, window_prefix};
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime};

/// Runs until the arena is closed and empty.
pub(crate) fn run(core: &Core) {
    suppress_this_thread();
    let mut chunk = Chunk::default();
    loop {
        let round = catch_unwind(AssertUnwindSafe(|| work(core, &mut chunk)));
        if round.is_ok() {
            break;
        }
        // What was in hand is gone, but counted, and the next events are not to blame.
        core.notices.tell(Kind::Panic, "the writer thread panicked; events in its hands are dropped");
        core.ledger.update(|books| {
            let lost = std::mem::take(&mut books.in_writer);
            books.dropped.add(DropReason::Unwritable, lost);
            books.stored = books.taken;
        });
        chunk = Chunk::default();
    }
    core.ledger.update(|books| books.writer_ended = true);
}

fn work(core: &Core, chunk: &mut Chunk) {
    let mut writer = Writer { core, encoder: WindowEncoder::new(core.options.compression_level) };
    loop {
        let taken = core.arena.take(chunk, core.options.linger, |events| {
            let mut books = core.ledger.lock();
            books.taken += events;
            books.in_writer += events;
        });
        if !chunk.is_empty() {
            writer.store(chunk);
        }
        if let Err(error) = core.queue.maintain() {
            writer.stumbled(&error);
        }
        if taken == Taken::Last {
            return;
        }
    }
}

struct Writer<'c> {
    core: &'c Core,
    encoder: WindowEncoder,
}

impl Writer<'_> {
    /// Stores all events of a chunk, window by window, so that sending starts with the first.
    fn store(&mut self, chunk: &Chunk) {
        let options = &self.core.options;
        let at = chunk.since();
        let mut events: &[&[u8]] = &chunk.events().collect::<Vec<_>>();
        while !events.is_empty() {
            let lengths = events.iter().map(|event| event.len());
            let count = window_prefix(lengths, options.window_events, options.window_bytes);
            let (window, rest) = events.split_at(count);
            events = rest;
            match self.encoder.encode(window) {
                Ok(window) => self.append(window, at),
                Err(error) => {
                    let text = format!("{count} events dropped, they make no window: {error}");
                    self.core.notices.tell(Kind::Storage, &text);
                    self.give_up(count as u64, DropReason::Unwritable);
                }
            }
        }
        if self.sync() {
            self.core.ledger.update(|books| books.stored = books.taken);
        }
    }

    /// Appends a window, however often it takes.
    fn append(&self, window: EncodedWindow, at: SystemTime) {
        let events = u64::from(window.events());
        let windows = [window];
        loop {
            // Counted before it happens: the sender may be done with the window before this returns.
            self.core.ledger.update(|books| {
                books.in_writer = books.in_writer.saturating_sub(events);
                books.queued += events;
            });
            let Err(error) = self.core.queue.append(&windows, at) else {
                return self.core.ledger.update(|books| books.appended += events);
            };
            let left = self.core.ledger.update(|books| {
                books.in_writer += events;
                books.queued = books.queued.saturating_sub(events);
                books.left_queue
            });
            self.stumbled(&error);
            if !self.wait_to_retry(error.kind(), left) {
                return self.give_up(events, DropReason::Shutdown);
            }
        }
    }

    /// Waits until another attempt makes sense; `false` when there is no time for one.
    fn wait_to_retry(&self, kind: QueueErrorKind, left_queue: u64) -> bool {
        let pause = if kind == QueueErrorKind::Full { ROOM_PAUSE } else { RETRY_PAUSE };
        let until = Instant::now() + pause;
        let interrupt = &self.core.interrupt;
        self.core.ledger.wait_until(Some(until), |books| {
            let room = kind == QueueErrorKind::Full && books.left_queue > left_queue;
            room || interrupt.is_raised()
        });
        !interrupt.is_raised()
    }

    /// Syncs, however often it takes; `false` if there was no time for another attempt.
    fn sync(&self) -> bool {
        while let Err(error) = self.core.queue.sync() {
            self.stumbled(&error);
            if !self.wait_to_retry(error.kind(), 0) {
                return false;
            }
        }
        true
    }

    fn give_up(&self, events: u64, reason: DropReason) {
        self.core.ledger.update(|books| {
            books.in_writer = books.in_writer.saturating_sub(events);
            books.dropped.add(reason, events);
        });
    }

    fn stumbled(&self, error: &QueueError) {
        let mut text = error.to_string();
        if let Some(cause) = error.source() {
            text = format!("{text}: {cause}");
        }
        self.core.notices.tell(Kind::Storage, &format!("queue: {text}"));
        self.core.ledger.update(|books| books.failed(text));
    }
}

/// How long a full queue is left alone if nothing leaves it.
const ROOM_PAUSE: Duration = Duration::from_millis(200);

/// How long a store that failed is left alone.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
