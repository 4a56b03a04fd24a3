//! Ways into a handler from the logging facades.

#[cfg(feature = "log")]
mod log;

#[cfg(feature = "tracing")]
mod tracing;
#[cfg(feature = "tracing")]
pub use self::tracing::HandlerLayer;
