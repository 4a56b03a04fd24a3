//! The sender thread: takes windows from the queue and delivers them, as the pump says.

use crate::core::Core;
use crate::dead_letter::DeadLetter;
use crate::deadline::deadline;
use crate::notice::Kind;
use crate::pump::{Pump, Step, Verdict};
use crate::queue::{Peek, Queue};
use crate::stats::{ConnectionState, DropReason};
use crate::suppress::suppress_this_thread;
use bytes::Bytes;
use logstash_transport::{Batch, ErrorKind, Transport, TransportError, error_chain};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Runs until the handler stops and there is nothing left to do, or no time to do it.
pub(crate) fn run(core: &Core, transport: Box<dyn Transport>, pump: Pump) {
    suppress_this_thread();
    let _ended = Ended(core);
    let mut sender = Sender::new(core, transport, pump);
    while catch_unwind(AssertUnwindSafe(|| sender.work())).is_err() {
        core.notices.tell(Kind::Panic, "the sender thread panicked; it goes on");
        core.ledger.wait_until(Some(deadline(PANIC_PAUSE)), |_| core.interrupt.is_raised());
    }
    // Before the end is told, because others wait for that and not for a slow transport.
    let _ = catch_unwind(AssertUnwindSafe(move || sender.transport.close()));
}

/// Tells that the thread has ended, however it did.
struct Ended<'c>(&'c Core);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.ledger.update(|books| {
            books.connection = ConnectionState::Idle;
            books.sender_ended = true;
        });
    }
}

pub(crate) struct Sender<'c> {
    core: &'c Core,
    transport: Box<dyn Transport>,
    pump: Pump,
    /// Until when somebody waits for delivery, as far as it is known here.
    hurried_until: Option<Instant>,
    /// An attempt since the handler was told to stop has failed.
    failed_while_stopping: bool,
    /// The last attempt succeeded.
    connected: bool,
}

impl<'c> Sender<'c> {
    pub(crate) fn new(core: &'c Core, transport: Box<dyn Transport>, pump: Pump) -> Self {
        Self { core, transport, pump, hurried_until: None, failed_while_stopping: false, connected: false }
    }

    fn work(&mut self) {
        let core = self.core;
        while !core.interrupt.is_raised() {
            match self.pass() {
                None => return,
                Some(Step::Idle) => {
                    self.show(ConnectionState::Idle);
                    core.ledger.wait_until(None, |books| {
                        let last = books.stopping && books.writer_ended;
                        books.to_send() > 0 || books.room_wanted || last || core.interrupt.is_raised()
                    });
                }
                Some(Step::Wait { until }) => self.wait(until),
                Some(Step::Send { .. }) => {}
            }
        }
    }

    /// Does what is due without a wait, and tells what it was, or what there is to wait for; `None` at
    /// the end.
    pub(crate) fn pass(&mut self) -> Option<Step> {
        self.expire();
        self.make_room();
        let (to_send, stopping, writer_ended, hurried_until) = {
            let books = self.core.ledger.lock();
            (books.to_send(), books.stopping, books.writer_ended, books.hurried_until)
        };
        if hurried_until != self.hurried_until {
            self.hurried_until = hurried_until;
            self.pump.hurry();
        }
        if stopping && writer_ended && (to_send == 0 || self.may_leave_the_rest()) {
            return None;
        }
        let step = self.pump.step(to_send, self.core.clock.now());
        if let Step::Send { limit } = step {
            self.send(limit);
        }
        Some(step)
    }

