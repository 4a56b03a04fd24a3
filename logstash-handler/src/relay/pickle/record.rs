use super::Pickle;
use super::error::{PickleError, PickleErrorKind};
use super::exception::PythonException;
use super::percent::percent;
use super::value::{PickleEntries, PickleValue};
use crate::relay::text::text;
use logstash_format::{Event, Fields, Level, Origin, Value};
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

/// A log record of Python: the dictionary that `SocketHandler` and `DatagramHandler` send.
///
/// As [`Fields`] it has what an application gave as `extra`, under its own names, and then:
///
/// | field | type | content |
/// | --- | --- | --- |
/// | `levelname`, `levelno` | text, integer | the level as Python names it, `CRITICAL` and levels of its own included |
/// | `threadName`, `processName`, `taskName` | text | where it was logged |
/// | `stack_info` | text | the stack, if it was asked for |
/// | `args` | list or object | the arguments, if they could not be put into the message |
/// | `tags` | list of texts | `_python_format_failure` in that case, beside tags that the record has |
///
/// ```
/// use logstash_handler::relay::{Pickle, PickleLimits, PythonRecord};
///
/// let limits = PickleLimits::new();
/// // What `pickle.dumps({"msg": "order %d placed", "args": (1002,)}, protocol=2)` gives.
/// let bytes = b"\x80\x02}(X\x03\0\0\0msgX\x0f\0\0\0order %d placedX\x04\0\0\0argsM\xea\x03\x85u.";
/// let pickle = Pickle::decode(bytes, &limits)?;
/// assert_eq!(PythonRecord::new(&pickle)?.message(), "order 1002 placed");
/// # Ok::<(), logstash_handler::relay::PickleError>(())
/// ```
#[derive(Debug)]
pub struct PythonRecord<'p> {
    entries: PickleEntries<'p>,
    message: Cow<'p, str>,
    /// The arguments, if they are not in the message.
    unused: Option<PickleValue<'p>>,
    exception: Option<PythonException<'p>>,
}

impl<'p> PythonRecord<'p> {
    /// The record that a pickle holds.
    ///
    /// # Errors
    ///
    /// [`PickleErrorKind::NotARecord`] if it holds something else.
    pub fn new(pickle: &'p Pickle<'_>) -> Result<Self, PickleError> {
        let PickleValue::Dict(entries) = pickle.value() else {
            return Err(PickleError::new(PickleErrorKind::NotARecord, 0));
        };
        let template = match entries.value("msg").or_else(|| entries.value("message")) {
            None | Some(PickleValue::None) => Cow::Borrowed(""),
            Some(PickleValue::Str(text)) => Cow::Borrowed(text),
            Some(PickleValue::Bytes(bytes)) => text(bytes),
            Some(other) => Cow::Owned(other.to_string()),
        };
        let arguments = entries.value("args").filter(|arguments| !arguments.is_nothing());
        let (message, unused) = match arguments.map(|arguments| percent(&template, arguments)) {
            None => (template, None),
            Some(Some(message)) => (Cow::Owned(message), None),
            Some(None) => (template, arguments),
        };
        let trace = entries.value("exc_text").and_then(PickleValue::as_str);
        let exception = trace.filter(|trace| !trace.is_empty()).map(PythonException::of_trace);
        Ok(Self { entries, message, unused, exception })
    }

