//! Events from the logging facades and from panics.

#[cfg(feature = "log")]
mod log;
mod panic;
#[cfg(feature = "tracing")]
mod tracing;

#[cfg(feature = "log")]
pub use self::log::log_event;
pub use self::panic::{panic_event, panic_event_with_backtrace};
#[cfg(feature = "tracing")]
pub use self::tracing::{
    SpanFields, SpanStyle, TracingAdapter, record_new_span, record_values, tracing_event,
};
