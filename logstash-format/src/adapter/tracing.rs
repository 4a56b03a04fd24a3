use std::error::Error;
use std::fmt;

use tracing_core::Subscriber;
use tracing_core::field::{Field, Visit};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::SpanFields;
use crate::{Event, Fields, Message, Origin, Value};

/// Calls `then` with the event of an event of `tracing`, and returns what it returns.
///
/// For `Layer::on_event`, on the thread that logs. The field `message` is the message. The other
/// fields are followed by those of the enclosing spans, from the innermost outwards, as far as
/// [`record_new_span`](crate::record_new_span) noted them: with formatters that keep the first of
/// fields with one name, the event wins over its spans and an inner span over an outer one. The
/// name of the innermost span is the function of the origin.
///
/// A record that `tracing-log` bridges from `log` has the target, module, file and line of that
/// record, and none of the fields that it carries them in.
pub fn tracing_event<S, R>(
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
    let span = context.event_span(event);
    let origin = origin.function(span.as_ref().map(SpanRef::name));
    let message = MessageField(event);
    let message = match metadata.fields().field(MESSAGE) {
        Some(_) => Message::Display(&message),
        None => Message::None,
    };
    let fields = EventFields { event, context, is_bridged: bridged.is_some() };
    then(&Event::new((*metadata.level()).into(), logger, message).origin(origin).fields(&fields))
}

/// The fields of an event and of the spans around it, without the message.
struct EventFields<'a, S> {
    event: &'a tracing_core::Event<'a>,
    context: &'a Context<'a, S>,
    is_bridged: bool,
}

impl<S> Fields for EventFields<'_, S>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.event.record(&mut FieldVisitor { is_bridged: self.is_bridged, visit });
        for span in self.context.event_scope(self.event).into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<SpanFields>() {
                fields.for_each(visit);
            }
        }
    }

    /// Spans keep their errors as text.
    fn may_hold_error(&self) -> bool {
        let fields = self.event.metadata().fields();
        ["error", "err"].iter().any(|name| fields.field(name).is_some())
    }
}

struct FieldVisitor<'f> {
    is_bridged: bool,
    visit: &'f mut dyn FnMut(&str, Value<'_>),
}

impl FieldVisitor<'_> {
    fn pass(&mut self, field: &Field, value: Value<'_>) {
        let name = field.name();
        let is_origin = self.is_bridged && BridgedRecord::FIELDS.contains(&name);
        if name != MESSAGE && !is_origin {
            (self.visit)(name, value);
        }
    }
}

impl Visit for FieldVisitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.pass(field, Value::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.pass(field, Value::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.pass(field, Value::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.pass(field, Value::I128(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.pass(field, Value::U128(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.pass(field, Value::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.pass(field, Value::Str(value));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.pass(field, Value::Bytes(value));
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.pass(field, Value::Error(error));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.pass(field, Value::Debug(&value));
    }
}

/// Displays the message of an event. Values can only be had while an event is visited, so each
/// display is a visit.
struct MessageField<'a>(&'a tracing_core::Event<'a>);

impl fmt::Display for MessageField<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut visitor = MessageVisitor { to: f, result: Ok(()) };
        self.0.record(&mut visitor);
        visitor.result
    }
}

struct MessageVisitor<'f, 'b> {
    to: &'f mut fmt::Formatter<'b>,
    result: fmt::Result,
}

impl MessageVisitor<'_, '_> {
    fn write(&mut self, field: &Field, text: fmt::Arguments<'_>) {
        if field.name() == MESSAGE && self.result.is_ok() {
            self.result = self.to.write_fmt(text);
        }
    }
}

impl Visit for MessageVisitor<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.write(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.write(field, format_args!("{error}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, format_args!("{value:?}"));
    }
}

/// Where a record of `log` came from that `tracing-log` made an event of.
#[derive(Default)]
struct BridgedRecord {
    target: Option<String>,
    module: Option<String>,
    file: Option<String>,
    line: Option<u32>,
}

impl BridgedRecord {
    const FIELDS: [&str; 4] = ["log.target", "log.module_path", "log.file", "log.line"];

    fn of(event: &tracing_core::Event<'_>) -> Option<Self> {
        let metadata = event.metadata();
        if metadata.target() != "log" || metadata.fields().field("log.target").is_none() {
            return None;
        }
        let mut record = Self::default();
        event.record(&mut record);
        Some(record)
    }
}

impl Visit for BridgedRecord {
    fn record_str(&mut self, field: &Field, value: &str) {
        let part = match field.name() {
            "log.target" => &mut self.target,
            "log.module_path" => &mut self.module,
            "log.file" => &mut self.file,
            _ => return,
        };
        *part = Some(value.to_owned());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "log.line" {
            self.line = u32::try_from(value).ok();
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

const MESSAGE: &str = "message";
