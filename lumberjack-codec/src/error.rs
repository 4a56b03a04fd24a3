//! Errors, by whose fault they are: [`DecodeError`] the bytes, [`ProtocolError`] their order,
//! [`TimeoutKind`] the clock.

mod decode;
pub use decode::{DecodeError, DecodeErrorKind, Hint, Part};

mod protocol;
pub use protocol::{ProtocolError, ProtocolErrorKind};

mod session;
pub use session::{CloseReason, SessionError, TimeoutKind};
