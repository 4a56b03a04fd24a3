use bytes::Bytes;

/// One message of a stream.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Frame {
    /// The message, without its length or line end.
    pub content: Bytes,
    /// How much of the message that is.
    pub extent: Extent,
}

/// How much of a message a [`Frame`] holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Extent {
    /// All of it. A last line without line end is whole, too.
    Whole,
    /// Its beginning; it was longer than the limit.
    Truncated,
    /// A piece, behind which the next one follows; it was longer than the limit.
    Piece,
    /// Its beginning; the stream ended within it.
    Unfinished,
}

impl Extent {
    /// The tag for events of such messages; none if nothing is wrong.
    #[must_use]
    pub const fn tag(self) -> Option<&'static str> {
        match self {
            Self::Whole => None,
            Self::Truncated => Some("_message_truncated"),
            Self::Piece => Some("_message_split"),
            Self::Unfinished => Some("_message_unfinished"),
        }
    }
}
