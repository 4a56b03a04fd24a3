use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::thread::ThreadId;

use super::template::Template;
use crate::Event;
use crate::event_id::EventId;
use crate::json::{Json, StackTrace};

/// Writes the value of a field; nothing if the event has none.
pub(super) type Write = fn(&mut Json<'_>, &Source<'_>);

/// What a document is about.
pub(super) struct Source<'a> {
    pub(super) event: &'a Event<'a>,
    /// The error of the event, wherever it was found.
    pub(super) error: Option<&'a (dyn Error + 'static)>,
    pub(super) template: &'a Template,
}

/// What a document must be about for a field to have a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Always,
    Error,
    Trace,
    Request,
    /// The formatter was not told to write it.
    Never,
}

/// Whether an event has what [`When`] asks for.
pub(super) struct Known([bool; 5]);

impl Known {
    pub(super) fn of(source: &Source<'_>) -> Self {
        let Source { event, error, .. } = source;
        let trace = event.trace;
        let has_trace = trace.trace_id.is_some() || trace.span_id.is_some() || trace.transaction_id.is_some();
        Self([true, error.is_some() || event.error_type.is_some(), has_trace, event.http.is_some(), false])
    }

    pub(super) fn has(&self, when: When) -> bool {
        self.0[when as usize]
    }
}

/// The fields of a document that differ from event to event.
pub(super) const OWN_FIELDS: [(&str, When, Write); 16] = [
    ("error.message", When::Error, |to, source| {
        if let Some(error) = source.error {
            to.display(error);
        }
    }),
    ("error.stack_trace", When::Error, |to, source| {
        if let Some(error) = source.error {
            write_stack_trace(to, error, source.event.backtrace);
        }
    }),
    ("error.type", When::Error, |to, source| plain_text(to, source.event.error_type)),
    ("event.id", When::Always, |to, source| match source.event.id {
        Some(id) => to.plain_text(id),
        None => to.quoted(EventId::next(source.event.pid_or(source.template.pid))),
    }),
    ("event.severity", When::Always, |to, source| {
        number(to, source.template.level_values.map(|values| values.value(source.event.level)));
    }),
    (LEVEL, When::Always, |to, source| to.plain_string(source.template.level_names.name(source.event.level))),
    ("log.logger", When::Always, |to, source| plain_text(to, Some(source.event.logger))),
    ("log.origin.file.line", When::Always, |to, source| number(to, source.event.origin.line)),
    ("log.origin.file.name", When::Always, |to, source| {
        plain_text(to, source.event.origin.file.map(file_name));
    }),
    ("log.origin.function", When::Always, |to, source| plain_text(to, source.event.origin.function)),
    ("process.pid", When::Always, |to, source| to.u64(source.event.pid_or(source.template.pid).into())),
    ("process.thread.id", When::Always, |to, source| number(to, thread_number(source.event.thread.id()))),
    ("process.thread.name", When::Always, |to, source| plain_text(to, source.event.thread.name())),
    ("span.id", When::Trace, |to, source| plain_text(to, source.event.trace.span_id)),
    ("trace.id", When::Trace, |to, source| plain_text(to, source.event.trace.trace_id)),
    ("transaction.id", When::Trace, |to, source| plain_text(to, source.event.trace.transaction_id)),
];

/// The one among them that is in the head of a document, but for the layout of the original.
pub(super) const LEVEL: &str = "log.level";

/// Whether a field says where in the source an event was logged.
pub(super) fn is_source_location(name: &str) -> bool {
    name.starts_with("log.origin.")
}

/// Nothing for an error that has neither sources nor a backtrace, because its message says it all.
fn write_stack_trace(to: &mut Json<'_>, error: &(dyn Error + 'static), backtrace: Option<&dyn fmt::Display>) {
    if error.source().is_some() || backtrace.is_some() {
        to.display(StackTrace { error, backtrace });
    }
}

fn file_name(path: &str) -> &str {
    let separator = path.bytes().rposition(|byte| matches!(byte, b'/' | b'\\'));
    separator.map_or(path, |at| &path[at + 1..])
}

fn plain_text(to: &mut Json<'_>, text: Option<&str>) {
    if let Some(text) = text {
        to.plain_text(text);
    }
}

pub(super) fn number(to: &mut Json<'_>, number: Option<impl Into<u64>>) {
    if let Some(number) = number {
        to.u64(number.into());
    }
}

/// The number that Rust gives to a thread. It can only be had from the text of the id, so that of
/// this thread is kept.
fn thread_number(id: ThreadId) -> Option<u64> {
    thread_local! {
        static LAST: Cell<Option<(ThreadId, Option<u64>)>> = const { Cell::new(None) };
    }
    if let Some((last, number)) = LAST.try_with(Cell::get).ok().flatten()
        && last == id
    {
        return number;
    }
    let digits: String = format!("{id:?}").chars().filter(char::is_ascii_digit).collect();
    let number = digits.parse().ok();
    // A thread that ends may have dropped it already.
    let _ = LAST.try_with(|last| last.set(Some((id, number))));
    number
}
