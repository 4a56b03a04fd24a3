//! Outputs: each a handler with a queue of its own.

use super::config::{OutputConfig, WhenFull};
use super::error::RelayError;
use super::format::Format;
use crate::offer::{Declined, Settled};
use crate::{DropReason, Guard, Handler, Report, SledQueue, Stats};
use logstash_format::{Event, FormatError, Formatter};
use lumberjack_codec::EncodedWindow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::{Notify, oneshot};

/// An output at work.
pub(crate) struct Output {
    name: String,
    handler: Handler,
    format: Arc<Format>,
    when_full: WhenFull,
    signals: Arc<Signals>,
    /// Taken by the shutdown.
    guard: Mutex<Option<Guard>>,
}

/// Rung by the threads of the handler.
#[derive(Default)]
struct Signals {
    /// There may be room again.
    room: Notify,
    waiting: Mutex<Waiting>,
}

/// Tells what has become of events.
pub(crate) type Settling = oneshot::Receiver<Result<(), DropReason>>;

/// Who waits for what, by the position behind the last event.
#[derive(Default)]
struct Waiting {
    /// Whom to ask, as long as there is an output.
    handler: Option<Handler>,
    stored: BTreeMap<(u64, u64), Waiter>,
    delivered: BTreeMap<(u64, u64), Waiter>,
    next: u64,
}

struct Waiter {
    positions: Range<u64>,
    tell: oneshot::Sender<Result<(), DropReason>>,
}

/// What became of an event that was offered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Taken {
    /// The output has ended; nothing is counted.
    Closed,
    /// There is no room at the moment; nothing is counted.
    NoRoom,
    /// It is in the books of the handler.
    Settled,
}

