use std::fmt;

use crate::Value;

/// The fields of an event, visited one by one; nothing is collected.
///
/// A formatter may visit them more than once, so every visit must show the same fields in the same
/// order. Of two fields with one name the first counts: a source that has layers, as an event has
/// spans around it, visits what matters most first.
///
/// ```
/// use logstash_format::{Event, Fields, Formatter, Level, LogstashFormatter, Value};
///
/// struct Order {
///     id: u64,
///     amount: f64,
/// }
///
/// impl Fields for Order {
///     fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
///         visit("order_id", self.id.into());
///         visit("amount", self.amount.into());
///     }
///
///     fn may_hold_error(&self) -> bool {
///         false
///     }
/// }
///
/// let order = Order { id: 1001, amount: 59.9 };
/// let mut document = Vec::new();
/// LogstashFormatter::new().format(&Event::new(Level::Info, "shop", "order placed").fields(&order), &mut document)?;
/// # let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
/// # assert_eq!(document["extra"]["order_id"], 1001);
/// # Ok::<(), logstash_format::FormatError>(())
/// ```
pub trait Fields {
    /// Calls `visit` with the name and the value of each field.
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>));

    /// Whether a field named `error` or `err` may hold an error; `false` saves formatters the search.
    fn may_hold_error(&self) -> bool {
        true
    }
}

impl Fields for () {
    fn for_each(&self, _: &mut dyn FnMut(&str, Value<'_>)) {}

    fn may_hold_error(&self) -> bool {
        false
    }
}

impl<K: AsRef<str>> Fields for [(K, Value<'_>)] {
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        for (name, value) in self {
            visit(name.as_ref(), *value);
        }
    }

    fn may_hold_error(&self) -> bool {
        self.iter().any(|(_, value)| matches!(value, Value::Error(_)))
    }
}

impl<K: AsRef<str>, const N: usize> Fields for [(K, Value<'_>); N] {
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.as_slice().for_each(visit);
    }

    fn may_hold_error(&self) -> bool {
        self.as_slice().may_hold_error()
    }
}

impl<K: AsRef<str>> Fields for Vec<(K, Value<'_>)> {
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        self.as_slice().for_each(visit);
    }

    fn may_hold_error(&self) -> bool {
        self.as_slice().may_hold_error()
    }
}

impl<T: Fields + ?Sized> Fields for &T {
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        (**self).for_each(visit);
    }

    fn may_hold_error(&self) -> bool {
        (**self).may_hold_error()
    }
}

impl fmt::Debug for dyn Fields + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        self.for_each(&mut |name, value| {
            map.entry(&name, &value);
        });
        map.finish()
    }
}
