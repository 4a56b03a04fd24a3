/// What a decoder and a server session accept from a peer.
///
/// Every number that a peer declares is compared with one of these before memory is touched.
///
/// ```
/// let limits = lumberjack_codec::Limits::untrusted().max_window(2048);
/// assert_eq!(limits.max_json_payload, 1024 * 1024);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one JSON payload. Default: 64 MiB.
    ///
    /// Generous, because refusing an event makes a Beat resend it for ever; nothing is reserved in
    /// advance.
    pub max_json_payload: u32,
    /// Bytes of one v1 event: its frame without version and type. Default: 64 MiB.
    pub max_data_frame: u32,
    /// Pairs of one v1 event. Default: 1,024.
    pub max_pairs: u32,
    /// Bytes of one key of a v1 event. Default: 64 KiB.
    pub max_key: u32,
    /// Bytes that one compressed frame may inflate to. Default: 256 MiB.
    ///
    /// Frames are inflated while they arrive, so this bounds work rather than memory.
    pub max_decompressed: u64,
    /// Events of one window; also the empty windows that one compressed frame may hold. Default: 65,536.
    pub max_window: u32,
    /// Complete windows that wait for the application before reading pauses; also the complete
    /// windows that one compressed frame may hold. Default: 8, at least 1.
    ///
    /// A frame that begins before the pause may end in it: at most, twice as many wait, less one.
    pub max_pending_windows: usize,
    /// Whether peers of protocol version 1 are accepted. Default: yes.
    pub accept_v1: bool,
}

impl Limits {
    /// The defaults: whatever a legitimate peer sends passes.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_json_payload: 64 * MIB,
            max_data_frame: 64 * MIB,
            max_pairs: 1024,
            max_key: 64 * 1024,
            max_decompressed: 256 * MIB as u64,
            max_window: 65_536,
            max_pending_windows: 8,
            accept_v1: true,
        }
    }

    /// For a port that strangers can reach: 1 MiB per event, 4,096 events per window, 32 MiB per
    /// compressed frame, 2 windows pending, no version 1; where that is accepted all the same, 256 pairs
    /// per event and 4 KiB per key.
    #[must_use]
    pub const fn untrusted() -> Self {
        Self {
            max_json_payload: MIB,
            max_data_frame: MIB,
            max_pairs: 256,
            max_key: 4 * 1024,
            max_decompressed: 32 * MIB as u64,
            max_window: 4096,
            max_pending_windows: 2,
            accept_v1: false,
        }
    }

    /// Sets [`max_json_payload`](Self::max_json_payload).
    #[must_use]
    pub const fn max_json_payload(mut self, bytes: u32) -> Self {
        self.max_json_payload = bytes;
        self
    }

    /// Sets [`max_data_frame`](Self::max_data_frame).
    #[must_use]
    pub const fn max_data_frame(mut self, bytes: u32) -> Self {
        self.max_data_frame = bytes;
        self
    }

    /// Sets [`max_pairs`](Self::max_pairs).
    #[must_use]
    pub const fn max_pairs(mut self, pairs: u32) -> Self {
        self.max_pairs = pairs;
        self
    }

    /// Sets [`max_key`](Self::max_key).
    #[must_use]
    pub const fn max_key(mut self, bytes: u32) -> Self {
        self.max_key = bytes;
        self
    }

    /// Sets [`max_decompressed`](Self::max_decompressed).
    #[must_use]
    pub const fn max_decompressed(mut self, bytes: u64) -> Self {
        self.max_decompressed = bytes;
        self
    }

    /// Sets [`max_window`](Self::max_window).
    #[must_use]
    pub const fn max_window(mut self, events: u32) -> Self {
        self.max_window = events;
        self
    }

    /// Sets [`max_pending_windows`](Self::max_pending_windows); 0 counts as 1.
    #[must_use]
    pub const fn max_pending_windows(mut self, windows: usize) -> Self {
        self.max_pending_windows = if windows == 0 { 1 } else { windows };
        self
    }

    /// Sets [`accept_v1`](Self::accept_v1).
    #[must_use]
    pub const fn accept_v1(mut self, accept: bool) -> Self {
        self.accept_v1 = accept;
        self
    }

    /// Bytes that a compressed frame may declare: what `max_decompressed` can grow to when zlib
    /// finds nothing to compress (13.5 % and 11 bytes).
    pub(crate) const fn max_compressed(&self) -> u64 {
        let (thousands, rest) = (self.max_decompressed / 1000, self.max_decompressed % 1000);
        let overhead = thousands.saturating_mul(135).saturating_add(rest * 135 / 1000);
        self.max_decompressed.saturating_add(overhead).saturating_add(11)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

const MIB: u32 = 1024 * 1024;
