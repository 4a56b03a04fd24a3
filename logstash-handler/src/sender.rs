//! The sender thread: takes windows from the queue and delivers them, as the pump says.

use crate::core::Core;
use crate::notice::Kind;
use crate::pump::{Pump, Step, Verdict};
use crate::queue::Peek;
use crate::stats::{ConnectionState, DropReason};
use crate::suppress::suppress_this_thread;
use logstash_transport::{Batch, ErrorKind, Transport, TransportError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Instant, SystemTime};

/// Runs until the handler stops and there is nothing left to do, or no time to do it.
pub(crate) fn run(core: &Core, transport: Box<dyn Transport>, pump: Pump) {
    suppress_this_thread();
    let mut sender = Sender { core, transport, pump, failed_while_stopping: false };
    loop {
        let round = catch_unwind(AssertUnwindSafe(|| sender.work()));
        if round.is_ok() {
            break;
        }
        core.notices.tell(Kind::Panic, "the sender thread panicked; it goes on");
        sender.pump.stumbled(Instant::now());
    }
    let _ = catch_unwind(AssertUnwindSafe(|| sender.transport.close()));
    core.ledger.update(|books| {
        books.connection = ConnectionState::Idle;
        books.sender_ended = true;
    });
}

struct Sender<'c> {
    core: &'c Core,
    transport: Box<dyn Transport>,
    pump: Pump,
    /// An attempt since the handler was told to stop has failed.
    failed_while_stopping: bool,
}

impl Sender<'_> {
    fn work(&mut self) {
        let core = self.core;
        while !core.interrupt.is_raised() {
            self.expire();
            let (queued, stopping, writer_ended, hurried) = core.ledger.update(|books| {
                let hurried = std::mem::take(&mut books.hurried);
                (books.to_send(), books.stopping, books.writer_ended, hurried)
            });
            if hurried {
                self.pump.hurry();
            }
            if stopping && writer_ended && (queued == 0 || self.may_leave_the_rest()) {
                return;
            }
            match self.pump.step(queued, Instant::now()) {
                Step::Idle => {
                    self.show(ConnectionState::Idle);
                    core.ledger.wait_until(None, |books| {
                        books.queued > 0
                            || (books.stopping && books.writer_ended)
                            || core.interrupt.is_raised()
                    });
                }
                Step::Wait { until } => {
                    let leave = self.may_leave_the_rest();
                    core.ledger.wait_until(Some(until), |books| {
                        books.hurried || (leave && books.writer_ended) || core.interrupt.is_raised()
                    });
                }
                Step::Send { limit } => self.send(limit),
            }
        }
    }

    /// Whether what is in the queue is safe there, and the peer has just shown that it does not take it.
    fn may_leave_the_rest(&self) -> bool {
        self.failed_while_stopping && self.core.queue.is_persistent()
    }

    fn send(&mut self, limit: Option<u64>) {
        let core = self.core;
        let stopping = core.ledger.lock().stopping;
        let Peek { windows, skip, damaged } = match core.queue.peek(core.options.batch_windows, BATCH_BYTES) {
            Ok(peek) => peek,
            Err(error) => {
                core.notices.tell(Kind::Storage, &format!("queue: {error}"));
                self.pump.stumbled(Instant::now());
                self.failed_while_stopping |= stopping;
                // A store that failed is opened again by the writer.
                core.arena.poke();
                return core.ledger.update(|books| {
                    books.failed(error.to_string());
                    books.connection = ConnectionState::Waiting;
                });
            }
        };
        if damaged > 0 {
            core.notices
                .tell(Kind::Storage, &format!("{damaged} events dropped, the queue is damaged there"));
            core.ledger.update(|books| books.drop_queued(damaged, DropReason::Damaged));
        }
        if windows.is_empty() {
            if damaged == 0 {
                // The books and the queue disagree, which must not become a hot loop.
                self.pump.stumbled(Instant::now());
            }
            return;
        }
        self.show(ConnectionState::Sending);
        let mut credit = |events| {
            core.queue.advance(events);
            core.ledger.update(|books| {
                books.leave_queue(events);
                books.acknowledged += events;
            });
        };
        let mut batch = Batch::from_windows(windows).starting_at(u64::from(skip)).observed_by(&mut credit);
        if let Some(limit) = limit {
            batch = batch.limited_to(limit);
        }
        let attempted = batch.remaining_events();
        let transport = &mut self.transport;
        let result = catch_unwind(AssertUnwindSafe(|| transport.send(&mut batch))).unwrap_or_else(|_| {
            let _ = catch_unwind(AssertUnwindSafe(|| transport.close()));
            Err(TransportError::new(ErrorKind::Unavailable, "the transport panicked"))
        });
        let acknowledged = attempted - batch.remaining_events();
        drop(batch);
        // The writer frees what was advanced past.
        core.arena.poke();
        let error = result.err();
        if let Some(error) = &error {
            self.failed_while_stopping |= stopping;
            self.report(error);
        }
        let kind = error.as_ref().map(TransportError::kind);
        match self.pump.finished(attempted, acknowledged, kind, Instant::now()) {
            Verdict::Continue => {}
            Verdict::GiveUpFirst => {
                core.queue.advance(1);
                core.ledger.update(|books| books.drop_queued(1, DropReason::Rejected));
            }
        }
    }

    fn report(&self, error: &TransportError) {
        let text = error.chain();
        let (kind, state) = match error.kind() {
            ErrorKind::Misconfigured => (Kind::Misconfigured, ConnectionState::Misconfigured),
            ErrorKind::Rejected => (Kind::Rejected, ConnectionState::Sending),
            _ => (Kind::Delivery, ConnectionState::Waiting),
        };
        if !self.core.interrupt.is_raised() {
            self.core.notices.tell(kind, &text);
        }
        self.core.ledger.update(|books| {
            books.connection = state;
            books.failed(text);
        });
    }

    fn show(&self, state: ConnectionState) {
        self.core.ledger.update(|books| books.connection = state);
    }

    fn expire(&self) {
        let Some(before) = self.core.options.ttl.and_then(|ttl| SystemTime::now().checked_sub(ttl)) else {
            return;
        };
        let expired = self.core.queue.expire(before);
        if expired > 0 {
            self.core.ledger.update(|books| books.drop_queued(expired, DropReason::Expired));
        }
    }
}

/// Encoded bytes of one batch.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
