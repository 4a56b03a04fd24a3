//! Events from the logging facades.

#[cfg(feature = "log")]
mod log;
#[cfg(feature = "tracing")]
mod span;
#[cfg(feature = "tracing")]
mod tracing;

#[cfg(feature = "log")]
pub use self::log::log_event;
#[cfg(feature = "tracing")]
pub use self::span::{SpanFields, record_new_span, record_values};
#[cfg(feature = "tracing")]
pub use self::tracing::tracing_event;
