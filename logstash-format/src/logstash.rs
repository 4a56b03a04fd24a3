mod document;
mod http;
mod template;

use std::env;
use std::path::Path;
use std::process;

use serde::Serialize;

use crate::host::{full_host_name, host_name};
use crate::json::Json;
use crate::policy::PLAIN;
use crate::{Event, FormatError, Formatter, LevelNames, LevelValues, Limits, Precision, Rules};
use template::Template;

/// Writes the documents that Logstash pipelines know from python-logstash-async ("version 1").
///
/// | field | type | content | present |
/// | --- | --- | --- | --- |
/// | `@timestamp` | text | time of the event in UTC, cut to [`precision`](Self::precision): `2025-10-09T08:53:20.123Z` | always |
/// | `@version` | text | `"1"` | always |
/// | `host` | text or object | name of the machine; an object `{"name": ...}` with [`HostStyle::Object`] | always |
/// | `level` | text | name of the level, by [`level_names`](Self::level_names) | always |
/// | `level_value` | integer | its number, by [`level_values`](Self::level_values) | if set |
/// | `logsource` | text | name of the machine | always |
/// | `message` | text | the message | always, empty if there is none |
/// | `pid` | integer | [process](Event::pid), read for each event if it does not tell; see [`remember_pid`](Self::remember_pid) | always |
/// | `program` | text | the program as it was called, or [`program`](Self::program) | always |
/// | `type` | text | [`message_type`](Self::message_type) | always |
/// | `event_id` | text | [id of the event](Event::id), by [`event_id`](Self::event_id) | if set |
/// | `@metadata` | object | [`metadata`](Self::metadata); Logstash does not pass it on | if set |
/// | `tags` | list of texts | [`tags`](Self::tags), then those of the event | if any |
/// | `extra` | object | what follows; see [`extra_prefix`](Self::extra_prefix) | unless there is no prefix |
/// | `func_name` | text | function; for `tracing` the name of the innermost span | if known, by [`source_location`](Self::source_location) |
/// | `line` | integer | line in the source file | likewise |
/// | `logger_name` | text | logger or target | always |
/// | `module_path` | text | module | if known and not the same as `logger_name`, likewise |
/// | `path` | text | source file | if known, likewise |
/// | `process_name` | text | file name of the executable | always |
/// | `thread_name` | text | name of the thread, or `ThreadId(3)` if it has none | always |
/// | `error_message` | text | the event's error, without its sources | if it has one |
/// | `error_type` | text | type of that error | if known |
/// | `stack_trace` | text | that error, a line `caused by: ...` for each source, and its backtrace | if it has sources or a backtrace |
/// | `trace_id`, `span_id`, `transaction_id` | text | the [trace](crate::TraceContext) of the event | if known |
/// | `status_code`, `req_...`, `resp_...` | | the [request](crate::HttpContext) of the event; see below | if known |
/// | `truncated` | list of texts | what the document lacks | if its [`Limits`] were reached |
/// | any other | any | the fields of the event, and then those of [`extra`](Self::extra) | if given |
///
/// The error of an event is the one that it was [given](Event::error), or else the first field
/// named `error` or `err` whose value is an error; that field is then not written under its own
/// name. Other errors are text with their sources.
///
/// # HTTP requests
///
/// An event with an [`HttpContext`](crate::HttpContext) has what is known of these:
///
/// | field | type | content |
/// | --- | --- | --- |
/// | `status_code` | integer | status of the response |
/// | `req_useragent` | text | what the client calls itself |
/// | `req_remote_address` | text | address of the client |
/// | `req_host` | text | host, and port where the client named one |
/// | `req_uri` | text | URL, from its parts |
/// | `req_user` | text | authenticated user |
/// | `req_method` | text | method |
/// | `req_referer` | text | page that led here |
/// | `req_forwarded_proto` | text | scheme by `X-Forwarded-Proto`, as claimed |
/// | `req_forwarded_for` | list of texts | addresses by `X-Forwarded-For`, as claimed |
/// | `request_id` | text | identifier of the request |
/// | `req_route` | text | pattern that the router found for the path |
/// | `req_http_version` | text | version of the protocol |
/// | `req_headers` | object | further headers; several of one name joined by `, ` |
/// | `req_bytes`, `resp_bytes` | integer | sizes of the bodies |
/// | `resp_duration_ms` | number | time to the end of the response, in milliseconds with fraction |
///
/// # Names
///
/// No object has a name twice, and no field can pass for another. Of fields with the same name
/// the first counts: those of the event before those of its spans from the innermost outwards, and
/// these before [`extra`](Self::extra). The names of the table belong to the document. A field
/// that bears the name of another entry of the object that it goes to is written with an
/// underscore after its name: `line` becomes `extra.line_`, while `host` becomes `extra.host`, and
/// `host_` where there is no prefix. A name whose field is [left out](Rules::drop) is free for fields that are
/// [renamed](Rules::rename) to it.
///
/// Fields named `tags` whose value is a text or a list of texts add to the tags of the document, those
/// of the event and those of its spans; others of this name are ordinary fields.
///
/// `error_message`, `error_type` and `stack_trace` are free where the event has no error, and so are
/// the names for traces and requests where the event has none.
///
/// # Values
///
/// See [`Value`](crate::Value). A value that fails to be formatted or serialised is replaced by a
/// marker that says so, and the rest of the event is written; this formatter never returns an error.
/// If a value panics, the buffer has its former length afterwards.
///
/// # Examples
///
/// ```
/// use logstash_format::{Event, Formatter, Level, LogstashFormatter};
///
/// let formatter = LogstashFormatter::new().tags(["shop"]).extra("version", "1.4.2");
/// let mut out = Vec::new();
/// formatter.format(&Event::new(Level::Warn, "shop", "out of tea"), &mut out)?;
/// # let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
/// # assert_eq!(document["level"], "WARNING");
/// # assert_eq!(document["tags"], serde_json::json!(["shop"]));
/// # assert_eq!(document["extra"]["version"], "1.4.2");
/// # Ok::<(), logstash_format::FormatError>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(from = "crate::config::LogstashFields"))]
pub struct LogstashFormatter {
    settings: Settings,
    template: Template,
}

