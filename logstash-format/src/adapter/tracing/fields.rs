use std::error::Error;
use std::fmt;

use tracing_core::field::{Field, Visit};
use tracing_subscriber::registry::LookupSpan;

use super::bridged::BridgedRecord;
use super::message::MESSAGE;
use super::scope::Scope;
use super::{SpanFields, SpanStyle};
use crate::{Fields, Value};

/// The fields of an event and of the spans around it, without the message and without what tells
/// of the request and the trace.
pub(super) struct EventFields<'a, 's, S: for<'l> LookupSpan<'l>> {
    pub(super) event: &'a tracing_core::Event<'a>,
    pub(super) scope: &'a Scope<'s, S>,
    pub(super) span_style: SpanStyle,
    pub(super) is_bridged: bool,
}

impl<S: for<'l> LookupSpan<'l>> EventFields<'_, '_, S> {
    fn has(&self, name: &str) -> bool {
        self.event.metadata().fields().field(name).is_some()
    }
}

impl<S: for<'l> LookupSpan<'l>> Fields for EventFields<'_, '_, S> {
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.event.record(&mut FieldVisitor { is_bridged: self.is_bridged, visit });
        match self.span_style {
            SpanStyle::Merged => self.scope.for_each(|span| {
                if let Some(fields) = span.extensions().get::<SpanFields>() {
                    fields.for_each_own(visit);
                }
            }),
            SpanStyle::Grouped if self.scope.innermost().is_some() => {
                let name = if self.has(SPANS) { SPANS_BESIDE_FIELD } else { SPANS };
                visit(name, Value::serialize(self.scope));
            }
            SpanStyle::Grouped => (),
        }
    }

    /// Spans keep their errors as text.
    fn may_hold_error(&self) -> bool {
        self.has("error") || self.has("err")
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

/// The field with the spans, and its name where the event has a field of that name.
const SPANS: &str = "spans";
const SPANS_BESIDE_FIELD: &str = "spans_";
