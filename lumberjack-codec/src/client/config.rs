use crate::encode::MAX_EVENTS_PER_WINDOW;
use std::time::Duration;

/// How a [`ClientSession`](crate::ClientSession) sends and how long it waits.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ClientConfig {
    /// Windows on the wire that are not acknowledged. Default: 2, at least 1.
    pub max_in_flight: usize,
    /// Events in a window. Default: 10,000, above which go-lumber's servers close the connection.
    pub max_events: u32,
    /// zlib level of windows that the session encodes itself; 0 sends plain frames. Default: 3.
    pub compression_level: u32,
    /// Time without any acknowledgement, keepalives included, after which a window fails.
    /// Default: 30 s.
    pub ack_timeout: Duration,
    /// Time without progress, whatever keepalives say, after which a window fails. Default: none.
    pub progress_timeout: Option<Duration>,
    /// How events are numbered. Default: per window.
    pub sequence_mode: SequenceMode,
}

impl ClientConfig {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_in_flight: 2,
            max_events: MAX_EVENTS_PER_WINDOW,
            compression_level: 3,
            ack_timeout: Duration::from_secs(30),
            progress_timeout: None,
            sequence_mode: SequenceMode::PerWindow,
        }
    }

    /// Sets [`max_in_flight`](Self::max_in_flight); 0 counts as 1.
    #[must_use]
    pub const fn max_in_flight(mut self, windows: usize) -> Self {
        self.max_in_flight = if windows == 0 { 1 } else { windows };
        self
    }

    /// Sets [`max_events`](Self::max_events).
    #[must_use]
    pub const fn max_events(mut self, events: u32) -> Self {
        self.max_events = events;
        self
    }

    /// Sets [`compression_level`](Self::compression_level).
    #[must_use]
    pub const fn compression_level(mut self, level: u32) -> Self {
        self.compression_level = level;
        self
    }

    /// Sets [`ack_timeout`](Self::ack_timeout).
    #[must_use]
    pub const fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.ack_timeout = timeout;
        self
    }

    /// Sets [`progress_timeout`](Self::progress_timeout).
    #[must_use]
    pub const fn progress_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.progress_timeout = timeout;
        self
    }

    /// Sets [`sequence_mode`](Self::sequence_mode).
    #[must_use]
    pub const fn sequence_mode(mut self, mode: SequenceMode) -> Self {
        self.sequence_mode = mode;
        self
    }
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// How the events of successive windows are numbered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SequenceMode {
    /// From 1 in every window, as go-lumber, Logstash and Vector expect.
    PerWindow,
    /// On and on over a connection, for servers that refuse a number twice (rsyslog's imbeats).
    /// Every window is built anew.
    Running,
}
