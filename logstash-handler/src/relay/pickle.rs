//! What Python's `SocketHandler` and `DatagramHandler` send, read as data and never as a program.

mod decoder;

mod error;
pub use error::{PickleError, PickleErrorKind};

mod exception;
mod expansion;

mod limits;
pub use limits::PickleLimits;

mod number;
mod opcode;
mod percent;
mod reader;

mod record;
pub use record::{PythonEcsFields, PythonRecord};

mod repr;
mod string;

mod value;
pub use value::{PickleEntries, PickleItems, PickleValue};

use decoder::Decoder;
use value::{Id, Node};

/// A pickle of Python, protocols 0 to 5, that holds plain data: `None`, truth values, numbers, text,
/// bytes, lists, tuples, sets and dictionaries.
///
/// To load a pickle in Python is to run the program that it is. This reads the data of it: whatever
/// would look up a class or a function, call one, or fill an object ends in
/// [`PickleErrorKind::Code`], and nothing of it has been done.
///
/// ```
/// use logstash_handler::relay::{Pickle, PickleErrorKind, PickleLimits, PickleValue};
///
/// let limits = PickleLimits::new();
/// let pickle = Pickle::decode(b"\x80\x04K*.", &limits)?;
/// assert!(matches!(pickle.value(), PickleValue::Int(42)));
///
/// let error = Pickle::decode(b"cos\nsystem\n(S'true'\ntR.", &limits).unwrap_err();
/// assert!(matches!(error.kind(), PickleErrorKind::Code { .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Pickle<'a> {
    /// Refer to each other without cycles, not deeper than the limit.
    nodes: Vec<Node<'a>>,
    root: Id,
}

impl<'a> Pickle<'a> {
    /// Reads a pickle, without the four bytes of length that stand before it on the wire.
    ///
    /// Memory and time are bounded by the size of `bytes` and by `limits`, whatever the pickle declares.
    ///
    /// # Errors
    ///
    /// [`PickleError`] if it is none, holds more than plain data, or breaks a limit.
    pub fn decode(bytes: &'a [u8], limits: &PickleLimits) -> Result<Self, PickleError> {
        Decoder::new(bytes, limits).decode()
    }

    /// What it holds.
    #[must_use]
    pub fn value(&self) -> PickleValue<'_> {
        PickleValue::new(&self.nodes, self.root)
    }
}
