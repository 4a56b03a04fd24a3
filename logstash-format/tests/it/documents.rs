use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use logstash_format::{Event, FormatError, Formatter, HostStyle, Level, LogstashFormatter, Origin, Value};
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
