use std::error::Error;
use std::fmt;

/// Why a pickle was not read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PickleError {
    kind: PickleErrorKind,
    offset: usize,
}

impl PickleError {
    pub(super) const fn new(kind: PickleErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &PickleErrorKind {
        &self.kind
    }

    /// Where: bytes from the start of the pickle.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for PickleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.kind, self.offset)
    }
}

impl Error for PickleError {}

/// What is wrong with a pickle.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PickleErrorKind {
    /// It asks for more than data: a class, a function, a call, an object of its own.
    Code {
        /// The name of the instruction.
        instruction: &'static str,
        /// What it asks for, if it says so: `datetime.datetime`, `os.system`.
        object: Option<String>,
    },
    /// A value contains itself.
    Cyclic,
    /// It breaks the rules of pickles.
    Malformed(&'static str),
    /// It is data, but no log record: those are dictionaries.
    NotARecord,
    /// Values are nested deeper than [`PickleLimits::depth`](super::PickleLimits::depth).
    TooDeep {
        /// The limit in levels.
        limit: usize,
    },
    /// It is larger than [`PickleLimits::expanded_bytes`](super::PickleLimits::expanded_bytes) with
    /// every value written out.
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// It has more values than [`PickleLimits::values`](super::PickleLimits::values).
    TooManyValues {
        /// The limit.
        limit: usize,
    },
    /// It ends too early.
    Truncated,
    /// A byte that is no instruction of protocols 0 to 5, or a later protocol.
    Unknown(u8),
}

impl fmt::Display for PickleErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code { instruction, object: Some(object) } => write!(
                f,
                "the pickle asks for the Python object {object} ({instruction}), which is refused; log plain \
                 data: text, numbers, lists, dictionaries"
            ),
            Self::Code { instruction, object: None } => {
                write!(f, "the pickle holds more than data ({instruction}), which is refused")
            }
            Self::Cyclic => f.write_str("a value of the pickle contains itself"),
            Self::Malformed(what) => write!(f, "the pickle is damaged: {what}"),
            Self::NotARecord => f.write_str("the pickle is no log record, which would be a dictionary"),
            Self::TooDeep { limit } => write!(f, "the pickle is nested deeper than {limit} levels"),
            Self::TooLarge { limit } => {
                write!(f, "the pickle with every value written out is larger than {limit} bytes")
            }
            Self::TooManyValues { limit } => write!(f, "the pickle has more than {limit} values"),
            Self::Truncated => f.write_str("the pickle ends too early"),
            Self::Unknown(byte) => write!(f, "the pickle has the byte {byte:#04x}, which is no instruction"),
        }
    }
}
