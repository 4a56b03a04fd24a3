use std::mem;

use super::collect::Collected;
use super::entries::close;
use super::path;
use super::template::{Slot, SlotValue, Template};
use crate::json::Json;

/// Writes the document's own fields anew, together with those of the event that are of the schema.
///
/// What stands behind them, which are labels if anything, stays there.
pub(super) fn merge(
    template: &Template,
    is_of_request: bool,
    collected: &mut Collected,
    json: &mut Json<'_>,
) {
    let start = collected.slots.start;
    let mut written = mem::take(&mut collected.written);
    written.clear();
    written.extend_from_slice(&json.out[start..]);
    json.out.truncate(start);

    let top = mem::take(&mut collected.top);
    let mut own_values = collected.slots.values.iter().peekable();
    let mut given = top.iter().peekable();
    let mut displaced = Vec::new();
    let mut merger = Merger { is_dotted: template.is_dotted, json, last: Last::default() };
    for (at, slot) in template.slots(is_of_request).iter().enumerate() {
        let last = &mut merger.last;
        last.shared = last.shared.min(slot.shared);
        let path = slot.path.as_bytes();
        while let Some((name, value)) = given.next_if(|(name, _)| path::compare(name, path).is_lt()) {
            merger.given(name, value);
            merger.last.shared = if template.is_dotted { 0 } else { path::shared_depth(name, path) };
        }
        let of_event = given.next_if(|(name, _)| *name == path);
        let own = match &slot.value {
            SlotValue::Same(value) => value.as_bytes(),
            SlotValue::Default(_) if of_event.is_some() => b"",
            SlotValue::Default(value) => value.as_bytes(),
            SlotValue::Own { .. } => own_values
                .next_if(|(slot, _)| *slot == at)
                .map_or(&b""[..], |(_, place)| &written[place.clone()]),
        };
        if !own.is_empty() {
            merger.own(slot, own);
        }
        match of_event {
            Some((name, value)) if own.is_empty() => merger.given(name, value),
            Some(entry) => displaced.push(entry),
            None => {}
        }
    }
    for (name, value) in given {
        merger.given(name, value);
    }
    close(merger.last.depth, json);

    let behind = mem::replace(&mut collected.slots.len, json.out.len() - start);
    collected.labels.shift(start + behind, json.out.len());
    json.out.extend_from_slice(&written[behind..]);
    for (name, value) in displaced {
        collected.add_displaced(template, json, name, value);
    }
    collected.top = top;
    collected.written = written;
}

struct Merger<'s, 'j, 'o> {
    is_dotted: bool,
    json: &'j mut Json<'o>,
    last: Last<'s>,
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

impl<'s> Merger<'s, '_, '_> {
    fn own(&mut self, slot: &'s Slot, value: &[u8]) {
        let Last { depth, shared, .. } = self.last;
        close(depth - shared, self.json);
        self.json.raw(&slot.glue[shared]);
        self.json.out.extend_from_slice(value);
        self.last = Last { path: slot.path.as_bytes(), depth: slot.depth, shared: usize::MAX };
    }

    fn given(&mut self, name: &'s [u8], value: &[u8]) {
        let json = &mut *self.json;
        if self.is_dotted {
            json.raw(",\"");
            json.out.extend_from_slice(name);
            json.raw("\":");
        } else {
            let shared = path::shared_depth(self.last.path, name);
            close(self.last.depth - shared, json);
            json.raw(",");
            path::write_name(name, shared, json.out);
            self.last = Last { path: name, depth: path::depth(name), shared: usize::MAX };
        }
        json.out.extend_from_slice(value);
    }
}