    /// Waits until the next attempt is due, or something else is.
    fn wait(&mut self, until: Instant) {
        let core = self.core;
        let in_a_hurry = self.hurried_until.is_some_and(|until| until > Instant::now());
        let mut pause = until;
        if in_a_hurry {
            pause = pause.min(deadline(HURRIED_PAUSE));
        }
        let leave = self.may_leave_the_rest();
        let known = self.hurried_until;
        let something_else =
            core.ledger.wait_until(self.next_expiry().into_iter().chain([pause]).min(), |books| {
                let hurry = books.hurried_until != known;
                hurry || books.room_wanted || (leave && books.writer_ended) || core.interrupt.is_raised()
            });
        if in_a_hurry && !something_else && Instant::now() >= pause {
            self.pump.hurry();
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
                let text = format!("queue: {}", error_chain(&error));
                core.notices.tell(Kind::Storage, &text);
                self.pump.stumbled(core.clock.now());
                self.failed_while_stopping |= stopping;
                // A store that failed is opened again by the writer.
                core.arena.poke();
                return core.ledger.update(|books| {
                    books.failed(text);
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
                self.pump.stumbled(core.clock.now());
            }
            return;
        }
        self.show(ConnectionState::Sending);
        let mut credit = |events| {
            core.queue.advance(events);
            core.ledger.update(|books| books.acknowledge(events, &*core.clock));
        };
        let mut batch = Batch::from_windows(windows).starting_at(u64::from(skip)).observed_by(&mut credit);
        if let Some(limit) = limit {
            batch = batch.limited_to(limit);
        }
        let attempted = batch.remaining_events();
        core.listeners.tell(|listener| listener.sent(attempted));
        let transport = &mut self.transport;
        let result = catch_unwind(AssertUnwindSafe(|| transport.send(&mut batch))).unwrap_or_else(|_| {
            let _ = catch_unwind(AssertUnwindSafe(|| transport.close()));
            Err(TransportError::new(ErrorKind::Unavailable, "the transport panicked"))
        });
        let acknowledged = attempted - batch.remaining_events();
        let rejected = match &result {
            // Only one that is alone can be given up.
            Err(error) if error.kind() == ErrorKind::Rejected && batch.remaining_events() == 1 => {
                batch.remaining().unwrap_or_default().pop()
            }
            _ => None,
        };
        drop(batch);
        if acknowledged > 0 {
            if !self.connected {
                core.listeners.tell(|listener| listener.connected());
            }
            core.listeners.tell(|listener| listener.acknowledged(acknowledged));
        }
        self.connected = result.is_ok();
        // The writer frees what was advanced past.
        core.arena.poke();
        let error = result.err();
        if let Some(error) = &error {
            self.failed_while_stopping |= stopping;
            self.report(error);
        }
        let kind = error.as_ref().map(TransportError::kind);
        match self.pump.finished(attempted, acknowledged, kind, core.clock.now()) {
            Verdict::Continue => {}
            Verdict::GiveUpFirst => self.give_up_first(rejected, error.as_ref()),
        }
    }

    /// Gives up the event at the head, which the peer rejects for good.
    fn give_up_first(&self, document: Option<Bytes>, error: Option<&TransportError>) {
        let core = self.core;
        if let Some(document) = document {
            let letter = DeadLetter::new(document, error.map(|error| error_chain(error)).unwrap_or_default());
            core.listeners.tell(|listener| listener.rejected(&letter));
            self.keep(&letter);
        }
        core.queue.advance(1);
        core.ledger.update(|books| books.drop_queued(1, DropReason::Rejected));
        core.arena.poke();
    }

    fn keep(&self, letter: &DeadLetter) {
        let Some(store) = &self.core.dead_letters else { return };
        let kept = catch_unwind(AssertUnwindSafe(|| store.put(letter)))
            .unwrap_or_else(|_| Err(io::Error::other("the store of dead letters panicked")));
        if let Err(error) = kept {
            let text = format!("a rejected event is lost, it cannot be kept: {}", error_chain(&error));
            self.core.notices.tell(Kind::Storage, &text);
        }
    }

    fn report(&self, error: &TransportError) {
        self.core.listeners.tell(|listener| listener.failed(error));
        let text = error_chain(error);
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

    /// When the oldest window in the queue is past its time.
    fn next_expiry(&self) -> Option<Instant> {
        let ttl = self.core.options.ttl?;
        let age = self.core.clock.wall().duration_since(self.core.queue.depth().oldest?).unwrap_or_default();
        // A little later, because only what is older than its time is given up.
        Some(deadline(ttl.saturating_sub(age) + Duration::from_millis(1)))
    }

    /// Gives up the oldest window where a full queue is to take newer ones.
    ///
    /// Here and not on the writer thread, because only here is known that none of it is on the wire.
    fn make_room(&mut self) {
        let core = self.core;
        if !std::mem::take(&mut core.ledger.lock().room_wanted) {
            return;
        }
        // What the queue says about damage is asked again by the next peek that sends.
        match core.queue.peek(1, 1) {
            Ok(Peek { windows, skip, damaged }) => {
                let head = windows
                    .first()
                    .map_or(0, |window| u64::from(window.events() - skip.min(window.events())));
                core.queue.advance(head);
                core.ledger.update(|books| {
                    books.drop_queued(damaged, DropReason::Damaged);
                    books.drop_queued(head, DropReason::Overflow);
                });
            }
            Err(error) => core.notices.tell(Kind::Storage, &format!("queue: {}", error_chain(&error))),
        }
    }

    fn expire(&self) {
        let Some(before) = self.core.options.ttl.and_then(|ttl| self.core.clock.wall().checked_sub(ttl))
        else {
            return;
        };
        let expired = self.core.queue.expire(before);
        if expired > 0 {
            self.core.ledger.update(|books| books.drop_queued(expired, DropReason::Expired));
        }
    }
}

/// Wait between attempts while somebody waits for delivery.
const HURRIED_PAUSE: Duration = Duration::from_millis(200);

/// Wait after a panic, so that one that repeats itself does no harm.
const PANIC_PAUSE: Duration = Duration::from_secs(1);

/// Encoded bytes of one batch.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
