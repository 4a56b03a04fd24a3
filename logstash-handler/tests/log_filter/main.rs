//! The filter of the `log` bridge, changed while the program runs.
//!
//! In a binary of its own, because it takes the process-wide logger.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(all(feature = "beats", feature = "env-filter"))]

use log::{LevelFilter, log_enabled};
use logstash_handler::{BeatsTransport, Handler, InitLogError, LogstashFormatter};
use logstash_transport::testing::Receiver;
use std::error::Error;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

#[test]
fn directives_let_through_what_they_say_and_can_be_changed() {
    let receiver = Receiver::start().unwrap();
    let transport = BeatsTransport::new(&receiver.address().to_string()).unwrap();
    let (handler, guard) = Handler::builder(LogstashFormatter::new(), transport).start().unwrap();

    let wrong = handler.clone().init_log_filtered("shop=loud").unwrap_err();
    assert!(matches!(wrong, InitLogError::Directives(_)));
    assert!(wrong.source().unwrap().to_string().contains("shop=loud"));

    let filter = handler.clone().init_log_filtered("warn,shop::orders=debug").unwrap();
    assert_eq!(log::max_level(), LevelFilter::Debug);
    assert!(log_enabled!(target: "shop::orders", log::Level::Debug));
    assert!(!log_enabled!(target: "shop", log::Level::Info));
    let log_all = |run: u32| {
        log::debug!(target: "shop::orders::checkout", "{run}: a module below");
        log::info!(target: "shop", "{run}: another target");
        log::warn!(target: "library", "{run}: of all targets");
        log::error!(target: "logstash_transport", "{run}: our own");
    };
    log_all(1);
    filter.set("info,library=off").unwrap();
    assert_eq!(log::max_level(), LevelFilter::Info);
    log_all(2);
    assert!(filter.set("info,library=loud").is_err());
    log_all(3);
    filter.clone().set("off").unwrap();
    assert_eq!(log::max_level(), LevelFilter::Off, "what is off costs nothing");
    log_all(4);
    filter.set("error/two").unwrap();
    log::error!(target: "shop", "one");
    log::error!(target: "shop", "two");

    assert!(guard.shutdown(LONG).complete);
    let message = |event: &bytes::Bytes| {
        let document: serde_json::Value = serde_json::from_slice(event).unwrap();
        document["message"].as_str().unwrap().to_owned()
    };
    let messages: Vec<_> = receiver.events().iter().map(message).collect();
    let expected =
        ["1: a module below", "1: of all targets", "2: another target", "3: another target", "two"];
    assert_eq!(messages, expected);
    let taken = handler.init_log_filtered("info").unwrap_err();
    assert!(matches!(taken, InitLogError::Taken(_)));
}
