use std::error::Error;
use std::fmt;
use std::process;
use std::thread::{self, Thread};
use std::time::SystemTime;

use crate::{Fields, HttpContext, Level, Message, TraceContext};

/// One log event, borrowed from the call that logs it.
///
/// An event is made on the thread that logs: [`Event::new`] notes the time and the thread. It lives
/// as long as that call and is written by a [`Formatter`](crate::Formatter).
///
/// ```
/// use logstash_format::{Event, Level, Value};
///
/// let fields = [("order_id", Value::from(1001)), ("paid", Value::from(true))];
/// let event = Event::new(Level::Info, "shop::orders", "order placed").fields(&fields);
/// # assert_eq!(event.logger, "shop::orders");
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Event<'a> {
    /// When it happened.
    pub timestamp: SystemTime,
    /// How severe it is.
    pub level: Level,
    /// Who logged it: the target of `log` and `tracing`, usually a module path.
    pub logger: &'a str,
    /// What happened, for people.
    pub message: Message<'a>,
    /// Where in the source it was logged.
    pub origin: Origin<'a>,
    /// The thread that logged it.
    pub thread: Thread,
    /// What happened, for machines.
    pub fields: &'a dyn Fields,
    /// The error that this event is about.
    pub error: Option<&'a (dyn Error + 'static)>,
    /// The type of that error, where it is known; a `dyn Error` does not tell.
    pub error_type: Option<&'a str>,
    /// Where that error arose, as `std::backtrace::Backtrace` displays it; without an error it does not count.
    pub backtrace: Option<&'a dyn fmt::Display>,
    /// The HTTP request during which it happened.
    pub http: Option<&'a HttpContext<'a>>,
    /// The trace that it is part of.
    pub trace: TraceContext<'a>,
    /// What tells this event from all others, where it has such a thing.
    pub id: Option<&'a str>,
    /// The process that logged it, where the caller knows it; formatters ask the system otherwise.
    pub pid: Option<u32>,
}

impl<'a> Event<'a> {
    /// An event of this moment and this thread, without fields.
    pub fn new(level: Level, logger: &'a str, message: impl Into<Message<'a>>) -> Self {
        Self {
            timestamp: SystemTime::now(),
            level,
            logger,
            message: message.into(),
            origin: Origin::new(),
            thread: thread::current(),
            fields: &(),
            error: None,
            error_type: None,
            backtrace: None,
            http: None,
            trace: TraceContext::new(),
            id: None,
            pid: None,
        }
    }

    /// Sets the fields. Default: none.
    pub fn fields(mut self, fields: &'a dyn Fields) -> Self {
        self.fields = fields;
        self
    }

    /// Sets the time. Default: that of [`Event::new`].
    pub fn at(mut self, timestamp: SystemTime) -> Self {
        self.timestamp = timestamp;
        self
    }

    /// Sets the place in the source. Default: unknown.
    pub fn origin(mut self, origin: Origin<'a>) -> Self {
        self.origin = origin;
        self
    }

    /// Sets the error that the event is about. Default: none.
    pub fn error(mut self, error: &'a (dyn Error + 'static)) -> Self {
        self.error = Some(error);
        self
    }

    /// Sets the name of the error's type. Default: unknown.
    pub fn error_type(mut self, error_type: &'a str) -> Self {
        self.error_type = Some(error_type);
        self
    }

    /// Sets where the error arose. Default: unknown.
    pub fn backtrace(mut self, backtrace: &'a dyn fmt::Display) -> Self {
        self.backtrace = Some(backtrace);
        self
    }

    /// Sets the HTTP request during which it happened. Default: none.
    pub fn http(mut self, http: &'a HttpContext<'a>) -> Self {
        self.http = Some(http);
        self
    }

    /// Sets the trace that it is part of. Default: none.
    pub fn trace(mut self, trace: TraceContext<'a>) -> Self {
        self.trace = trace;
        self
    }

    /// Sets the id. Default: none, and formatters that are to write one make it.
    pub fn id(mut self, id: &'a str) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets the process. Default: the one that formats the event.
    ///
    /// A caller that knows it spares a system call. One that remembers it must notice forks.
    pub fn pid(mut self, pid: u32) -> Self {
        self.pid = Some(pid);
        self
    }

    /// The process, which the system is asked for if neither the event nor the formatter knows it.
    pub(crate) fn pid_or(&self, remembered: Option<u32>) -> u32 {
        self.pid.or(remembered).unwrap_or_else(process::id)
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("timestamp", &self.timestamp)
            .field("level", &self.level)
            .field("logger", &self.logger)
            .field("message", &self.message)
            .field("origin", &self.origin)
            .field("thread", &self.thread)
            .field("fields", &self.fields)
            .field("error", &self.error)
            .field("error_type", &self.error_type)
            .field("backtrace", &self.backtrace.map(ToString::to_string))
            .field("http", &self.http)
            .field("trace", &self.trace)
            .field("id", &self.id)
            .field("pid", &self.pid)
            .finish()
    }
}

/// Where in the source an event was logged; what is not known is left out of documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin<'a> {
    /// The file, as `file!()` names it.
    pub file: Option<&'a str>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// The module, as `module_path!()` names it.
    pub module: Option<&'a str>,
    /// The function. `tracing` events carry the name of their innermost span here.
    pub function: Option<&'a str>,
}

impl<'a> Origin<'a> {
    /// An unknown place.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the file.
    pub fn file(mut self, file: impl Into<Option<&'a str>>) -> Self {
        self.file = file.into();
        self
    }

    /// Sets the line.
    pub fn line(mut self, line: impl Into<Option<u32>>) -> Self {
        self.line = line.into();
        self
    }

    /// Sets the module.
    pub fn module(mut self, module: impl Into<Option<&'a str>>) -> Self {
        self.module = module.into();
        self
    }

    /// Sets the function.
    pub fn function(mut self, function: impl Into<Option<&'a str>>) -> Self {
        self.function = function.into();
        self
    }
}
