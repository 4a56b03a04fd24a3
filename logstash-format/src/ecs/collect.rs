use std::mem;

use super::entries::{Entries, is_nothing};
use super::field_type::{FieldType, Fit, is_field_set};
use super::labels::{Labels, is_plain};
use super::own::LEVEL;
use super::slots::Slots;
use super::template::Template;
use super::{EcsCustom, path};
use crate::http::Headers;
use crate::json::{Json, members, texts_in};
use crate::limits::Cuts;
use crate::rules::Fate;
use crate::{Event, HttpContext, Value};

/// What a document is put together from.
#[derive(Default)]
pub(super) struct Collected {
    /// What the slots were written as.
    pub(super) slots: Slots,
    /// Fields of the schema, and others where they go to the top level.
    pub(super) top: Entries,
    /// Other fields where they go to an object of their own.
    pub(super) custom: Entries,
    pub(super) labels: Labels,
    /// Texts as JSON, a comma before each.
    pub(super) tags: Vec<u8>,
    value: Vec<u8>,
    /// What is written anew by [`merge`](super::merge::merge).
    pub(super) written: Vec<u8>,
}

impl Collected {
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.top.clear();
        self.custom.clear();
        self.labels.clear();
        self.tags.clear();
    }

    /// Adds a field that is not of the schema, or cannot be where the schema has it. Returns `false` if
    /// it is left out because its name is taken too often.
    #[must_use]
    fn add_custom(&mut self, template: &Template, to: &mut Json<'_>, name: &[u8], json: &[u8]) -> bool {
        match template.custom {
            EcsCustom::Labels => return self.labels.add(to, name, json),
            EcsCustom::Namespace(_) => self.custom.add(name, json),
            EcsCustom::TopLevel => {
                let word = name.split(|&byte| byte == b'.').next().unwrap_or_default();
                if str::from_utf8(word).is_ok_and(is_field_set) {
                    let rest = name.get(word.len() + 1..);
                    let path = |to: &mut Vec<u8>| {
                        to.extend_from_slice(word);
                        to.push(b'_');
                        if let Some(rest) = rest {
                            to.push(b'.');
                            path::push_valid(rest, 1, to);
                        }
                    };
                    self.top.add_at(name, path, |to| to.extend_from_slice(json));
                } else {
                    self.top.add(name, json);
                }
            }
        }
        true
    }

    /// Adds a field of the schema whose name the document itself uses. It comes too late for the top
    /// level.
    pub(super) fn add_displaced(&mut self, template: &Template, to: &mut Json<'_>, name: &[u8], json: &[u8]) {
        match template.custom {
            EcsCustom::Namespace(_) => self.custom.add(name, json),
            EcsCustom::Labels | EcsCustom::TopLevel => {
                // Too late to say that it is left out because its name is taken too often.
                let _ = self.labels.add(to, name, json);
            }
        }
    }

    /// Adds a text or a list of texts to the tags; returns whether it is one.
    fn add_tags(&mut self, json: &[u8]) -> bool {
        let Some(inner) = texts_in(json) else { return false };
        self.tags.push(b',');
        self.tags.extend_from_slice(inner);
        true
    }
}

/// Collects what an event has. Labels are written at the end of `json`; other values too, where limits
/// and rules are kept to, and taken away from there.
pub(super) struct Collector<'c, 't, 'o> {
    pub(super) to: &'c mut Collected,
    pub(super) template: &'t Template,
    pub(super) json: &'c mut Json<'o>,
}

