use std::cell::Cell;

use super::collect::{Collected, Collector};
use super::entries::close;
use super::path;
use super::template::{MessageField, Slot, SlotValue, Template};
use crate::Event;
use crate::document::Document;
use crate::json::Json;
use crate::timestamp::write_timestamp;

/// Appends the document of `event` to `out`.
pub(super) fn write(template: &Template, event: &Event<'_>, out: &mut Vec<u8>) {
    // Names are looked after here, so there are none for `Document` to reserve.
    Document::write(&template.policy, &|_| false, event, out, |document| {
        let mut collected = SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default();
        head(document, template, event);
        let json = &mut document.json;
        Collector { to: &mut collected, template, json }.collect(event);
        let mut assembly = Assembly { template, json };
        assembly.fields(&mut collected);
        assembly.tags(&collected);
        assembly.custom(&collected);
        document.json.raw("}");
        collected.clear();
        // A thread that ends may have dropped it already.
        let _ = SPARE.try_with(|spare| spare.set(Some(collected)));
    });
}

/// What the specification of the loggers has at the beginning, in its order.
fn head(document: &mut Document<'_>, template: &Template, event: &Event<'_>) {
    let json = &mut document.json;
    json.raw(r#"{"@timestamp":""#);
    write_timestamp(event.timestamp, template.precision, json.out);
    if template.is_python {
        json.raw(r#"","@version":"1""#);
    } else {
        json.raw(r#"","log.level":""#);
        json.raw(template.level_names.name(event.level));
        json.raw("\"");
    }
    let before = json.out.len();
    json.raw(r#","message":"#);
    let start = json.out.len();
    match template.message {
        MessageField::Written => document.message(event.message),
        MessageField::Masked => json.mask(),
        MessageField::Dropped => {}
    }
    let json = &mut document.json;
    if matches!(json.out[start..], [] | [b'"', b'"']) {
        json.out.truncate(before);
    }
    json.raw(&template.after_message);
}

/// Puts a document together.
struct Assembly<'t, 'j, 'o> {
    template: &'t Template,
    json: &'j mut Json<'o>,
}

impl Assembly<'_, '_, '_> {
    /// The document's own fields and those of the event that are of the schema, by their paths.
    fn fields(&mut self, collected: &mut Collected) {
        let template = self.template;
        let top = std::mem::take(&mut collected.top);
        let mut given = top.iter().peekable();
        let mut last = Last::default();
        for (at, slot) in template.slots.iter().enumerate() {
            last.shared = last.shared.min(slot.shared);
            let path = slot.path.as_bytes();
            while let Some((name, json)) = given.next_if(|(name, _)| path::compare(name, path).is_lt()) {
                self.given(&mut last, name, json);
                last.shared = if template.is_dotted { 0 } else { path::shared_depth(name, path) };
            }
            let of_event = given.next_if(|(name, _)| *name == path);
            let own = match &slot.value {
                SlotValue::Same(value) => value.as_bytes(),
                SlotValue::Default(_) if of_event.is_some() => b"",
                SlotValue::Default(value) => value.as_bytes(),
                SlotValue::Own { .. } => collected.of_slot(at),
            };
            if !own.is_empty() {
                self.own(&mut last, slot, own);
            }
            match of_event {
                Some((name, json)) if own.is_empty() => self.given(&mut last, name, json),
                Some((name, json)) => collected.add_displaced(template, name, json),
                None => {}
            }
        }
        for (name, json) in given {
            self.given(&mut last, name, json);
        }
        close(last.depth, self.json);
        collected.custom.resolve();
        collected.top = top;
    }

    fn own<'s>(&mut self, last: &mut Last<'s>, slot: &'s Slot, value: &[u8]) {
        close(last.depth - last.shared, self.json);
        self.json.raw(&slot.glue[last.shared]);
        self.json.out.extend_from_slice(value);
        *last = Last { path: slot.path.as_bytes(), depth: slot.depth, shared: usize::MAX };
    }

    fn given<'s>(&mut self, last: &mut Last<'s>, name: &'s [u8], value: &[u8]) {
        let json = &mut *self.json;
        if self.template.is_dotted {
            json.raw(",\"");
            json.out.extend_from_slice(name);
            json.raw("\":");
        } else {
            let shared = path::shared_depth(last.path, name);
            close(last.depth - shared, json);
            json.raw(",");
            path::write_name(name, shared, json.out);
            *last = Last { path: name, depth: path::depth(name), shared: usize::MAX };
        }
        json.out.extend_from_slice(value);
    }

    fn tags(&mut self, collected: &Collected) {
        let (same, given) = (self.template.tags.as_str(), &collected.tags);
        if same.is_empty() && given.is_empty() {
            return;
        }
        self.json.raw(r#","tags":["#);
        self.json.raw(same);
        // Without the comma before the first one.
        self.json.out.extend_from_slice(if same.is_empty() { &given[1..] } else { given });
        self.json.raw("]");
    }

    /// The fields that are not of the schema.
    fn custom(&mut self, collected: &Collected) {
        if !collected.custom.is_empty() {
            self.json.raw(&self.template.before_custom);
            collected.custom.write_members(self.json);
            close(self.template.custom_depth, self.json);
        }
        collected.labels.write(self.json);
    }
}

/// What was written last.
#[derive(Clone, Copy, Default)]
struct Last<'s> {
    path: &'s [u8],
    /// The objects around it, which are open.
    depth: usize,
    /// How many of them are around the next slot too.
    shared: usize,
}

thread_local! {
    /// Kept for its memory, so that ordinary events allocate nothing. Empty while in use: a value
    /// that logs while it is formatted gets a new one.
    static SPARE: Cell<Option<Box<Collected>>> = const { Cell::new(None) };
}
