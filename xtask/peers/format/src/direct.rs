//! The formatter alone, against `serde_json` with a structure of the same document.

use std::error::Error;
use std::fmt;
use std::process;
use std::thread;
use std::time::SystemTime;

use logstash_format::{EcsFormatter, Event, Fields, Formatter, Level, LogstashFormatter, Origin, Value};
use serde::{Serialize, Serializer};

use crate::case::{BARE, ERROR, FIELDS};
use crate::error::OrderFailed;
use crate::sink;
use crate::{Settings, Side};

pub(crate) fn measure(settings: &Settings) {
    let logstash = LogstashFormatter::new().program("shop").host("web-1");
    let ecs = EcsFormatter::new().service_name("shop").host("web-1");
    let order: [(&str, Value<'_>); 4] = [
        ("order", 1001_u64.into()),
        ("customer", "Ada Lovelace".into()),
        ("amount", 59.9.into()),
        ("express", true.into()),
    ];
    let failure = OrderFailed::new();

    let cases: [((&str, &[&str]), &str, &dyn Fields, Option<&OrderFailed>); 3] = [
        (BARE, "order placed", &(), None),
        (FIELDS, "order placed", &order, None),
        (ERROR, "order not placed", &(), Some(&failure)),
    ];
    for ((case, facts), message, fields, error) in cases {
        let mut extra = Extra::new(error);
        if case == FIELDS.0 {
            extra = extra.with_order();
        }
        let sides = vec![
            Side::new("logstash", || write(&logstash, message, fields, error)),
            Side::new("ecs", || write(&ecs, message, fields, error)),
            Side::new("serde_json", || Document::write(message, &extra)),
        ];
        Side::measure_all(settings, "direct", case, facts, sides);
    }
}

fn write(formatter: &impl Formatter, message: &str, fields: &dyn Fields, error: Option<&OrderFailed>) {
    let origin = Origin::new().file("src/orders.rs").line(42).module("shop::orders");
    let mut event = Event::new(Level::Info, "shop::orders", message).origin(origin).fields(fields);
    if let Some(error) = error {
        event = event.error(error).error_type("OrderFailed");
    }
    let written = sink::with(|out| formatter.format(&event, out));
    assert!(written.is_ok(), "an event was not formatted");
}

/// What the Logstash formatter writes, as a structure that is filled for each event.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: Text<'a>,
    #[serde(rename = "@version")]
    version: &'a str,
    host: &'a str,
    level: &'a str,
    logsource: &'a str,
    message: &'a str,
    pid: u32,
    program: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    extra: Extra<'a>,
}

#[derive(Serialize)]
struct Extra<'a> {
    line: u32,
    logger_name: &'a str,
    path: &'a str,
    process_name: &'a str,
    thread_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    express: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack_trace: Option<Chain<'a>>,
}

impl<'a> Extra<'a> {
    fn new(error: Option<&'a OrderFailed>) -> Self {
        Self {
            line: 42,
            logger_name: "shop::orders",
            path: "src/orders.rs",
            process_name: "format-peer",
            thread_name: "main",
            order: None,
            customer: None,
            amount: None,
            express: None,
            error_type: error.map(|_| "OrderFailed"),
            error_message: error.map(|error| Text(error)),
            stack_trace: error.map(|error| Chain(error)),
        }
    }

    fn with_order(self) -> Self {
        Self {
            order: Some(1001),
            customer: Some("Ada Lovelace"),
            amount: Some(59.9),
            express: Some(true),
            ..self
        }
    }
}

impl<'a> Document<'a> {
    fn write(message: &'a str, extra: &'a Extra<'a>) {
        // What is known only when the event happens is found out here, as the formatter does.
        let thread = thread::current();
        let document = Document {
            timestamp: Text(&humantime::format_rfc3339_millis(SystemTime::now())),
            version: "1",
            host: "web-1",
            level: "INFO",
            logsource: "web-1",
            message,
            pid: process::id(),
            program: "shop",
            kind: "rust-logstash",
            extra: Extra { thread_name: thread.name().unwrap_or_default(), ..*extra },
        };
        let written = sink::with(|out| serde_json::to_writer(out, &document));
        assert!(written.is_ok(), "a structure was not serialised");
    }
}

/// What displays itself.
#[derive(Clone, Copy)]
struct Text<'a>(&'a dyn fmt::Display);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// An error with its causes.
#[derive(Clone, Copy)]
struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, "\ncaused by: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl Serialize for Chain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
