/// How large a document and its parts may become; the same for every formatter of this crate.
///
/// What is beyond a limit is cut or left out, and the document says so: a text that was cut ends in
/// `...[truncated]`, a name in `~`, and the document has an entry `truncated` that lists what it
/// lacks, of `depth`, `fields`, `message`, `names` and `strings`. Texts and names are cut between
/// characters. The document is valid JSON whatever is cut.
///
/// ```
/// use logstash_format::{Limits, LogstashFormatter};
///
/// // No document is larger than a UDP datagram.
/// let formatter = LogstashFormatter::new().limits(Limits::new().event(65_000).string(8_192));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(from = "crate::config::LimitsFields"))]
pub struct Limits {
    pub(crate) event: usize,
    pub(crate) depth: usize,
    pub(crate) fields: usize,
    pub(crate) string: usize,
    pub(crate) name: usize,
}

impl Limits {
    /// The defaults that the methods below state.
    pub const fn new() -> Self {
        Self { event: 1024 * 1024, depth: MAX_DEPTH, fields: 1_000, string: usize::MAX, name: 1_024 }
    }

    /// Sets how many bytes a document may have. Default: 1 MiB. At least: 2 KiB.
    ///
    /// The message is cut first, down to an eighth of the limit if need be, and then the fields,
    /// from the last. Only what the formatter itself was given for every document is never cut,
    /// such as tags and the name of the host.
    pub const fn event(mut self, bytes: usize) -> Self {
        self.event = if bytes < MIN_EVENT { MIN_EVENT } else { bytes };
        self
    }

    /// Sets how deep lists and objects of one value may be nested, an `Option` or newtype counting
    /// as a level. Default and at most: 64, few enough for the stack of a small thread.
    ///
    /// In place of what is deeper stands the text `[nested too deep]`.
    pub const fn depth(mut self, levels: usize) -> Self {
        self.depth = if levels > MAX_DEPTH { MAX_DEPTH } else { levels };
        self
    }

    /// Sets how many fields a document may have besides its standard ones, those within nested
    /// objects included. Default: 1,000, the number that Elasticsearch takes in an index.
    pub const fn fields(mut self, fields: usize) -> Self {
        self.fields = fields;
        self
    }

    /// Sets how many bytes of UTF-8 a text may have, also the message. Default: no limit but that
    /// of the event.
    pub const fn string(mut self, bytes: usize) -> Self {
        self.string = bytes;
        self
    }

    /// Sets how many bytes the name of a field may have, as it is written in JSON. Default: 1,024.
    /// At least: 16.
    pub const fn name(mut self, bytes: usize) -> Self {
        self.name = if bytes < MIN_NAME { MIN_NAME } else { bytes };
        self
    }

    /// For values that are written on their own.
    pub(crate) const fn none_but_depth() -> Self {
        Self { event: usize::MAX, depth: MAX_DEPTH, fields: usize::MAX, string: usize::MAX, name: usize::MAX }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

/// What a document lacks because of its [`Limits`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cuts(u8);

impl Cuts {
    pub(crate) const DEPTH: Self = Self(1);
    pub(crate) const FIELDS: Self = Self(1 << 1);
    pub(crate) const MESSAGE: Self = Self(1 << 2);
    pub(crate) const NAMES: Self = Self(1 << 3);
    pub(crate) const STRINGS: Self = Self(1 << 4);

    pub(crate) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What was cut, in the order of the alphabet.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        ["depth", "fields", "message", "names", "strings"]
            .into_iter()
            .enumerate()
            .filter_map(move |(bit, name)| (self.0 >> bit & 1 == 1).then_some(name))
    }
}

const MAX_DEPTH: usize = 64;
const MIN_EVENT: usize = 2 * 1024;
const MIN_NAME: usize = 16;
