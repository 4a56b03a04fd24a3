//! Handlers made by configuration files.

use crate::support::{LONG, builder, info, messages};
use logstash_handler::{ConfigError, HandlerConfig, Overflow};
use logstash_transport::testing::Receiver;
use lumberjack_codec::Backoff;
use std::error::Error;
use std::time::Duration;

fn error(toml: &str) -> String {
    toml::from_str::<HandlerConfig>(toml).map(drop).unwrap_err().to_string()
}

#[test]
fn an_empty_file_changes_nothing() {
    let receiver = Receiver::start().unwrap();
    let before = format!("{:?}", builder(&receiver));
    for config in [toml::from_str::<HandlerConfig>("").unwrap(), serde_json::from_str("{}").unwrap()] {
        assert_eq!(config, HandlerConfig::default());
        // The jitter of retries is of the builder, not of the configuration.
        let after = format!("{:?}", builder(&receiver).config(&config).unwrap());
        assert_eq!(without_jitter(&after), without_jitter(&before));
    }
}

#[test]
fn every_option_has_the_name_of_its_method() {
    let receiver = Receiver::start().unwrap();
    let toml = r#"
        overflow = { block = { timeout = "100 ms" } }
        arena_bytes = "4 MiB"
        max_event_bytes = "500 kB"
        linger = "5 ms"
        window = { events = 100, bytes = "64 KiB" }
        compression_level = 1
        batch = 4
        retry = { base = "500 ms", max = "1 m 30 s" }
        ttl = "7 days"
        report_losses = false
        stderr = false
        shutdown_timeout = "1 s"
    "#;
    let json = r#"{
        "overflow": { "block": { "timeout": "100 ms" } }, "arena_bytes": 4194304, "max_event_bytes": 500000,
        "linger": "5 ms", "window": { "events": 100, "bytes": 65536 }, "compression_level": 1, "batch": 4,
        "retry": { "base": "500 ms", "max": "90 s" }, "ttl": "168 h", "report_losses": false,
        "stderr": false, "shutdown_timeout": "1000 ms"
    }"#;
    let config: HandlerConfig = toml::from_str(toml).unwrap();
    assert_eq!(config, serde_json::from_str(json).unwrap());
    let built = builder(&receiver)
        .overflow(Overflow::Block { timeout: Duration::from_millis(100) })
        .arena_bytes(4 * 1024 * 1024)
        .max_event_bytes(500_000)
        .linger(Duration::from_millis(5))
        .window(100, 64 * 1024)
        .compression_level(1)
        .batch(4)
        .retry(Backoff::new().base(Duration::from_millis(500)).max(Duration::from_secs(90)))
        .ttl(Duration::from_secs(7 * 86_400))
        .report_losses(false)
        .stderr(false)
        .shutdown_timeout(Duration::from_secs(1));
    let configured = builder(&receiver).config(&config).unwrap();
    assert_eq!(without_jitter(&format!("{configured:?}")), without_jitter(&format!("{built:?}")));
}

#[test]
fn what_the_program_sets_stays_unless_the_file_says_otherwise() {
    let receiver = Receiver::start().unwrap();
    let options = |toml: &str| {
        let config = toml::from_str(toml).unwrap();
        let retry = Backoff::new().base(Duration::from_secs(3)).max(Duration::from_secs(11));
        let builder = builder(&receiver).window(7, 7000).ttl(Duration::from_secs(9)).retry(retry);
        format!("{:?}", builder.config(&config).unwrap())
    };
    let kept = options("window = { bytes = '8 kB' }");
    assert!(
        kept.contains("window_events: 7, window_bytes: 8000") && kept.contains("ttl: Some(9s)"),
        "{kept}"
    );
    assert!(options("ttl = 'none'").contains("ttl: None"));
    let kept = options("retry = { base = '2 s' }");
    assert!(kept.contains("base: 2s") && kept.contains("max: 11s"), "{kept}");
    assert!(options("overflow = 'drop_oldest'").contains("overflow: DropOldest"));
}

