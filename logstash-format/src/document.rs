use std::cell::Cell;
use std::error::Error;
use std::ops::Range;

use crate::json::{Claim, Digest, Digests, Json, Memory, Names, OVERRUN, texts_in};
use crate::limits::Cuts;
use crate::policy::Policy;
use crate::rules::Fate;
use crate::{Event, Message, Value};

/// A document while it is written, whatever its schema.
///
/// A schema writes its own parts with [`json`](Self::json); the message, the fields and the note of
/// what was cut go through the other methods. Each entry of an object is followed by a comma, which
/// [`Json::close`] takes away.
pub(crate) struct Document<'o> {
    pub(crate) json: Json<'o>,
    /// The names of fields so far, except those that are always reserved.
    names: &'o mut Names,
    reserved: Reserved<'o>,
    message: Written,
    /// Tags of the event, as JSON with a comma before each.
    tags: &'o mut Vec<u8>,
    /// Where they go.
    tags_at: Option<TagsAt>,
}

/// The names that the document itself may use where fields go.
#[derive(Clone, Copy)]
pub(crate) struct Reserved<'o> {
    pub(crate) digests: Digests,
    /// Whether a name, given as JSON without its quotation marks, is one of them.
    pub(crate) has: &'o dyn Fn(&[u8]) -> bool,
}

/// Where the tags of an event go.
struct TagsAt {
    place: usize,
    /// Whether that is behind another tag; otherwise there is no list yet.
    is_in_list: bool,
}

/// How the message is written.
struct Written {
    /// Whether the whole event did not fit, so that the message has to make room.
    is_short: bool,
    /// Where it stands, with its quotation marks, if it was made short.
    place: Option<Range<usize>>,
}

