use std::cell::Cell;

use super::collect::{Collected, Collector};
use super::entries::close;
use super::merge::merge;
use super::own::Source;
use super::template::{MessageField, Template};
use crate::Event;
use crate::document::{Document, Reserved};
use crate::json::{Digests, Json};
use crate::timestamp::write_timestamp;

/// Appends the document of `event` to `out`.
pub(super) fn write(template: &Template, event: &Event<'_>, out: &mut Vec<u8>) {
    // Names are looked after here, so there are none for `Document` to reserve.
    let reserved = Reserved { digests: Digests::default(), has: &|_| false };
    Document::write(&template.policy, reserved, event, out, |document| {
        let mut collected = SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default();
        head(document, template, event);
        let mut is_begun = false;
        let error_at = document.event_error(event, |document, error| {
            is_begun = true;
            collected.slots.write(&mut document.json, &Source { event, error: Some(error), template });
        });
        let json = &mut document.json;
        if !is_begun {
            collected.slots.write(json, &Source { event, error: None, template });
        }
        Collector { to: &mut collected, template, json }.collect(event, error_at);
        if !collected.top.is_empty() {
            collected.top.resolve();
            merge(template, event.http.is_some(), &mut collected, json);
        }
        collected.labels.close(json);
        let end = json.out.len();
        tags(template, &collected, json);
        if !collected.custom.is_empty() {
            collected.custom.resolve();
            json.raw(&template.before_custom);
            collected.custom.write_members(json);
            close(template.custom_depth, json);
        }
        // These stand before the labels.
        let behind = json.out.len() - end;
        json.out[collected.slots.end()..].rotate_right(behind);
        json.raw("}");
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

fn tags(template: &Template, collected: &Collected, json: &mut Json<'_>) {
    let (same, given) = (template.tags.as_str(), &collected.tags);
    if same.is_empty() && given.is_empty() {
        return;
    }
    json.raw(r#","tags":["#);
    json.raw(same);
    // Without the comma before the first one.
    json.out.extend_from_slice(if same.is_empty() { &given[1..] } else { given });
    json.raw("]");
}

thread_local! {
    /// Kept for its memory, so that ordinary events allocate nothing. Empty while in use: a value
    /// that logs while it is formatted gets a new one.
    static SPARE: Cell<Option<Box<Collected>>> = const { Cell::new(None) };
}