    /// The whole dictionary.
    #[must_use]
    pub const fn entries(&self) -> PickleEntries<'p> {
        self.entries
    }

    /// The message, with its arguments.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The event, as of `received` if the record does not tell when it was made.
    ///
    /// The level is the highest one that is not above Python's: `CRITICAL` is an error. An exception is
    /// the error of the event, its traceback the backtrace.
    #[must_use]
    pub fn event(&self, received: SystemTime) -> Event<'_> {
        let text = |name| self.entries.value(name).and_then(PickleValue::as_str);
        let number = |name| match self.entries.value(name) {
            Some(PickleValue::Int(number)) => u32::try_from(number).ok(),
            _ => None,
        };
        let origin = Origin::new()
            .file(text("pathname"))
            .line(number("lineno"))
            .module(text("module"))
            .function(text("funcName"));
        let mut event = Event::new(self.level(), text("name").unwrap_or("root"), &*self.message)
            .at(self.created().unwrap_or(received))
            .origin(origin)
            .fields(self);
        event.pid = number("process");
        if let Some(exception) = &self.exception {
            event = event.error(&exception.message).backtrace(&exception.trace);
            event.error_type = exception.type_name;
        }
        event
    }

    /// The fields with their names in the Elastic Common Schema, where it has any, for
    /// [`EcsFormatter`](logstash_format::EcsFormatter): `process.name`, `process.thread.name` and
    /// `process.thread.id`, as Elastic's own formatter for Python has them. The others stay as they are.
    #[must_use]
    pub const fn ecs_fields(&self) -> PythonEcsFields<'_> {
        PythonEcsFields(self)
    }

    /// Visits the fields, those that every record has under the names given.
    fn each(&self, kept: &[(&str, &str)], visit: &mut dyn FnMut(&str, Value<'_>)) {
        if let Some(arguments) = self.unused {
            // Besides those of the record.
            visit("tags", "_python_format_failure".into());
            field(visit, "args", arguments);
        }
        for (key, value) in self.entries {
            match key.as_str() {
                Some(name) if STANDARD.contains(&name) => {}
                Some(name) => field(visit, name, value),
                None => field(visit, &key.to_string(), value),
            }
        }
        for (name, shown) in kept {
            if let Some(value) = self.entries.value(name)
                && !value.is_nothing()
            {
                field(visit, shown, value);
            }
        }
    }

    /// Whether it is of Python's highest level, for which events have none of their own.
    pub(crate) fn is_critical(&self) -> bool {
        matches!(self.entries.value("levelno"), Some(PickleValue::Int(50..)))
    }

    pub(crate) fn level(&self) -> Level {
        match self.entries.value("levelno") {
            Some(PickleValue::Int(level)) => match level {
                40.. => Level::Error,
                30.. => Level::Warn,
                20.. => Level::Info,
                10.. => Level::Debug,
                _ => Level::Trace,
            },
            _ => Level::Info,
        }
    }

    /// When it was logged; to the microsecond, as finer digits of such a number mean nothing.
    fn created(&self) -> Option<SystemTime> {
        let seconds = match self.entries.value("created")? {
            PickleValue::Float(seconds) => seconds,
            PickleValue::Int(seconds) => seconds as f64,
            _ => return None,
        };
        let exists = (0.0..LATEST).contains(&seconds);
        let micros = Duration::from_micros(exists.then(|| (seconds * 1e6).round() as u64)?);
        SystemTime::UNIX_EPOCH.checked_add(micros)
    }
}

impl Fields for PythonRecord<'_> {
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.each(&KEPT, visit);
    }

    fn may_hold_error(&self) -> bool {
        false
    }
}

/// A record with the field names of the Elastic Common Schema; made by [`PythonRecord::ecs_fields`].
#[derive(Clone, Copy, Debug)]
pub struct PythonEcsFields<'r>(&'r PythonRecord<'r>);

impl Fields for PythonEcsFields<'_> {
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.0.each(&KEPT_BY_ECS, visit);
    }

    fn may_hold_error(&self) -> bool {
        false
    }
}

fn field(visit: &mut dyn FnMut(&str, Value<'_>), name: &str, value: PickleValue<'_>) {
    match value {
        PickleValue::None => visit(name, Value::Null),
        PickleValue::Bool(value) => visit(name, value.into()),
        PickleValue::Int(value) => visit(name, value.into()),
        PickleValue::Float(value) => visit(name, value.into()),
        PickleValue::Str(value) | PickleValue::BigInt(value) => visit(name, value.into()),
        PickleValue::Bytes(value) => visit(name, (&*text(value)).into()),
        compound => visit(name, Value::serialize(&compound)),
    }
}

/// What every record has; what else there is was given as `extra`.
const STANDARD: [&str; 23] = [
    "args",
    "asctime",
    "created",
    "exc_info",
    "exc_text",
    "filename",
    "funcName",
    "levelname",
    "levelno",
    "lineno",
    "message",
    "module",
    "msecs",
    "msg",
    "name",
    "pathname",
    "process",
    "processName",
    "relativeCreated",
    "stack_info",
    "taskName",
    "thread",
    "threadName",
];

/// Standard ones that have no other place in an event.
const KEPT: [(&str, &str); 6] = [
    ("levelname", "levelname"),
    ("levelno", "levelno"),
    ("threadName", "threadName"),
    ("processName", "processName"),
    ("taskName", "taskName"),
    ("stack_info", "stack_info"),
];

/// The same, with the names of ECS.
const KEPT_BY_ECS: [(&str, &str); 7] = [
    ("levelname", "levelname"),
    ("levelno", "levelno"),
    ("thread", "process.thread.id"),
    ("threadName", "process.thread.name"),
    ("processName", "process.name"),
    ("taskName", "taskName"),
    ("stack_info", "stack_info"),
];

/// The start of the year 10000.
const LATEST: f64 = 253_402_300_800.0;
