/// How large a pickle may become.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PickleLimits {
    pub(super) depth: usize,
    pub(super) values: usize,
    pub(super) expanded_bytes: u64,
}

impl PickleLimits {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self { depth: 32, values: 10_000, expanded_bytes: 4 * 1024 * 1024 }
    }

    /// Sets how deep lists and the like may be nested. Default: 32 levels.
    #[must_use]
    pub const fn depth(mut self, levels: usize) -> Self {
        self.depth = levels;
        self
    }

    /// Sets how many values there may be, keys of dictionaries included, and as many references to
    /// them. Default: 10,000.
    #[must_use]
    pub const fn values(mut self, values: usize) -> Self {
        self.values = values;
        self
    }

    /// Sets how large it may become when a value that is referred to many times is written out as
    /// often: bytes of all texts, and 8 for each value. Default: 4 MiB.
    #[must_use]
    pub const fn expanded_bytes(mut self, bytes: u64) -> Self {
        self.expanded_bytes = bytes;
        self
    }
}

impl Default for PickleLimits {
    fn default() -> Self {
        Self::new()
    }
}
