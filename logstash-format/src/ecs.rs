mod collect;
mod data_stream;
mod document;
mod entries;
mod field_type;
mod labels;
mod merge;
mod own;
mod path;
mod request;
mod slots;
mod template;

use std::env;
use std::process;

use serde::Serialize;

pub use data_stream::{DataStream, DataStreamError};

use crate::host::{full_host_name, host_name};
use crate::logstash::{file_name, replace};
use crate::{Event, FormatError, Formatter, LevelNames, LevelValues, Limits, Precision, Rules};
use template::Template;

/// Writes documents of the Elastic Common Schema (ECS), by the specification of the ECS loggers.
///
/// | field | type | content | present |
/// | --- | --- | --- | --- |
/// | `@timestamp` | date | time of the event in UTC, cut to [`precision`](Self::precision) | always, first |
/// | `log.level` | keyword | level, by [`level_names`](Self::level_names) | always, second |
/// | `message` | text | the message | if not empty, third |
/// | `ecs.version` | keyword | [`ecs_version`](Self::ecs_version) | always, next |
/// | `@metadata` | | [`metadata`](Self::metadata); Logstash does not pass it on | if set |
/// | `client.address` | keyword | address of the client of a [request](crate::HttpContext) | if known |
/// | `client.ip` | ip | the same | if it is an IP address |
/// | `data_stream.dataset`, `.namespace`, `.type` | keyword | [`data_stream`](Self::data_stream) | if set |
/// | `error.message` | text | the event's error, without its sources | if it has one |
/// | `error.stack_trace` | wildcard | that error, a line `caused by: ...` for each source, and its backtrace | if it has sources or a backtrace |
/// | `error.type` | keyword | type of that error | if known |
/// | `event.dataset` | keyword | [`event_dataset`](Self::event_dataset), or what stands for it | if set |
/// | `event.duration` | long | nanoseconds from the arrival of the request to the end of the response | if known |
/// | `event.id` | keyword | [`event_id`](Self::event_id) | if set |
/// | `event.severity` | long | level as a number, by [`level_values`](Self::level_values) | if set |
/// | `host.hostname` | keyword | name of the machine | always |
/// | `host.name` | keyword | the same, or with its domain: [`fqdn`](Self::fqdn) | always |
/// | `http.request.body.bytes` | long | size of the request | if known |
/// | `http.request.id` | keyword | identifier of the request | if known |
/// | `http.request.method` | keyword | method | if known |
/// | `http.request.referrer` | keyword | page that led here | if known |
/// | `http.response.body.bytes` | long | size of the response | if known |
/// | `http.response.status_code` | long | status | if known |
/// | `http.version` | keyword | version of the protocol | if known |
/// | `log.logger` | keyword | logger or target | if not empty |
/// | `log.origin.file.line` | long | line in the source file | if known, by [`source_location`](Self::source_location) |
/// | `log.origin.file.name` | keyword | name of that file, without its folders | likewise |
/// | `log.origin.function` | keyword | function; for `tracing` the name of the innermost span | likewise |
/// | `network.forwarded_ip` | ip | first IP address by `X-Forwarded-For`, as claimed | if known |
/// | `process.executable` | keyword | absolute path of the executable | if known |
/// | `process.name` | keyword | file name of the executable | if known |
/// | `process.pid` | long | [process](Event::pid), read for each event if it does not tell; see [`remember_pid`](Self::remember_pid) | always |
/// | `process.thread.id` | long | number of the thread within the process, as Rust counts | always |
/// | `process.thread.name` | keyword | name of the thread | if it has one |
/// | `service.environment`, `.name`, `.node.name`, `.version` | keyword | [`service_name`](Self::service_name) and so on | if set |
/// | `span.id`, `trace.id`, `transaction.id` | keyword | the [trace](crate::TraceContext) of the event | if known |
/// | `tags` | keyword | [`tags`](Self::tags), and those of the event | if any |
/// | `url.domain` | keyword | host that the client asked for | if known |
/// | `url.original` | wildcard | URL of the request, from its parts | if known |
/// | `url.path`, `url.query`, `url.scheme` | | these parts | if known |
/// | `url.port` | long | port that the client named | if known |
/// | `user.name` | keyword | authenticated user of the request | if known |
/// | `user_agent.original` | keyword | what the client calls itself | if known |
/// | `labels` | object | other fields; see below | if any |
///
/// Names are nested or dotted by [`layout`](Self::layout). Nothing is written that is null or empty.
///
/// The error of an event is the one that it was [given](Event::error), or else the first field
/// named `error` or `err` whose value is an error; that field is then not written under its own
/// name. Other errors are text with their sources.
///
/// # Fields of events
///
/// A field whose name is one of the schema, such as `event.action` or `http.request.method`, stands
/// where the schema has it, if its value is of the type that the schema has: Elasticsearch refuses a
/// whole document because of a `client.ip` that is no address. Numbers in text become numbers where
/// these are due, and the reverse.
///
/// All others go where [`custom`](Self::custom) says, by default to `labels`, where dots, asterisks
/// and backslashes in their names become underscores, and lists and objects become text.
/// So do fields whose name the document itself uses. A field `labels.color` is a label
/// `color`, and the members of an object `labels` are labels.
///
/// What the schema has no field for is written as such fields too: the module of the event, if the
/// logger has another name, as `module_path`, and of an [`HttpContext`](crate::HttpContext) the route
/// as `req_route`, further headers as `req_headers`, and what proxies claim as
/// `req_forwarded_for` and `req_forwarded_proto`.
///
/// # Names
///
/// No object has a name twice, no name is that of a value and of an object, and no field can pass for
/// another. Of fields with the same name the first counts: those of the event before those of its
/// spans from the innermost outwards, and these before [`field`](Self::field). Where two names come
/// out the same, as `a.b` and `a*b` do among labels, or one needs an object where another has a value,
/// as `a.b` and `a` do, one of them has an underscore after its name. `truncated` is reserved for
/// the list of what [`limits`](Self::limits) cut.
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
/// use logstash_format::{EcsFormatter, Event, Formatter, Level, Value};
///
/// let formatter = EcsFormatter::new().service_name("shop").service_environment("production");
/// let fields = [("event.action", Value::from("order-placed")), ("order_id", Value::from(1001))];
/// let event = Event::new(Level::Info, "shop::orders", "order placed").fields(&fields);
/// let mut out = Vec::new();
/// formatter.format(&event, &mut out)?;
/// # let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
/// assert_eq!(document["log.level"], "INFO");
/// assert_eq!(document["event"]["action"], "order-placed");
/// assert_eq!(document["event"]["dataset"], "shop");
/// assert_eq!(document["labels"]["order_id"], 1001);
/// # Ok::<(), logstash_format::FormatError>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(from = "crate::config::EcsFields"))]
pub struct EcsFormatter {
    settings: Settings,
    template: Template,
}

