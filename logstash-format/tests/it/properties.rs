use logstash_format::{Event, Level, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::rig::{document, formatter, text};

#[derive(Clone, Debug)]
pub(crate) enum Owned {
    Null,
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(i128),
    F64(f64),
    Text(String),
    Bytes(Vec<u8>),
    Structured(Json),
}

impl Owned {
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::from(*value),
            Self::I64(value) => Value::from(*value),
            Self::U64(value) => Value::from(*value),
            Self::I128(value) => Value::from(*value),
            Self::F64(value) => Value::from(*value),
            Self::Text(value) => Value::from(value),
            Self::Bytes(value) => Value::Bytes(value),
            Self::Structured(value) => Value::serialize(value),
        }
    }

    fn expected(&self) -> Json {
        match self {
            Self::Null => json!(null),
            Self::Bool(value) => json!(value),
            Self::I64(value) => json!(value),
            Self::U64(value) => json!(value),
            Self::I128(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(value), _) => json!(value),
                (_, Ok(value)) => json!(value),
                _ => json!(value.to_string()),
            },
            Self::F64(value) if value.is_nan() => json!("NaN"),
            Self::F64(f64::INFINITY) => json!("Infinity"),
            Self::F64(f64::NEG_INFINITY) => json!("-Infinity"),
            // Through text, because the reader that compares is not exact to the last bit.
            Self::F64(value) => serde_json::from_str(&json!(value).to_string()).unwrap(),
            Self::Text(value) => json!(value),
            Self::Bytes(value) => json!(String::from_utf8_lossy(value)),
            Self::Structured(value) => serde_json::from_str(&value.to_string()).unwrap(),
        }
    }
}

fn structured() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(|value| json!(value)),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::from),
            vec((".*", inner), 0..4).prop_map(|entries| entries.into_iter().collect()),
        ]
    })
}

pub(crate) fn value() -> impl Strategy<Value = Owned> {
    prop_oneof![
        Just(Owned::Null),
        any::<bool>().prop_map(Owned::Bool),
        any::<i64>().prop_map(Owned::I64),
        any::<u64>().prop_map(Owned::U64),
        any::<i128>().prop_map(Owned::I128),
        prop::num::f64::ANY.prop_map(Owned::F64),
        any::<String>().prop_map(Owned::Text),
        "[\\x00-\\x7f]{0,40}".prop_map(Owned::Text),
        vec(any::<u8>(), 0..20).prop_map(Owned::Bytes),
        structured().prop_map(Owned::Structured),
    ]
}

/// Names of any kind, some of them likely to collide with each other or the document.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[abl]{0,2}_{0,2}",
        "(host|line|message|tags|path|extra|error_message|@timestamp)_{0,2}",
    ]
}

/// Whether `value` is a text or a list of texts, all of them tags of the document.
fn are_tags_of(document: &Json, value: &Json) -> bool {
    let values = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
    let tags = document["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    values.iter().all(|value| value.is_string() && tags.contains(value))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn one_valid_object_whatever_the_fields(
        fields in vec((name(), value()), 0..60),
        message in any::<String>(),
        is_flat: bool,
        is_ascii: bool,
    ) {
        let borrowed: Vec<_> = fields.iter().map(|(name, value)| (name, value.value())).collect();
        let event = Event::new(Level::Info, "test", &message).fields(&borrowed);
        let mut formatter = formatter().ensure_ascii(is_ascii);
        if is_flat {
            formatter = formatter.extra_prefix(None);
        }
        prop_assert!(!is_ascii || text(&formatter, &event).is_ascii());

        let document = document(&formatter, &event);
        prop_assert_eq!(&document["message"], &json!(message));
        prop_assert_eq!(&document["host"], "vm");
        let written = if is_flat { &document } else { &document["extra"] };
        let mut seen = std::collections::BTreeSet::new();
        for (name, value) in &fields {
            // What comes first under a name is written: under that name, or with underscores if
            // the document or a field that it renamed has it.
            if seen.insert(name) {
                let expected = value.expected();
                let found = name == "tags" && are_tags_of(&document, &expected) || (0..=8).any(|underscores| {
                    let longer = format!("{name}{}", "_".repeat(underscores));
                    written.get(&longer) == Some(&expected)
                });
                prop_assert!(found, "{:?}: {} not in {}", name, expected, written);
            }
        }
    }
}
