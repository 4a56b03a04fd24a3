use super::entries::is_nothing;
use super::field_type::{FieldType, Fit, is_field_set};
use super::own::{LEVEL, OWN_FIELDS, When, Write, is_source_location};
use super::request::{REQUEST_FIELDS, WriteRequest};
use super::{EcsCustom, EcsLayout, Settings, path};
use crate::policy::Policy;
use crate::rules::{Fate, MASK};
use crate::{LevelNames, LevelValues, Precision};

/// The parts of a document that are the same for every event, as JSON, and the plan for the rest.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// Whether the document is one of [`EcsLayout::Python`].
    pub(super) is_python: bool,
    pub(super) message: MessageField,
    /// What follows the message, with a comma before it.
    pub(super) after_message: String,
    /// The document's own fields in the order of their paths, for an event of a request.
    slots: Vec<Slot>,
    /// Likewise for other events, which are far more.
    slots_without_request: Vec<Slot>,
    /// Tags of every event, separated by commas.
    pub(super) tags: String,
    /// Fields of every event that are not of the schema: escaped names, and values.
    pub(super) fields: Vec<(String, String)>,
    pub(super) custom: EcsCustom,
    /// Whether fields that are not of the schema are labels under the names that they were given.
    pub(super) has_plain_labels: bool,
    /// The objects that hold such fields, up to the first of them.
    pub(super) before_custom: String,
    pub(super) custom_depth: usize,
    pub(super) is_dotted: bool,
    /// What all of this has in bytes, roughly and rather too much.
    pub(super) len: usize,
    pub(super) precision: Precision,
    pub(super) level_names: LevelNames,
    pub(super) level_values: Option<LevelValues>,
    pub(super) source_location: bool,
    /// The process, if it was read once for all events.
    pub(super) pid: Option<u32>,
    pub(super) policy: Policy,
}

/// What the rules make of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageField {
    Written,
    Masked,
    Dropped,
}

/// A field of the document's own.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) path: String,
    pub(super) value: SlotValue,
    /// The objects around it.
    pub(super) depth: usize,
    /// How many of these are around the slot before it too.
    pub(super) shared: usize,
    /// What stands between the end of another value and this one, by how many of the objects
    /// around it are open already.
    pub(super) glue: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) enum SlotValue {
    Same(String),
    /// As `Same`, unless the event has a field of this name.
    Default(String),
    Own {
        when: When,
        writer: ValueWriter,
        is_masked: bool,
    },
}

/// What writes the value of a slot.
#[derive(Clone, Copy, Debug)]
pub(super) enum ValueWriter {
    Event(Write),
    Request(WriteRequest),
}

impl Template {
    pub(super) fn new(settings: &Settings) -> Self {
        let policy = Policy::new(settings.ensure_ascii, settings.limits.clone(), settings.rules.clone());
        let writer = Writer { policy: &policy };
        let is_python = settings.layout == EcsLayout::Python;
        let is_dotted = settings.layout == EcsLayout::Dotted;

        let mut slots = writer.own_slots(settings);
        let mut fields = Vec::new();
        for (name, value) in &settings.fields {
            writer.field(name, &writer.json(name, value), is_python, &mut slots, &mut fields);
        }
        slots.retain(|slot| slot.when() != When::Never);
        let mut slots_without_request = slots.clone();
        slots_without_request.retain(|slot| slot.when() != When::Request);
        plan(&mut slots, is_dotted);
        plan(&mut slots_without_request, is_dotted);

        let custom = settings.custom.clone().unwrap_or_else(|| match settings.layout {
            EcsLayout::Python => EcsCustom::Namespace("extra".to_owned()),
            EcsLayout::Nested | EcsLayout::Dotted => EcsCustom::Labels,
        });
        let (before_custom, custom_depth) = match &custom {
            EcsCustom::Namespace(namespace) => open_namespace(&writer.name(namespace)),
            EcsCustom::Labels | EcsCustom::TopLevel => (String::new(), 0),
        };
        let after_message = writer.after_message(settings);
        let tags = joined(settings.tags.iter().map(|tag| writer.quoted(tag)));
        let slots_len = |slot: &Slot| match &slot.value {
            SlotValue::Same(value) | SlotValue::Default(value) => {
                value.len() + slot.glue[0].len() + slot.depth
            }
            SlotValue::Own { .. } => slot.glue[0].len() + slot.depth,
        };
        let len = after_message.len()
            + before_custom.len()
            + custom_depth
            + tags.len()
            + slots.iter().map(slots_len).sum::<usize>()
            + r#","tags":[],"labels":{}}"#.len();
        Self {
            is_python,
            message: match policy.rules.fate(b"message") {
                Fate::Drop => MessageField::Dropped,
                Fate::Write { is_masked: true, .. } => MessageField::Masked,
                Fate::Write { .. } => MessageField::Written,
            },
            after_message,
            slots,
            slots_without_request,
            tags,
            fields,
            has_plain_labels: custom == EcsCustom::Labels && policy.rules.is_empty(),
            custom,
            before_custom,
            custom_depth,
            is_dotted,
            len,
            precision: settings.precision,
            level_names: settings.level_names.unwrap_or(match is_python {
                true => LevelNames::Python,
                false => LevelNames::Upper,
            }),
            level_values: settings.level_values,
            source_location: settings.source_location,
            pid: settings.pid,
            policy,
        }
    }
}

