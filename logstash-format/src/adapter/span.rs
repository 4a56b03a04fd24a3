use std::error::Error;
use std::fmt;

use tracing_core::Subscriber;
use tracing_core::field::{Field, Visit};
use tracing_core::span::{Attributes, Id, Record};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::json::{FAILED, SourceChain};
use crate::{Fields, Value};

/// The fields of a span, kept in its extensions until an event within it is written.
///
/// They do not depend on a formatter, so that any number of layers can share them. Errors and
/// values for debugging are kept as text, which is made on the thread that records them.
#[derive(Clone, Debug, Default)]
pub struct SpanFields {
    fields: Vec<(&'static str, Owned)>,
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
    let mut fields = SpanFields::default();
    attributes.record(&mut fields);
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
    let mut newer = SpanFields::default();
    values.record(&mut newer);
    let mut extensions = span.extensions_mut();
    match extensions.get_mut::<SpanFields>() {
        Some(fields) => {
            for (name, value) in newer.fields {
                fields.set(name, value);
            }
        }
        None => {
            extensions.insert(newer);
        }
    }
}

impl SpanFields {
    fn set(&mut self, name: &'static str, value: Owned) {
        match self.fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.fields.push((name, value)),
        }
    }
}

impl Fields for SpanFields {
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        for (name, value) in &self.fields {
            visit(name, value.as_value());
        }
    }

    fn may_hold_error(&self) -> bool {
        false
    }
}

impl Visit for SpanFields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), Owned::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), Owned::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), Owned::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.set(field.name(), Owned::I128(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.set(field.name(), Owned::U128(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), Owned::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), Owned::Text(value.to_owned()));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        let text = String::from_utf8_lossy(value).into_owned();
        self.set(field.name(), Owned::Text(text));
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.set(field.name(), Owned::text(format_args!("{}", SourceChain(error))));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field.name(), Owned::text(format_args!("{value:?}")));
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
