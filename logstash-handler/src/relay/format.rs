//! How events look to outputs.

use super::config::{DEFAULT_TYPE, FormatName};
use super::record::{Content, Record};
use super::source::Source;
use super::text::text as text_of;
use logstash_format::{
    EcsFormatter, Event, Fields, FormatError, Formatter, Level, LogstashFormatter, Rules, Value,
};
use memchr::memchr2;
use std::borrow::Cow;
use std::io::Write as _;

/// Writes events for outputs.
pub(crate) enum Format {
    Ecs(Box<EcsFormatter>),
    Logstash(Box<LogstashFormatter>),
    Raw,
}

impl Format {
    pub(crate) fn new(name: FormatName) -> Self {
        match name {
            FormatName::Ecs => Self::Ecs(Box::new(ecs())),
            FormatName::Logstash => Self::Logstash(Box::new(logstash())),
            FormatName::Raw => Self::Raw,
        }
    }

    /// Appends an event, as a document or a line without its end.
    pub(crate) fn write(
        &self,
        record: &Record<'_>,
        source: &Source,
        out: &mut Vec<u8>,
    ) -> Result<(), FormatError> {
        let text;
        let mut is_not_utf8 = false;
        let event = match (&record.content, self) {
            (Content::Document, _) => {
                out.extend_from_slice(record.text);
                return Ok(());
            }
            (Content::Python(record), Self::Raw) => {
                write_line(record.message().as_bytes(), out);
                return Ok(());
            }
            (_, Self::Raw) => {
                write_line(record.text, out);
                return Ok(());
            }
            (Content::Python(python), _) => python.event(record.received),
            (Content::Line, _) => {
                text = text_of(record.text);
                is_not_utf8 = matches!(text, Cow::Owned(_));
                let logger = if source.address().is_empty() { source.input() } else { source.address() };
                Event::new(Level::Info, logger, &*text).at(record.received)
            }
            (Content::Syslog(message), _) => message.event(record.received),
        };
        let fields = RecordFields { schema: self.schema(), source, record, pid: event.pid, is_not_utf8 };
        self.serialise(&event.pid(0).fields(&fields), out)
    }

    fn serialise(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        match self {
            Self::Ecs(formatter) => formatter.format(event, out),
            Self::Logstash(formatter) => formatter.format(event, out),
            Self::Raw => {
                // To memory, which does not fail.
                let mut line = Vec::new();
                let _ = write!(line, "{}", event.message);
                write_line(&line, out);
                Ok(())
            }
        }
    }

    const fn schema(&self) -> Schema {
        match self {
            Self::Ecs(_) => Schema::Ecs,
            Self::Logstash(_) | Self::Raw => Schema::Logstash,
        }
    }
}

/// For what the handler of an output says itself, such as how many events are lost.
impl Formatter for Format {
    fn format(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        match self {
            Self::Logstash(_) => {
                let fields = OwnFields(event.fields);
                self.serialise(&event.clone().fields(&fields), out)
            }
            Self::Ecs(_) | Self::Raw => self.serialise(event, out),
        }
    }
}

/// What the document says of this process and thread would be wrong: the event is not theirs.
fn logstash() -> LogstashFormatter {
    let own = ["host", "logsource", "pid", "process_name", "program", "thread_name", "type"];
    let rules = own.iter().fold(Rules::new(), |rules, field| rules.drop(field));
    let rules = rules.rename(SOURCE_HOST, "host").rename(SOURCE_PID, "pid").rename(SOURCE_TYPE, "type");
    LogstashFormatter::new().extra_prefix(None).remember_pid(true).rules(rules)
}

fn ecs() -> EcsFormatter {
    let own = ["event.dataset", "host.hostname", "host.name", "process.executable"];
    let rules = own.iter().fold(Rules::new(), |rules, field| rules.drop(field));
    let rules =
        SOURCE_PROCESS.iter().fold(rules, |rules, (field, source)| rules.drop(field).rename(source, field));
    EcsFormatter::new().remember_pid(true).rules(rules)
}

