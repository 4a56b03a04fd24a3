use logstash_format::TracingAdapter;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Span, info, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

use crate::tracing::Documents;

#[test]
fn identifiers_are_those_of_the_open_telemetry_layer() {
    let provider = SdkTracerProvider::builder().build();
    let events = Documents::of(TracingAdapter::new());
    let subscriber = Registry::default()
        .with(events.clone().with_filter(tracing_subscriber::filter::LevelFilter::INFO))
        .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("test")));
    let mut expected = Vec::new();
    tracing::subscriber::with_default(subscriber, || {
        info!("outside");
        let outer = info_span!("outer", trace.id = "of a field", transaction.id = "x").entered();
        for _ in 0..2 {
            let _inner = info_span!("inner").entered();
            info!("inside");
            let context = Span::current().context();
            let ids = context.span().span_context().clone();
            expected.push((ids.trace_id().to_string(), ids.span_id().to_string()));
        }
        drop(outer);
    });
    let documents = events.take();
    assert_eq!(documents[0]["extra"].get("trace_id"), None);
    for (document, (trace_id, span_id)) in documents[1..].iter().zip(&expected) {
        assert_eq!(document["extra"]["trace_id"], *trace_id);
        assert_eq!(document["extra"]["span_id"], *span_id);
        assert_eq!(document["extra"]["transaction_id"], "x");
        assert_eq!((trace_id.len(), span_id.len()), (32, 16));
    }
    assert_eq!(documents.len(), 3);
    assert_eq!(expected[0].0, expected[1].0);
    assert_ne!(expected[0].1, expected[1].1);
}

#[test]
fn without_that_layer_fields_tell() {
    let events = Documents::of(TracingAdapter::new());
    tracing::subscriber::with_default(Registry::default().with(events.clone()), || {
        info_span!("span", trace.id = "of a field").in_scope(|| info!("inside"));
    });
    assert_eq!(events.take()[0]["extra"]["trace_id"], "of a field");
}
