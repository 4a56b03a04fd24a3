use logstash_format::{EcsCustom, EcsLayout, Event, Level, Value};
use proptest::collection::vec;
use proptest::prelude::*;

use super::formatter;
use super::spec::{check_rules, leaves};
use crate::properties::value;
use crate::rig::{parse, text};

/// Names of any kind, many of which collide with each other, with objects or with the schema.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ab]{0,1}(\\.[ab_]{0,2}){0,2}_{0,1}",
        "(host|log|labels|message|tags|error|@timestamp)(\\.[a-z*\\\\]{1,4})?_{0,1}",
        "(log\\.level|log\\.logger|host\\.name|client\\.ip|trace\\.id|event\\.start|process\\.pid|url\\.path)",
    ]
}

fn layout() -> impl Strategy<Value = EcsLayout> {
    prop_oneof![Just(EcsLayout::Nested), Just(EcsLayout::Dotted), Just(EcsLayout::Python)]
}

fn custom() -> impl Strategy<Value = EcsCustom> {
    prop_oneof![Just(EcsCustom::Labels), Just(EcsCustom::TopLevel), name().prop_map(EcsCustom::Namespace),]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn documents_keep_to_the_rules_whatever_the_fields(
        fields in vec((name(), value()), 0..40),
        message in any::<String>(),
        layout in layout(),
        custom in custom(),
        is_ascii: bool,
    ) {
        let borrowed: Vec<_> = fields.iter().map(|(name, value)| (name, value.value())).collect();
        let event = Event::new(Level::Info, "test", &message).fields(&borrowed);
        let formatter = formatter().layout(layout).custom(custom).ensure_ascii(is_ascii);
        let written = text(&formatter, &event);
        prop_assert!(!is_ascii || written.is_ascii());
        let document = parse(&written);
        // Also that no name is a value and an object.
        leaves(&document);
        prop_assert_eq!(document.get("message").and_then(|text| text.as_str()).unwrap_or_default(), &message);
        if layout != EcsLayout::Python {
            check_rules(&written);
        }
    }

    #[test]
    fn no_field_is_lost(
        names in vec(name(), 0..30),
        layout in layout(),
        custom in custom(),
    ) {
        // Nothing that a name has by chance.
        let marks: Vec<_> = (0..names.len()).map(|at| format!("<the value of field {at}>")).collect();
        let fields: Vec<_> = names.iter().zip(&marks).map(|(name, mark)| (name, Value::from(mark))).collect();
        let event = Event::new(Level::Info, "test", "").fields(&fields);
        let written = text(&formatter().layout(layout).custom(custom), &event);
        for (at, name) in names.iter().enumerate() {
            // Tags add up; of other fields with one name the first counts.
            let is_written = name == "tags" || !names[..at].contains(name);
            prop_assert_eq!(written.matches(&marks[at]).count(), usize::from(is_written), "{:?}: {}", name, written);
        }
    }
}