/// In whose names fields are written.
#[derive(Clone, Copy)]
enum Schema {
    Ecs,
    Logstash,
}

/// What an event says, where it came from, and what is not right with it.
struct RecordFields<'a> {
    schema: Schema,
    source: &'a Source,
    record: &'a Record<'a>,
    /// The process that logged it, if it says so.
    pid: Option<u32>,
    /// Whether a line has bytes that are not.
    is_not_utf8: bool,
}

/// What comes from no input.
struct OwnFields<'a>(&'a dyn Fields);

impl Fields for OwnFields<'_> {
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        visit(SOURCE_TYPE, Value::Str(DEFAULT_TYPE));
        self.0.for_each(visit);
    }

    fn may_hold_error(&self) -> bool {
        self.0.may_hold_error()
    }
}

impl Fields for RecordFields<'_> {
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        // First, because of fields with one name the first counts.
        self.source(visit);
        self.content(visit);
        for tag in self.source.tags() {
            visit("tags", Value::Str(tag));
        }
        for tag in self.record.tags.all() {
            visit("tags", Value::Str(tag));
        }
        if self.is_not_utf8 {
            visit("tags", Value::Str("_not_utf8"));
        }
    }

    fn may_hold_error(&self) -> bool {
        false
    }
}

impl RecordFields<'_> {
    /// What the event says itself.
    fn content(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        let has_time = match &self.record.content {
            Content::Document | Content::Line => return,
            Content::Python(python) => {
                match self.schema {
                    Schema::Ecs => python.ecs_fields().for_each(&mut |name, value| {
                        let source = SOURCE_PROCESS.iter().find(|(field, _)| *field == name);
                        visit(source.map_or(name, |(_, source)| source), value);
                    }),
                    Schema::Logstash => python.for_each(&mut |name, value| match TAKEN.contains(&name) {
                        true => visit(&format!("{name}_"), value),
                        false => visit(name, value),
                    }),
                }
                true
            }
            Content::Syslog(message) => {
                match self.schema {
                    Schema::Ecs => message.ecs_fields().for_each(visit),
                    Schema::Logstash => message.for_each(visit),
                }
                message.timestamp.is_some()
            }
        };
        if has_time {
            let name = match self.schema {
                Schema::Ecs => "event.created",
                Schema::Logstash => "received_at",
            };
            visit(name, Value::Time(self.record.received));
        }
    }

    fn source(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        let source = self.source;
        let (address, port) = match self.schema {
            Schema::Ecs => ("source.address", "source.port"),
            Schema::Logstash => (SOURCE_HOST, "port"),
        };
        if let Some(peer) = source.peer() {
            visit(address, Value::Str(source.address()));
            if let Schema::Ecs = self.schema {
                visit("source.ip", Value::Str(source.address()));
            }
            visit(port, Value::U64(peer.port().into()));
        }
        if let Some(pid) = self.pid {
            let name = match self.schema {
                Schema::Ecs => SOURCE_PROCESS[0].1,
                Schema::Logstash => SOURCE_PID,
            };
            visit(name, Value::U64(pid.into()));
        }
        if let Schema::Logstash = self.schema {
            visit(SOURCE_TYPE, Value::Str(source.message_type()));
        }
        visit("input", Value::Str(source.input()));
        match (source.tls(), self.schema) {
            (Some(tls), Schema::Ecs) => tls.ecs(visit),
            (Some(tls), Schema::Logstash) => tls.logstash(visit),
            (None, _) => {}
        }
    }
}

