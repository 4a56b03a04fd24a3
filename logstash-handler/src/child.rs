//! A handler in a forked child: what is logged there goes to a queue of the child's own.
//!
//! The child has none of the threads of its parent, and locks that these held are held for ever. So it begins
//! with an empty arena, books of its own and a writer thread of its own, as soon as it logs; it takes over
//! neither events nor connections. Nobody delivers in the child: the queue is on disk, and the parent takes
//! it over when the child has ended. Where the queue of the parent is in memory, what the child logs is
//! dropped and counted as closed.

use crate::arena::Arena;
use crate::clock::MachineClock;
use crate::core::Core;
use crate::fork;
use crate::ledger::Ledger;
use crate::listener::Listeners;
use crate::notice::Notices;
use crate::queue::{Contained, Inherited, Queue};
use crate::writer;
use logstash_transport::Interrupt;
use std::sync::atomic::AtomicU8;
use std::sync::{Arc, OnceLock};

/// What a handler is in the children of its process, and in theirs.
///
/// There is a place for each depth, so that no child waits for a place that a thread of its parent was about
/// to fill.
pub(crate) struct Children([OnceLock<Arc<Core>>; MOST]);

impl Children {
    pub(crate) const fn new() -> Self {
        Self([const { OnceLock::new() }; MOST])
    }

    /// What `parent` is in this process, which is a child of that of the parent.
    pub(crate) fn here<'c>(&'c self, parent: &'c Arc<Core>) -> &'c Arc<Core> {
        self.place(parent).map_or(parent, |place| place.get_or_init(|| start(parent)))
    }

    /// The same, if it has begun.
    #[cfg(unix)]
    pub(crate) fn started(&self, parent: &Core) -> Option<&Arc<Core>> {
        self.place(parent)?.get()
    }

    fn place(&self, parent: &Core) -> Option<&OnceLock<Arc<Core>>> {
        let depth = fork::depth().wrapping_sub(parent.depth) as usize;
        // Deeper ones share the last place: they never wait either, but may have nobody who stores.
        self.0.get(depth.saturating_sub(1).min(MOST - 1))
    }
}

/// Begins anew in a child. Waits for no lock.
fn start(parent: &Core) -> Arc<Core> {
    let mut options = parent.options.clone();
    // Standard error has a lock as well.
    options.stderr = false;
    let core = Arc::new(Core {
        pid: std::process::id(),
        depth: fork::depth(),
        children: Children::new(),
        clock: Box::new(MachineClock),
        formatter: Arc::clone(&parent.formatter),
        arena: Arena::new(options.arena_bytes, options.window_bytes, options.window_events),
        queue: Arc::new(Contained::new(Box::new(Inherited::from(&parent.queue)))),
        ledger: Ledger::default(),
        notices: Notices::new(options.stderr),
        interrupt: Interrupt::new(),
        listeners: Listeners::default(),
        dead_letters: None,
        queue_fill: AtomicU8::new(0),
        options,
    });
    core.ledger.update(|books| books.sender_ended = true);
    let shared = Arc::clone(&core);
    let run = move || writer::run(&shared);
    let runs = parent.queue.is_persistent() && fork::spawn(run);
    if !runs {
        core.arena.close();
        core.ledger.update(|books| books.writer_ended = true);
    }
    core
}

/// Forks, one inside the other, that are told apart.
const MOST: usize = 64;

#[cfg(all(test, unix, feature = "sled"))]
mod tests {
    use super::*;
    use crate::handler::Handler;
    use crate::queue::{OnBacklog, SledQueue};
    use logstash_format::{Event, Level, LogstashFormatter};
    use logstash_transport::{Batch, ErrorKind, ProbeReport, Transport, TransportError};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(20);

    struct Refusing;

    impl Transport for Refusing {
        fn send(&mut self, _: &mut Batch<'_>) -> Result<(), TransportError> {
            Err(TransportError::new(ErrorKind::Unavailable, "nobody is there"))
        }

        fn probe(&mut self) -> Result<ProbeReport, TransportError> {
            Ok(ProbeReport::new())
        }

        fn close(&mut self) {}
    }

    /// Whether a forked child that does `work` comes to a good end.
    #[allow(unsafe_code, reason = "what is tested is a fork")]
    fn succeeds_in_child(work: impl FnOnce() -> bool) -> bool {
        // SAFETY: the child has one thread, which ends below without anything of the test harness.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "cannot fork");
        if pid == 0 {
            // SAFETY: sets a timer that kills a child that hangs.
            unsafe { libc::alarm(30) };
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            // SAFETY: ends the process.
            unsafe { libc::_exit(i32::from(!done.unwrap_or(false))) };
        }
        let mut status = 0;
        // SAFETY: `status` is there while the call writes to it.
        unsafe { libc::waitpid(pid, &raw mut status, 0) };
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
    }

    #[test]
    fn locks_that_another_thread_holds_while_it_forks_do_not_matter_to_the_child() {
        let folder = tempfile::tempdir().unwrap();
        let queue = OnBacklog::new(SledQueue::open(folder.path()).unwrap());
        let (handler, guard) =
            Handler::builder(LogstashFormatter::new(), Refusing).queue(queue).stderr(false).start().unwrap();
        handler.emit(&Event::new(Level::Info, "test", "of the parent"));
        let core = Arc::clone(handler.core());
        let (holds, held) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let holder = thread::spawn(move || {
            core.arena.snapshot(|_| {
                let _books = core.ledger.lock();
                holds.send(()).unwrap();
                let _ = released.recv();
            });
        });
        held.recv().unwrap();
        assert!(succeeds_in_child(|| {
            let event = Event::new(Level::Info, "test", "of the child");
            handler.emit_durable(&event, LONG).is_ok() && handler.stats().queued == 1
        }));
        drop(release);
        holder.join().unwrap();
        assert_eq!(handler.stats().accepted, 1);
        assert!(guard.shutdown(LONG).complete);
        let queue = SledQueue::open(folder.path()).unwrap();
        assert_eq!(queue.depth().events, 2);
    }
}