/// How the dotted names of the schema are written.
///
/// Elasticsearch takes all of them for the same. A Logstash pipeline does not: where it says
/// `[service][name]`, the field must be nested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum EcsLayout {
    /// As objects within objects, but for `log.level` and `ecs.version`, which the specification of
    /// the loggers wants with a dot at the top level.
    #[default]
    Nested,
    /// As names with dots at the top level.
    Dotted,
    /// As the formatter of python-logstash-async nests them: `log.level` and `ecs.version` are within
    /// objects too, there is `@version`, and fields of your own go to `extra` where
    /// [`custom`](EcsFormatter::custom) says nothing else. For pipelines that were made for it; no
    /// document of this layout keeps to the specification.
    Python,
}

/// Where the fields go that are not of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum EcsCustom {
    /// To the object `labels`, which the schema has for them. Dots, asterisks and backslashes in
    /// their names become underscores, and lists and objects become text, as JSON.
    Labels,
    /// To an object of this name. Values keep their types and may be lists and objects; a dotted
    /// name stands for objects within objects, up to 32, and finds together with others. If it is the name of
    /// something in the schema, it gets an underscore after its first word.
    Namespace(String),
    /// To the top level, in the same way. A name that starts with a word of the schema gets an
    /// underscore after it: `host` becomes `host_`, and `host.color` becomes `host_.color`.
    TopLevel,
}

impl EcsFormatter {
    /// A formatter with the defaults that the methods below state.
    pub fn new() -> Self {
        let settings = Settings::default();
        let template = Template::new(&settings);
        Self { settings, template }
    }

    /// Sets `service.name`, and with it `event.dataset` unless that is set too. Default: none.
    pub fn service_name(self, name: &str) -> Self {
        self.set(|settings| settings.service_name = name.to_owned())
    }

    /// Sets `service.version`. Default: none.
    pub fn service_version(self, version: &str) -> Self {
        self.set(|settings| settings.service_version = version.to_owned())
    }

    /// Sets `service.environment`, as `production`. Default: none.
    pub fn service_environment(self, environment: &str) -> Self {
        self.set(|settings| settings.service_environment = environment.to_owned())
    }

