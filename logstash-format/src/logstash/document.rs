use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::mem;
use std::process;

use super::template::{Layout, Template};
use crate::json::{Claim, Json, Names, StackTrace};
use crate::timestamp::write_timestamp;
use crate::{Event, Value};

/// A document while it is written.
pub(super) struct Document<'o> {
    json: Json<'o>,
    layout: Layout,
    /// The names of fields so far, except those that are always reserved.
    names: Names,
}

impl Document<'_> {
    /// Appends the document of `event` to `out`.
    pub(super) fn write(template: &Template, event: &Event<'_>, out: &mut Vec<u8>) {
        let mut undo = UndoOnPanic::new(out);
        let mut document = Document {
            json: Json::new(undo.out, template.ascii),
            layout: template.layout,
            names: SPARE_NAMES.try_with(Cell::take).unwrap_or_default(),
        };
        document.standard_fields(template, event);
        document.extra_fields(template, event);
        document.event_fields(event);
        for (name, json) in &template.extra {
            document.field(name, |to| to.raw(json));
        }
        document.json.raw(template.end);

        let mut names = mem::take(&mut document.names);
        names.clear();
        // A thread that ends may have dropped it already.
        let _ = SPARE_NAMES.try_with(|spare| spare.set(names));
        undo.is_done = true;
    }

    fn standard_fields(&mut self, template: &Template, event: &Event<'_>) {
        let json = &mut self.json;
        json.raw(r#"{"@timestamp":""#);
        write_timestamp(event.timestamp, json.out);
        json.raw(&template.before_level);
        json.raw(event.level.name());
        json.raw(&template.before_message);
        match event.message.as_str() {
            Some(text) => json.string(text),
            None => json.text(event.message),
        }
        json.raw(r#","pid":"#);
        json.u64(process::id().into());
        json.raw(&template.before_extra);
    }

    /// What the document itself has to say in the place of fields. Leaves no comma at the end.
    fn extra_fields(&mut self, template: &Template, event: &Event<'_>) {
        let (json, origin) = (&mut self.json, &event.origin);
        if let Some(function) = origin.function {
            json.raw(r#""func_name":"#);
            json.string(function);
            json.raw(",");
        }
        if let Some(line) = origin.line {
            json.raw(r#""line":"#);
            json.u64(line.into());
            json.raw(",");
        }
        json.raw(r#""logger_name":"#);
        json.string(event.logger);
        if let Some(module) = origin.module.filter(|module| *module != event.logger) {
            json.raw(r#","module_path":"#);
            json.string(module);
        }
        if let Some(file) = origin.file {
            json.raw(r#","path":"#);
            json.string(file);
        }
        json.raw(&template.before_thread);
        match event.thread.name() {
            Some(name) => json.string(name),
            None => json.text(format_args!("{:?}", event.thread.id())),
        }
    }

    /// The error of the event and its fields.
    fn event_fields(&mut self, event: &Event<'_>) {
        // The error comes first, because its names belong to the document: a field that is visited
        // before the error must not take one.
        let mut error_at = None;
        if let Some(error) = event.error {
            self.error(error, event.backtrace);
        } else if event.fields.may_hold_error() {
            let mut at = 0;
            event.fields.for_each(&mut |name, value| {
                if let (None, "error" | "err", Value::Error(error)) = (error_at, name, value) {
                    error_at = Some(at);
                    self.error(error, event.backtrace);
                }
                at += 1;
            });
        }
        if let Some(error_type) = event.error_type {
            self.own_field("error_type", |to| to.string(error_type));
        }
        self.trace(event.trace);
        if let Some(http) = event.http {
            self.http(http);
        }

        let mut at = 0;
        event.fields.for_each(&mut |name, value| {
            if error_at != Some(at) {
                self.field(name, |to| to.value(value));
            }
            at += 1;
        });
    }

    fn error(&mut self, error: &(dyn Error + 'static), backtrace: Option<&dyn fmt::Display>) {
        self.own_field("error_message", |to| to.text(error));
        if error.source().is_some() || backtrace.is_some() {
            self.own_field("stack_trace", |to| to.text(StackTrace { error, backtrace }));
        }
    }

    pub(super) fn own_field(&mut self, name: &str, value: impl FnOnce(&mut Json<'_>)) {
        self.json.raw(",");
        let start = self.json.out.len();
        self.json.string(name);
        let end = self.json.out.len();
        self.names.insert(self.json.out, start..end, true);
        self.json.raw(":");
        value(&mut self.json);
    }

    /// Writes a field, unless one of that name was given before; under a longer name if the
    /// document itself uses this one.
    fn field(&mut self, name: &str, value: impl FnOnce(&mut Json<'_>)) {
        let comma = self.json.out.len();
        self.json.raw(",");
        let start = self.json.out.len();
        self.json.string(name);
        let mut claim = match self.layout.reserves(name) {
            true => Claim::Own,
            false => self.claim(start),
        };
        let is_renamed = claim == Claim::Own;
        let mut tries = 0;
        while is_renamed && claim != Claim::Free && tries < MAX_UNDERSCORES {
            self.json.out.pop();
            self.json.raw("_\"");
            claim = self.claim(start);
            tries += 1;
        }
        if claim != Claim::Free {
            self.json.out.truncate(comma);
            return;
        }
        let end = self.json.out.len();
        self.names.insert(self.json.out, start..end, is_renamed);
        self.json.raw(":");
        value(&mut self.json);
    }

    fn claim(&self, start: usize) -> Claim {
        self.names.check(self.json.out, start..self.json.out.len())
    }
}

/// Gives the buffer its former length back if a value panics while it is formatted.
struct UndoOnPanic<'o> {
    out: &'o mut Vec<u8>,
    len: usize,
    is_done: bool,
}

impl<'o> UndoOnPanic<'o> {
    fn new(out: &'o mut Vec<u8>) -> Self {
        let len = out.len();
        Self { out, len, is_done: false }
    }
}

impl Drop for UndoOnPanic<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.out.truncate(self.len);
        }
    }
}

thread_local! {
    /// Kept for its memory, so that ordinary events allocate nothing. Empty while in use: a value
    /// that logs while it is formatted gets new ones.
    static SPARE_NAMES: Cell<Names> = const { Cell::new(Names::new()) };
}

/// How often a name can be taken before a field counts as one of those given before.
const MAX_UNDERSCORES: usize = 8;
