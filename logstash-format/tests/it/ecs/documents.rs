use std::error::Error;
use std::fmt;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use logstash_format::{DataStream, EcsCustom, EcsFormatter, EcsLayout, Event, Level, Origin, Value};
use serde_json::json;

use super::formatter;
use crate::rig::{document, text};

/// An event that is the same wherever it is made, but for the number of its thread.
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

/// What the process and the thread make of a document.
struct Here {
    executable: String,
    name: String,
    pid: u32,
    thread: String,
}

impl Here {
    fn new() -> Self {
        let executable = std::env::current_exe().unwrap();
        let thread = format!("{:?}", thread::current().id());
        Self {
            name: executable.file_name().unwrap().to_str().unwrap().to_owned(),
            executable: executable.to_str().unwrap().to_owned(),
            pid: std::process::id(),
            thread: thread["ThreadId(".len()..].trim_end_matches(')').to_owned(),
        }
    }
}

#[test]
fn order_of_fields() {
    placed(|event| {
        let fields = [("order_id", Value::from(1001)), ("event.action", Value::from("placed"))];
        let formatter = formatter().service_name("shop").tags(["a"]).metadata("pipeline", "orders");
        let Here { executable, name, pid, thread } = Here::new();
        assert_eq!(
            text(&formatter, &event.fields(&fields)),
            format!(
                concat!(
                    r#"{{"@timestamp":"2025-10-09T08:53:20.123Z","log.level":"INFO","message":"order placed","#,
                    r#""ecs.version":"8.11.0","@metadata":{{"pipeline":"orders"}},"#,
                    r#""event":{{"action":"placed","dataset":"shop"}},"host":{{"hostname":"vm","name":"vm"}},"#,
                    r#""log":{{"logger":"shop::orders","#,
                    r#""origin":{{"file":{{"line":42,"name":"orders.rs"}},"function":"place_order"}}}},"#,
                    r#""process":{{"executable":"{executable}","name":"{name}","pid":{pid},"#,
                    r#""thread":{{"id":{thread},"name":"worker-3"}}}},"service":{{"name":"shop"}},"#,
                    r#""tags":["a"],"labels":{{"order_id":1001}}}}"#,
                ),
                executable = executable,
                name = name,
                pid = pid,
                thread = thread,
            )
        );
    });
}

#[test]
fn dotted() {
    placed(|event| {
        let fields = [("order_id", Value::from(1001)), ("event.action", Value::from("placed"))];
        let Here { executable, name, pid, thread } = Here::new();
        let formatter = formatter().layout(EcsLayout::Dotted).custom(EcsCustom::TopLevel);
        assert_eq!(
            document(&formatter, &event.fields(&fields)),
            json!({
                "@timestamp": "2025-10-09T08:53:20.123Z",
                "log.level": "INFO",
                "message": "order placed",
                "ecs.version": "8.11.0",
                "event.action": "placed",
                "host.hostname": "vm",
                "host.name": "vm",
                "log.logger": "shop::orders",
                "log.origin.file.line": 42,
                "log.origin.file.name": "orders.rs",
                "log.origin.function": "place_order",
                "order_id": 1001,
                "process.executable": executable,
                "process.name": name,
                "process.pid": pid,
                "process.thread.id": thread.parse::<u64>().unwrap(),
                "process.thread.name": "worker-3",
            })
        );
    });
}

#[test]
fn as_python_nests_them() {
    placed(|event| {
        let fields = [("order_id", Value::from(1001))];
        let Here { executable, name, pid, thread } = Here::new();
        assert_eq!(
            document(&formatter().layout(EcsLayout::Python), &event.fields(&fields)),
            json!({
                "@timestamp": "2025-10-09T08:53:20.123Z",
                "@version": "1",
                "message": "order placed",
                "ecs": {"version": "8.11.0"},
                "extra": {"order_id": 1001},
                "host": {"hostname": "vm", "name": "vm"},
                "log": {
                    "level": "INFO",
                    "logger": "shop::orders",
                    "origin": {"file": {"line": 42, "name": "orders.rs"}, "function": "place_order"},
                },
                "process": {
                    "executable": executable,
                    "name": name,
                    "pid": pid,
                    "thread": {"id": thread.parse::<u64>().unwrap(), "name": "worker-3"},
                },
            })
        );
    });
}

#[test]
fn what_is_not_known_is_left_out() {
    thread::spawn(|| {
        let document = document(&formatter(), &Event::new(Level::Error, "", ""));
        for absent in ["message", "log", "error", "http", "trace", "tags", "labels", "service", "event"] {
            assert_eq!(document.get(absent), None, "{absent}");
        }
        assert_eq!(document["process"]["thread"].get("name"), None);
    })
    .join()
    .unwrap();
}

