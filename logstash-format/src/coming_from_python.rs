//! Every option of the formatters of python-logstash-async, and what it is here.
//!
//! Its formatters are `LogstashFormatter`, `LogstashEcsFormatter`, and of each a variant for Django and
//! for Flask. Here are two, [`LogstashFormatter`] and [`EcsFormatter`]; the web is not a variant but a
//! part of the event, [`HttpContext`]. The tests of this crate compare the documents with those of
//! version 4.1.0 of the original, sample by sample, with a table of all differences.
//!
//! # Options
//!
//! | original | default there | here | what differs |
//! | --- | --- | --- | --- |
//! | `message_type` | `python-logstash` | [`message_type`](LogstashFormatter::message_type), `rust-logstash` by default | in ECS documents it was `event.module`, which means another thing: see [`service_name`](EcsFormatter::service_name) and [`event_dataset`](EcsFormatter::event_dataset), or set it with [`field`](EcsFormatter::field) |
//! | `tags` | none | [`tags`](LogstashFormatter::tags), [`tags`](EcsFormatter::tags) | a field `tags` of an event replaced them; here it adds to them |
//! | `fqdn` | `False` | [`fqdn`](LogstashFormatter::fqdn), [`fqdn`](EcsFormatter::fqdn) | DNS is never asked; [`host`](LogstashFormatter::host) sets any name |
//! | `extra_prefix` | `extra` | [`extra_prefix`](LogstashFormatter::extra_prefix); for ECS [`custom`](EcsFormatter::custom) | fields of the Elastic Common Schema are not hidden under the prefix |
//! | `extra` | none | [`extra`](LogstashFormatter::extra), [`field`](EcsFormatter::field) | a field of the event goes before it, not the reverse; any serialisable value will do |
//! | `metadata` | none | [`metadata`](LogstashFormatter::metadata), [`metadata`](EcsFormatter::metadata) | |
//! | `ensure_ascii` | `True` | [`ensure_ascii`](LogstashFormatter::ensure_ascii), off by default | UTF-8 is shorter and means the same |
//! | `FORMATTER_RECORD_FIELD_SKIP_LIST` | names of `LogRecord` | [`Rules::drop`] | meets the document's own fields too; fields of yours that are called `id` or `name` are not lost |
//! | `FORMATTER_LOGSTASH_MESSAGE_FIELD_LIST`, `FORMATTER_LOGSTASH_ECS_MESSAGE_FIELD_LIST` | names at the top level | none | what is at the top level follows from the schema; [`Rules::rename`] changes a name |
//! | `FORMATTER_LOGSTASH_ECS_NORMALIZE_MESSAGE` | `True` | [`layout`](EcsFormatter::layout): [`EcsLayout::Nested`], [`EcsLayout::Dotted`], [`EcsLayout::Python`] | can be set at any time; a value and an object of one name are both kept |
//! | subclass with `_get_extra_fields` and others | | [`Formatter`], [`Fields`], or [`Event::fields`] | |
//! | subclass with `_value_repr` | | [`Value`], or `Serialize` of your types | |
//! | subclass with `MessageSchema` | | [`Rules::rename`] | |
//!
//! The older package python-logstash has two more: `version`, of which 1 is what [`LogstashFormatter`]
//! without prefix comes near to and 0 is not written by anything any more, and a list of fields that
//! are left out, with `auth_token` and `password` in it: `Rules::new().drop("*.password")`.
//!
//! # Formatters
//!
//! | original | here |
//! | --- | --- |
//! | `LogstashFormatter()` | [`LogstashFormatter::new`] |
//! | `LogstashEcsFormatter()` | [`EcsFormatter::new`]; `EcsFormatter::new().layout(EcsLayout::Python)` for pipelines that were made for it |
//! | `DjangoLogstashFormatter()`, `FlaskLogstashFormatter()` | [`LogstashFormatter`], with events that have an [`HttpContext`]: see the feature `tower` for `axum` and other servers, the feature `http`, and [`Event::http`] |
//! | `DjangoLogstashEcsFormatter()`, `FlaskLogstashEcsFormatter()` | likewise with [`EcsFormatter`] |
//!
//! # Fields of both schemas
//!
//! | original | here |
//! | --- | --- |
//! | `func_name`, `log.origin.function` | the innermost span of `tracing` |
//! | `interpreter`, `interpreter_version`, `logstash_async_version`, `django_version`, `flask_version` | none; add what you need with [`extra`](LogstashFormatter::extra) or [`field`](EcsFormatter::field) |
//! | `process_name`, `process.name` | file name of the executable; the original has the name that `multiprocessing` gave |
//! | `task_name`, `tmpl_name` and others of a template | none; a field or a span of yours |
//! | `error_type`, `error.type` | if it is known: a `dyn Error` does not tell its type |
//! | `stack_trace`, `error.stack_trace` | the sources of the error, then its backtrace if the event has one |
//! | none | `error_message`, `error.message` |
//! | `request`, `response` | none: what they show has the query in it |
//! | `req_useragent` and so on | the same names, see [`LogstashFormatter`]; left out where nothing is known, instead of `<none>`, null or an empty text |
//! | `client.domain` | `url.domain` and `url.port`, because it is the server's |
//! | `log.syslog.hostname` | none: the event did not come by syslog |
//!
//! # Names
//!
//! In the original a field of an event called `host`, `level`, `message` or `type` takes the place of the
//! real one, and one called `line`, `path` or `logger_name` is lost. Here all of them are kept: `host`
//! as `extra.host`, `line` as `extra.line_`.
//!
//! # Values
//!
//! | Python | there | here |
//! | --- | --- | --- |
//! | `NaN`, `Infinity` | bare, so that the document is not JSON | `"NaN"`, `"Infinity"` |
//! | integers beyond 64 bits | a number that Elasticsearch refuses | text |
//! | `datetime`, `date` | read as local time whatever its zone, without fraction | as its type serialises or displays itself, RFC 3339 for a `SystemTime` |
//! | `UUID` | 32 digits | as its type displays itself, with hyphens |
//! | tuples, lists, sets | a list | a list |
//! | dictionaries | an object; lost with keys that are neither text nor numbers | an object, with keys as text |
//! | `None` | null | null; left out of ECS documents |
//! | bytes, `Decimal`, exceptions, anything | `repr()` | text by `Display` or `Debug`, as the call that logs chose; an error with its sources |
//! | `exc_info=True` without an exception | the event is lost | an event without error |
//!
//! Time stamps are cut to milliseconds there and here; see [`Precision`](crate::Precision) for finer
//! ones.
//!
//! # Example
//!
//! ```python
//! LogstashFormatter(message_type='shop', extra_prefix='dev', extra={'version': '1.4.2'}, tags=['eu'])
//! ```
//!
//! ```
//! use logstash_format::LogstashFormatter;
//!
//! let formatter = LogstashFormatter::new()
//!     .message_type("shop")
//!     .extra_prefix("dev")
//!     .extra("version", "1.4.2")
//!     .tags(["eu"]);
//! ```
//!
//! ```python
//! LogstashEcsFormatter(tags=['eu'])
//! ```
//!
//! ```
//! use logstash_format::{EcsFormatter, EcsLayout};
//!
//! // By the specification:
//! let formatter = EcsFormatter::new().service_name("shop").tags(["eu"]);
//! // Nested as the original does it, with fields of your own in `extra`:
//! let formatter = formatter.layout(EcsLayout::Python);
//! ```

#[allow(unused_imports, reason = "for the links of this page")]
use crate::{
    EcsFormatter, EcsLayout, Event, Fields, Formatter, HttpContext, LogstashFormatter, Rules, Value,
};