impl Output {
    /// Starts the handler; with `queues`, its queue is in there.
    pub(crate) fn start(
        name: &str,
        config: &OutputConfig,
        queues: Option<&Path>,
    ) -> Result<Arc<Self>, RelayError> {
        let failed = |what: &str| RelayError::new(format!("output {name:?}: {what}"));
        let transport = config.transport().transport();
        let transport = transport.map_err(|error| failed("cannot be used").caused_by(error))?;
        let format = Arc::new(Format::new(config.format_name()));
        let signals = Arc::new(Signals::default());
        let watched = Arc::clone(&signals);
        let mut builder = Handler::builder(Shared(Arc::clone(&format)), transport).watcher(move || {
            watched.room.notify_waiters();
            watched.waiting().tell();
        });
        if !config.is_compressed(queues.is_some()) {
            // To compress it, only to take it apart again, would cost more than all the rest.
            builder = builder.compression_level(0);
        }
        if let Some(queues) = queues.filter(|_| !config.has_queue()) {
            let queue = SledQueue::open(queues.join(folder(name)));
            let queue = queue.map_err(|error| failed("its queue cannot be opened").caused_by(error))?;
            builder = builder.queue(queue);
        }
        let configured = builder.config(config.handler());
        let builder = configured.map_err(|error| failed("its handler cannot be used").caused_by(error))?;
        let started = builder.start();
        let (handler, guard) = started.map_err(|error| failed("cannot be started").caused_by(error))?;
        signals.waiting().handler = Some(handler.clone());
        let output = Self {
            name: name.to_owned(),
            handler,
            format,
            when_full: config.when_full(),
            signals,
            guard: Mutex::new(Some(guard)),
        };
        Ok(Arc::new(output))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn stats(&self) -> Stats {
        self.handler.stats()
    }

    pub(crate) const fn format(&self) -> &Arc<Format> {
        &self.format
    }

    /// Takes an event if there is room. `may_wait`: the caller can wait with [`take`](Self::take), and does so
    /// where the output wants it.
    pub(crate) fn try_take(&self, document: &[u8], at: SystemTime, may_wait: bool) -> Taken {
        match self.handler.offer(document, at) {
            Err(Declined::Full) if may_wait && self.when_full == WhenFull::Wait => Taken::NoRoom,
            Err(Declined::Full) => {
                self.handler.turn_away(DropReason::Overflow, 1);
                Taken::Settled
            }
            Err(Declined::Closed) => Taken::Closed,
            Ok(_) | Err(Declined::Dropped(_)) => Taken::Settled,
        }
    }

    /// Takes an event as soon as there is room; `false` when there will be none.
    pub(crate) async fn take(&self, document: &[u8], at: SystemTime) -> bool {
        loop {
            let mut room = pin!(self.signals.room.notified());
            room.as_mut().enable();
            match self.try_take(document, at, true) {
                Taken::Settled => return true,
                Taken::Closed => return false,
                Taken::NoRoom => room.await,
            }
        }
    }

    /// Drops events that nobody waits any more to hand over, and counts them.
    pub(crate) fn turn_away(&self, reason: DropReason, events: u64) {
        self.handler.turn_away(reason, events);
    }

    /// Takes a window if there is room; tells the positions of its events, or that they are lost. `None`: the caller is
    /// to wait with [`take_window`](Self::take_window).
    pub(crate) fn try_take_window(
        &self,
        window: &EncodedWindow,
        at: SystemTime,
    ) -> Option<Result<Range<u64>, DropReason>> {
        let turn_away = |reason| Some(Err(self.handler.turn_away(reason, window.events().into())));
        match self.handler.offer_window(window.clone(), at) {
            Ok(positions) => Some(Ok(positions)),
            Err(Declined::Closed) => turn_away(DropReason::Closed),
            Err(Declined::Dropped(reason)) => Some(Err(reason)),
            Err(Declined::Full) if self.when_full == WhenFull::Drop => turn_away(DropReason::Overflow),
            Err(Declined::Full) => None,
        }
    }

    /// The same, as soon as there is room.
    pub(crate) async fn take_window(
        &self,
        window: &EncodedWindow,
        at: SystemTime,
    ) -> Result<Range<u64>, DropReason> {
        loop {
            let mut room = pin!(self.signals.room.notified());
            room.as_mut().enable();
            match self.try_take_window(window, at) {
                Some(taken) => return taken,
                None => room.await,
            }
        }
    }

    /// Whether what finds no room here is lost, and nobody is to wait for it.
    pub(crate) fn drops(&self) -> bool {
        self.when_full == WhenFull::Drop
    }

    /// Has it told when the events at these positions are settled.
    pub(crate) fn settled(&self, positions: Range<u64>, when: Settled) -> Settling {
        match when {
            Settled::Delivered => self.handler.want_delivered(positions.end),
            Settled::Stored => self.handler.want_stored(positions.end),
        }
        let (tell, told) = oneshot::channel();
        let mut waiting = self.signals.waiting();
        waiting.next += 1;
        let key = (positions.end, waiting.next);
        waiting.by(when).insert(key, Waiter { positions, tell });
        // It may be settled already.
        waiting.tell();
        told
    }

    /// Ends the handler; tells what became of its events. Nothing the second time.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Option<Report> {
        let guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner).take();
        let report = guard.map(|guard| guard.shutdown(timeout));
        // Who waits for room is told that there will be none.
        self.signals.room.notify_waiters();
        report
    }

    /// The same report with what came too late, and what a thread that was too slow has done since.
    pub(crate) fn amend(&self, report: &Report) -> Report {
        let mut amended = Report::of(self.handler.core(), report.complete, report.elapsed);
        amended.complete &= amended.accepted == report.accepted;
        amended
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // The handler has the signals, so they must not have it for ever; and who still waits, waits in vain.
        *self.signals.waiting() = Waiting::default();
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Signals {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    const fn by(&mut self, when: Settled) -> &mut BTreeMap<(u64, u64), Waiter> {
        match when {
            Settled::Delivered => &mut self.delivered,
            Settled::Stored => &mut self.stored,
        }
    }

    /// Tells those whose events are settled; they are so in their order.
    fn tell(&mut self) {
        let Self { handler: Some(handler), stored, delivered, .. } = self else { return };
        for (when, all) in [(Settled::Stored, stored), (Settled::Delivered, delivered)] {
            while let Some(first) = all.first_entry()
                && let Some(outcome) = handler.settled(&first.get().positions, when)
            {
                // Who does not wait any more need not know.
                let _ = first.remove().tell.send(outcome);
            }
        }
    }
}

/// A format that several have.
struct Shared(Arc<Format>);

impl Formatter for Shared {
    fn format(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.0.format(event, out)
    }
}

/// A name of an output as that of a folder: what could mean something to a file system is written as `%`
/// and its number.
pub(super) fn folder(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02x}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Drops;

    #[test]
    fn a_report_that_is_amended_is_even_in_all_figures() {
        let config = OutputConfig::to("beats://127.0.0.1:1").unwrap();
        let output = Output::start("out", &config, None).unwrap();
        for _ in 0..3 {
            assert_eq!(output.try_take(b"{}", SystemTime::now(), false), Taken::Settled);
        }
        // As it was when the threads had no time left, but went on.
        let early = Report {
            complete: true,
            accepted: 3,
            recovered: 0,
            reports: 0,
            acknowledged: 0,
            stored: 0,
            unsaved: 3,
            dropped: Drops::default(),
            elapsed: Duration::from_secs(1),
        };
        assert_eq!(output.amend(&early), early);
        output.shutdown(Duration::ZERO).unwrap();
        assert_eq!(output.try_take(b"{}", SystemTime::now(), false), Taken::Closed);
        output.turn_away(DropReason::Closed, 2);
        let amended = output.amend(&early);
        assert_eq!((amended.complete, amended.accepted, amended.elapsed), (false, 5, early.elapsed));
        assert_eq!(amended.unsaved + amended.dropped.total(), 5, "{amended:?}");
        assert_eq!((amended.dropped.closed, amended.dropped.shutdown + amended.unsaved), (2, 3));
    }

    #[test]
    fn names_of_outputs_are_names_of_folders_and_stay_different() {
        assert_eq!(folder("logstash-1"), "logstash-1");
        assert_eq!(folder("../a/b"), "%2e%2e%2fa%2fb");
        assert_ne!(folder("a.b"), folder("a%2eb"));
    }
}
