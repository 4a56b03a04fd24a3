//! Events of `tracing` through layers.
//!
//! Ours write the id of the process, which no other layer does, and remember it, as the handler does: to ask the
//! system for it would be a call that the others do not make.

use std::error::Error;
use std::fmt::Debug;

use logstash_format::{
    EcsFormatter, Formatter, LogstashFormatter, record_new_span, record_values, tracing_event,
};
use tracing::dispatcher::{Dispatch, with_default};
use tracing::span::{Attributes, Id, Record};
use tracing::{Subscriber, error, info, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::case::{BARE, ERROR, FIELDS, SPANS};
use crate::error::OrderFailed;
use crate::sink::{self, Sink};
use crate::{Settings, Side};

pub(crate) fn measure(settings: &Settings) {
    let subscribers = subscribers();
    let cases: [((&str, &[&str]), fn()); 3] = [(BARE, bare), (FIELDS, fields), (ERROR, failed)];
    for ((case, facts), log) in cases {
        let sides = subscribers
            .iter()
            .map(|(name, dispatch)| Side::new(name, move || with_default(dispatch, log)))
            .collect();
        Side::measure_all(settings, "tracing", case, facts, sides);
    }

    let (case, facts) = SPANS;
    let sides = subscribers
        .iter()
        .map(|(name, dispatch)| {
            // The spans are those of a request that goes on: only the event is measured.
            let (outer, inner) = with_default(dispatch, || {
                let outer = info_span!(
                    target: TARGET,
                    "request",
                    method = "POST",
                    path = "/orders",
                    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
                );
                let inner =
                    info_span!(target: TARGET, parent: &outer, "order", shard = 77_u64, region = "eu-1");
                (outer, inner)
            });
            Side::new(name, move || {
                with_default(dispatch, || {
                    outer.in_scope(|| inner.in_scope(many_fields));
                });
            })
        })
        .collect();
    Side::measure_all(settings, "tracing", case, facts, sides);
}

fn bare() {
    info!(target: TARGET, "order placed");
}

fn fields() {
    info!(target: TARGET, order = 1001_u64, customer = "Ada Lovelace", amount = 59.9, express = true, "order placed");
}

fn many_fields() {
    info!(
        target: TARGET,
        order = 1001_u64,
        customer = "Ada Lovelace",
        amount = 59.9,
        express = true,
        items = 3_u64,
        currency = "EUR",
        payment = "invoice",
        weight = 1.25,
        street = "Sackville Street",
        discount = -5_i64,
        warehouse = "north",
        retry = false,
        "order placed"
    );
}

fn failed() {
    let failure = OrderFailed::new();
    error!(target: TARGET, error = &failure as &(dyn Error + 'static), "order not placed");
}

fn subscribers() -> Vec<(&'static str, Dispatch)> {
    let json = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(|| Sink)
        .with_file(true)
        .with_line_number(true)
        .with_thread_names(true)
        // The list of spans holds it already.
        .with_current_span(false);
    // It writes the fields of spans that it is told of.
    let spans = ["method", "path", "trace_id", "shard", "region"].map(Into::into).into();
    let logstash = tracing_logstash::Layer::default()
        .event_format(tracing_logstash::logstash::LogstashFormat::default().with_span_fields(spans))
        .with_writer(|| Sink);
    let ecs = tracing_ecs::ECSLayerBuilder::default().build_with_writer(|| Sink);
    vec![
        ("logstash", dispatch(Ours(LogstashFormatter::new().program("shop").remember_pid(true)))),
        ("ecs", dispatch(Ours(EcsFormatter::new().service_name("shop").remember_pid(true)))),
        ("tracing-subscriber", dispatch(json)),
        ("tracing-logstash", dispatch(logstash)),
        ("tracing-ecs", dispatch(ecs)),
    ]
}

fn dispatch<L>(layer: L) -> Dispatch
where
    L: Layer<Registry> + Send + Sync,
{
    Dispatch::new(Registry::default().with(layer))
}

/// As the handler's layer does it: formatted on the thread that logs, into a buffer that is kept.
struct Ours<F>(F);

impl<S, F> Layer<S> for Ours<F>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    F: Formatter + Debug + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        record_new_span(attributes, id, &context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        record_values(id, values, &context);
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let written = tracing_event(event, &context, |event| sink::with(|out| self.0.format(event, out)));
        assert!(written.is_ok(), "an event was not formatted");
    }
}

const TARGET: &str = "shop::orders";
