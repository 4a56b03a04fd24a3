use std::ops::Range;

use super::entries::{close, is_nothing};
use super::own::{Known, Source};
use super::template::{Slot, SlotValue, ValueWriter};
use crate::json::Json;

/// The document's own fields as they were written.
#[derive(Default)]
pub(super) struct Slots {
    /// Where they begin.
    pub(super) start: usize,
    /// How many bytes they have.
    pub(super) len: usize,
    /// Which of those that differ from event to event have a value, and where, counted from `start`.
    pub(super) values: Vec<(usize, Range<usize>)>,
}

impl Slots {
    /// Where they end.
    pub(super) fn end(&self) -> usize {
        self.start + self.len
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
    }

    /// Writes them by their paths, as objects within objects. Keeps room for the rest of the template.
    pub(super) fn write(&mut self, json: &mut Json<'_>, source: &Source<'_>) {
        self.start = json.out.len();
        let known = Known::of(source);
        let end = json.end();
        let mut reserved = source.template.len;
        // How many objects are open, and how many of them are around the next slot too.
        let (mut depth, mut shared) = (0, 0);
        let slots = source.template.slots(source.event.http.is_some());
        for (at, slot) in slots.iter().enumerate() {
            shared = slot.shared.min(shared);
            if !known.has(slot.when()) {
                continue;
            }
            json.set_end(end.saturating_sub(reserved));
            let before = json.out.len();
            close(depth - shared, json);
            json.raw(&slot.glue[shared]);
            let start = json.out.len();
            if !write_value(json, slot, source) {
                json.out.truncate(before);
                continue;
            }
            let end_of_same = match slot.value {
                SlotValue::Own { .. } => {
                    self.values.push((at, start - self.start..json.out.len() - self.start));
                    start
                }
                SlotValue::Same(_) | SlotValue::Default(_) => json.out.len(),
            };
            reserved = reserved.saturating_sub(end_of_same - before);
            (depth, shared) = (slot.depth, usize::MAX);
        }
        close(depth, json);
        json.set_end(end.saturating_sub(reserved.saturating_sub(depth)));
        self.len = json.out.len() - self.start;
    }
}

/// Returns whether there is a value.
fn write_value(json: &mut Json<'_>, slot: &Slot, source: &Source<'_>) -> bool {
    let start = json.out.len();
    let (writer, is_masked) = match &slot.value {
        SlotValue::Same(value) | SlotValue::Default(value) => {
            json.raw(value);
            return true;
        }
        SlotValue::Own { writer, is_masked, .. } => (writer, *is_masked),
    };
    match (writer, source.event.http) {
        (ValueWriter::Event(write), _) => write(json, source),
        (ValueWriter::Request(write), Some(http)) => write(json, http),
        (ValueWriter::Request(_), None) => {}
    }
    if is_nothing(&json.out[start..]) {
        return false;
    }
    if is_masked {
        json.out.truncate(start);
        json.mask();
    }
    true
}