impl Collector<'_, '_, '_> {
    /// Collects all fields but the one that is the error of the event.
    pub(super) fn collect(&mut self, event: &Event<'_>, error_at: Option<usize>) {
        let mut at = 0;
        event.fields.for_each(&mut |name, value| {
            if error_at != Some(at) {
                self.field(name, value);
            }
            at += 1;
        });
        if let Some(http) = event.http {
            self.http(http);
        }
        let module = event.origin.module.filter(|module| *module != event.logger);
        if let Some(module) = module.filter(|_| self.template.source_location) {
            self.field("module_path", Value::Str(module));
        }
        for (name, value) in &self.template.fields {
            if self.json.has_room_for(name.len() + value.len()) {
                self.keep(name.len() + value.len(), |collector| {
                    collector.custom(name.as_bytes(), value.as_bytes());
                });
            }
        }
        self.cuts();
    }

    /// What the schema has no fields for.
    fn http(&mut self, http: &HttpContext<'_>) {
        let texts = [("req_forwarded_proto", &http.forwarded_proto), ("req_route", &http.route)];
        for (name, text) in texts {
            if let Some(text) = text {
                self.field(name, Value::Str(text));
            }
        }
        if !http.forwarded_for.is_empty() {
            self.field("req_forwarded_for", Value::serialize(&http.forwarded_for));
        }
        if !http.request_headers.is_empty() {
            self.field("req_headers", Value::serialize(&Headers(&http.request_headers)));
        }
    }

    /// Keeps something of `len` bytes, for which there has to be room if it was not written yet.
    fn keep(&mut self, len: usize, keep: impl FnOnce(&mut Self)) {
        let before = self.json.out.len();
        keep(self);
        if self.json.out.len() == before {
            self.json.reserve(len);
        }
    }

    /// Whether it is clear without looking further that a field is a label and how it is written.
    fn is_plain_label(&self, name: &str, value: Value<'_>) -> bool {
        self.template.has_plain_labels
            && is_plain(name)
            && name.len() <= self.template.policy.limits.name
            && !matches!(value, Value::Structured(_))
            && !matches!(name, "labels" | "tags" | "truncated")
    }

    fn field(&mut self, name: &str, value: Value<'_>) {
        if !self.is_plain_label(name, value) {
            self.any_field(name, value);
        } else if self.json.has_room_for(name.len()) && self.json.take_field() {
            let is_added = self.to.labels.add_plain(self.json, name, |to| to.value(value));
            self.note_if_lost(is_added);
        }
    }

    fn any_field(&mut self, name: &str, value: Value<'_>) {
        let start = self.json.out.len();
        self.json.name(name);
        let is_masked = match self.json.field_fate(start) {
            Fate::Drop => return self.json.out.truncate(start),
            Fate::Write { name, is_masked } => {
                if let Some(name) = name {
                    self.json.out.truncate(start);
                    self.json.name(name);
                }
                is_masked
            }
        };
        self.json.cut_name(start);
        if !self.json.has_room() || !self.json.take_field() {
            return self.json.out.truncate(start);
        }
        let end_of_name = self.json.out.len();
        match is_masked {
            true => self.json.mask(),
            false => self.json.value(value),
        }
        let mut taken = mem::take(&mut self.to.value);
        taken.clear();
        taken.extend_from_slice(&self.json.out[start..]);
        self.json.out.truncate(start);
        let (name, json) = taken.split_at(end_of_name - start);
        if !is_nothing(json) {
            let around = around(name, json);
            let len = taken.len() + around;
            // Where little is around it, it goes beyond the end as little as any value does.
            if around <= 2 * AROUND_FIELD || self.json.fits(len) {
                self.keep(len, |collector| collector.sort_in(&name[1..name.len() - 1], json));
            }
        }
        self.to.value = taken;
    }

    /// Puts a field where it belongs. The name is escaped.
    fn sort_in(&mut self, name: &[u8], json: &[u8]) {
        if let Some(label) = name.strip_prefix(b"labels.") {
            return self.label(label, json);
        }
        match name {
            b"labels" if json.first() == Some(&b'{') => {
                for (name, value) in members(json, 0) {
                    self.label(&json[name], &json[value]);
                }
                return;
            }
            b"tags" if self.to.add_tags(json) => return,
            b"truncated" => return self.custom(b"truncated_", json),
            _ => {}
        }
        if let Some(inner) = name.strip_prefix(b"truncated.") {
            return self.custom(&[b"truncated_.", inner].concat(), json);
        }
        let to = &mut *self.to;
        // In most layouts the level is in the head of the document, so no field can be there.
        let field_type = match str::from_utf8(name) {
            Ok(LEVEL) if !self.template.is_python => None,
            Ok(name) => FieldType::of(name),
            Err(_) => None,
        };
        match field_type.map(|field_type| field_type.fit(json)) {
            Some(Fit::AsIs) => to.top.add(name, json),
            Some(Fit::Unquoted) => to.top.add(name, &json[1..json.len() - 1]),
            Some(Fit::Quoted) => to.top.add_at(
                name,
                |path| path.extend_from_slice(name),
                |value| {
                    value.push(b'"');
                    value.extend_from_slice(json);
                    value.push(b'"');
                },
            ),
            Some(Fit::Not) | None => self.custom(name, json),
        }
    }

    fn custom(&mut self, name: &[u8], json: &[u8]) {
        let is_added = self.to.add_custom(self.template, self.json, name, json);
        self.note_if_lost(is_added);
    }

    fn label(&mut self, name: &[u8], json: &[u8]) {
        let name = if name == b"truncated" { b"truncated_" } else { name };
        let is_added = self.to.labels.add(self.json, name, json);
        self.note_if_lost(is_added);
    }

    fn note_if_lost(&mut self, is_added: bool) {
        if !is_added {
            self.json.add_cut(Cuts::FIELDS);
        }
    }

    /// Says what was cut, as a field of its own, if anything was.
    fn cuts(&mut self) {
        let cuts = self.json.cuts();
        if cuts.is_empty() {
            return;
        }
        let start = self.json.out.len();
        self.json.raw("[");
        for cut in cuts.names() {
            self.json.string(cut);
            self.json.raw(",");
        }
        self.json.close("]");
        let mut list = mem::take(&mut self.to.value);
        list.clear();
        list.extend_from_slice(&self.json.out[start..]);
        self.json.out.truncate(start);
        // No field has this name.
        let _ = self.to.add_custom(self.template, self.json, b"truncated", &list);
        self.to.value = list;
    }
}

/// What writing a field may take besides its name and its value.
fn around(name: &[u8], json: &[u8]) -> usize {
    let count = |json: &[u8], wanted: &[u8]| json.iter().filter(|byte| wanted.contains(byte)).count();
    // Each dot of the name may stand for an object.
    let objects = AROUND_OBJECT * count(name, b".");
    let inside = match json.first() {
        // It may become text, in which quotation marks are escaped once more; or its members, names with dots
        // among them, become fields.
        Some(b'{') => (AROUND_FIELD / 2) * count(json, b"\"") + AROUND_OBJECT * count(json, b"\\."),
        Some(b'[') => count(json, b"\"\\"),
        _ => 0,
    };
    AROUND_FIELD + objects + inside
}

/// Objects around a field, underscores after its name.
const AROUND_FIELD: usize = 16;

/// Quotation marks, braces and a colon, and an underscore instead of nothing.
const AROUND_OBJECT: usize = 6;
