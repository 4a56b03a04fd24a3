use crate::arena::Arena;
use crate::child::Children;
use crate::clock::MachineClock;
use crate::core::Core;
use crate::dead_letter::DeadLetterStore;
use crate::fork;
use crate::guard::Guard;
use crate::handler::Handler;
use crate::ledger::{Ledger, Watcher};
use crate::listener::{Listener, Listeners};
use crate::notice::Notices;
use crate::overflow::Overflow;
use crate::pump::Pump;
use crate::queue::{Contained, MemoryQueue, Queue};
use crate::{sender, writer};
use logstash_format::Formatter;
use logstash_transport::{Interrupt, Transport};
use lumberjack_codec::{Backoff, DEFAULT_WINDOW_EVENTS, MAX_EVENTS_PER_WINDOW, MAX_PAYLOAD_BYTES};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::time::Duration;
use std::{fmt, io, thread};

/// Options of a [`Handler`]; made by [`Handler::builder`].
///
/// ```
/// use logstash_handler::{DeadLetterFile, Handler, LogstashFormatter, Overflow};
/// use logstash_transport::DiscardTransport;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let file = folder.path().join("rejected");
/// let (handler, guard) = Handler::builder(LogstashFormatter::new(), DiscardTransport::new())
///     .dead_letters(DeadLetterFile::open(file)?)
///     .overflow(Overflow::Block { timeout: Duration::from_millis(100) })
///     .ttl(Duration::from_secs(7 * 24 * 3600))
///     .start()?;
/// # drop((handler, guard));
/// # Ok(())
/// # }
/// ```
pub struct HandlerBuilder {
    formatter: Arc<dyn Formatter>,
    transport: Box<dyn Transport>,
    queue: Option<Box<dyn Queue>>,
    listeners: Listeners,
    dead_letters: Option<Box<dyn DeadLetterStore>>,
    watcher: Option<Watcher>,
    pub(crate) options: Options,
}

impl HandlerBuilder {
    pub(crate) fn new(formatter: Arc<dyn Formatter>, transport: Box<dyn Transport>) -> Self {
        let (listeners, options) = (Listeners::default(), Options::default());
        Self { formatter, transport, queue: None, listeners, dead_letters: None, watcher: None, options }
    }

    /// Where events wait for the peer. Default: a [`MemoryQueue`] of 64 MiB.
    #[must_use]
    pub fn queue(mut self, queue: impl Queue + 'static) -> Self {
        self.queue = Some(Box::new(queue));
        self
    }

    /// Who is told what happens to events; several are told in the order in which they are given.
    #[must_use]
    pub fn listener(mut self, listener: impl Listener + 'static) -> Self {
        self.listeners.add(Box::new(listener));
        self
    }

    /// Where events go that the peer rejects, such as a [`DeadLetterFile`](crate::DeadLetterFile).
    /// Default: nowhere, they are lost and counted.
    #[must_use]
    pub fn dead_letters(mut self, store: impl DeadLetterStore + 'static) -> Self {
        self.dead_letters = Some(Box::new(store));
        self
    }

