//! Log events as JSON documents for Logstash.
//!
//! It does no I/O, knows no protocol, starts no thread and filters nothing: an [`Event`] comes in,
//! one JSON object on one line is appended to a buffer. Queueing and sending are the business of
//! `logstash-handler`, which calls this crate on the thread that logs.
//!
//! - [`LogstashFormatter`] writes the documents of python-logstash-async, so that pipelines and
//!   dashboards made for it keep working. Its page has the table of fields.
//! - [`EcsFormatter`] writes documents of the Elastic Common Schema, by the specification of the
//!   ECS loggers. Its page has such a table too.
//! - The page *coming from Python*, [`coming_from_python`], maps every option of python-logstash-async.
//! - [`log_event`] and [`tracing_event`] make events from what the two facades deliver, with
//!   key-values, span fields and the source chain of errors; [`panic_event`] makes them from panics.
//! - [`HttpContext`] and [`TraceContext`] tie an event to the request and the trace it belongs to.
//! - [`Rules`] leave out, rename and mask fields; [`Limits`] say how large documents may become.
//! - [`Formatter`], [`Fields`] and [`Value`] are for documents and sources of your own.
//!
//! Whatever an event holds, the document is valid JSON in UTF-8, without a line break and without
//! a name that comes twice; a value that cannot be written is replaced by a text that says so.
//!
//! # Example
//!
//! ```
//! use logstash_format::{Event, Formatter, Level, LogstashFormatter, Origin, Value};
//!
//! let formatter = LogstashFormatter::new().host("web-1").tags(["shop"]);
//! let fields = [("order_id", Value::from(1001)), ("amount", Value::from(59.9))];
//! let event = Event::new(Level::Info, "shop::orders", format_args!("order {} placed", 1001))
//!     .origin(Origin::new().file("src/orders.rs").line(42))
//!     .fields(&fields);
//!
//! let mut out = Vec::new();
//! formatter.format(&event, &mut out)?;
//!
//! let document: serde_json::Value = serde_json::from_slice(&out)?;
//! assert_eq!(document["message"], "order 1001 placed");
//! assert_eq!(document["extra"]["amount"], 59.9);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Speed
//!
//! What is the same for every event is serialised when the formatter is made; the rest is written
//! straight into the buffer. Once buffers have grown, an event whose fields are simple values
//! allocates nothing.
//!
//! # Features
//!
//! | feature | default | adds |
//! | --- | --- | --- |
//! | `http` | no | [`HttpContext::from_request`], [`HttpContext::response`] |
//! | `log` | yes | [`log_event`] |
//! | `opentelemetry` | no | trace and span ids of `tracing-opentelemetry` 0.34 |
//! | `regex` | no | [`Rules::mask_pattern`] |
//! | `serde` | no | [`FormatterConfig`], and formatters, [`Rules`] and [`Limits`] from configuration files |
//! | `tower` | no | [`AccessLogLayer`], which logs each request that a server handles |
//! | `tracing` | yes | [`TracingAdapter`], [`tracing_event`], [`record_new_span`], [`record_values`] |

#![cfg_attr(
    not(all(feature = "log", feature = "regex", feature = "serde", feature = "tower")),
    allow(rustdoc::broken_intra_doc_links, reason = "links to what a feature adds")
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod adapter;
#[cfg(feature = "log")]
pub use adapter::log_event;
#[cfg(feature = "tracing")]
pub use adapter::{SpanFields, SpanStyle, TracingAdapter, record_new_span, record_values, tracing_event};
pub use adapter::{panic_event, panic_event_with_backtrace};

#[cfg(any(doc, doctest))]
pub mod coming_from_python;

#[cfg(feature = "serde")]
mod config;
#[cfg(feature = "serde")]
pub use config::FormatterConfig;

mod document;

mod ecs;
pub use ecs::{DataStream, DataStreamError, EcsCustom, EcsFormatter, EcsLayout};

mod error;
pub use error::FormatError;

mod event;
pub use event::{Event, Origin};

mod event_id;

mod fields;
pub use fields::Fields;

mod formatter;
pub use formatter::Formatter;

mod host;

mod http;
pub use http::{HttpContext, Redaction, Url};

mod json;

mod level;
pub use level::{Level, LevelNames, LevelValues};

mod limits;
pub use limits::Limits;

mod logstash;
pub use logstash::{HostStyle, LogstashFormatter};

mod message;
pub use message::Message;

mod policy;

mod rules;
pub use rules::Rules;
#[cfg(feature = "regex")]
pub use rules::{PatternError, PatternErrorKind};

mod timestamp;
pub use timestamp::Precision;

#[cfg(feature = "tower")]
mod tower;
#[cfg(feature = "tower")]
pub use tower::{
    AccessLog, AccessLogBody, AccessLogFuture, AccessLogLayer, ForwardingHeader, InvalidNetwork, Outcome,
    TrustedProxies,
};

mod trace;
pub use trace::TraceContext;

mod value;
pub use value::{Structured, Value};

/// The example of the README is a test too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
