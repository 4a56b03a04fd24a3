mod bridged;
mod fields;
mod message;
#[cfg(feature = "opentelemetry")]
mod opentelemetry;
mod scope;
mod span;

pub use self::span::{SpanFields, record_new_span, record_values};

use std::sync::Arc;
#[cfg(feature = "opentelemetry")]
use std::sync::OnceLock;

use tracing_core::Subscriber;
#[cfg(feature = "opentelemetry")]
use tracing_core::dispatcher::{Dispatch, WeakDispatch};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use self::bridged::BridgedRecord;
use self::fields::EventFields;
use self::message::MessageField;
use self::scope::Scope;
use self::span::TraceIds;
use crate::{Event, HttpContext, Message, Origin};

/// Makes events of events of `tracing`; part of a `Layer`, which calls it for each event.
///
/// The field `message` is the message, the name of the innermost span is the function of the origin.
/// A record that `tracing-log` bridges from `log` has the target, module, file and line of that
/// record, and none of the fields that it carries them in.
///
/// # Spans
///
/// The fields of the event are followed by those of the enclosing spans as [`SpanStyle`] says, as far
/// as [`record_new_span`] and [`record_values`] noted them.
///
/// Fields that tell of an HTTP request or of the trace are none of the event's fields but its
/// [`http`](Event::http) and [`trace`](Event::trace). The request is that of the innermost span that
/// has a field `http.request.method` and is not of `otel.kind` `client`; it is made of the fields
/// that OpenTelemetry names for HTTP servers, as `url.path` and `http.response.status_code`, secrets
/// in URLs [redacted](crate::Redaction). The trace is told by fields `trace.id`, `span.id` and
/// `transaction.id`, also with an underscore, of the innermost span that has each, and first of all
/// by the OpenTelemetry layer where the feature `opentelemetry` is on.
///
/// # Example
///
/// A layer that prints documents:
///
/// ```
/// use logstash_format::{EcsFormatter, Formatter, TracingAdapter, record_new_span, record_values};
/// use tracing_core::span::{Attributes, Id, Record};
/// use tracing_core::{Event, Subscriber};
/// use tracing_subscriber::layer::{Context, Layer};
/// use tracing_subscriber::registry::LookupSpan;
///
/// struct Documents {
///     adapter: TracingAdapter,
///     formatter: EcsFormatter,
/// }
///
/// impl<S: Subscriber + for<'l> LookupSpan<'l>> Layer<S> for Documents {
///     fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
///         record_new_span(attributes, id, &context);
///     }
///
///     fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
///         record_values(id, values, &context);
///     }
///
///     fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
///         let mut document = Vec::new();
///         if self.adapter.event(event, &context, |event| self.formatter.format(event, &mut document)).is_ok() {
///             println!("{}", String::from_utf8_lossy(&document));
///         }
///     }
/// }
///
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let layer = Documents { adapter: TracingAdapter::new(), formatter: EcsFormatter::new() };
/// let subscriber = tracing_subscriber::registry().with(layer);
/// # tracing::subscriber::with_default(subscriber, || tracing::info!(order = 1001, "order placed"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct TracingAdapter {
    span_style: SpanStyle,
    #[cfg(feature = "opentelemetry")]
    dispatch: OnceLock<WeakDispatch>,
}

/// What becomes of the fields of the spans around an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpanStyle {
    /// They are fields of the event, those of inner spans first: with formatters that keep the first
    /// of fields with one name, the event wins over its spans and an inner span over an outer one.
    #[default]
    Merged,
    /// They stay with their spans: the event has a field `spans`, a list with the outermost first, as
    /// in `[{"name": "request", "fields": {"id": 7}}, {"name": "query"}]`. It is called `spans_` where
    /// the event has a field `spans` itself.
    Grouped,
}