impl Document<'_> {
    /// Appends the document of `event` to `out`, at most as large as the limits let.
    ///
    /// `schema` writes it; it is called again if the message has to be cut so that the fields fit.
    /// If it panics, `out` has its former length.
    pub(crate) fn write(
        policy: &Policy,
        reserved: Reserved<'_>,
        event: &Event<'_>,
        out: &mut Vec<u8>,
        schema: impl Fn(&mut Document<'_>),
    ) {
        let mut undo = UndoOnPanic::new(out);
        let start = undo.len;
        // A thread that ends may have dropped it already.
        let mut spare = SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default();
        let limit = start.saturating_add(policy.limits.event);

        let end = limit - RESERVE;
        let mut pass = |out: &mut Vec<u8>, is_short| {
            let mut document = Document {
                json: Json::new(out, policy),
                names: &mut spare.names,
                reserved,
                message: Written { is_short, place: None },
                tags: &mut spare.tags,
                tags_at: None,
            };
            document.json.set_end(end);
            document.json.swap_memory(&mut spare.memory);
            schema(&mut document);
            document.json.swap_memory(&mut spare.memory);
            document.names.clear();
            document.tags.clear();
            (document.json.is_full(), document.message.place)
        };
        let (is_full, _) = pass(undo.out, false);
        if is_full {
            undo.out.truncate(start);
            if let (_, Some(place)) = pass(undo.out, true) {
                lengthen(policy, event.message, undo.out, place, limit);
            }
        }
        let _ = SPARE.try_with(|kept| kept.set(Some(spare)));
        undo.is_done = true;
    }

    /// The message, in quotation marks.
    pub(crate) fn message(&mut self, message: Message<'_>) {
        let start = self.json.out.len();
        let cuts = self.json.take_cuts();
        if self.message.is_short {
            let room = self.json.policy().limits.event / SHORT;
            let end = self.json.swap_end(start + room);
            self.message_text(message);
            self.json.swap_end(end);
            self.message.place = Some(start..self.json.out.len());
        } else {
            self.message_text(message);
        }
        let is_cut = !self.json.take_cuts().is_empty();
        self.json.add_cut(cuts);
        if is_cut {
            self.json.add_cut(Cuts::MESSAGE);
        }
    }

    fn message_text(&mut self, message: Message<'_>) {
        match message.as_str() {
            Some(text) => self.json.text(text),
            None => self.json.display(message),
        }
    }

    /// Calls `write` with the error of the event, if it has one: the one that it was given, or else the
    /// first field named `error` or `err` whose value is one, unless a rule meets that field. Returns
    /// which field it is.
    ///
    /// To be called before [`event_fields`](Self::event_fields), because the names that an error is
    /// written under belong to the document: a field that is visited before it must not take one.
    pub(crate) fn event_error(
        &mut self,
        event: &Event<'_>,
        mut write: impl FnMut(&mut Self, &(dyn Error + 'static)),
    ) -> Option<usize> {
        if let Some(error) = event.error {
            write(self, error);
            return None;
        }
        if !event.fields.may_hold_error() {
            return None;
        }
        let (mut error_at, mut at) = (None, 0);
        event.fields.for_each(&mut |name, value| {
            match (error_at, name, value) {
                (None, "error" | "err", Value::Error(error)) if !self.json.rules_meet(name) => {
                    error_at = Some(at);
                    write(self, error);
                }
                _ => {}
            }
            at += 1;
        });
        error_at
    }

    /// Writes the fields of the event but the one that is its error. A field `tags` goes to where
    /// [`tags_here`](Self::tags_here) said, if it is a text or a list of texts.
    pub(crate) fn event_fields(&mut self, event: &Event<'_>, error_at: Option<usize>) {
        let mut at = 0;
        event.fields.for_each(&mut |name, value| {
            if error_at != Some(at) && !(name == "tags" && self.take_tags(value)) {
                self.field(name, |to| to.value(value));
            }
            at += 1;
        });
    }

    /// Notes that the tags of the event go here: behind the last one of the list that is open, or as
    /// an entry of their own. They are put there by [`insert_tags`](Self::insert_tags).
    pub(crate) fn tags_here(&mut self, is_in_list: bool) {
        self.tags_at = Some(TagsAt { place: self.json.out.len(), is_in_list });
    }

    /// To be called once, when all fields are written.
    pub(crate) fn insert_tags(&mut self) {
        let Some(at) = self.tags_at.take() else { return };
        if self.tags.is_empty() {
            return;
        }
        let end = self.json.out.len();
        if at.is_in_list {
            self.json.out.extend_from_slice(self.tags);
        } else {
            self.json.raw(r#""tags":["#);
            self.json.out.extend_from_slice(&self.tags[1..]);
            self.json.raw("],");
        }
        let inserted = self.json.out.len() - end;
        self.json.out[at.place..].rotate_right(inserted);
    }

    /// Keeps the tags in `value` for later; returns whether it holds some.
    fn take_tags(&mut self, value: Value<'_>) -> bool {
        if self.tags_at.is_none() || !self.json.has_room_for(TAGS_ENTRY) {
            return false;
        }
        let start = self.json.out.len();
        self.json.value(value);
        let Some(tags) = texts_in(&self.json.out[start..]) else {
            self.json.out.truncate(start);
            return false;
        };
        if !tags.is_empty() {
            self.tags.push(b',');
            self.tags.extend_from_slice(tags);
        }
        let len = self.json.out.len() - start + TAGS_ENTRY;
        self.json.out.truncate(start);
        self.json.reserve(len);
        true
    }

    /// Writes an entry of the document itself beside the fields, whose name no field can have then.
    pub(crate) fn own(&mut self, name: &str, value: impl FnOnce(&mut Json<'_>)) {
        let start = self.json.out.len();
        self.json.plain_string(name);
        let Some(is_masked) = self.apply_rules(start) else { return };
        let mut digest = self.digest(start);
        // A rule may have given this name to another entry.
        while self.claim(start, digest) != Claim::Free {
            digest = self.lengthen_name(start);
        }
        self.entry(start, digest, true, is_masked, value);
    }

    /// Writes a field, unless one of that name was given before; under a longer name if the
    /// document itself uses this one, or reserves it.
    pub(crate) fn field(&mut self, name: &str, value: impl FnOnce(&mut Json<'_>)) {
        let start = self.json.out.len();
        self.json.name(name);
        let Some(is_masked) = self.apply_rules(start) else { return };
        self.json.cut_name(start);
        let mut digest = self.digest(start);
        let mut claim = self.claim(start, digest);
        // What two names have in common after they were cut does not make them the same.
        let is_renamed = claim == Claim::Own || claim == Claim::Given && self.json.ends_in_cut_name();
        let mut tries = 0;
        while is_renamed && claim != Claim::Free && tries < MAX_UNDERSCORES {
            digest = self.lengthen_name(start);
            claim = self.claim(start, digest);
            tries += 1;
        }
        if claim == Claim::Free && self.json.take_field() {
            self.entry(start, digest, is_renamed, is_masked, value);
        } else {
            if is_renamed && claim != Claim::Free {
                self.json.add_cut(Cuts::FIELDS);
            }
            self.json.out.truncate(start);
        }
    }

    /// Applies the rules to the name from `start` to the end, and returns whether its value is masked.
    /// Takes it back, and returns nothing, if the field is dropped.
    #[inline]
    fn apply_rules(&mut self, start: usize) -> Option<bool> {
        match self.json.field_fate(start) {
            Fate::Drop => {
                self.json.out.truncate(start);
                None
            }
            Fate::Write { name: None, is_masked } => Some(is_masked),
            Fate::Write { name: Some(name), is_masked } => {
                self.json.out.truncate(start);
                self.json.name(name);
                Some(is_masked)
            }
        }
    }

    /// Adds an underscore to the name from `start` to the end.
    fn lengthen_name(&mut self, start: usize) -> Digest {
        self.json.out.pop();
        self.json.raw("_\"");
        self.digest(start)
    }

    /// Of the name from `start` to the end.
    fn digest(&self, start: usize) -> Digest {
        Digest::of(&self.json.out[start..])
    }

    /// Completes the entry whose name stands from `start` to the end, or takes it back if there is no
    /// room for it.
    fn entry(
        &mut self,
        start: usize,
        digest: Digest,
        is_own: bool,
        is_masked: bool,
        value: impl FnOnce(&mut Json<'_>),
    ) {
        let end = self.json.out.len();
        if !self.json.has_room() {
            self.json.out.truncate(start);
            return;
        }
        self.names.insert(self.json.out, start..end, digest, is_own);
        self.json.raw(":");
        if is_masked {
            self.json.mask();
        } else {
            value(&mut self.json);
        }
        self.json.raw(",");
    }

    /// Writes a field whose value is JSON already, if there is room for it.
    pub(crate) fn json_field(&mut self, name: &str, json: &str) {
        if self.json.has_room_for(name.len() + json.len()) {
            self.field(name, |to| to.raw(json));
        }
    }

    /// Writes what was cut as an entry that lists it, if anything was. The name must be reserved.
    pub(crate) fn cuts(&mut self, name: &str) {
        let cuts = self.json.cuts();
        if cuts.is_empty() {
            return;
        }
        let json = &mut self.json;
        json.plain_string(name);
        json.raw(":[");
        for cut in cuts.names() {
            json.plain_string(cut);
            json.raw(",");
        }
        json.close("]");
        json.raw(",");
    }

    #[inline]
    fn claim(&self, start: usize, digest: Digest) -> Claim {
        let end = self.json.out.len();
        let reserved = &self.reserved;
        if reserved.digests.may_have(digest) && (reserved.has)(&self.json.out[start + 1..end - 1]) {
            return Claim::Own;
        }
        self.names.check(self.json.out, start..end, digest)
    }
}

/// Puts as much of the message as there is room for in the place of the short one.
fn lengthen(policy: &Policy, message: Message<'_>, out: &mut Vec<u8>, place: Range<usize>, limit: usize) {
    let room = limit.saturating_sub(out.len()) + place.len();
    let mut longer = Vec::new();
    let mut json = Json::new(&mut longer, policy);
    // What ends a text comes behind the end.
    json.set_end(room.saturating_sub(TEXT_END));
    match message.as_str() {
        Some(text) => json.text(text),
        None => json.display(message),
    }
    // A text may be shorter when it is formatted again.
    if longer.len() > place.len() && longer.len() <= room {
        out.splice(place, longer);
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

/// Memory of one document that the next one uses again.
#[derive(Default)]
struct Spare {
    names: Names,
    tags: Vec<u8>,
    memory: Memory,
}

thread_local! {
    /// So that ordinary events allocate nothing. Empty while in use: a value that logs while it is
    /// formatted gets new ones.
    static SPARE: Cell<Option<Box<Spare>>> = const { Cell::new(None) };
}

/// How often a name can be taken before a field counts as one of those given before.
pub(crate) const MAX_UNDERSCORES: usize = 8;

/// What is left of an event that is too large for its message: one part of so many.
const SHORT: usize = 8;

/// For what is written behind the end: see [`OVERRUN`], and the entry that says what was cut.
const RESERVE: usize = OVERRUN + 128;

/// A mark that the text was cut, and a quotation mark.
const TEXT_END: usize = 16;

/// What makes an entry of tags: its name and punctuation.
const TAGS_ENTRY: usize = 16;
