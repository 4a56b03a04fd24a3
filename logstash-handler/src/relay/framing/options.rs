/// How the messages of a stream are told apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Framing {
    /// One message a line, as raw lines and JSON lines come. The end of a line is `\n` or `\r\n`.
    Lines,
    /// Syslog over TCP and TLS, either way of RFC 6587, told apart for each message anew.
    ///
    /// ```text
    /// 34 <165>1 2003-08-24T05:14:15-07:0047 <13>...   octet counting: length, space, message
    /// <165>1 2003-08-24T05:14:15-07:00\n<13>...\n      a line, up to \n, \r\n or NUL
    /// ```
    ///
    /// A length counts only where a space and the `<` of a priority follow; a line may well begin
    /// with a number. What senders put at the end of a counted message (`\n`, `\r\n` or NUL) is cut.
    Syslog,
    /// Each message behind its length in four bytes, the most significant first, as Python's
    /// `SocketHandler` sends records.
    LengthPrefixed,
}

/// What becomes of a message that is longer than the limit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum TooLong {
    /// Its beginning is kept and marked [`Extent::Truncated`](super::Extent::Truncated); the rest is
    /// [counted](super::Framer::skipped).
    #[default]
    Truncate,
    /// It comes in pieces of the limit, each but the last marked [`Extent::Piece`](super::Extent::Piece); nothing is lost.
    /// Meant for text; decoders of whole messages cannot use pieces.
    Split,
}

/// How to take a stream apart.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FramerOptions {
    pub(super) framing: Framing,
    pub(super) max_length: usize,
    pub(super) too_long: TooLong,
    pub(super) keep_empty: bool,
}

impl FramerOptions {
    /// Takes a stream apart by `framing`.
    #[must_use]
    pub const fn new(framing: Framing) -> Self {
        Self { framing, max_length: 64 * 1024, too_long: TooLong::Truncate, keep_empty: false }
    }

    /// Sets how many bytes a message may have, without its length or line end; at least 1.
    /// Default: 64 KiB.
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.max_length = bytes.max(1);
        self
    }

    /// Sets what becomes of longer messages. Default: [`TooLong::Truncate`].
    #[must_use]
    pub const fn too_long(mut self, too_long: TooLong) -> Self {
        self.too_long = too_long;
        self
    }

    /// Sets whether empty messages are messages. Default: no, they are passed over.
    #[must_use]
    pub const fn keep_empty(mut self, keep: bool) -> Self {
        self.keep_empty = keep;
        self
    }
}
