use std::error::Error;
use std::fmt;

use tracing_core::field::{Field, Visit};

/// Displays the message of an event. Values can only be had while an event is visited, so each
/// display is a visit.
pub(super) struct MessageField<'a> {
    event: &'a tracing_core::Event<'a>,
    /// Which of its fields it is.
    index: usize,
}

impl<'a> MessageField<'a> {
    /// Nothing if the event has no message.
    pub(super) fn of(event: &'a tracing_core::Event<'a>) -> Option<Self> {
        let field = event.metadata().fields().field(MESSAGE)?;
        Some(Self { event, index: field.index() })
    }
}

impl fmt::Display for MessageField<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut visitor = MessageVisitor { index: self.index, to: f, result: Ok(()) };
        self.event.record(&mut visitor);
        visitor.result
    }
}

struct MessageVisitor<'f, 'b> {
    index: usize,
    to: &'f mut fmt::Formatter<'b>,
    result: fmt::Result,
}

impl MessageVisitor<'_, '_> {
    fn write(&mut self, field: &Field, write: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result) {
        if field.index() == self.index && self.result.is_ok() {
            self.result = write(self.to);
        }
    }
}

impl Visit for MessageVisitor<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.write(field, |to| to.write_str(value));
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.write(field, |to| fmt::Display::fmt(error, to));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, |to| value.fmt(to));
    }
}

/// The name of the field that is the message.
pub(super) const MESSAGE: &str = "message";