#[test]
fn what_is_unknown_or_senseless_is_refused_where_it_stands() {
    let cases = [
        ("\nlingre = '5 ms'", "line 2", "unknown field `lingre`, expected one of"),
        ("linger = 5", "line 1", "a duration with its unit in quotes"),
        ("arena_bytes = '8 MX'", "line 1", "is no size"),
        ("overflow = 'drop_all'", "line 1", "unknown variant `drop_all`"),
        ("overflow = { block = { time = '1 s' } }", "line 1", "time"),
        ("window = { count = 1 }", "line 1", "unknown field `count`"),
        ("retry = { min = '1 s' }", "line 1", "unknown field `min`"),
        ("[queue]\ntype = 'memory'\nbytes = 1", "line", "unknown field `bytes`"),
        ("[queue]\ntype = 'tape'", "line", "unknown variant `tape`"),
        ("[queue]\nmax_bytes = 1", "line", "missing field `type`"),
        ("[dead_letters]\nmax_bytes = 1", "line 1", "missing field `path`"),
    ];
    for (toml, place, cause) in cases {
        let error = error(toml);
        assert!(error.contains(place) && error.contains(cause), "{toml}: {error}");
    }
}

#[test]
fn a_queue_in_memory_can_be_limited() {
    let receiver = Receiver::start().unwrap();
    let config = toml::from_str("[queue]\ntype = 'memory'\nmax_bytes = '1 MiB'").unwrap();
    let (handler, guard) = builder(&receiver).config(&config).unwrap().start().unwrap();
    handler.emit(&info("configured"));
    assert!(guard.shutdown(LONG).complete);
    assert_eq!(messages(&receiver), ["configured"]);
}

#[test]
fn a_file_for_dead_letters_that_cannot_be_opened_is_named() {
    let receiver = Receiver::start().unwrap();
    let config = toml::from_str("[dead_letters]\npath = '/nowhere/at/all'").unwrap();
    let error = builder(&receiver).config(&config).map(drop).unwrap_err();
    assert!(matches!(error, ConfigError::DeadLetters { .. }));
    assert!(error.to_string().contains("/nowhere/at/all") && error.source().is_some());
}

#[cfg(feature = "sled")]
mod sled {
    use super::*;
    use logstash_handler::SledQueue;
    use logstash_handler::queue::Queue;

    #[test]
    fn a_queue_on_disk_keeps_what_the_peer_does_not_take() {
        for persistence in ["always", "on_backlog"] {
            let (receiver, directory) = (Receiver::start().unwrap(), tempfile::tempdir().unwrap());
            let path = directory.path().join("log-queue");
            let builder = builder(&receiver);
            drop(receiver);
            let config = toml::from_str(&format!(
                "[queue]\ntype = 'sled'\npath = '{}'\npersistence = '{persistence}'",
                path.display()
            ))
            .unwrap();
            let (handler, guard) = builder.stderr(false).config(&config).unwrap().start().unwrap();
            handler.emit(&info("kept"));
            let report = guard.shutdown(LONG);
            assert_eq!((report.stored, report.unsaved), (1, 0), "{report}");
            drop(handler);
            assert_eq!(SledQueue::open(path).unwrap().depth().events, 1);
        }
    }

    #[test]
    fn a_queue_that_cannot_be_opened_is_an_error() {
        let receiver = Receiver::start().unwrap();
        let config = toml::from_str("[queue]\ntype = 'sled'\npath = '/dev/null/queue'").unwrap();
        let error = builder(&receiver).config(&config).map(drop).unwrap_err();
        assert!(matches!(error, ConfigError::Queue(_)));
        assert!(error.source().is_some_and(|cause| cause.to_string().contains("/dev/null/queue")));
    }
}

/// What an option looks like, without what is drawn at random.
fn without_jitter(debug: &str) -> String {
    let (before, random) = debug.split_once("random: ").unwrap();
    let (_, after) = random.split_once(')').unwrap();
    format!("{before}{after}")
}
