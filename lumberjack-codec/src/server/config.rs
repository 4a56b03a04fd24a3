use crate::limits::Limits;
use std::time::Duration;

/// What a [`ServerSession`](crate::ServerSession) accepts and how long it waits.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ServerConfig {
    /// What a peer may declare and send.
    pub limits: Limits,
    /// Interval of keepalives while a complete window waits for the application. Default: 5 s, well
    /// under the 30 s after which Filebeat resends.
    pub keepalive: Duration,
    /// How long a peer may pause inside a frame or window. Default: 30 s since its last byte.
    pub read_timeout: Duration,
    /// How long a connection may do nothing. Default: 60 s, as Logstash; `None`: for ever.
    pub idle_timeout: Option<Duration>,
    /// How long a complete window may wait for the application before the connection is closed, so
    /// that keepalives do not hold the client for ever. Default: no limit.
    pub pending_timeout: Option<Duration>,
    /// How long complete windows are still acknowledged after an error, a shutdown or the end of
    /// the peer's stream. Default: 5 s.
    pub drain_timeout: Duration,
    /// Whether the leading events of a window are acknowledged before all of it is. Default: no;
    /// go-lumber's client gains nothing from it, and some intermediaries are confused.
    pub partial_acks: bool,
    /// What to do about sequence numbers that do not follow each other. Default: ignore them.
    pub sequence_policy: SequencePolicy,
    /// Whether an event outside of any window counts as a window of one, instead of being an error.
    /// Default: no. For peers that announce nothing, as Vector takes them too.
    ///
    /// Inside a compressed frame, such windows wait for its end like all others, so that
    /// [`Limits::max_pending_windows`] bounds how many events it may hold.
    pub windows_of_one: bool,
    /// Bytes up to which a compressed frame is kept, so that a window that arrived as exactly one
    /// is handed on as an [`EncodedWindow`](crate::EncodedWindow). Default: 0, never; windows above
    /// [`MAX_EVENTS_PER_WINDOW`](crate::MAX_EVENTS_PER_WINDOW) never are.
    pub keep_encoded: usize,
}

impl ServerConfig {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            limits: Limits::new(),
            keepalive: Duration::from_secs(5),
            read_timeout: Duration::from_secs(30),
            idle_timeout: Some(Duration::from_secs(60)),
            pending_timeout: None,
            drain_timeout: Duration::from_secs(5),
            partial_acks: false,
            sequence_policy: SequencePolicy::Ignore,
            windows_of_one: false,
            keep_encoded: 0,
        }
    }

    /// For a port that strangers can reach: [`Limits::untrusted`], 10 s within a frame, 30 s idle,
    /// 2 s to drain.
    #[must_use]
    pub const fn untrusted() -> Self {
        Self {
            limits: Limits::untrusted(),
            read_timeout: Duration::from_secs(10),
            idle_timeout: Some(Duration::from_secs(30)),
            drain_timeout: Duration::from_secs(2),
            ..Self::new()
        }
    }

    /// Sets [`limits`](Self::limits).
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets [`keepalive`](Self::keepalive).
    #[must_use]
    pub const fn keepalive(mut self, interval: Duration) -> Self {
        self.keepalive = interval;
        self
    }

    /// Sets [`read_timeout`](Self::read_timeout).
    #[must_use]
    pub const fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = timeout;
        self
    }

    /// Sets [`idle_timeout`](Self::idle_timeout).
    #[must_use]
    pub const fn idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets [`pending_timeout`](Self::pending_timeout).
    #[must_use]
    pub const fn pending_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.pending_timeout = timeout;
        self
    }

    /// Sets [`drain_timeout`](Self::drain_timeout).
    #[must_use]
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Sets [`partial_acks`](Self::partial_acks).
    #[must_use]
    pub const fn partial_acks(mut self, on: bool) -> Self {
        self.partial_acks = on;
        self
    }

    /// Sets [`sequence_policy`](Self::sequence_policy).
    #[must_use]
    pub const fn sequence_policy(mut self, policy: SequencePolicy) -> Self {
        self.sequence_policy = policy;
        self
    }

    /// Sets [`windows_of_one`](Self::windows_of_one).
    #[must_use]
    pub const fn windows_of_one(mut self, on: bool) -> Self {
        self.windows_of_one = on;
        self
    }

    /// Sets [`keep_encoded`](Self::keep_encoded).
    #[must_use]
    pub const fn keep_encoded(mut self, max_bytes: usize) -> Self {
        self.keep_encoded = max_bytes;
        self
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// What a server makes of sequence numbers that do not follow each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SequencePolicy {
    /// Nothing: the last event in order of arrival is acknowledged.
    Ignore,
    /// A gap inside a window is an error.
    Strict,
}
