//! TLS with the library of the system.

mod config;
pub use config::{TlsConfig, TlsVersion, Verification};

mod context;
pub(crate) use context::TlsContext;
#[cfg(feature = "http")]
pub(crate) use context::kind;

mod error;
pub use error::{TlsError, TlsErrorKind};
pub(crate) use error::{advice, is_refusal};

mod file;
mod fingerprint;

mod identity;

mod peer;
pub use peer::PeerCertificate;

mod presented;

mod server;
pub use server::{ClientAuth, TlsServerConfig};
