//! Ways into a handler from the logging facades.

#[cfg(feature = "log")]
mod log;

#[cfg(feature = "env-filter")]
mod log_filter;
#[cfg(feature = "env-filter")]
pub use self::log_filter::{InitLogError, LogFilter, LogFilterError};

#[cfg(feature = "tracing")]
mod tracing;
#[cfg(feature = "tracing")]
pub use self::tracing::HandlerLayer;
