use std::error::Error;
use std::fmt;

use tracing_core::field::{Field, Visit};

/// Displays the message of an event. Values can only be had while an event is visited, so each
/// display is a visit.
pub(super) struct MessageField<'a>(pub(super) &'a tracing_core::Event<'a>);

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

/// The name of the field that is the message.
pub(super) const MESSAGE: &str = "message";
