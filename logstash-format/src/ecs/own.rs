use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::thread::ThreadId;

use super::template::Template;
use crate::Event;
use crate::event_id::EventId;
use crate::json::{Json, StackTrace};

/// Writes the value of a field; nothing if the event has none.
pub(super) type Write = fn(&mut Json<'_>, &Event<'_>, &Template);

/// The fields of a document that differ from event to event.
pub(super) const OWN_FIELDS: [(&str, Write); 16] = [
    (ERROR_MESSAGE, |to, event, _| {
        if let Some(error) = event.error {
            to.display(error);
        }
    }),
    (ERROR_STACK_TRACE, |to, event, _| {
        if let Some(error) = event.error {
            write_stack_trace(to, error, event.backtrace);
        }
    }),
    ("error.type", |to, event, _| plain_text(to, event.error_type)),
    ("event.id", |to, event, template| match event.id {
        _ if !template.event_id => {}
        Some(id) => to.plain_text(id),
        None => to.quoted(EventId::next(event.pid_or(template.pid))),
    }),
    ("event.severity", |to, event, template| {
        number(to, template.level_values.map(|values| values.value(event.level)));
    }),
    (LEVEL, |to, event, template| to.string(template.level_names.name(event.level))),
    ("log.logger", |to, event, _| plain_text(to, Some(event.logger))),
    ("log.origin.file.line", |to, event, _| number(to, event.origin.line)),
    ("log.origin.file.name", |to, event, _| {
        plain_text(to, event.origin.file.map(|file| file.rsplit(['/', '\\']).next().unwrap_or(file)));
    }),
    ("log.origin.function", |to, event, _| plain_text(to, event.origin.function)),
    ("process.pid", |to, event, template| to.u64(event.pid_or(template.pid).into())),
    ("process.thread.id", |to, event, _| number(to, thread_number(event.thread.id()))),
    ("process.thread.name", |to, event, _| plain_text(to, event.thread.name())),
    ("span.id", |to, event, _| plain_text(to, event.trace.span_id)),
    ("trace.id", |to, event, _| plain_text(to, event.trace.trace_id)),
    ("transaction.id", |to, event, _| plain_text(to, event.trace.transaction_id)),
];

/// The one among them that is in the head of a document, but for the layout of the original.
pub(super) const LEVEL: &str = "log.level";

pub(super) const ERROR_MESSAGE: &str = "error.message";
pub(super) const ERROR_STACK_TRACE: &str = "error.stack_trace";

/// Whether a field says where in the source an event was logged.
pub(super) fn is_source_location(name: &str) -> bool {
    name.starts_with("log.origin.")
}

/// Nothing for an error that has neither sources nor a backtrace, because its message says it all.
pub(super) fn write_stack_trace(
    to: &mut Json<'_>,
    error: &(dyn Error + 'static),
    backtrace: Option<&dyn fmt::Display>,
) {
    if error.source().is_some() || backtrace.is_some() {
        to.display(StackTrace { error, backtrace });
    }
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
