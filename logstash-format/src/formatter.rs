use std::sync::Arc;

use crate::{Event, FormatError};

/// Turns an event into the bytes that are stored and sent.
///
/// ```
/// use logstash_format::{Event, FormatError, Formatter, Level, Value};
///
/// /// Nothing but the time and the message.
/// struct Short;
///
/// impl Formatter for Short {
///     fn format(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), FormatError> {
///         out.extend_from_slice(br#"{"at":"#);
///         Value::Time(event.timestamp).write_json(out);
///         out.extend_from_slice(br#","message":"#);
///         Value::Display(&event.message).write_json(out);
///         out.push(b'}');
///         Ok(())
///     }
/// }
///
/// let mut document = Vec::new();
/// Short.format(&Event::new(Level::Info, "shop", "order \"1001\" placed"), &mut document)?;
/// # let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
/// # assert_eq!(document["message"], "order \"1001\" placed");
/// # Ok::<(), logstash_format::FormatError>(())
/// ```
pub trait Formatter: Send + Sync {
    /// Appends `event` to `out` as one JSON object on one line, without a newline at its end.
    ///
    /// What is appended is valid UTF-8. A transport may separate events by newlines, so an
    /// implementation must not emit any.
    ///
    /// # Errors
    ///
    /// The event could not be written. `out` is as long as it was before the call.
    ///
    /// # Panics
    ///
    /// Only where a value of the event panics while it is formatted. A caller that catches this
    /// must not rely on what `out` holds beyond its former length.
    fn format(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), FormatError>;
}

macro_rules! forward {
    ($($type:ty),*) => {
        $(impl<T: Formatter + ?Sized> Formatter for $type {
            fn format(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), FormatError> {
                (**self).format(event, out)
            }
        })*
    };
}

forward!(&T, Box<T>, Arc<T>);
