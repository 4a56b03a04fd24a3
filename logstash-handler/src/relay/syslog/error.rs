use std::error::Error;
use std::fmt;

/// Why a line is no syslog message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SyslogError {
    kind: SyslogErrorKind,
    offset: usize,
}

impl SyslogError {
    pub(super) const fn new(kind: SyslogErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> SyslogErrorKind {
        self.kind
    }

    /// Where: bytes from the start of the line.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for SyslogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.kind, self.offset)
    }
}

impl Error for SyslogError {}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SyslogErrorKind {
    /// A field of the header of RFC 5424 is missing, empty, or not printable ASCII.
    Field(&'static str),
    /// It begins neither with a priority nor with a timestamp.
    NoPriority,
    /// The priority is above 191, or not of one to three digits.
    Priority,
    /// The structured data is none, or has no end.
    StructuredData(&'static str),
    /// The timestamp of RFC 5424 is none, or no such time exists.
    Timestamp,
}

impl fmt::Display for SyslogErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, "the {name} is missing or not printable ASCII"),
            Self::NoPriority => f.write_str("the line begins neither with a priority nor with a timestamp"),
            Self::Priority => f.write_str("the priority is not a number from 0 to 191"),
            Self::StructuredData(what) => write!(f, "the structured data has {what}"),
            Self::Timestamp => f.write_str("the timestamp is none of RFC 3339"),
        }
    }
}
