use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use logstash_format::{
    Event, FormatError, Formatter, HostStyle, Level, LevelNames, LevelValues, LogstashFormatter, Origin,
    Precision, Value,
};
use serde_json::{Value as Json, json};

use crate::rig::{document, formatter, text};

/// An event that is the same wherever it is made.
fn placed(f: impl FnOnce(Event<'_>) + Send) {
    let origin = Origin::new().file("src/orders.rs").line(42).module("shop::orders").function("place_order");
    let run = || {
        f(Event::new(Level::Info, "shop::orders", "order placed")
            .at(UNIX_EPOCH + Duration::from_micros(1_760_000_000_123_999))
            .origin(origin));
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("worker-3".to_owned());
        thread.spawn_scoped(scope, run).unwrap().join().unwrap();
    });
}

fn process_name() -> String {
    let path = std::env::current_exe().unwrap();
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn order_of_fields() {
    placed(|event| {
        let fields = [("order_id", Value::from(1001)), ("note", Value::Null)];
        let formatter = formatter().tags(["a", "b"]).metadata("beat", "shop").extra("version", "1.4.2");
        assert_eq!(
            text(&formatter, &event.fields(&fields)),
            format!(
                concat!(
                    r#"{{"@timestamp":"2025-10-09T08:53:20.123Z","@version":"1","host":"vm","#,
                    r#""level":"INFO","logsource":"vm","message":"order placed","pid":{},"#,
                    r#""program":"/srv/app","type":"rust-logstash","@metadata":{{"beat":"shop"}},"#,
                    r#""tags":["a","b"],"extra":{{"func_name":"place_order","line":42,"#,
                    r#""logger_name":"shop::orders","path":"src/orders.rs","#,
                    r#""process_name":"{}","thread_name":"worker-3","#,
                    r#""order_id":1001,"note":null,"version":"1.4.2"}}}}"#,
                ),
                std::process::id(),
                process_name(),
            )
        );
    });
}

#[test]
fn flat() {
    placed(|event| {
        let fields = [("order_id", Value::from(1001))];
        let event = event.fields(&fields);
        for prefix in [None, Some("")] {
            let formatter = formatter().extra_prefix(prefix).extra("version", 7);
            assert_eq!(
                document(&formatter, &event),
                json!({
                    "@timestamp": "2025-10-09T08:53:20.123Z",
                    "@version": "1",
                    "host": "vm",
                    "level": "INFO",
                    "logsource": "vm",
                    "message": "order placed",
                    "pid": std::process::id(),
                    "program": "/srv/app",
                    "type": "rust-logstash",
                    "func_name": "place_order",
                    "line": 42,
                    "logger_name": "shop::orders",
                    "path": "src/orders.rs",
                    "process_name": process_name(),
                    "thread_name": "worker-3",
                    "order_id": 1001,
                    "version": 7,
                })
            );
        }
    });
}

#[test]
fn what_is_not_known_is_left_out() {
    thread::spawn(|| {
        let event = Event::new(Level::Error, "test", "");
        let document = document(&formatter(), &event);
        assert_eq!(document["message"], "");
        let thread = format!("{:?}", thread::current().id());
        assert_eq!(
            document["extra"],
            json!({
                "logger_name": "test",
                "process_name": process_name(),
                "thread_name": thread,
            })
        );
        for absent in ["tags", "@metadata"] {
            assert_eq!(document.get(absent), None);
        }
    })
    .join()
    .unwrap();
}

#[test]
fn module_stands_where_it_says_more_than_the_logger() {
    let event = Event::new(Level::Info, "audit", "").origin(Origin::new().module("shop::orders"));
    assert_eq!(document(&formatter(), &event)["extra"]["module_path"], "shop::orders");
}

#[test]
fn levels() {
    for (level, name) in [
        (Level::Trace, "TRACE"),
        (Level::Debug, "DEBUG"),
        (Level::Info, "INFO"),
        (Level::Warn, "WARNING"),
        (Level::Error, "ERROR"),
    ] {
        let event = Event::new(level, "test", "");
        assert_eq!(document(&formatter(), &event)["level"], name);
    }
    assert!(Level::Trace < Level::Debug && Level::Warn < Level::Error);
}

#[test]
fn options() {
    let formatter = formatter()
        .message_type("shop")
        .host("web \"1\"")
        .host_style(HostStyle::Object)
        .extra_prefix("app")
        .extra("list", [1, 2])
        .extra("list", json!({"nested": [f64::MAX, 1.5]}))
        .metadata("pipeline", "orders");
    let document = document(&formatter, &Event::new(Level::Info, "test", format_args!("{}-{}", 1, "2")));
    assert_eq!(document["message"], "1-2");
    assert_eq!(document["type"], "shop");
    assert_eq!(document["host"], json!({"name": "web \"1\""}));
    assert_eq!(document["logsource"], "web \"1\"");
    assert_eq!(document["app"]["list"], json!({"nested": [f64::MAX, 1.5]}));
    assert_eq!(document["@metadata"], json!({"pipeline": "orders"}));
}

#[test]
fn precision_of_the_time() {
    let time = UNIX_EPOCH + Duration::new(1_760_000_000, 123_456_789);
    let event = Event::new(Level::Info, "test", "").at(time);
    for (precision, text) in [
        (Precision::Milliseconds, "2025-10-09T08:53:20.123Z"),
        (Precision::Microseconds, "2025-10-09T08:53:20.123456Z"),
        (Precision::Nanoseconds, "2025-10-09T08:53:20.123456789Z"),
    ] {
        assert_eq!(document(&formatter().precision(precision), &event)["@timestamp"], text);
    }
}

#[test]
fn names_and_numbers_of_levels() {
    for (level, names, numbers) in [
        (Level::Trace, ["TRACE", "TRACE", "trace", "debug"], [5, 7]),
        (Level::Debug, ["DEBUG", "DEBUG", "debug", "debug"], [10, 7]),
        (Level::Info, ["INFO", "INFO", "info", "info"], [20, 6]),
        (Level::Warn, ["WARNING", "WARN", "warn", "warning"], [30, 4]),
        (Level::Error, ["ERROR", "ERROR", "error", "err"], [40, 3]),
    ] {
        let event = Event::new(level, "test", "");
        let styles = [LevelNames::Python, LevelNames::Upper, LevelNames::Lower, LevelNames::Syslog];
        for (style, name) in styles.into_iter().zip(names) {
            let document = document(&formatter().level_names(style), &event);
            assert_eq!((&document["level"], document.get("level_value")), (&json!(name), None));
        }
        for (style, number) in [LevelValues::Python, LevelValues::Syslog].into_iter().zip(numbers) {
            let document = document(&formatter().level_values(style), &event);
            assert_eq!(document["level_value"], number);
        }
    }
}

#[test]
fn the_source_location_can_be_left_out() {
    placed(|event| {
        let document = document(&formatter().source_location(false), &event);
        for absent in ["func_name", "line", "module_path", "path"] {
            assert_eq!(document["extra"].get(absent), None, "{absent}");
        }
        assert_eq!(document["extra"]["logger_name"], "shop::orders");
    });
}

#[test]
fn ids_of_events() {
    let event = Event::new(Level::Info, "test", "");
    assert_eq!(document(&formatter(), &event).get("event_id"), None);
    let formatter = formatter().event_id(true);
    let made: BTreeSet<_> = (0..100).map(|_| document(&formatter, &event)["event_id"].to_string()).collect();
    assert_eq!(made.len(), 100);
    assert!(made.iter().all(|id| id.split('-').count() == 3), "{made:?}");
    assert_eq!(document(&formatter, &event.id("order \"7\""))["event_id"], "order \"7\"");
}

#[test]
fn the_process_of_the_caller_counts() {
    let event = Event::new(Level::Info, "test", "");
    let remembering = formatter().remember_pid(true);
    assert_eq!(document(&remembering, &event)["pid"], std::process::id());
    let event = event.pid(7);
    assert_eq!(document(&formatter(), &event)["pid"], 7);
    assert_eq!(document(&remembering, &event)["pid"], 7);
    assert!(document(&formatter().event_id(true), &event)["event_id"].as_str().unwrap().contains("-7-"));
}

#[test]
fn tags_are_absent_when_empty() {
    let event = Event::new(Level::Info, "test", "");
    let formatter = formatter().tags(["a"]).tags([] as [&str; 0]);
    assert_eq!(document(&formatter, &event).get("tags"), None);
}

#[test]
fn the_machine_and_the_program_are_found_out() {
    let event = Event::new(Level::Info, "test", "");
    let plain = document(&LogstashFormatter::new(), &event);
    let full = document(&LogstashFormatter::new().fqdn(true), &event);
    let host = plain["host"].as_str().unwrap();
    assert!(!host.is_empty());
    assert!(full["host"].as_str().unwrap().starts_with(host));
    assert_eq!(plain["program"], std::env::args().next().unwrap());
}

#[test]
fn ensure_ascii_reaches_every_part() {
    let fields = [("kläd", Value::from("zoë ☃ 😀"))];
    let event = Event::new(Level::Info, "ünit", "grüß dich 😀").fields(&fields);
    let formatter = formatter().host("hönir").tags(["ä"]).extra("ö", json!({"ß": "é\n"})).metadata("ä", "ö");
    let raw = text(&formatter, &event);
    let ascii = text(&formatter.ensure_ascii(true), &event);
    assert!(ascii.is_ascii());
    assert!(ascii.contains(r"gr\u00fc\u00df dich \ud83d\ude00"), "{ascii}");
    assert!(raw.contains("grüß dich 😀"), "{raw}");
    assert_eq!(serde_json::from_str::<Json>(&ascii).unwrap(), serde_json::from_str::<Json>(&raw).unwrap());
}

#[derive(Debug)]
struct Failure(&'static str, Option<Box<Self>>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

fn nested_failure() -> Failure {
    let cause = Failure("no route", None);
    let cause = Failure("connect failed", Some(Box::new(cause)));
    Failure("order lost", Some(Box::new(cause)))
}

const CHAIN: &str = "order lost\ncaused by: connect failed\ncaused by: no route";

#[test]
fn error_of_the_event() {
    let error = nested_failure();
    let event = Event::new(Level::Error, "test", "failed").error(&error).error_type("Failure");
    let extra = &document(&formatter(), &event)["extra"];
    assert_eq!(extra["error_message"], "order lost");
    assert_eq!(extra["error_type"], "Failure");
    assert_eq!(extra["stack_trace"], CHAIN);
}

#[test]
fn error_in_a_field() {
    let error = nested_failure();
    for name in ["error", "err"] {
        let fields = [("order_id", Value::from(1)), (name, Value::Error(&error))];
        let event = Event::new(Level::Error, "test", "failed").fields(&fields);
        let extra = &document(&formatter(), &event)["extra"];
        assert_eq!(extra["error_message"], "order lost");
        assert_eq!(extra["stack_trace"], CHAIN);
        assert_eq!(extra["order_id"], 1);
        assert_eq!(extra.get(name), None);
    }
}

#[test]
fn further_errors_are_fields() {
    let (first, second) = (Failure("first", None), nested_failure());
    let fields =
        [("err", Value::Error(&first)), ("error", Value::Error(&second)), ("cause", Value::Error(&second))];
    let event = Event::new(Level::Error, "test", "failed").fields(&fields);
    let extra = &document(&formatter(), &event)["extra"];
    assert_eq!(extra["error_message"], "first");
    assert_eq!(extra["error"], CHAIN);
    assert_eq!(extra["cause"], CHAIN);
    assert_eq!(extra.get("stack_trace"), None);

    let event = event.error(&second);
    let extra = &document(&formatter(), &event)["extra"];
    assert_eq!(extra["error_message"], "order lost");
    assert_eq!(extra["err"], "first");
    assert_eq!(extra["error"], CHAIN);
}

#[test]
fn names_of_errors_are_free_without_one() {
    let fields = [
        ("error", Value::from("timeout")),
        ("error_type", Value::from("Timeout")),
        ("stack_trace", Value::from("main")),
    ];
    let event = Event::new(Level::Error, "test", "failed").fields(&fields);
    let extra = &document(&formatter(), &event)["extra"];
    assert_eq!(extra["error"], "timeout");
    assert_eq!(extra["error_type"], "Timeout");
    assert_eq!(extra["stack_trace"], "main");
}

#[test]
fn pointers_to_formatters_are_formatters() {
    let event = Event::new(Level::Info, "test", "");
    let expected = text(&formatter(), &event);
    let boxed: Box<dyn Formatter> = Box::new(formatter());
    assert_eq!(text(&boxed, &event), expected);
    assert_eq!(text(&Arc::new(formatter()), &event), expected);
    assert_eq!(text(&&formatter(), &event), expected);
}

#[test]
fn format_errors_have_a_cause() {
    let error = FormatError::new("no template");
    assert_eq!(error.to_string(), "the event cannot be formatted");
    assert_eq!(error.source().unwrap().to_string(), "no template");
}