#[test]
fn options() {
    let formatter = EcsFormatter::new()
        .host("web-1.example.org")
        .service_name("shop")
        .service_version("1.4.2")
        .service_environment("production")
        .service_node_name("shop-1")
        .ecs_version("9.2.0");
    let event = Event::new(Level::Info, "test", "");
    let plain = document(&formatter, &event);
    assert_eq!(
        plain["service"],
        json!({
            "name": "shop",
            "version": "1.4.2",
            "environment": "production",
            "node": {"name": "shop-1"},
        })
    );
    assert_eq!(plain["ecs.version"], "9.2.0");
    assert_eq!(plain["host"]["name"], "web-1.example.org");
    assert_eq!(plain["event"]["dataset"], "shop");

    let stream = formatter.data_stream(DataStream::new("shop.orders", "test").unwrap());
    let with_stream = document(&stream, &event);
    let expected = json!({"type": "logs", "dataset": "shop.orders", "namespace": "test"});
    assert_eq!(with_stream["data_stream"], expected);
    assert_eq!(with_stream["event"]["dataset"], "shop.orders");
    assert_eq!(document(&stream.event_dataset("shop.all"), &event)["event"]["dataset"], "shop.all");
}

#[test]
fn the_machine_is_found_out() {
    let event = Event::new(Level::Info, "test", "");
    let plain = document(&EcsFormatter::default(), &event);
    let full = document(&EcsFormatter::new().fqdn(true), &event);
    let host = plain["host"]["hostname"].as_str().unwrap();
    assert!(!host.is_empty());
    assert_eq!(full["host"]["hostname"], host);
    assert!(full["host"]["name"].as_str().unwrap().starts_with(host));
}

#[test]
fn ensure_ascii_reaches_every_part() {
    let fields = [("kläd", Value::from("zoë ☃ 😀")), ("url.path", Value::from("/ö"))];
    let event = Event::new(Level::Info, "ünit", "grüß dich 😀").fields(&fields);
    for custom in [EcsCustom::Labels, EcsCustom::TopLevel, EcsCustom::Namespace("lädchen".to_owned())] {
        let formatter = formatter()
            .host("hönir")
            .tags(["ä"])
            .field("ö", "é\n")
            .metadata("ä", "ö")
            .service_name("lädchen")
            .custom(custom);
        let raw = text(&formatter, &event);
        let ascii = text(&formatter.ensure_ascii(true), &event);
        assert!(ascii.is_ascii());
        assert!(raw.contains("grüß dich 😀"), "{raw}");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&ascii), read(&raw));
    }
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

#[test]
fn errors() {
    let error = Failure("order lost", Some(Box::new(Failure("no route", None))));
    let plain = Event::new(Level::Error, "test", "failed");
    let event = plain.clone().error(&error).error_type("Failure");
    let expected =
        json!({"message": "order lost", "stack_trace": "order lost\ncaused by: no route", "type": "Failure"});
    assert_eq!(document(&formatter(), &event)["error"], expected);
    let event = event.backtrace(&"at main");
    let trace = "order lost\ncaused by: no route\nat main";
    assert_eq!(document(&formatter(), &event)["error"]["stack_trace"], trace);

    for name in ["error", "err"] {
        let other = Failure("other", None);
        let fields = [
            ("error.message", Value::from("mine")),
            ("order_id", Value::from(1)),
            (name, Value::Error(&error)),
            (name, Value::Error(&other)),
            ("cause", Value::Error(&error)),
        ];
        let document = document(&formatter(), &plain.clone().fields(&fields));
        assert_eq!(
            document["error"],
            json!({"message": "order lost", "stack_trace": "order lost\ncaused by: no route"})
        );
        assert_eq!(
            document["labels"],
            json!({
                "order_id": 1,
                name: "other",
                "cause": "order lost\ncaused by: no route",
                "error_message": "mine",
            })
        );
    }
}

#[test]
fn names_of_errors_are_free_without_one() {
    let fields = [("error.type", Value::from("Timeout")), ("error", Value::from("timeout"))];
    let document = document(&formatter(), &Event::new(Level::Error, "test", "failed").fields(&fields));
    assert_eq!(document["error"], json!({"type": "Timeout"}));
    assert_eq!(document["labels"], json!({"error": "timeout"}));
}

#[test]
fn a_module_that_is_not_the_logger_is_kept() {
    let event = Event::new(Level::Info, "audit", "").origin(Origin::new().module("shop::orders"));
    assert_eq!(document(&formatter(), &event)["labels"], json!({"module_path": "shop::orders"}));
}
