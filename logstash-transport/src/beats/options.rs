use bytes::Bytes;
use lumberjack_codec::ClientConfig;
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

impl Default for Options {
    fn default() -> Self {
        Self {
            client: ClientConfig::new(),
            max_window_events: 2048,
            max_window_bytes: 32 * 1024 * 1024,
            connection_ttl: None,
            probe_event: None,
        }
    }
}