impl TracingAdapter {
    /// An adapter that merges the fields of spans.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what becomes of the fields of spans. Default: [`SpanStyle::Merged`].
    pub fn span_style(mut self, span_style: SpanStyle) -> Self {
        self.span_style = span_style;
        self
    }

    /// Notes where to ask for OpenTelemetry identifiers; for `Layer::on_register_dispatch`.
    ///
    /// Without it there are none, because a layer cannot reach its dispatcher while it is called.
    #[cfg(feature = "opentelemetry")]
    pub fn register_dispatch(&self, dispatch: &Dispatch) {
        // Only the first: a layer belongs to one subscriber, and that to one dispatcher.
        let _ = self.dispatch.set(dispatch.downgrade());
    }

    /// Calls `then` with the event of an event of `tracing`, and returns what it returns.
    ///
    /// For `Layer::on_event`, on the thread that logs. With the OpenTelemetry layer of
    /// `tracing-opentelemetry` the span of the event is started, as its context is needed; it cannot
    /// be given another parent afterwards.
    pub fn event<S, R>(
        &self,
        event: &tracing_core::Event<'_>,
        context: &Context<'_, S>,
        then: impl FnOnce(&Event<'_>) -> R,
    ) -> R
    where
        S: Subscriber + for<'l> LookupSpan<'l>,
    {
        let metadata = event.metadata();
        let bridged = BridgedRecord::of(event);
        let (logger, origin) = match &bridged {
            Some(record) => (
                record.target.as_deref().unwrap_or_else(|| metadata.target()),
                Origin::new().file(record.file.as_deref()).line(record.line).module(record.module.as_deref()),
            ),
            None => (
                metadata.target(),
                Origin::new().file(metadata.file()).line(metadata.line()).module(metadata.module_path()),
            ),
        };
        let message = MessageField::of(event);
        let message = message.as_ref().map_or(Message::None, |message| Message::Display(message));

        let scope = Scope::of(event, context);
        let origin = origin.function(scope.innermost().map(SpanRef::name));
        let (http, ids) = surroundings(&scope);
        let trace = ids.as_context();
        #[cfg(feature = "opentelemetry")]
        let otel = self.otel_ids(&scope);
        #[cfg(feature = "opentelemetry")]
        let trace = otel.as_ref().map_or(trace, |ids| ids.as_context().transaction_id(trace.transaction_id));

        let fields =
            EventFields { event, scope: &scope, span_style: self.span_style, is_bridged: bridged.is_some() };
        let mut event = Event::new((*metadata.level()).into(), logger, message)
            .origin(origin)
            .fields(&fields)
            .trace(trace);
        event.http = http.as_deref();
        then(&event)
    }

    #[cfg(feature = "opentelemetry")]
    fn otel_ids<S>(&self, scope: &Scope<'_, S>) -> Option<opentelemetry::Ids>
    where
        S: for<'l> LookupSpan<'l>,
    {
        let dispatch = self.dispatch.get()?.upgrade()?;
        opentelemetry::Ids::of(&scope.innermost()?.id(), &dispatch)
    }
}

/// [`TracingAdapter::event`] with an adapter as it is by default.
pub fn tracing_event<S, R>(
    event: &tracing_core::Event<'_>,
    context: &Context<'_, S>,
    then: impl FnOnce(&Event<'_>) -> R,
) -> R
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    TracingAdapter::new().event(event, context, then)
}

/// The request and the trace that the spans tell of.
///
/// Shared, not borrowed: a value that is formatted meanwhile may record a field of these spans.
fn surroundings<S>(scope: &Scope<'_, S>) -> (Option<Arc<HttpContext<'static>>>, TraceIds)
where
    S: for<'l> LookupSpan<'l>,
{
    let mut http = None;
    let mut ids = TraceIds::default();
    scope.for_each(|span| {
        if let Some(fields) = span.extensions().get::<SpanFields>() {
            http = http.take().or_else(|| fields.request().cloned());
            ids.fill_up(fields.trace());
        }
    });
    (http, ids)
}