    /// What happens when events come faster than they can be stored. Default: the newest are dropped.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.options.overflow = overflow;
        self
    }

    /// Serialised bytes that may wait for the writer thread, with 8 for each event; as much again may be
    /// in its hands. Default: 8 MiB.
    #[must_use]
    pub fn arena_bytes(mut self, bytes: usize) -> Self {
        self.options.arena_bytes = bytes;
        self
    }

    /// Bytes of one serialised event. Default: 1 MiB.
    #[must_use]
    pub fn max_event_bytes(mut self, bytes: usize) -> Self {
        self.options.max_event_bytes = bytes;
        self
    }

    /// How long the first event of a quiet time waits for others to share its window. Default: 20 ms.
    ///
    /// Larger windows compress better and need fewer writes. [`Handler::emit_durable`], a flush and a
    /// full window end the wait.
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.options.linger = linger;
        self
    }

    /// Events and serialised bytes of one window. Default: 2,048 and 512 KiB.
    #[must_use]
    pub fn window(mut self, events: usize, bytes: usize) -> Self {
        self.options.window_events = events;
        self.options.window_bytes = bytes;
        self
    }

    /// zlib level of windows, from 0 (none) to 9. Default: 3.
    #[must_use]
    pub fn compression_level(mut self, level: u32) -> Self {
        self.options.compression_level = level;
        self
    }

    /// Windows that the transport gets at once. Default: 8.
    ///
    /// A transport may have several on the wire; what one run of the program sends twice after a
    /// crash is at most what was on the wire.
    #[must_use]
    pub fn batch(mut self, windows: usize) -> Self {
        self.options.batch_windows = windows;
        self
    }

    /// Waits between attempts while the peer cannot be reached. Default: 1 s doubling to 60 s, with
    /// jitter.
    #[must_use]
    pub fn retry(mut self, backoff: Backoff) -> Self {
        self.options.retry = backoff;
        self
    }

    /// Age at which events are given up instead of being delivered. Default: none.
    ///
    /// Counted from the time of the oldest event of a window, by the wall clock, to within 100 ms.
    #[must_use]
    pub fn ttl(mut self, ttl: impl Into<Option<Duration>>) -> Self {
        self.options.ttl = ttl.into();
        self
    }

    /// Whether an event of the handler's own says how many others were lost, and why. Default: yes.
    ///
    /// It goes the way of all events, half a second after a loss is noticed, then every ten seconds
    /// while it goes on, and with the last window of a shutdown. Its level is `WARN`, its logger
    /// `logstash_handler`, its fields are `lost_events`, `lost_during_ms` (since the first of them was
    /// noticed), and for each reason such as `overflow` a `lost_overflow`. What is logged after the
    /// shutdown is not reported.
    #[must_use]
    pub fn report_losses(mut self, report: bool) -> Self {
        self.options.report_losses = report;
        self
    }

    /// Whether the handler tells its own troubles on stderr, one line per kind and minute. Default: yes.
    ///
    /// A [`listener`](Self::listener) and [`Stats`](crate::Stats) know of them in any case. On Unix, a line is given up
    /// when stderr is a pipe that nobody reads.
    #[must_use]
    pub fn stderr(mut self, tell: bool) -> Self {
        self.options.stderr = tell;
        self
    }

    /// Time that dropping the [`Guard`] may take. Default: 5 s.
    #[must_use]
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.options.shutdown_timeout = timeout;
        self
    }

    /// Who is told that the books have changed, or that there is room again.
    #[cfg(feature = "relay")]
    pub(crate) fn watcher(mut self, watcher: impl Fn() + Send + Sync + 'static) -> Self {
        self.watcher = Some(Watcher(Box::new(watcher)));
        self
    }

    /// Starts the two threads.
    ///
    /// Delivery of what is in the queue from an earlier run begins at once.
    ///
    /// # Errors
    ///
    /// [`StartError`] when an option makes no sense or a thread cannot be started.
    pub fn start(self) -> Result<(Handler, Guard), StartError> {
        let Self { formatter, mut transport, queue, listeners, dead_letters, watcher, options } = self;
        options.check()?;
        fork::watch().map_err(StartError::Thread)?;
        let queue = Contained::new(queue.unwrap_or_else(|| Box::new(MemoryQueue::new())));
        let interrupt = Interrupt::new();
        transport.interrupt_by(interrupt.clone());
        let ledger = Ledger::watched_by(watcher);
        let recovered = queue.depth().events;
        ledger.update(|books| {
            books.recovered = recovered;
            books.queued = recovered;
            books.appended = recovered;
        });
        let pump = Pump::new(options.retry.clone(), RARELY);
        let arena = Arena::new(options.arena_bytes, options.window_bytes, options.window_events);
        let notices = Notices::new(options.stderr);
        let queue_fill = AtomicU8::new(0);
        let core = Arc::new(Core {
            pid: std::process::id(),
            depth: fork::depth(),
            children: Children::new(),
            clock: Box::new(MachineClock),
            formatter,
            arena,
            queue: Arc::new(queue),
            ledger,
            notices,
            interrupt,
            listeners,
            dead_letters,
            queue_fill,
            options,
        });
        // From here on the guard ends what was started, also if the second thread cannot be.
        let mut threads = Vec::new();
        let shared = Arc::clone(&core);
        threads.push(spawn("logstash-writer", move || writer::run(&shared))?);
        let shared = Arc::clone(&core);
        match spawn("logstash-sender", move || sender::run(&shared, transport, pump)) {
            Ok(sender) => threads.push(sender),
            Err(error) => {
                core.ledger.update(|books| books.sender_ended = true);
                drop(Guard::new(core, threads));
                return Err(error);
            }
        }
        Ok((Handler::new(Arc::clone(&core)), Guard::new(core, threads)))
    }
}

