//! Limits and waits that nobody sets are those that the documentation states.

use lumberjack_codec::{ClientConfig, Limits, SequenceMode, SequencePolicy, ServerConfig};
use std::time::Duration;

const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn limits() {
    let limits = Limits::default();
    assert_eq!((limits.max_json_payload, limits.max_data_frame), (64 * MIB, 64 * MIB));
    assert_eq!((limits.max_pairs, limits.max_key), (1_024, 64 * KIB));
    assert_eq!((limits.max_decompressed, limits.max_window), (256 * u64::from(MIB), 65_536));
    assert_eq!((limits.max_pending_windows, limits.accept_v1), (8, true));

    let limits = Limits::untrusted();
    assert_eq!((limits.max_json_payload, limits.max_data_frame), (MIB, MIB));
    assert_eq!((limits.max_pairs, limits.max_key), (256, 4 * KIB));
    assert_eq!((limits.max_decompressed, limits.max_window), (32 * u64::from(MIB), 4_096));
    assert_eq!((limits.max_pending_windows, limits.accept_v1), (2, false));
}

#[test]
fn a_client() {
    let client = ClientConfig::default();
    assert_eq!((client.max_in_flight, client.max_events, client.compression_level), (2, 10_000, 3));
    assert_eq!((client.ack_timeout, client.progress_timeout), (seconds(30), None));
    assert_eq!(client.sequence_mode, SequenceMode::PerWindow);
}

#[test]
fn a_server() {
    let server = ServerConfig::default();
    assert_eq!(server.limits, Limits::new());
    assert_eq!((server.keepalive, server.read_timeout), (seconds(5), seconds(30)));
    assert_eq!((server.idle_timeout, server.pending_timeout), (Some(seconds(60)), None));
    assert_eq!((server.drain_timeout, server.partial_acks), (seconds(5), false));
    assert_eq!(server.sequence_policy, SequencePolicy::Ignore);
    assert_eq!((server.windows_of_one, server.keep_encoded), (false, 0));

    let server = ServerConfig::untrusted();
    assert_eq!(server.limits, Limits::untrusted());
    assert_eq!((server.read_timeout, server.idle_timeout), (seconds(10), Some(seconds(30))));
    assert_eq!((server.keepalive, server.drain_timeout), (seconds(5), seconds(2)));
}
