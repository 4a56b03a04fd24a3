#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod adapter;
mod error;
mod event;
mod fields;
mod formatter;
mod host;
mod json;
mod level;
mod logstash;
mod message;
mod timestamp;
mod value;

#[cfg(feature = "log")]
pub use adapter::log_event;
#[cfg(feature = "tracing")]
pub use adapter::{SpanFields, record_new_span, record_values, tracing_event};
pub use error::FormatError;
pub use event::{Event, Origin};
pub use fields::Fields;
pub use formatter::Formatter;
pub use level::Level;
pub use logstash::{HostStyle, LogstashFormatter};
pub use message::Message;
pub use value::{Structured, Value};