impl fmt::Debug for HandlerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerBuilder").field("options", &self.options).finish_non_exhaustive()
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<thread::JoinHandle<()>, StartError> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map_err(StartError::Thread)
}

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) overflow: Overflow,
    pub(crate) arena_bytes: usize,
    pub(crate) max_event_bytes: usize,
    pub(crate) linger: Duration,
    pub(crate) window_events: usize,
    pub(crate) window_bytes: usize,
    pub(crate) compression_level: u32,
    pub(crate) batch_windows: usize,
    pub(crate) retry: Backoff,
    pub(crate) ttl: Option<Duration>,
    pub(crate) report_losses: bool,
    pub(crate) stderr: bool,
    pub(crate) shutdown_timeout: Duration,
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let wrong = |text: String| Err(StartError::Option(text));
        let most = MAX_EVENTS_PER_WINDOW as usize;
        if self.window_events == 0 || self.window_events > most {
            return wrong(format!("window of {} events, from 1 to {most} are possible", self.window_events));
        }
        if self.window_bytes == 0 {
            return wrong("window of 0 bytes".to_owned());
        }
        if self.compression_level > 9 {
            return wrong(format!(
                "compression_level of {}, from 0 to 9 are possible",
                self.compression_level
            ));
        }
        if self.batch_windows == 0 {
            return wrong("batch of 0 windows".to_owned());
        }
        if self.ttl == Some(Duration::ZERO) {
            return wrong(
                "ttl of 0, with which no event would ever be delivered; none is no limit".to_owned(),
            );
        }
        if self.max_event_bytes == 0 || self.max_event_bytes > MAX_PAYLOAD_BYTES {
            let bytes = self.max_event_bytes;
            return wrong(format!("max_event_bytes of {bytes}, from 1 to {MAX_PAYLOAD_BYTES} are possible"));
        }
        if self.arena_bytes < self.max_event_bytes {
            let (arena, event) = (self.arena_bytes, self.max_event_bytes);
            return wrong(format!("arena_bytes of {arena} cannot hold an event of max_event_bytes, {event}"));
        }
        Ok(())
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            overflow: Overflow::DropNewest,
            arena_bytes: 8 * 1024 * 1024,
            max_event_bytes: 1024 * 1024,
            linger: Duration::from_millis(20),
            window_events: DEFAULT_WINDOW_EVENTS,
            window_bytes: 512 * 1024,
            compression_level: 3,
            batch_windows: 8,
            retry: Backoff::new(),
            ttl: None,
            report_losses: true,
            stderr: true,
            shutdown_timeout: Duration::from_secs(5),
        }
    }
}

/// Why a handler did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// An option makes no sense; the text says which and what would.
    Option(String),
    /// A thread could not be started.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(text) => f.write_str(text),
            Self::Thread(_) => f.write_str("cannot start a thread"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Option(_) => None,
            Self::Thread(error) => Some(error),
        }
    }
}

/// Wait after an error that only a human can mend.
const RARELY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_that_the_documentation_states() {
        let options = Options::default();
        assert_eq!(options.overflow, Overflow::DropNewest);
        assert_eq!((options.arena_bytes, options.max_event_bytes), (8 << 20, 1 << 20));
        assert_eq!((options.window_events, options.window_bytes), (2_048, 512 << 10));
        assert_eq!(
            (options.linger, options.shutdown_timeout),
            (Duration::from_millis(20), Duration::from_secs(5))
        );
        assert_eq!((options.compression_level, options.batch_windows, options.ttl), (3, 8, None));
        assert!(options.report_losses && options.stderr);
        options.check().unwrap();
    }
}
