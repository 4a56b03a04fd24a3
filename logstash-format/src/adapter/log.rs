use std::error::Error;

use log::Record;
use log::kv::{self, Key, VisitSource, VisitValue};

use crate::{Event, Fields, Origin, Value};

/// Calls `then` with the event of a record of `log`, and returns what it returns.
///
/// To be called on the thread that logs, because it notes the time and the thread. Key-values are
/// the fields of the event; they keep their types, also those of errors (`error:err = e`) and of
/// what serde serialises (`order:serde = order`).
///
/// ```
/// use logstash_format::{Formatter, LogstashFormatter, log_event};
///
/// let formatter = LogstashFormatter::new();
/// let record = log::Record::builder()
///     .level(log::Level::Info)
///     .target("shop")
///     .args(format_args!("order placed"))
///     .key_values(&[("order_id", 1001)])
///     .build();
/// let mut out = Vec::new();
/// log_event(&record, |event| formatter.format(event, &mut out))?;
/// # let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
/// # assert_eq!(document["extra"]["order_id"], 1001);
/// # Ok::<(), logstash_format::FormatError>(())
/// ```
pub fn log_event<R>(record: &Record<'_>, then: impl FnOnce(&Event<'_>) -> R) -> R {
    let fields = KeyValues(record.key_values());
    let origin = Origin::new().file(record.file()).line(record.line()).module(record.module_path());
    let event =
        Event::new(record.level().into(), record.target(), *record.args()).origin(origin).fields(&fields);
    then(&event)
}

/// The key-values of a record.
struct KeyValues<'a>(&'a dyn kv::Source);

impl Fields for KeyValues<'_> {
    fn for_each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        // Only a visitor can fail, and this one does not.
        let _ = self.0.visit(&mut PairVisitor(visit));
    }
}

struct PairVisitor<'f>(&'f mut dyn FnMut(&str, Value<'_>));

impl<'kvs> VisitSource<'kvs> for PairVisitor<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        value.visit(ValueVisitor { name: key.as_str(), visit: self.0 })
    }
}

struct ValueVisitor<'n, 'f> {
    name: &'n str,
    visit: &'f mut dyn FnMut(&str, Value<'_>),
}

impl ValueVisitor<'_, '_> {
    fn pass(&mut self, value: Value<'_>) -> Result<(), kv::Error> {
        (self.visit)(self.name, value);
        Ok(())
    }
}

impl<'v> VisitValue<'v> for ValueVisitor<'_, '_> {
    fn visit_any(&mut self, value: kv::Value<'_>) -> Result<(), kv::Error> {
        self.pass(Value::serialize(&value))
    }

    fn visit_null(&mut self) -> Result<(), kv::Error> {
        self.pass(Value::Null)
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), kv::Error> {
        self.pass(Value::U64(value))
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), kv::Error> {
        self.pass(Value::I64(value))
    }

    fn visit_u128(&mut self, value: u128) -> Result<(), kv::Error> {
        self.pass(Value::U128(value))
    }

    fn visit_i128(&mut self, value: i128) -> Result<(), kv::Error> {
        self.pass(Value::I128(value))
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), kv::Error> {
        self.pass(Value::F64(value))
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), kv::Error> {
        self.pass(Value::Bool(value))
    }

    fn visit_str(&mut self, value: &str) -> Result<(), kv::Error> {
        self.pass(Value::Str(value))
    }

    fn visit_error(&mut self, error: &(dyn Error + 'static)) -> Result<(), kv::Error> {
        self.pass(Value::Error(error))
    }

    fn visit_borrowed_error(&mut self, error: &'v (dyn Error + 'static)) -> Result<(), kv::Error> {
        self.pass(Value::Error(error))
    }
}