/// The form of the field `host`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum HostStyle {
    /// `"host": "name"`, as ever.
    #[default]
    String,
    /// `"host": {"name": "name"}`, as the Elastic Common Schema has it and as pipelines of
    /// Logstash 8 in ECS mode require.
    Object,
}

impl LogstashFormatter {
    /// A formatter with the defaults that the methods below state.
    pub fn new() -> Self {
        let settings = Settings::default();
        let template = Template::new(&settings);
        Self { settings, template }
    }

    /// Sets the field `type`. Default: `rust-logstash`.
    pub fn message_type(self, message_type: &str) -> Self {
        self.set(|settings| settings.message_type = message_type.to_owned())
    }

    /// Sets the tags that each document has, in the field `tags`. Default: none, and no such field
    /// where an event has none either.
    pub fn tags<T: Into<String>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        self.set(|settings| settings.tags = tags.into_iter().map(Into::into).collect())
    }

    /// Sets whether the machine is named with its domain. Default: no.
    ///
    /// The name is found out here and now: from the machine's own name or from the hosts file. DNS
    /// is never asked, because it may take its time; a name that only DNS knows can be set with
    /// [`host`](Self::host). Where no domain is found the name is that without one.
    pub fn fqdn(self, fqdn: bool) -> Self {
        let host = if fqdn { full_host_name() } else { host_name() };
        self.set(|settings| settings.host = host)
    }

    /// Sets the name of the machine. Default: what the system calls it.
    pub fn host(self, host: &str) -> Self {
        self.set(|settings| settings.host = host.to_owned())
    }

    /// Sets the form of the field `host`. Default: [`HostStyle::String`].
    pub fn host_style(self, host_style: HostStyle) -> Self {
        self.set(|settings| settings.host_style = host_style)
    }

    /// Sets the field `program`. Default: the first argument of the process.
    pub fn program(self, program: &str) -> Self {
        self.set(|settings| settings.program = program.to_owned())
    }

    /// Sets the name of the object that holds what is not a standard field; `None` or an empty name
    /// puts all of it at the top level. Default: `extra`.
    pub fn extra_prefix<'p>(self, prefix: impl Into<Option<&'p str>>) -> Self {
        let prefix = prefix.into().filter(|prefix| !prefix.is_empty());
        self.set(|settings| settings.extra_prefix = prefix.map(str::to_owned))
    }

    /// Adds a field to every document, or replaces the one added under that name.
    pub fn extra(self, name: &str, value: impl Serialize) -> Self {
        self.set(|settings| replace(&mut settings.extra, name, &value))
    }

    /// Adds an entry to `@metadata`, or replaces the one added under that name.
    pub fn metadata(self, name: &str, value: impl Serialize) -> Self {
        self.set(|settings| replace(&mut settings.metadata, name, &value))
    }

    /// Sets whether characters beyond ASCII are written as `\uXXXX`. Default: no.
    pub fn ensure_ascii(self, ensure_ascii: bool) -> Self {
        self.set(|settings| settings.ensure_ascii = ensure_ascii)
    }

    /// Sets how fine the field `@timestamp` is. Default: [`Precision::Milliseconds`].
    pub fn precision(self, precision: Precision) -> Self {
        self.set(|settings| settings.precision = precision)
    }

    /// Sets how the field `level` names levels. Default: [`LevelNames::Python`].
    pub fn level_names(self, names: LevelNames) -> Self {
        self.set(|settings| settings.level_names = names)
    }

    /// Adds the level as a number, in the field `level_value`. Default: none, and no such field.
    pub fn level_values(self, values: impl Into<Option<LevelValues>>) -> Self {
        self.set(|settings| settings.level_values = values.into())
    }

    /// Sets whether documents say where in the source an event was logged, in the fields
    /// `func_name`, `line`, `module_path` and `path`. Default: yes.
    pub fn source_location(self, source_location: bool) -> Self {
        self.set(|settings| settings.source_location = source_location)
    }

    /// Sets whether each document has a field `event_id`. Default: no.
    ///
    /// It is the [id of the event](Event::id), or else one that no other event has: a random
    /// number of this run of the program, the process, and a counter. A document that is sent again
    /// has the same one, so that Elasticsearch stores it once if the pipeline says
    /// `document_id => "%{event_id}"`. It is not in `@metadata`, because that is lost where a queue
    /// such as Redis or Kafka stands between.
    pub fn event_id(self, event_id: bool) -> Self {
        self.set(|settings| settings.event_id = event_id)
    }

    /// Sets whether the process id is read once, here and now. Default: no, it is read for each event.
    ///
    /// That is a system call, which may take longer than the rest of a small document, but it is
    /// right after a fork, and there is no other way to notice one that is portable and safe. For
    /// programs that never fork, or only to start another program. An event that
    /// [tells](Event::pid) has its own; to leave the field out, there is [`Rules::drop`].
    pub fn remember_pid(self, remember: bool) -> Self {
        self.set(|settings| settings.pid = remember.then(process::id))
    }

    /// Sets how large documents and their parts may become. Default: [`Limits::new`].
    pub fn limits(self, limits: Limits) -> Self {
        self.set(|settings| settings.limits = limits)
    }

    /// Sets which fields are left out, renamed or masked. Default: none.
    ///
    /// The rules also meet the standard fields, so that `Rules::new().drop("pid")` leaves the
    /// process id out.
    pub fn rules(self, rules: Rules) -> Self {
        self.set(|settings| settings.rules = rules)
    }

    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self.template = Template::new(&self.settings);
        self
    }
}

