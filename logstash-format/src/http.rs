//! The HTTP request that an event belongs to.

mod context;
mod headers;
mod redaction;
#[cfg(feature = "http")]
pub(crate) mod request;
#[cfg(feature = "tracing")]
pub(crate) mod semantic;
mod url;

pub use context::HttpContext;
pub(crate) use headers::Headers;
pub use redaction::Redaction;
pub use url::Url;