    /// Sets `service.node.name`, which tells the instances of a service apart. Default: none.
    pub fn service_node_name(self, name: &str) -> Self {
        self.set(|settings| settings.service_node_name = name.to_owned())
    }

    /// Sets `event.dataset`, which log anomaly detection needs. Default: that of the
    /// [`data_stream`](Self::data_stream), or else `service.name`.
    pub fn event_dataset(self, dataset: &str) -> Self {
        self.set(|settings| settings.event_dataset = dataset.to_owned())
    }

    /// Sets `data_stream.type`, `.dataset` and `.namespace`. Default: none.
    pub fn data_stream(self, data_stream: impl Into<Option<DataStream>>) -> Self {
        self.set(|settings| settings.data_stream = data_stream.into())
    }

    /// Sets the field `tags`. Default: none. A field `tags` of an event that is text, or a list of
    /// texts, adds to them.
    pub fn tags<T: Into<String>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        self.set(|settings| settings.tags = tags.into_iter().map(Into::into).collect())
    }

    /// Sets whether the machine is named with its domain in `host.name`. Default: no.
    ///
    /// As for [`LogstashFormatter::fqdn`](crate::LogstashFormatter::fqdn), DNS is never asked.
    pub fn fqdn(self, fqdn: bool) -> Self {
        let host = if fqdn { full_host_name() } else { host_name() };
        self.set(|settings| settings.host_name = host)
    }

    /// Sets the name of the machine, `host.name` and `host.hostname`. Default: what the system calls
    /// it.
    pub fn host(self, host: &str) -> Self {
        self.set(|settings| {
            settings.host_name = host.to_owned();
            settings.hostname = host.to_owned();
        })
    }

    /// Sets how dotted names are written. Default: [`EcsLayout::Nested`].
    pub fn layout(self, layout: EcsLayout) -> Self {
        self.set(|settings| settings.layout = layout)
    }

    /// Sets where fields go that are not of the schema. Default: [`EcsCustom::Labels`], and an object
    /// `extra` in [`EcsLayout::Python`].
    pub fn custom(self, custom: EcsCustom) -> Self {
        self.set(|settings| settings.custom = Some(custom))
    }

    /// Adds a field to every document, or replaces the one added under that name. One that an event
    /// has itself goes before it.
    ///
    /// What the name and the value make of it is the same as for fields of events. It may replace
    /// what this formatter says of the service, the machine and the program.
    pub fn field(self, name: &str, value: impl Serialize) -> Self {
        self.set(|settings| replace(&mut settings.fields, name, &value))
    }

    /// Adds an entry to `@metadata`, or replaces the one added under that name. Logstash does not pass
    /// it on.
    pub fn metadata(self, name: &str, value: impl Serialize) -> Self {
        self.set(|settings| replace(&mut settings.metadata, name, &value))
    }

    /// Sets whether characters beyond ASCII are written as `\uXXXX`. Default: no.
    pub fn ensure_ascii(self, ensure_ascii: bool) -> Self {
        self.set(|settings| settings.ensure_ascii = ensure_ascii)
    }

    /// Sets `ecs.version`, the version of the schema. Default: `8.11.0`.
    ///
    /// It changes nothing else: the fields of the document are the same in all versions from 8.11 to
    /// 9.x.
    pub fn ecs_version(self, version: &str) -> Self {
        self.set(|settings| settings.ecs_version = version.to_owned())
    }

    /// Sets how fine `@timestamp` is. Default: [`Precision::Milliseconds`].
    pub fn precision(self, precision: Precision) -> Self {
        self.set(|settings| settings.precision = precision)
    }

    /// Sets how `log.level` names levels. Default: [`LevelNames::Upper`], and [`LevelNames::Python`] in
    /// [`EcsLayout::Python`].
    pub fn level_names(self, names: LevelNames) -> Self {
        self.set(|settings| settings.level_names = Some(names))
    }

    /// Adds the level as a number, in `event.severity`. Default: none.
    pub fn level_values(self, values: impl Into<Option<LevelValues>>) -> Self {
        self.set(|settings| settings.level_values = values.into())
    }

    /// Sets whether documents say where in the source an event was logged, in `log.origin` and, where
    /// the logger is not the module, in a field `module_path`. Default: yes, because in Rust it costs
    /// next to nothing to know.
    pub fn source_location(self, source_location: bool) -> Self {
        self.set(|settings| settings.source_location = source_location)
    }

    /// Sets whether the process id is read once, here and now. Default: no, it is read for each event.
    ///
    /// See [`LogstashFormatter::remember_pid`](crate::LogstashFormatter::remember_pid).
    pub fn remember_pid(self, remember: bool) -> Self {
        self.set(|settings| settings.pid = remember.then(process::id))
    }

    /// Sets whether each document has an `event.id`. Default: no.
    ///
    /// It is made as for [`LogstashFormatter::event_id`](crate::LogstashFormatter::event_id), and serves
    /// the same end.
    pub fn event_id(self, event_id: bool) -> Self {
        self.set(|settings| settings.event_id = event_id)
    }

    /// Sets how large documents and their parts may become. Default: [`Limits::new`].
    ///
    /// What was cut is listed in the field `truncated`, which is not of the schema and stands with
    /// other such fields.
    pub fn limits(self, limits: Limits) -> Self {
        self.set(|settings| settings.limits = limits)
    }

    /// Sets which fields are left out, renamed or masked. Default: none.
    ///
    /// The rules also meet the document's own fields, under their dotted names, but for the required
    /// ones: `@timestamp`, `log.level` and `ecs.version`. One that is a number or an address is left
    /// out where it should be masked, because Elasticsearch would refuse the mask; and its new name must
    /// be one that the schema has for the same type of value, or it keeps the old one.
    pub fn rules(self, rules: Rules) -> Self {
        self.set(|settings| settings.rules = rules)
    }

    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self.template = Template::new(&self.settings);
        self
    }
}

