//! The HTTP request that an event belongs to.

mod context;
mod url;

pub use context::HttpContext;
pub use url::Url;
