use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::ser::{Serialize, Serializer};
use tracing_core::Subscriber;
use tracing_core::field::{Field, Visit};
use tracing_core::span::{Attributes, Id, Record};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::http::semantic;
use crate::json::{FAILED, SourceChain};
use crate::{Fields, HttpContext, TraceContext, Value};

/// The fields of a span, kept in its extensions until an event within it is written.
///
/// They do not depend on a formatter, so that any number of layers can share them. Errors and
/// values for debugging are kept as text, which is made on the thread that records them. Secrets in fields
/// that OpenTelemetry names for requests, as `url.query`, `url.full` and `http.request.header.cookie`, are
/// [redacted](crate::Redaction).
#[derive(Clone, Debug, Default)]
pub struct SpanFields {
    fields: Vec<SpanField>,
    /// What the fields tell of a request, whether or not the span is one of a request.
    http: Option<Arc<HttpContext<'static>>>,
    is_client: bool,
    trace: TraceIds,
}

#[derive(Clone, Debug)]
struct SpanField {
    name: &'static str,
    value: Owned,
    tells_of: Subject,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Event,
    Request,
    Trace,
}

/// Notes the fields that a span is created with; for `Layer::on_new_span`.
///
/// Does nothing if another layer did it before.
pub fn record_new_span<S>(attributes: &Attributes<'_>, id: &Id, context: &Context<'_, S>)
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    let Some(span) = context.span(id) else { return };
    if span.extensions().get::<SpanFields>().is_some() {
        return;
    }
    // Outside of the lock, which a value that logs while it is formatted would wait for.
    let mut recorded = Recorded::default();
    attributes.record(&mut recorded);
    let mut fields = SpanFields::default();
    fields.take_over(recorded);
    let mut extensions = span.extensions_mut();
    if extensions.get_mut::<SpanFields>().is_none() {
        extensions.insert(fields);
    }
}

/// Notes the fields that a span is given later; for `Layer::on_record`.
///
/// A field recorded again has its newest value. To do it in several layers changes nothing.
pub fn record_values<S>(id: &Id, values: &Record<'_>, context: &Context<'_, S>)
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    let Some(span) = context.span(id) else { return };
    // As above.
    let mut recorded = Recorded::default();
    values.record(&mut recorded);
    let mut extensions = span.extensions_mut();
    match extensions.get_mut::<SpanFields>() {
        Some(fields) => fields.take_over(recorded),
        None => {
            let mut fields = SpanFields::default();
            fields.take_over(recorded);
            extensions.insert(fields);
        }
    }
}

impl SpanFields {
    /// The request that the span is about, if it is about one that this program serves.
    pub(super) fn request(&self) -> Option<&Arc<HttpContext<'static>>> {
        self.http.as_ref().filter(|http| http.method.is_some() && !self.is_client)
    }

    pub(super) fn trace(&self) -> &TraceIds {
        &self.trace
    }

    /// Visits the fields that tell neither of the request nor of the trace.
    pub(super) fn for_each_own(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.own().for_each(|field| visit(field.name, field.value.as_value()));
    }

    pub(super) fn has_own(&self) -> bool {
        self.own().next().is_some()
    }

    fn own(&self) -> impl Iterator<Item = &SpanField> {
        let hides_request = self.request().is_some();
        self.fields.iter().filter(move |field| match field.tells_of {
            Subject::Event => true,
            Subject::Request => !hides_request,
            Subject::Trace => false,
        })
    }

    fn take_over(&mut self, recorded: Recorded) {
        for (name, mut value) in recorded.0 {
            if let Owned::Text(text) = &mut value
                && let Some(redacted) = semantic::redacted(name, text)
            {
                *text = redacted;
            }
            let tells_of = self.note(name, value.as_value());
            let field = SpanField { name, value, tells_of };
            match self.fields.iter_mut().find(|known| known.name == name) {
                Some(known) => *known = field,
                None => self.fields.push(field),
            }
        }
    }

    /// Takes over what a field tells of the request or the trace.
    fn note(&mut self, name: &'static str, value: Value<'_>) -> Subject {
        if self.trace.set(name, value) {
            return Subject::Trace;
        }
        if !semantic::is_possible(name) {
            return Subject::Event;
        }
        if let ("otel.kind", Value::Str(kind)) = (name, value) {
            self.is_client = kind.eq_ignore_ascii_case("client");
        }
        let http = Arc::make_mut(self.http.get_or_insert_default());
        match semantic::set(http, name, value) {
            true => Subject::Request,
            false => Subject::Event,
        }
    }
}

