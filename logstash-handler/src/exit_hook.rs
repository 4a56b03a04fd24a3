use crate::core::Core;
use crate::deadline::later;
use crate::guard::stop;
use crate::handler::Handler;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::thread;
use std::time::{Duration, Instant};

impl Handler {
    /// Ends this handler in order when the program ends without having dropped its guard, once installed.
    /// Unix only.
    ///
    /// ```no_run
    /// # fn with(handler: &logstash_handler::Handler) -> std::io::Result<()> {
    /// handler.exit_hook().install()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn exit_hook(&self) -> ExitHook {
        let core = self.core();
        ExitHook { core: Arc::downgrade(core), timeout: core.options.shutdown_timeout }
    }
}

/// What the end of the program does for a [`Handler`]; made by [`Handler::exit_hook`].
///
/// When `main` returns or somebody calls `process::exit`, the handler is shut down as by
/// [`Guard::shutdown`](crate::Guard::shutdown), unless its guard did that already: what was logged is stored,
/// or delivered from memory as far as the time allows. The exit waits for it no longer than the timeout
/// and a tenth of a second; several handlers end at the same time.
///
/// It does not help against what ends a program on the spot: a signal that nobody handles, `abort`,
/// `_exit`. It is for programs, not for libraries that are unloaded before the program ends.
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is installed"]
pub struct ExitHook {
    core: Weak<Core>,
    timeout: Duration,
}

impl ExitHook {
    /// Time that the handler may take. Default: its
    /// [`shutdown_timeout`](crate::HandlerBuilder::shutdown_timeout).
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Installs the hook, in the place of an earlier one of the same handler.
    ///
    /// # Errors
    ///
    /// When the system takes no more hooks.
    pub fn install(self) -> io::Result<()> {
        let mut hooks = HOOKS.lock().unwrap_or_else(PoisonError::into_inner);
        if !hooks.is_registered {
            register()?;
            hooks.is_registered = true;
        }
        let others = |hook: &Self| hook.core.strong_count() > 0 && !hook.core.ptr_eq(&self.core);
        hooks.installed.retain(others);
        hooks.installed.push(self);
        Ok(())
    }

    /// Begins to end the handler; `done` is dropped when it has ended. Tells until when to wait for that.
    fn begin(&self, done: Sender<()>) -> Option<Instant> {
        let core = Arc::clone(self.core.upgrade()?.here_if_started()?);
        let timeout = self.timeout;
        let end = move || {
            let has_ended = {
                let books = core.ledger.lock();
                books.writer_ended && books.sender_ended
            };
            if !has_ended {
                stop(&core, Vec::new(), timeout);
            }
            drop(done);
        };
        // On a thread of its own, so that no lock that is held for ever keeps the program from ending.
        thread::Builder::new().name("logstash-exit".to_owned()).spawn(end).ok()?;
        Some(later(later(Instant::now(), timeout), MARGIN))
    }
}

struct Hooks {
    is_registered: bool,
    installed: Vec<ExitHook>,
}

static HOOKS: Mutex<Hooks> = Mutex::new(Hooks { is_registered: false, installed: Vec::new() });

#[allow(unsafe_code, reason = "there is no other way to be called when the program ends")]
fn register() -> io::Result<()> {
    extern "C" fn at_exit() {
        // A panic must not leave a function that C calls; there is nobody to tell.
        let _ = catch_unwind(AssertUnwindSafe(end_all));
    }
    // SAFETY: the function takes nothing, does not unwind, and is there as long as this code is.
    match unsafe { libc::atexit(at_exit) } {
        0 => Ok(()),
        _ => Err(io::Error::other("the system takes no more functions to call at the end of the program")),
    }
}

fn end_all() {
    let Some(mut hooks) = hooks_soon() else { return };
    let installed = std::mem::take(&mut hooks.installed);
    drop(hooks);
    let (done, all_done) = mpsc::channel();
    let until = installed.iter().filter_map(|hook| hook.begin(done.clone())).max();
    drop(done);
    if let Some(until) = until {
        // Nothing is ever sent: it ends when all have dropped their ends, or in time.
        let _ = all_done.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

/// The hooks, unless a thread holds them that a forked child does not have.
fn hooks_soon() -> Option<MutexGuard<'static, Hooks>> {
    let until = Instant::now() + Duration::from_millis(100);
    loop {
        match HOOKS.try_lock() {
            Ok(hooks) => return Some(hooks),
            Err(TryLockError::Poisoned(hooks)) => return Some(hooks.into_inner()),
            Err(TryLockError::WouldBlock) if Instant::now() > until => return None,
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// What a shutdown may take beyond its time.
const MARGIN: Duration = Duration::from_millis(100);
