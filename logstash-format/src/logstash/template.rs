use super::{HostStyle, Settings};
use crate::json::{Digest, Digests};
use crate::policy::Policy;
use crate::rules::{Fate, MASK};
use crate::{LevelNames, LevelValues, Precision};

/// What is the same for every document, and between it the places for what is not.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) pieces: Vec<Piece>,
    /// Names, not yet JSON, and values.
    pub(super) extra: Vec<(String, String)>,
    /// What ends the document.
    pub(super) end: &'static str,
    pub(super) precision: Precision,
    pub(super) level_names: LevelNames,
    /// The process, if it was read once for all events.
    pub(super) pid: Option<u32>,
    pub(super) policy: Policy,
    /// Of the names that [`reserves`](Self::reserves) is about.
    pub(super) reserved: Digests,
    layout: Layout,
    /// Names of standard fields that rules leave out, and that other fields may have therefore.
    left_out: Vec<&'static [u8]>,
    /// Names, as JSON, that standard fields have instead of their own, where fields go.
    renamed: Vec<Vec<u8>>,
}

#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// Entries of every document, each with a comma behind it.
    Json(String),
    /// An entry whose value comes from the event; `key` is its name and a colon, behind what stands
    /// before it if every event has the entry.
    Entry { key: String, slot: Slot },
    /// Where the tags of the event go; whether in a list that is open.
    Tags { is_in_list: bool },
}

/// A value that differs between events.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Timestamp,
    Level,
    LevelValue(LevelValues),
    Message,
    Pid,
    EventId,
    Function,
    Line,
    Logger,
    Module,
    Path,
    Thread,
}

impl Piece {
    fn is_json(&self) -> bool {
        matches!(self, Self::Json(_))
    }
}

impl Slot {
    /// Whether every event has a value for it.
    fn is_always_there(self) -> bool {
        !matches!(self, Self::Function | Self::Line | Self::Module | Self::Path)
    }
}

/// Where the fields of events go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// To an object of their own.
    Prefixed,
    /// To the top level.
    Flat,
}

impl Template {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut writer = Writer {
            policy: Policy::new(settings.ensure_ascii, settings.limits.clone(), settings.rules.clone()),
            pieces: Vec::new(),
            names: Vec::new(),
            renamed: Vec::new(),
        };
        writer.raw("{");
        writer.top(settings);
        let (layout, end) = match &settings.extra_prefix {
            Some(prefix) => {
                let name = writer.free_name(prefix, |name| has_at_top(name.as_bytes()));
                let name = writer.policy.quoted(&name);
                writer.raw(&format!("{name}:{{"));
                writer.names.clear();
                writer.renamed.clear();
                (Layout::Prefixed, "}}")
            }
            None => (Layout::Flat, "}"),
        };
        writer.extra(settings);

        let at_top: &[&str] = if layout == Layout::Flat { &AT_TOP } else { &[] };
        let renamed = writer.renamed.iter().map(Vec::as_slice);
        let standard = IN_EXTRA.iter().chain(at_top).map(|name| name.as_bytes());
        let (left_out, kept): (Vec<&'static [u8]>, Vec<_>) =
            standard.partition(|name| writer.policy.rules.fate(name) == Fate::Drop);
        let names = kept.into_iter().chain(renamed);
        let reserved = names.fold(Digests::default(), |mut digests, name| {
            digests.add(Digest::of(&[b"\"", name, b"\""].concat()));
            digests
        });
        Self {
            extra: settings
                .extra
                .iter()
                .map(|(name, value)| (name.clone(), writer.policy.json(name, value)))
                .collect(),
            pieces: writer.pieces,
            end,
            precision: settings.precision,
            level_names: settings.level_names,
            pid: settings.pid,
            policy: writer.policy,
            reserved,
            layout,
            left_out,
            renamed: writer.renamed,
        }
    }

    /// Whether the document itself may write `name`, given as JSON, where fields go.
    pub(super) fn reserves(&self, name: &[u8]) -> bool {
        let is_standard = has_in_extra(name) || self.layout == Layout::Flat && has_at_top(name);
        is_standard && !self.left_out.contains(&name)
            || !self.renamed.is_empty() && self.renamed.iter().any(|renamed| renamed == name)
    }
}

/// Collects the pieces.
struct Writer {
    policy: Policy,
    pieces: Vec<Piece>,
    /// Names so far in the object that is open.
    names: Vec<String>,
    renamed: Vec<Vec<u8>>,
}

