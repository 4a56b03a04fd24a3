use crate::core::is_emitting;
use crate::handler::Handler;
use crate::suppress::is_suppressed;
use logstash_format::{panic_event, panic_event_with_backtrace};
use std::backtrace::Backtrace;
use std::panic;
use std::thread;
use std::time::Duration;

impl Handler {
    /// Makes an event of each panic of the program, once installed.
    ///
    /// ```no_run
    /// # fn with(handler: &logstash_handler::Handler) {
    /// handler.panic_hook().install();
    /// # }
    /// ```
    pub fn panic_hook(&self) -> PanicHook {
        let wait = cfg!(panic = "abort").then_some(WAIT_BEFORE_ABORT);
        PanicHook { handler: self.clone(), force_backtrace: false, wait }
    }
}

/// A panic hook that sends an event to a [`Handler`]; made by [`Handler::panic_hook`].
///
/// The event has the message and the place of the panic, its thread and, where asked for, a backtrace.
/// Panics of the handler's own threads, and those of a value or a formatter while an event is
/// serialised, are no events: the handler contains and counts these. A formatter that panics over the
/// event of a panic ends the program, as every panic in a panic hook does; those of `logstash-format`
/// do not.
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is installed"]
pub struct PanicHook {
    handler: Handler,
    force_backtrace: bool,
    wait: Option<Duration>,
}

impl PanicHook {
    /// Sets whether there is a backtrace even if the environment does not ask for it by
    /// `RUST_BACKTRACE` or `RUST_LIB_BACKTRACE`. Default: no.
    pub fn force_backtrace(mut self, force_backtrace: bool) -> Self {
        self.force_backtrace = force_backtrace;
        self
    }

    /// Sets how long the thread that panics waits until the event, and what was logged before, is
    /// stored, or that it does not. Default: two seconds where panics abort the program, which then
    /// would lose the event; otherwise not at all.
    pub fn wait(mut self, wait: impl Into<Option<Duration>>) -> Self {
        self.wait = wait.into();
        self
    }

    /// Installs the hook in front of the one there is, which is called after it.
    ///
    /// Does nothing on a thread that panics, where a hook cannot be set.
    pub fn install(self) {
        if thread::panicking() {
            return;
        }
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            self.emit(info);
            previous(info);
        }));
    }

    fn emit(&self, info: &panic::PanicHookInfo<'_>) {
        // To serialise again what just panicked over an event would panic within the hook.
        if is_suppressed("panic") || is_emitting() {
            return;
        }
        match self.force_backtrace {
            true => {
                let backtrace = Backtrace::force_capture();
                panic_event_with_backtrace(info, &backtrace, |event| self.handler.emit(event));
            }
            false => panic_event(info, |event| self.handler.emit(event)),
        }
        if let Some(wait) = self.wait {
            let _ = self.handler.sync(wait);
        }
    }
}

/// Enough for a disk, too short to look like a program that hangs.
const WAIT_BEFORE_ABORT: Duration = Duration::from_secs(2);
