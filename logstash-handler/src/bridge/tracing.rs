use crate::handler::Handler;
use crate::suppress::is_suppressed;
use logstash_format::{SpanStyle, TracingAdapter, record_new_span, record_values};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

impl Handler {
    /// A layer that sends each event here, with the fields of its spans.
    ///
    /// Filter it as any layer, also by what can be changed while the program runs:
    ///
    /// ```
    /// # fn with(handler: &logstash_handler::Handler) -> Result<(), Box<dyn std::error::Error>> {
    /// use tracing_subscriber::filter::LevelFilter;
    /// use tracing_subscriber::layer::{Layer, SubscriberExt};
    /// use tracing_subscriber::reload;
    ///
    /// // In place of the level there can be an `EnvFilter`, or any other filter.
    /// let (filter, level) = reload::Layer::new(LevelFilter::INFO);
    /// let subscriber = tracing_subscriber::registry().with(handler.layer().with_filter(filter));
    /// tracing::subscriber::set_global_default(subscriber)?;
    ///
    /// level.reload(LevelFilter::DEBUG)?; // at any time, from any thread
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn layer(&self) -> HandlerLayer {
        HandlerLayer { handler: self.clone(), adapter: TracingAdapter::new() }
    }
}

/// A [`Layer`] that sends events to a [`Handler`]; made by [`Handler::layer`].
#[derive(Clone, Debug)]
pub struct HandlerLayer {
    handler: Handler,
    adapter: TracingAdapter,
}

impl HandlerLayer {
    /// Sets what becomes of the fields of spans. Default: [`SpanStyle::Merged`].
    #[must_use]
    pub fn span_style(mut self, span_style: SpanStyle) -> Self {
        self.adapter = self.adapter.span_style(span_style);
        self
    }
}

impl<S> Layer<S> for HandlerLayer
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    #[cfg(feature = "opentelemetry")]
    fn on_register_dispatch(&self, dispatch: &tracing_core::Dispatch) {
        self.adapter.register_dispatch(dispatch);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        record_new_span(attributes, id, &context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        record_values(id, values, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !is_suppressed(event.metadata().target()) {
            self.adapter.event(event, &context, |event| self.handler.emit(event));
        }
    }
}
