use crate::endpoint::Endpoint;
use bytes::Bytes;
use lumberjack_codec::{ClientConfig, DEFAULT_WINDOW_BYTES, DEFAULT_WINDOW_EVENTS};
use std::time::Duration;

/// How windows are made and followed.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) client: ClientConfig,
    pub(super) max_window_events: usize,
    pub(super) max_window_bytes: usize,
    pub(super) connection_ttl: Option<Duration>,
    pub(super) probe_event: Option<Bytes>,
}

impl Options {
    /// The defaults, with what the address says.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        let mut client = ClientConfig::new();
        let number = |name| endpoint.number(name);
        if let Some(level) = number("level").and_then(|level| u32::try_from(level).ok()) {
            client = client.compression_level(level);
        }
        if let Some(windows) = number("in_flight").and_then(|windows| usize::try_from(windows).ok()) {
            client = client.max_in_flight(windows);
        }
        let window = number("window").and_then(|events| usize::try_from(events).ok());
        Self {
            client,
            max_window_events: window.unwrap_or(DEFAULT_WINDOW_EVENTS),
            max_window_bytes: DEFAULT_WINDOW_BYTES,
            connection_ttl: None,
            probe_event: None,
        }
    }
}