impl Writer {
    /// What stands before the fields of events at the top level.
    fn top(&mut self, settings: &Settings) {
        let host = self.policy.quoted(&settings.host);
        self.slot("@timestamp", Slot::Timestamp);
        self.entry("@version", r#""1""#);
        match settings.host_style {
            HostStyle::String => self.entry("host", &host),
            HostStyle::Object => self.entry("host", &format!(r#"{{"name":{host}}}"#)),
        }
        self.slot("level", Slot::Level);
        if let Some(values) = settings.level_values {
            self.slot("level_value", Slot::LevelValue(values));
        }
        self.entry("logsource", &host);
        self.slot("message", Slot::Message);
        self.slot("pid", Slot::Pid);
        self.entry("program", &self.policy.quoted(&settings.program));
        self.entry("type", &self.policy.quoted(&settings.message_type));
        if settings.event_id {
            self.slot("event_id", Slot::EventId);
        }
        if !settings.metadata.is_empty() {
            self.entry("@metadata", &self.policy.metadata(&settings.metadata));
        }
        let tags = joined(settings.tags.iter().map(|tag| self.policy.quoted(tag)));
        if self.policy.rules.fate(b"tags") != Fate::KEEP {
            // Those of the event are an ordinary field then, which the rules meet, too.
            if !tags.is_empty() {
                self.entry("tags", &format!("[{tags}]"));
            }
        } else if tags.is_empty() {
            self.pieces.push(Piece::Tags { is_in_list: false });
        } else {
            self.raw(&format!(r#""tags":[{tags}"#));
            self.pieces.push(Piece::Tags { is_in_list: true });
            self.raw("],");
        }
    }

    /// What stands beside the fields of events.
    fn extra(&mut self, settings: &Settings) {
        if settings.source_location {
            self.slot("func_name", Slot::Function);
            self.slot("line", Slot::Line);
        }
        self.slot("logger_name", Slot::Logger);
        if settings.source_location {
            self.slot("module_path", Slot::Module);
            self.slot("path", Slot::Path);
        }
        self.entry("process_name", &self.policy.quoted(&settings.process_name));
        self.slot("thread_name", Slot::Thread);
    }

    fn slot(&mut self, name: &str, slot: Slot) {
        if let Some((key, is_masked)) = self.key(name) {
            match is_masked {
                true => self.raw(&format!("{key}\"{MASK}\",")),
                false => {
                    let before = match self.pieces.pop_if(|last| slot.is_always_there() && last.is_json()) {
                        Some(Piece::Json(json)) => json,
                        _ => String::new(),
                    };
                    self.pieces.push(Piece::Entry { key: before + &key, slot });
                }
            }
        }
    }

    fn entry(&mut self, name: &str, value: &str) {
        if let Some((key, is_masked)) = self.key(name) {
            match is_masked {
                true => self.raw(&format!("{key}\"{MASK}\",")),
                false => self.raw(&format!("{key}{value},")),
            }
        }
    }

    /// The name by the rules, as JSON with a colon, and whether the value is masked; none if the
    /// field is left out.
    fn key(&mut self, name: &str) -> Option<(String, bool)> {
        let (new_name, is_masked) = match self.policy.rules.fate(name.as_bytes()) {
            Fate::Drop => return None,
            Fate::Write { name, is_masked } => (name.map(str::to_owned), is_masked),
        };
        let name = match new_name {
            Some(new_name) => {
                let is_taken = |name: &str| has_at_top(name.as_bytes()) || has_in_extra(name.as_bytes());
                let new_name = self.free_name(&new_name, is_taken);
                let quoted = self.policy.quoted(&new_name);
                self.renamed.push(quoted.as_bytes()[1..quoted.len() - 1].to_vec());
                new_name
            }
            None => name.to_owned(),
        };
        let key = format!("{}:", self.policy.quoted(&name));
        self.names.push(name);
        Some((key, is_masked))
    }

    /// `name`, with underscores if it is taken.
    fn free_name(&self, name: &str, is_taken: impl Fn(&str) -> bool) -> String {
        let mut name = name.to_owned();
        while is_taken(&name) || self.names.contains(&name) {
            name.push('_');
        }
        name
    }

    fn raw(&mut self, json: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Json(last)) => last.push_str(json),
            _ => self.pieces.push(Piece::Json(json.to_owned())),
        }
    }
}

/// Whether `name` is a standard field beside the fields of events.
fn has_in_extra(name: &[u8]) -> bool {
    IN_EXTRA.iter().any(|standard| standard.as_bytes() == name)
}

/// Whether `name` is a standard field at the top level.
fn has_at_top(name: &[u8]) -> bool {
    AT_TOP.iter().any(|standard| standard.as_bytes() == name)
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}

const IN_EXTRA: [&str; 8] =
    ["func_name", "line", "logger_name", "module_path", "path", "process_name", "thread_name", "truncated"];

const AT_TOP: [&str; 13] = [
    "@timestamp",
    "@version",
    "@metadata",
    "event_id",
    "host",
    "level",
    "level_value",
    "logsource",
    "message",
    "pid",
    "program",
    "tags",
    "type",
];
