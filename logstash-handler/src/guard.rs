use crate::core::Core;
use crate::deadline::later;
use crate::ledger::Books;
use crate::queue::Queue;
use crate::report::Report;
use crate::stats::DropReason;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Keeps a handler running; ends it in order.
///
/// Keep it until the program ends, in `main`. Dropping it is a
/// [`shutdown`](Self::shutdown) within [`shutdown_timeout`](crate::HandlerBuilder::shutdown_timeout).
///
/// Nothing drops it when the program ends by `process::exit`: see
/// [`Handler::exit_hook`](crate::Handler::exit_hook). Neither does a signal such as SIGTERM, whose handling is
/// the program's own business: the example `signals` of this crate shows how to wait for one in `main`.
///
/// ```
/// use logstash_handler::{Event, Handler, Level, LogstashFormatter};
/// use logstash_transport::DiscardTransport;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (handler, guard) = Handler::builder(LogstashFormatter::new(), DiscardTransport::new()).start()?;
/// handler.emit(&Event::new(Level::Info, "shop", "order placed"));
///
/// let report = guard.shutdown(Duration::from_secs(5));
/// assert!(report.complete, "{report}");
/// assert_eq!((report.accepted, report.acknowledged), (1, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping the guard stops the handler"]
pub struct Guard {
    core: Arc<Core>,
    threads: Vec<JoinHandle<()>>,
}

impl Guard {
    pub(crate) const fn new(core: Arc<Core>, threads: Vec<JoinHandle<()>>) -> Self {
        Self { core, threads }
    }

    /// Takes no more events, stores what is there, delivers as much as the time allows, and ends.
    ///
    /// Returns within `timeout` and a tenth of a second, whatever disk and network do. While the
    /// peer cannot be reached, a queue on disk is left as it is after one more attempt; a queue in
    /// memory is delivered from until the time is over, and what remains in it is lost and counted
    /// as such. [`Report::complete`] tells whether the handler ended in time without a loss.
    pub fn shutdown(mut self, timeout: Duration) -> Report {
        self.stop(timeout)
    }

    fn stop(&mut self, timeout: Duration) -> Report {
        let core = Arc::clone(self.core.here());
        let mut threads = std::mem::take(&mut self.threads);
        if !Arc::ptr_eq(&core, &self.core) {
            // Those of the parent, which this forked child does not have.
            let _ = ManuallyDrop::new(std::mem::take(&mut threads));
        }
        stop(&core, threads, timeout)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            let timeout = self.core.options.shutdown_timeout;
            self.stop(timeout);
        }
    }
}

/// Ends a handler within `timeout` and a little, and tells what became of its events.
pub(crate) fn stop(core: &Core, threads: Vec<JoinHandle<()>>, timeout: Duration) -> Report {
    let started = Instant::now();
    let deadline = later(started, timeout);
    let end = later(deadline, GRACE);
    let ledger = &core.ledger;
    ledger.update(|books| {
        books.stopping = true;
        books.hurry_until(deadline);
    });
    core.arena.close();
    let both = |books: &Books| books.writer_ended && books.sender_ended;
    if !ledger.wait_until(Some(deadline), both) {
        core.interrupt.raise();
        ledger.update(|_| {});
        ledger.wait_until(Some(end), both);
    }
    let (writer_ended, sender_ended) = {
        let books = ledger.lock();
        (books.writer_ended, books.sender_ended)
    };
    let ended = writer_ended && sender_ended;
    if ended {
        for thread in threads {
            // It has said that it is done; a panic on the way out changes nothing.
            let _ = thread.join();
        }
    }
    // A thread that hangs in disk or network is left behind. A sender that comes back later finds the queue
    // closed.
    if !core.queue.is_persistent() {
        let left = ledger.update(|books| {
            let left = books.queued;
            books.drop_queued(left, DropReason::Shutdown);
            left
        });
        core.queue.advance(left);
    } else if writer_ended {
        core.queue.close(end.saturating_duration_since(Instant::now()));
    }
    core.listeners.tell_drops(core.dropped());
    let mut report = Report::of(core, ended, started.elapsed());
    report.complete &= report.unsaved == 0 && report.dropped.shutdown == 0;
    report
}

/// Time for the threads to notice an interrupt; they look every 50 ms.
const GRACE: Duration = Duration::from_millis(90);
