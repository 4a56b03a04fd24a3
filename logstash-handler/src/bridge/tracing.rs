use crate::handler::Handler;
use crate::suppress::is_suppressed;
use logstash_format::{record_new_span, record_values, tracing_event};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

impl Handler {
    /// A layer that sends each event here, with the fields of its spans.
    ///
    /// Filter it as any layer: `handler.layer().with_filter(LevelFilter::INFO)`.
    #[must_use]
    pub fn layer(&self) -> HandlerLayer {
        HandlerLayer { handler: self.clone() }
    }
}

/// A [`Layer`] that sends events to a [`Handler`]; made by [`Handler::layer`].
#[derive(Clone, Debug)]
pub struct HandlerLayer {
    handler: Handler,
}

impl<S> Layer<S> for HandlerLayer
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        record_new_span(attributes, id, &context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        record_values(id, values, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !is_suppressed(event.metadata().target()) {
            tracing_event(event, &context, |event| self.handler.emit(event));
        }
    }
}
