//! The HTTP request that an event belongs to.

mod context;
mod redaction;
#[cfg(feature = "http")]
pub(crate) mod request;
#[cfg(feature = "tracing")]
pub(crate) mod semantic;
mod url;

pub use context::HttpContext;
pub use redaction::Redaction;
pub use url::Url;
