//! One event for each HTTP request, as a `tower` layer.

mod body;
mod exchange;
mod future;
mod layer;
mod proxies;
mod request_id;
mod service;
mod span;
mod trace_parent;

pub use body::AccessLogBody;
pub use exchange::Outcome;
pub use future::AccessLogFuture;
pub use layer::AccessLogLayer;
pub use proxies::{ForwardingHeader, InvalidNetwork, TrustedProxies};
pub use service::AccessLog;
