use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};

use logstash_format::{TracingAdapter, record_new_span, record_values, tracing_event};
use serde_json::{Value as Json, json};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber, debug, error, event, info, info_span, trace, warn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::rig::{document, formatter};

/// Keeps the documents of events, as a handler would send them.
#[derive(Clone, Default)]
pub(crate) struct Documents {
    documents: Arc<Mutex<Vec<Json>>>,
    adapter: Option<TracingAdapter>,
    arrived: Arc<tokio::sync::Notify>,
}

impl Documents {
    pub(crate) fn of(adapter: TracingAdapter) -> Self {
        Self { adapter: Some(adapter), ..Self::default() }
    }

    /// Waits for as many events, and takes them.
    #[cfg(feature = "tower")]
    pub(crate) async fn wait(&self, events: usize) -> Vec<Json> {
        while self.documents.lock().unwrap().len() < events {
            self.arrived.notified().await;
        }
        self.take()
    }

    pub(crate) fn take(&self) -> Vec<Json> {
        let mut documents = std::mem::take(&mut *self.documents.lock().unwrap());
        for document in &mut documents {
            document["@timestamp"].take();
        }
        documents
    }
}

impl<S: Subscriber + for<'l> LookupSpan<'l>> Layer<S> for Documents {
    #[cfg(feature = "opentelemetry")]
    fn on_register_dispatch(&self, dispatch: &tracing::Dispatch) {
        if let Some(adapter) = &self.adapter {
            adapter.register_dispatch(dispatch);
        }
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        record_new_span(attributes, id, &context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        record_values(id, values, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let write = |event: &logstash_format::Event<'_>| document(&formatter(), event);
        let document = match &self.adapter {
            Some(adapter) => adapter.event(event, &context, write),
            None => tracing_event(event, &context, write),
        };
        self.documents.lock().unwrap().push(document);
        self.arrived.notify_one();
    }
}

/// The documents of what `log` logs; the same from two layers that share the spans.
pub(crate) fn documents(log: impl FnOnce()) -> Vec<Json> {
    let (first, second) = (Documents::default(), Documents::default());
    let subscriber = Registry::default().with(first.clone()).with(second.clone());
    tracing::subscriber::with_default(subscriber, log);
    let (first, second) = (first.take(), second.take());
    assert_eq!(first, second);
    first
}

pub(crate) fn one(log: impl FnOnce()) -> Json {
    let [document] = documents(log).try_into().unwrap();
    document
}

#[test]
fn an_event() {
    let document = one(|| warn!(target: "shop", order_id = 7, "order {} is late", 7));
    assert_eq!(document["level"], "WARNING");
    assert_eq!(document["message"], "order 7 is late");
    let extra = &document["extra"];
    assert_eq!(extra["logger_name"], "shop");
    assert_eq!(extra["module_path"], module_path!());
    assert_eq!(extra["path"], file!());
    assert!(extra["line"].is_u64());
    assert_eq!(extra["order_id"], 7);
    assert_eq!(extra.get("func_name"), None);
    assert_eq!(extra.get("message"), None);
}

#[test]
fn levels_and_messages() {
    let documents = documents(|| {
        trace!(message = "text");
        debug!(message = 5);
        info!(no = "message");
        event!(Level::WARN, message = ?Some("debug"));
        error!("formatted {}", 1);
    });
    let both: Vec<_> = documents
        .iter()
        .map(|document| (document["level"].as_str().unwrap(), document["message"].as_str().unwrap()))
        .collect();
    assert_eq!(
        both,
        [
            ("TRACE", "text"),
            ("DEBUG", "5"),
            ("INFO", ""),
            ("WARNING", "Some(\"debug\")"),
            ("ERROR", "formatted 1"),
        ]
    );
}

#[test]
fn fields_keep_their_types() {
    let document = one(|| {
        info!(
            bool = true,
            i64 = i64::MIN,
            u64 = u64::MAX,
            i128 = i128::MIN,
            u128 = u128::MAX,
            f64 = 1.5,
            nan = f64::NAN,
            str = "text",
            bytes = &b"a\xff"[..],
            display = %"shown",
            debug = ?Some("text"),
            empty = tracing::field::Empty,
        );
    });
    let mut expected = json!({
        "bool": true,
        "i64": i64::MIN,
        "u64": u64::MAX,
        "i128": i128::MIN.to_string(),
        "u128": u128::MAX.to_string(),
        "f64": 1.5,
        "nan": "NaN",
        "str": "text",
        "bytes": "a\u{fffd}",
        "display": "shown",
        "debug": "Some(\"text\")",
    });
    for (name, value) in expected.as_object_mut().unwrap() {
        assert_eq!(document["extra"][name], *value, "{name}");
    }
    assert_eq!(document["extra"].get("empty"), None);
}

#[test]
fn inner_fields_win() {
    let document = one(|| {
        let outer = info_span!("request", id = 1, user = "zoë", depth = "outer");
        let inner = info_span!(parent: &outer, "query", id = 2, table = "orders", depth = "inner");
        let _entered = inner.enter();
        info!(id = 3, "done");
    });
    let extra = &document["extra"];
    assert_eq!(extra["id"], 3);
    assert_eq!(extra["depth"], "inner");
    assert_eq!(extra["table"], "orders");
    assert_eq!(extra["user"], "zoë");
    assert_eq!(extra["func_name"], "query");
}

#[test]
fn span_fields_keep_their_types() {
    let document = one(|| {
        let span = info_span!(
            "span", bool = true, i64 = -1, u64 = u64::MAX, i128 = i128::MIN, u128 = 5_u128,
            f64 = 1.5, str = "text", bytes = &b"a\xff"[..], debug = ?Some(1),
            cause = &Lost(fmt::Error) as &(dyn Error + 'static), failing = ?Fails,
        );
        span.in_scope(|| info!("within"));
    });
    let extra = &document["extra"];
    assert_eq!(extra["bool"], true);
    assert_eq!(extra["i64"], -1);
    assert_eq!(extra["u64"], u64::MAX);
    assert_eq!(extra["i128"], i128::MIN.to_string());
    assert_eq!(extra["u128"], 5);
    assert_eq!(extra["f64"], 1.5);
    assert_eq!(extra["str"], "text");
    assert_eq!(extra["bytes"], "a\u{fffd}");
    assert_eq!(extra["debug"], "Some(1)");
    assert_eq!(extra["cause"], format!("order lost\ncaused by: {}", fmt::Error));
    assert_eq!(extra["failing"], "half[formatting failed]");
}

#[test]
fn fields_recorded_later() {
    let documents = documents(|| {
        let span = info_span!("request", status = tracing::field::Empty, tries = 1);
        let _entered = span.enter();
        info!("before");
        span.record("status", 200);
        span.record("tries", 2);
        info!("after");
    });
    assert_eq!(documents[0]["extra"].get("status"), None);
    assert_eq!(documents[0]["extra"]["tries"], 1);
    assert_eq!(documents[1]["extra"]["status"], 200);
    assert_eq!(documents[1]["extra"]["tries"], 2);
}

#[test]
fn explicit_parents() {
    let documents = documents(|| {
        let entered = info_span!("entered", id = 1).entered();
        let other = info_span!(parent: None, "other", id = 2);
        info!(parent: &other, "in other");
        info!(parent: None, "in none");
        drop(entered);
    });
    assert_eq!(documents[0]["extra"]["id"], 2);
    assert_eq!(documents[0]["extra"]["func_name"], "other");
    assert_eq!(documents[1]["extra"].get("id"), None);
    assert_eq!(documents[1]["extra"].get("func_name"), None);
}

#[test]
fn a_field_of_a_span_cannot_pass_for_the_message() {
    let document = one(|| {
        info_span!("span", message = "of the span", line = 0).in_scope(|| info!("of the event"));
    });
    assert_eq!(document["message"], "of the event");
    assert_eq!(document["extra"]["message"], "of the span");
    assert_eq!(document["extra"]["line_"], 0);
}

#[derive(Debug)]
struct Lost(fmt::Error);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("order lost")
    }
}

impl Error for Lost {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn an_error_keeps_its_sources() {
    let lost = Lost(fmt::Error);
    let document = one(|| error!(error = &lost as &(dyn Error + 'static), "failed"));
    let extra = &document["extra"];
    assert_eq!(extra["error_message"], "order lost");
    assert_eq!(extra["stack_trace"], format!("order lost\ncaused by: {}", fmt::Error));
    assert_eq!(extra.get("error"), None);
}

struct Fails;

impl fmt::Debug for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        Err(fmt::Error)
    }
}

#[test]
fn a_message_that_fails_is_marked() {
    let document = one(|| info!(fine = 1, "{:?}", Fails));
    assert_eq!(document["message"], "half[formatting failed]");
    assert_eq!(document["extra"]["fine"], 1);
}

/// Logs while it is formatted, within the span whose field it is.
struct Logs;

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info!("from within");
        f.write_str("logged")
    }
}

#[test]
fn a_span_field_that_logs_does_not_lock_up() {
    let documents = documents(|| {
        let span = info_span!("span", first = tracing::field::Empty);
        let _entered = span.enter();
        span.record("first", tracing::field::debug(Logs));
        info!("last");
    });
    let last = documents.last().unwrap();
    assert_eq!(last["message"], "last");
    assert_eq!(last["extra"]["first"], "logged");
}

/// The shape of what `tracing-log` makes of a record of `log`.
#[test]
fn a_bridged_record_keeps_its_origin() {
    let document = one(|| {
        let _span = info_span!("request", id = 1).entered();
        event!(
            target: "log",
            Level::INFO,
            message = format_args!("from {}", "log"),
            log.target = "hyper::client",
            log.module_path = "hyper::client::pool",
            log.file = "pool.rs",
            log.line = 17_u64,
        );
    });
    assert_eq!(document["message"], "from log");
    let mut extra = document["extra"].clone();
    let fields = extra.as_object_mut().unwrap();
    fields.remove("process_name");
    fields.remove("thread_name");
    assert_eq!(
        extra,
        json!({
            "func_name": "request",
            "line": 17,
            "logger_name": "hyper::client",
            "module_path": "hyper::client::pool",
            "path": "pool.rs",
            "id": 1,
        })
    );
}

#[test]
fn fields_that_only_look_bridged_are_fields() {
    let document = one(|| info!(log.target = "mine", log.file = "mine", "text"));
    assert_eq!(document["extra"]["logger_name"], module_path!());
    assert_eq!(document["extra"]["log.target"], "mine");
    assert_eq!(document["extra"]["log.file"], "mine");
    assert_eq!(document["extra"]["path"], file!());
}
