use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::Span;

use super::layer::Options;
use super::span::{TARGET, record_response};
use crate::{Event, HttpContext, Level, Message, TraceContext, Value};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The response went out whole.
    Complete,
    /// The body of the response was dropped before its end, as when the client goes away.
    Aborted,
    /// The request was dropped before there was a response: the client went away, or a timeout struck.
    Cancelled,
    /// The service, or the body of the response, returned an error.
    Failed,
    /// The service, or the body of the response, panicked.
    Panicked,
}

impl Outcome {
    /// The name in events, which have it in a field `outcome` unless the response is complete.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Aborted => "aborted",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
        }
    }
}

/// A request and its response; logs when it is dropped, so that no way out can forget it.
pub(super) struct Exchange {
    options: Arc<Options>,
    http: HttpContext<'static>,
    trace_id: Option<String>,
    pub(super) span: Span,
    started: Instant,
    /// How it ends if it is dropped now.
    outcome: Outcome,
    /// Whether the service is being called; it stays so when the service panics.
    is_inside: bool,
    error: Option<String>,
}

impl Exchange {
    pub(super) fn new(
        options: Arc<Options>,
        http: HttpContext<'static>,
        trace_id: Option<String>,
        span: Span,
    ) -> Self {
        let started = Instant::now();
        let outcome = Outcome::Cancelled;
        Self { options, http, trace_id, span, started, outcome, is_inside: false, error: None }
    }

    /// Calls the service, or what it returned, within the span.
    pub(super) fn inside<T>(&mut self, call: impl FnOnce() -> T) -> T {
        self.is_inside = true;
        let result = self.span.in_scope(call);
        self.is_inside = false;
        result
    }

    /// There is a response, with a body to come.
    pub(super) fn responds(&mut self, status: u16) {
        self.http.status = Some(status);
        self.http.response_bytes = Some(0);
        self.outcome = Outcome::Aborted;
    }

    pub(super) fn sends(&mut self, bytes: usize) {
        self.http.response_bytes = Some(self.http.response_bytes.unwrap_or(0).saturating_add(bytes as u64));
    }

    pub(super) fn completes(&mut self) {
        self.outcome = Outcome::Complete;
    }

    /// Whether the response has no body whatever its headers say.
    pub(super) fn is_bodiless(&self) -> bool {
        let is_head = self.http.method.as_deref() == Some("HEAD");
        is_head || matches!(self.http.status, Some(100..200 | 204 | 304))
    }

    pub(super) fn fails(&mut self, error: Option<String>) {
        self.outcome = Outcome::Failed;
        self.error = error;
    }

    fn log(&self, level: Level) {
        let message = Summary(&self.http, self.outcome);
        let outcome = Some(self.outcome.name()).filter(|_| self.outcome != Outcome::Complete);
        let error = self.error.as_deref();
        match &self.options.emit {
            Some(emit) => {
                let fields: Vec<_> = [("outcome", outcome), ("error", error)]
                    .into_iter()
                    .filter_map(|(name, text)| Some((name, Value::from(text?))))
                    .collect();
                let trace = TraceContext::new().trace_id(self.trace_id.as_deref());
                let event = Event::new(level, TARGET, Message::Display(&message));
                emit(&event.fields(&fields).http(&self.http).trace(trace));
            }
            None => {
                macro_rules! event {
                    ($level:ident) => {
                        tracing::event!(
                            target: TARGET, parent: &self.span, tracing::Level::$level,
                            outcome, error, "{message}",
                        )
                    };
                }
                match level {
                    Level::Trace => event!(TRACE),
                    Level::Debug => event!(DEBUG),
                    Level::Info => event!(INFO),
                    Level::Warn => event!(WARN),
                    Level::Error => event!(ERROR),
                }
            }
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.is_inside {
            self.outcome = Outcome::Panicked;
        }
        self.http.duration = Some(self.started.elapsed());
        record_response(&self.span, &self.http, self.outcome);
        if (self.options.filter)(&self.http, self.outcome) {
            self.log((self.options.level)(&self.http, self.outcome));
        }
    }
}

/// The message: `GET /orders/7 200 in 12.345 ms`, or how it ended instead of the status.
struct Summary<'a>(&'a HttpContext<'a>, Outcome);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(http, outcome) = self;
        f.write_str(http.method.as_deref().unwrap_or_default())?;
        if let Some(path) = http.path.as_deref().or(http.host.as_deref()) {
            write!(f, " {path}")?;
        }
        if let Some(status) = http.status {
            write!(f, " {status}")?;
        }
        if *outcome != Outcome::Complete {
            write!(f, " {}", outcome.name())?;
        }
        let micros = http.duration.unwrap_or(Duration::ZERO).as_micros();
        write!(f, " in {}.{:03} ms", micros / 1000, micros % 1000)
    }
}