/// Shows all fields, also those that tell of the request and the trace.
impl Fields for SpanFields {
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        for field in &self.fields {
            visit(field.name, field.value.as_value());
        }
    }

    fn may_hold_error(&self) -> bool {
        false
    }
}

/// Without those that tell of the request and the trace.
impl Serialize for SpanFields {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.own().map(|field| (field.name, &field.value)))
    }
}

/// Identifiers that fields of spans told of.
#[derive(Clone, Debug, Default)]
pub(super) struct TraceIds {
    trace: Option<Arc<str>>,
    span: Option<Arc<str>>,
    transaction: Option<Arc<str>>,
}

impl TraceIds {
    pub(super) fn as_context(&self) -> TraceContext<'_> {
        TraceContext::new()
            .trace_id(self.trace.as_deref())
            .span_id(self.span.as_deref())
            .transaction_id(self.transaction.as_deref())
    }

    /// Takes over what is not known yet.
    pub(super) fn fill_up(&mut self, outer: &Self) {
        for (mine, theirs) in [
            (&mut self.trace, &outer.trace),
            (&mut self.span, &outer.span),
            (&mut self.transaction, &outer.transaction),
        ] {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
    }

    fn set(&mut self, name: &str, value: Value<'_>) -> bool {
        let id = match name {
            "trace.id" | "trace_id" => &mut self.trace,
            "span.id" | "span_id" => &mut self.span,
            "transaction.id" | "transaction_id" => &mut self.transaction,
            _ => return false,
        };
        let Value::Str(text) = value else { return false };
        *id = Some(text.into());
        true
    }
}

/// Values as they are recorded.
#[derive(Default)]
struct Recorded(Vec<(&'static str, Owned)>);

impl Visit for Recorded {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.push((field.name(), Owned::F64(value)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.push((field.name(), Owned::I64(value)));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.push((field.name(), Owned::U64(value)));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.0.push((field.name(), Owned::I128(value)));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.0.push((field.name(), Owned::U128(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push((field.name(), Owned::Bool(value)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), Owned::Text(value.to_owned())));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        let text = String::from_utf8_lossy(value).into_owned();
        self.0.push((field.name(), Owned::Text(text)));
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.0.push((field.name(), Owned::text(format_args!("{}", SourceChain(error)))));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), Owned::text(format_args!("{value:?}"))));
    }
}

/// A value that outlives the call that records it.
#[derive(Clone, Debug)]
enum Owned {
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Text(String),
}

impl Owned {
    /// Not `format!`, which panics if the value fails.
    fn text(arguments: fmt::Arguments<'_>) -> Self {
        let mut text = String::new();
        if fmt::write(&mut text, arguments).is_err() {
            text.push_str(FAILED);
        }
        Self::Text(text)
    }

    fn as_value(&self) -> Value<'_> {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::I64(value) => Value::I64(*value),
            Self::U64(value) => Value::U64(*value),
            Self::I128(value) => Value::I128(*value),
            Self::U128(value) => Value::U128(*value),
            Self::F64(value) => Value::F64(*value),
            Self::Text(value) => Value::Str(value),
        }
    }
}

impl Serialize for Owned {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => to.serialize_bool(*value),
            Self::I64(value) => to.serialize_i64(*value),
            Self::U64(value) => to.serialize_u64(*value),
            Self::I128(value) => to.serialize_i128(*value),
            Self::U128(value) => to.serialize_u128(*value),
            Self::F64(value) => to.serialize_f64(*value),
            Self::Text(value) => to.serialize_str(value),
        }
    }
}