impl Default for EcsFormatter {
    fn default() -> Self {
        Self::new()
    }
}

impl Formatter for EcsFormatter {
    fn format(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        document::write(&self.template, event, out);
        Ok(())
    }
}

/// What the methods of the formatter set; a text that is empty is not written.
#[derive(Clone, Debug)]
struct Settings {
    service_name: String,
    service_version: String,
    service_environment: String,
    service_node_name: String,
    event_dataset: String,
    data_stream: Option<DataStream>,
    tags: Vec<String>,
    host_name: String,
    hostname: String,
    process_name: String,
    process_executable: String,
    layout: EcsLayout,
    custom: Option<EcsCustom>,
    /// Names and values, these as JSON.
    fields: Vec<(String, String)>,
    /// Likewise.
    metadata: Vec<(String, String)>,
    ensure_ascii: bool,
    ecs_version: String,
    precision: Precision,
    level_names: Option<LevelNames>,
    level_values: Option<LevelValues>,
    source_location: bool,
    pid: Option<u32>,
    event_id: bool,
    limits: Limits,
    rules: Rules,
}

impl Settings {
    /// The texts that are the same for every event, with the names of their fields.
    fn own_texts(&self) -> [(&'static str, &str); 12] {
        let stream = self.data_stream.as_ref();
        let dataset = stream.map_or(self.service_name.as_str(), DataStream::dataset);
        let dataset = if self.event_dataset.is_empty() { dataset } else { &self.event_dataset };
        [
            ("data_stream.dataset", stream.map_or("", DataStream::dataset)),
            ("data_stream.namespace", stream.map_or("", DataStream::namespace)),
            ("data_stream.type", stream.map_or("", |_| "logs")),
            ("event.dataset", dataset),
            ("host.hostname", &self.hostname),
            ("host.name", &self.host_name),
            ("process.executable", &self.process_executable),
            ("process.name", &self.process_name),
            ("service.environment", &self.service_environment),
            ("service.name", &self.service_name),
            ("service.node.name", &self.service_node_name),
            ("service.version", &self.service_version),
        ]
    }
}

impl Default for Settings {
    fn default() -> Self {
        let executable = env::current_exe().unwrap_or_default();
        let host = host_name();
        Self {
            service_name: String::new(),
            service_version: String::new(),
            service_environment: String::new(),
            service_node_name: String::new(),
            event_dataset: String::new(),
            data_stream: None,
            tags: Vec::new(),
            host_name: host.clone(),
            hostname: host,
            process_name: file_name(&executable),
            process_executable: executable.to_string_lossy().into_owned(),
            layout: EcsLayout::default(),
            custom: None,
            fields: Vec::new(),
            metadata: Vec::new(),
            ensure_ascii: false,
            ecs_version: "8.11.0".to_owned(),
            precision: Precision::default(),
            level_names: None,
            level_values: None,
            source_location: true,
            pid: None,
            event_id: false,
            limits: Limits::new(),
            rules: Rules::new(),
        }
    }
}
