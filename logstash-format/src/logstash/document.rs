use std::error::Error;
use std::fmt;

use super::http::{write_http, write_trace};
use super::template::{Piece, Slot, Template};
use crate::Event;
use crate::document::{Document, Reserved};
use crate::event_id::EventId;
use crate::json::StackTrace;

/// Appends the document of `event` to `out`.
pub(super) fn write(template: &Template, event: &Event<'_>, out: &mut Vec<u8>) {
    let reserved = Reserved { digests: template.reserved, has: &|name| template.reserves(name) };
    Document::write(&template.policy, reserved, event, out, |document| {
        for piece in &template.pieces {
            match piece {
                Piece::Json(json) => document.json.raw(json),
                Piece::Tags { is_in_list } => document.tags_here(*is_in_list),
                Piece::Entry { key, slot } => {
                    let start = document.json.out.len();
                    document.json.raw(key);
                    match value(document, template, *slot, event) {
                        Some(()) => document.json.raw(","),
                        None => document.json.out.truncate(start),
                    }
                }
            }
        }
        let error_at = document.event_error(event, |document, error| {
            write_error(document, error, event.backtrace);
        });
        if let Some(error_type) = event.error_type {
            document.own("error_type", |to| to.plain_text(error_type));
        }
        write_trace(document, event.trace);
        if let Some(http) = event.http {
            write_http(document, http);
        }
        document.event_fields(event, error_at);
        for (name, json) in &template.extra {
            document.json_field(name, json);
        }
        document.cuts("truncated");
        document.insert_tags();
        document.json.close(template.end);
    });
}

/// Writes the value of a standard field, if the event has it.
fn value(document: &mut Document<'_>, template: &Template, slot: Slot, event: &Event<'_>) -> Option<()> {
    let json = &mut document.json;
    match slot {
        Slot::Timestamp => json.time(event.timestamp, template.precision),
        Slot::Level => json.plain_string(template.level_names.name(event.level)),
        Slot::LevelValue(values) => json.u64(values.value(event.level).into()),
        Slot::Message => document.message(event.message),
        Slot::Pid => json.u64(event.pid_or(template.pid).into()),
        Slot::EventId => match event.id {
            Some(id) => json.plain_text(id),
            None => json.quoted(EventId::next(event.pid_or(template.pid))),
        },
        Slot::Function => json.plain_text(event.origin.function?),
        Slot::Line => json.u64(event.origin.line?.into()),
        Slot::Logger => json.plain_text(event.logger),
        Slot::Module => json.plain_text(event.origin.module.filter(|module| *module != event.logger)?),
        Slot::Path => json.plain_text(event.origin.file?),
        Slot::Thread => match event.thread.name() {
            Some(name) => json.plain_text(name),
            None => json.quoted(format_args!("{:?}", event.thread.id())),
        },
    }
    Some(())
}

fn write_error(
    document: &mut Document<'_>,
    error: &(dyn Error + 'static),
    backtrace: Option<&dyn fmt::Display>,
) {
    document.own("error_message", |to| to.display(error));
    if error.source().is_some() || backtrace.is_some() {
        document.own("stack_trace", |to| to.display(StackTrace { error, backtrace }));
    }
}