impl Template {
    /// The document's own fields in the order of their paths.
    pub(super) fn slots(&self, is_of_request: bool) -> &[Slot] {
        if is_of_request { &self.slots } else { &self.slots_without_request }
    }
}

struct Writer<'p> {
    policy: &'p Policy,
}

impl Writer<'_> {
    /// What the document has to say itself, by the rules.
    fn own_slots(&self, settings: &Settings) -> Vec<Slot> {
        let is_python = settings.layout == EcsLayout::Python;
        let mut slots = Vec::new();
        for (name, when, write) in OWN_FIELDS {
            let writer = ValueWriter::Event(write);
            let when = match name {
                "event.id" if !settings.event_id => When::Never,
                "event.severity" if settings.level_values.is_none() => When::Never,
                _ => when,
            };
            if name == LEVEL {
                // Required, so rules do not meet it.
                if is_python {
                    slots.push(Slot::new(name, SlotValue::Own { when, writer, is_masked: false }));
                }
            } else if settings.source_location || !is_source_location(name) {
                self.own(name, &mut slots, |is_masked| SlotValue::Own { when, writer, is_masked });
            }
        }
        for (name, write) in REQUEST_FIELDS {
            let (when, writer) = (When::Request, ValueWriter::Request(write));
            self.own(name, &mut slots, |is_masked| SlotValue::Own { when, writer, is_masked });
        }
        for (name, text) in settings.own_texts() {
            if !text.is_empty() {
                self.own(name, &mut slots, |is_masked| {
                    SlotValue::Same(self.quoted(if is_masked { MASK } else { text }))
                });
            }
        }
        if is_python {
            slots.push(Slot::new("ecs.version", SlotValue::Same(self.quoted(&settings.ecs_version))));
        }
        slots
    }

    fn own(&self, name: &str, slots: &mut Vec<Slot>, value: impl FnOnce(bool) -> SlotValue) {
        let Fate::Write { name: new_name, is_masked } = self.policy.rules.fate(name.as_bytes()) else {
            return;
        };
        // A mask is no number and no address, and Elasticsearch would refuse the document for it.
        if is_masked && FieldType::of(name) != Some(FieldType::Text) {
            return;
        }
        let is_of_schema = |new: &&str| {
            let own = OWN_FIELDS.iter().map(|(own, ..)| own);
            let mut own = own.chain(REQUEST_FIELDS.iter().map(|(own, _)| own));
            FieldType::of(new) == FieldType::of(name) && own.all(|own| own != new)
        };
        let name = new_name.filter(is_of_schema).unwrap_or(name);
        if slots.iter().all(|slot| slot.path != name) {
            slots.push(Slot::new(name, value(is_masked)));
        }
    }

    /// A field that was given for every event.
    fn field(
        &self,
        name: &str,
        json: &str,
        is_python: bool,
        slots: &mut Vec<Slot>,
        fields: &mut Vec<(String, String)>,
    ) {
        let escaped = self.name(name);
        let (name, json) = match self.policy.rules.fate(escaped.as_bytes()) {
            Fate::Drop => return,
            Fate::Write { name: new_name, is_masked } => {
                (new_name.unwrap_or(name), if is_masked { self.quoted(MASK) } else { json.to_owned() })
            }
        };
        if is_nothing(json.as_bytes()) {
            return;
        }
        let field_type = FieldType::of(name).filter(|_| name != LEVEL || is_python);
        let value = match field_type.map(|field_type| field_type.fit(json.as_bytes())) {
            Some(Fit::AsIs) => json,
            Some(Fit::Unquoted) => json[1..json.len() - 1].to_owned(),
            Some(Fit::Quoted) => format!("\"{json}\""),
            Some(Fit::Not) | None => return fields.push((self.name(name), json)),
        };
        match slots.iter_mut().find(|slot| slot.path == name) {
            Some(Slot { value: SlotValue::Own { .. }, .. }) => fields.push((self.name(name), value)),
            Some(slot) => slot.value = SlotValue::Default(value),
            None => slots.push(Slot::new(name, SlotValue::Default(value))),
        }
    }

    fn after_message(&self, settings: &Settings) -> String {
        let mut json = match settings.layout {
            EcsLayout::Python => String::new(),
            EcsLayout::Nested | EcsLayout::Dotted => {
                format!(r#","ecs.version":{}"#, self.quoted(&settings.ecs_version))
            }
        };
        let is_written = matches!(self.policy.rules.fate(b"@metadata"), Fate::Write { is_masked: false, .. });
        if !settings.metadata.is_empty() && is_written {
            json += &format!(r#","@metadata":{}"#, self.policy.metadata(&settings.metadata));
        }
        json
    }

    fn quoted(&self, text: &str) -> String {
        self.policy.quoted(text)
    }

    /// A name, escaped.
    fn name(&self, name: &str) -> String {
        let quoted = self.quoted(name);
        quoted[1..quoted.len() - 1].to_owned()
    }

    fn json(&self, name: &str, json: &str) -> String {
        self.policy.json(name, json)
    }
}

impl Slot {
    fn new(path: &str, value: SlotValue) -> Self {
        Self { path: path.to_owned(), value, depth: 0, shared: 0, glue: Vec::new() }
    }

    pub(super) fn when(&self) -> When {
        match self.value {
            SlotValue::Same(_) | SlotValue::Default(_) => When::Always,
            SlotValue::Own { when, .. } => when,
        }
    }
}

/// Orders the slots, and notes what stands between them.
fn plan(slots: &mut [Slot], is_dotted: bool) {
    slots.sort_by(|a, b| path::compare(a.path.as_bytes(), b.path.as_bytes()));
    let mut last: &[u8] = b"";
    for slot in slots {
        let path = slot.path.as_bytes();
        if is_dotted {
            slot.glue = vec![format!(",\"{}\":", slot.path)];
            continue;
        }
        slot.depth = path::depth(path);
        slot.shared = path::shared_depth(last, path);
        slot.glue = (0..=slot.depth)
            .map(|open| {
                let mut glue = vec![b','];
                path::write_name(path, open, &mut glue);
                String::from_utf8_lossy(&glue).into_owned()
            })
            .collect();
        last = path;
    }
}

/// What opens the object of an escaped name, and how many objects that are.
fn open_namespace(name: &str) -> (String, usize) {
    let word = name.split('.').next().unwrap_or_default();
    let name = match is_field_set(word) {
        true => format!("{word}_{}", &name[word.len()..]),
        false => name.to_owned(),
    };
    let mut path = Vec::new();
    path::push_valid(name.as_bytes(), 0, &mut path);
    let mut open = vec![b','];
    path::write_name(&path, 0, &mut open);
    open.push(b'{');
    (String::from_utf8_lossy(&open).into_owned(), path::depth(&path) + 1)
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}
