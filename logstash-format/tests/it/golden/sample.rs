//! A record of Python's logging as an event of ours.

use std::error::Error;
use std::fmt;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use logstash_format::{Event, Level, Origin, Value};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::request::http_context;

#[derive(Deserialize)]
pub(super) struct Recording {
    pub(super) samples: Vec<Sample>,
}

#[derive(Deserialize)]
pub(super) struct Sample {
    pub(super) name: String,
    /// Options of the formatter.
    pub(super) kwargs: Map<String, Json>,
    pub(super) record: Map<String, Json>,
    pub(super) request: Option<Json>,
    exception: Option<Exception>,
    /// The document, if there is one.
    pub(super) output: Option<String>,
    /// The exception of the formatter, if there is one.
    pub(super) raises: Option<String>,
}

#[derive(Deserialize)]
struct Exception {
    r#type: String,
    formatted: String,
}

impl Sample {
    /// What the original wrote, with its bare `NaN` and `Infinity` as texts.
    pub(super) fn document(&self) -> Option<Json> {
        let json = self.output.as_ref()?;
        let json = json.replace(": NaN", r#": "NaN""#).replace(": Infinity", r#": "Infinity""#);
        Some(serde_json::from_str(&json).unwrap())
    }

    /// Calls `then` on a thread of the record's name.
    pub(super) fn with_event<R: Send>(&self, then: impl FnOnce(&Event<'_>) -> R + Send) -> R {
        let name = self.text("threadName").to_owned();
        thread::scope(|scope| {
            let thread = thread::Builder::new().name(name).spawn_scoped(scope, || self.event(then));
            thread.unwrap().join().unwrap()
        })
    }

    fn event<R>(&self, then: impl FnOnce(&Event<'_>) -> R) -> R {
        let level = match self.text("levelname") {
            "INFO" => Level::Info,
            "WARNING" => Level::Warn,
            "ERROR" => Level::Error,
            other => panic!("no level {other}"),
        };
        let micros = (self.record["created"].as_f64().unwrap() * 1e6) as u64;
        let line = self.record["lineno"].as_u64().and_then(|line| line.try_into().ok());
        let origin = Origin::new().file(self.text("pathname")).line(line).function(self.text("funcName"));
        let message = self.message();
        let values: Vec<_> = self.extras().collect();
        let fields: Vec<_> = values.iter().map(|(name, value)| (name, as_value(value))).collect();
        let failure = self.exception.as_ref().map(|exception| Failure::of(&exception.formatted));
        let http = http_context(self);

        let mut event = Event::new(level, self.text("name"), &message)
            .at(UNIX_EPOCH + Duration::from_micros(micros))
            .pid(self.record["process"].as_u64().unwrap().try_into().unwrap())
            .origin(origin)
            .fields(&fields);
        if let (Some(failure), Some(exception)) = (&failure, &self.exception) {
            event = event.error(failure).error_type(&exception.r#type);
        }
        if let Some(http) = &http {
            event = event.http(http);
        }
        then(&event)
    }

    fn text(&self, name: &str) -> &str {
        self.record[name].as_str().unwrap()
    }

    /// The message with its arguments, as far as the samples need it.
    fn message(&self) -> String {
        let mut message = self.text("msg").to_owned();
        let args = &self.record["args"];
        for arg in args["$tuple"].as_array().into_iter().flatten() {
            let (place, text) = match arg {
                Json::String(text) => ("%s", text.clone()),
                Json::Number(number) if number.is_f64() => {
                    ("%.2f", format!("{:.2}", number.as_f64().unwrap()))
                }
                other => ("%d", other.to_string()),
            };
            message = message.replacen(place, &text, 1);
        }
        for (name, arg) in args.as_object().into_iter().flatten() {
            if let Some(text) = arg.as_str() {
                message = message.replace(&format!("%({name})s"), text);
            }
        }
        message
    }

    /// What the call that logged gave the record beyond what every record has.
    fn extras(&self) -> impl Iterator<Item = (String, Json)> {
        self.record
            .iter()
            .filter(|(name, _)| !OF_EVERY_RECORD.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), untagged(value)))
    }
}

/// Values of Python as those that a Rust program would log in their place.
fn untagged(value: &Json) -> Json {
    match value {
        Json::Array(list) => list.iter().map(untagged).collect(),
        Json::Object(members) => match members.iter().next() {
            Some((tag, value)) if matches!(tag.as_str(), "$tuple" | "$set") => untagged(value),
            Some((tag, value)) if matches!(tag.as_str(), "$datetime" | "$date" | "$uuid" | "$repr") => {
                value.clone()
            }
            _ => members
                .iter()
                .map(|(name, value)| (name.trim_start_matches("$key:").to_owned(), untagged(value)))
                .collect(),
        },
        _ => value.clone(),
    }
}

fn as_value(json: &Json) -> Value<'_> {
    match json {
        Json::String(text) => Value::from(text),
        Json::Number(number) if number.as_f64().is_some_and(|number| number == BIG as f64) => {
            Value::from(BIG)
        }
        Json::Object(members) => match members.get("$float").and_then(Json::as_str) {
            Some(float) => Value::F64(float.parse().unwrap()),
            None => Value::serialize(json),
        },
        _ => Value::serialize(json),
    }
}

/// The one integer among the samples that has more than 64 bits.
const BIG: u128 = 1 << 70;

/// Attributes that are not extras. `status_code`, `request` and `response` make up the request.
const OF_EVERY_RECORD: [&str; 25] = [
    "args",
    "created",
    "exc_info",
    "exc_text",
    "filename",
    "funcName",
    "levelname",
    "levelno",
    "lineno",
    "module",
    "msecs",
    "msg",
    "name",
    "pathname",
    "process",
    "processName",
    "relativeCreated",
    "request",
    "response",
    "stack_info",
    "status_code",
    "taskName",
    "thread",
    "threadName",
    "asctime",
];

/// An exception, with the one that caused it.
#[derive(Debug)]
struct Failure {
    message: String,
    source: Option<Box<Self>>,
}

impl Failure {
    fn of(formatted: &str) -> Self {
        let mut cause = None;
        for trace in formatted.split("\n\nThe above exception was the direct cause") {
            let last = trace.trim_end().lines().last().unwrap();
            let message = last.split_once(": ").unwrap().1.to_owned();
            cause = Some(Self { message, source: cause.map(Box::new) });
        }
        cause.unwrap()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