impl Default for LogstashFormatter {
    fn default() -> Self {
        Self::new()
    }
}

impl Formatter for LogstashFormatter {
    fn format(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        document::write(&self.template, event, out);
        Ok(())
    }
}

/// What the methods of the formatter set.
#[derive(Clone, Debug)]
struct Settings {
    message_type: String,
    tags: Vec<String>,
    host: String,
    host_style: HostStyle,
    program: String,
    process_name: String,
    extra_prefix: Option<String>,
    /// Names and values, these as JSON.
    extra: Vec<(String, String)>,
    /// Likewise.
    metadata: Vec<(String, String)>,
    ensure_ascii: bool,
    precision: Precision,
    level_names: LevelNames,
    level_values: Option<LevelValues>,
    source_location: bool,
    event_id: bool,
    pid: Option<u32>,
    limits: Limits,
    rules: Rules,
}

impl Default for Settings {
    fn default() -> Self {
        let program = env::args_os().next().unwrap_or_default();
        let executable = env::current_exe().unwrap_or_else(|_| program.clone().into());
        Self {
            message_type: "rust-logstash".to_owned(),
            tags: Vec::new(),
            host: host_name(),
            host_style: HostStyle::default(),
            program: program.to_string_lossy().into_owned(),
            process_name: file_name(&executable),
            extra_prefix: Some("extra".to_owned()),
            extra: Vec::new(),
            metadata: Vec::new(),
            ensure_ascii: false,
            precision: Precision::default(),
            level_names: LevelNames::default(),
            level_values: None,
            source_location: true,
            event_id: false,
            pid: None,
            limits: Limits::new(),
            rules: Rules::new(),
        }
    }
}

pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

pub(crate) fn replace(entries: &mut Vec<(String, String)>, name: &str, value: &impl Serialize) {
    let json = to_json(value);
    match entries.iter_mut().find(|(existing, _)| existing == name) {
        Some((_, existing)) => *existing = json,
        None => entries.push((name.to_owned(), json)),
    }
}

fn to_json(value: &impl Serialize) -> String {
    let mut out = Vec::new();
    Json::new(&mut out, &PLAIN).value(crate::Value::serialize(value));
    String::from_utf8_lossy(&out).into_owned()
}
