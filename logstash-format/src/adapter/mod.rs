//! Events from the logging facades.

#[cfg(feature = "log")]
mod log;
#[cfg(feature = "tracing")]
mod tracing;

#[cfg(feature = "log")]
pub use self::log::log_event;
#[cfg(feature = "tracing")]
pub use self::tracing::{
    SpanFields, SpanStyle, TracingAdapter, record_new_span, record_values, tracing_event,
};