/// Writes a message as one line: breaks within it become `#012` and `#015`, as rsyslog writes them.
fn write_line(message: &[u8], out: &mut Vec<u8>) {
    let mut rest = message;
    while let Some(at) = memchr2(b'\n', b'\r', rest) {
        let (before, behind) = rest.split_at(at);
        out.extend_from_slice(before);
        out.extend_from_slice(if behind.first() == Some(&b'\n') { b"#012" } else { b"#015" });
        rest = behind.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// Names for the host and the process that events come from, and for their type; `host`, `pid` and `type` are those
/// of this process, and left out.
const SOURCE_HOST: &str = "source_host";
const SOURCE_PID: &str = "source_pid";
const SOURCE_TYPE: &str = "source_type";

/// Names of the relay's own in documents of Logstash; what an application calls so gets an underscore.
const TAKEN: [&str; 14] = [
    "host",
    "input",
    "logsource",
    "pid",
    "port",
    "process_name",
    "program",
    "received_at",
    SOURCE_HOST,
    SOURCE_PID,
    SOURCE_TYPE,
    "thread_name",
    "tls",
    "type",
];

/// Fields of ECS for the process that events come from, and names for them until then; first its number.
const SOURCE_PROCESS: [(&str, &str); 4] = [
    ("process.pid", SOURCE_PID),
    ("process.name", "source_process_name"),
    ("process.thread.id", "source_thread_id"),
    ("process.thread.name", "source_thread_name"),
];

#[cfg(test)]
mod tests {
    use super::super::record::Tags;
    use super::super::source::Labels;
    use super::*;
    use serde_json::json;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    fn source() -> Source {
        let labels = Labels { name: "net".into(), message_type: "router".into(), tags: vec!["edge".into()] };
        Source::new(Arc::new(labels), Some("[::ffff:192.0.2.7]:4000".parse().unwrap()), Some(Arc::default()))
    }

    fn document(name: FormatName, line: &[u8]) -> serde_json::Value {
        let received = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
        let mut tags = Tags::default();
        tags.add("_message_truncated");
        let record = Record { text: line, content: Content::Line, received, tags };
        let mut out = Vec::new();
        Format::new(name).write(&record, &source(), &mut out).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_line_becomes_a_document_of_logstash_that_says_nothing_of_this_process() {
        let expected = json!({
            "@timestamp": "1970-01-01T00:00:01.500Z", "@version": "1", "host": "192.0.2.7", "port": 4000,
            "input": "net", "tls": true, "level": "INFO", "logger_name": "192.0.2.7",
            "message": "hello \\xFF", "tags": ["edge", "_message_truncated", "_not_utf8"],
            "type": "router",
        });
        assert_eq!(document(FormatName::Logstash, b"hello \xff"), expected);
    }

    #[test]
    fn what_the_relay_says_itself_has_its_type() {
        let mut out = Vec::new();
        let event = Event::new(Level::Warn, "relay", "3 events are lost");
        Format::new(FormatName::Logstash).format(&event, &mut out).unwrap();
        let found: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            (&found["type"], &found["message"]),
            (&json!("logstash-relay"), &json!("3 events are lost"))
        );
    }

    #[test]
    fn a_line_becomes_a_document_of_ecs_that_says_nothing_of_this_process() {
        let found = document(FormatName::Ecs, b"hello");
        assert_eq!(found["source"], json!({"address": "192.0.2.7", "ip": "192.0.2.7", "port": 4000}));
        assert_eq!(found["message"], "hello");
        assert_eq!(found["labels"], json!({"input": "net"}));
        assert_eq!(found["tags"], json!(["edge", "_message_truncated"]));
        assert!(found.get("process").is_none() && found.get("host").is_none(), "{found}");
    }

    #[test]
    fn raw_lines_stay_as_they_are_but_for_breaks_within() {
        let received = SystemTime::now();
        let record = Record { text: b"a\r\nb\xff", content: Content::Line, received, tags: Tags::default() };
        let mut out = Vec::new();
        Format::new(FormatName::Raw).write(&record, &source(), &mut out).unwrap();
        assert_eq!(out, b"a#015#012b\xff");
    }
}
