//! The rules for documents of ECS loggers, and the types of the schema.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use logstash_format::{
    DataStream, EcsCustom, EcsFormatter, EcsLayout, Event, HttpContext, Level, LevelValues, Origin,
    TraceContext, Value,
};
use serde_json::{Value as Json, json};

use super::formatter;
use crate::rig::{parse, text};

/// What the specification says of one field.
struct Rule {
    name: &'static str,
    field_type: &'static str,
    is_required: bool,
    index: Option<usize>,
    is_top_level: bool,
    replaced: &'static str,
}

fn rules() -> Vec<Rule> {
    let lines = include_str!("../../data/ecs-logging-spec.txt").lines();
    let rules: Vec<_> = lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let words: Vec<_> = line.split(' ').collect();
            let word = |start| words.iter().find_map(|word| word.strip_prefix(start));
            Rule {
                name: words[0],
                field_type: words[1],
                is_required: words.contains(&"required"),
                index: word("index=").map(|index| index.parse().unwrap()),
                is_top_level: words.contains(&"top-level"),
                replaced: word("replaced=").unwrap_or_default(),
            }
        })
        .collect();
    assert_eq!(rules.len(), 20);
    rules
}

/// Types by name, the same in both versions of the schema.
fn types() -> BTreeMap<&'static str, &'static str> {
    let lines = include_str!("../../data/ecs-fields.txt").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let words: Vec<_> = line.split(' ').collect();
            assert_eq!(words[1], words[2], "{line}");
            (words[0], words[1])
        })
        .collect()
}

/// Checks a document against the specification.
pub(super) fn check_rules(written: &str) {
    let document = parse(written);
    let found = leaves(&document);
    for rule in rules() {
        let value = found.get(rule.name).copied();
        assert!(value.is_some() || !rule.is_required, "{} is missing: {written}", rule.name);
        if let Some(value) = value {
            let is_right = match rule.field_type {
                // Any field may be a list to Elasticsearch, if an event has it as one.
                "string" => {
                    value.is_string() || value.as_array().is_some_and(|list| list.iter().all(Json::is_string))
                }
                "datetime" => value.is_string(),
                "integer" => value.is_u64(),
                "object" => false,
                other => panic!("{other}"),
            };
            assert!(is_right, "{} is {value}", rule.name);
            assert!(!rule.is_top_level || document.get(rule.name).is_some(), "{} is nested", rule.name);
        }
        if let (Some(index), Some(_)) = (rule.index, value) {
            // Nothing before it is left out but the message.
            let place = written.find(&format!("\"{}\":", rule.name)).unwrap();
            assert_eq!(written[..place].matches("\":").count(), index, "{}", rule.name);
        }
        if !rule.replaced.is_empty() {
            for (name, value) in document[rule.name].as_object().into_iter().flatten() {
                assert!(!name.contains(|char| rule.replaced.contains(char)), "{name}");
                assert!(value.is_string() || value.is_number() || value.is_boolean(), "{name}: {value}");
            }
        }
    }
    check_nothing_empty(&document);
}

/// No part of a document says nothing, but what stands in lists.
fn check_nothing_empty(json: &Json) {
    match json {
        Json::Object(members) => {
            assert!(!members.is_empty());
            for (name, value) in members {
                assert!(!name.is_empty());
                check_nothing_empty(value);
            }
        }
        Json::Array(list) => assert!(!list.is_empty()),
        Json::String(text) => assert!(!text.is_empty()),
        Json::Null => panic!("null"),
        Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Values by their dotted names, however they are nested. A name twice, or one within another, is a
/// conflict in Elasticsearch.
pub(super) fn leaves(document: &Json) -> BTreeMap<String, &Json> {
    fn visit<'j>(path: &str, json: &'j Json, to: &mut BTreeMap<String, &'j Json>) {
        match json.as_object() {
            Some(members) => {
                for (name, value) in members {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    visit(&path, value, to);
                }
            }
            None => assert!(to.insert(path.to_owned(), json).is_none(), "{path} stands twice"),
        }
    }
    let mut found = BTreeMap::new();
    visit("", document, &mut found);
    for path in found.keys() {
        let within = found.range(format!("{path}.")..).next();
        if let Some((inner, _)) = within {
            assert!(!inner.starts_with(&format!("{path}.")), "{path} is a value, and {inner} is within it");
        }
    }
    found
}

#[derive(Debug)]
struct Failure(Option<Box<Self>>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed")
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_deref().map(|source| source as _)
    }
}

/// A formatter with all that can be set.
fn full(layout: EcsLayout) -> EcsFormatter {
    formatter()
        .service_name("shop")
        .service_version("1.4.2")
        .service_environment("production")
        .service_node_name("shop-1")
        .data_stream(DataStream::new("shop.orders", "production").unwrap())
        .tags(["a", "b"])
        .metadata("pipeline", "orders")
        .event_id(true)
        .level_values(LevelValues::Syslog)
        .layout(layout)
}

/// Calls `then` with an event that has everything.
fn with_full_event(then: impl FnOnce(&Event<'_>)) {
    let error = Failure(Some(Box::new(Failure(None))));
    let http = HttpContext::new()
        .method("GET")
        .scheme("https")
        .host("shop.example")
        .port(8443)
        .path("/orders")
        .query("a=1")
        .route("/orders")
        .version("1.1")
        .status(200)
        .request_bytes(1)
        .response_bytes(2)
        .duration(Duration::from_micros(1_500))
        .referer("https://shop.example/")
        .user_agent("test")
        .client_address("2001:db8::1")
        .forwarded_for("unknown")
        .forwarded_for("192.0.2.7")
        .forwarded_proto("https")
        .user("alice")
        .request_id("r-1")
        .request_header("accept", "*/*");
    let fields = [
        ("order.id", Value::from(1001)),
        ("a*b\\c", Value::from("x")),
        ("labels.own", Value::from(true)),
        ("event.action", Value::from("placed")),
        ("nested", Value::serialize(&[[1, 2], [3, 4]])),
        ("nothing", Value::Null),
        ("empty", Value::from("")),
        ("client.ip", Value::from("<none>")),
        ("tags", Value::from("c")),
    ];
    let event = Event::new(Level::Warn, "shop::orders", "order placed")
        .origin(Origin::new().file("src/orders.rs").line(42).module("shop").function("place"))
        .error(&error)
        .error_type("Failure")
        .http(&http)
        .trace(TraceContext::new().trace_id("t").span_id("s").transaction_id("x"))
        .fields(&fields);
    then(&event);
}

#[test]
fn documents_keep_to_the_specification() {
    let customs = [EcsCustom::Labels, EcsCustom::TopLevel, EcsCustom::Namespace("shop".to_owned())];
    for layout in [EcsLayout::Nested, EcsLayout::Dotted] {
        for custom in &customs {
            let formatter = full(layout).custom(custom.clone());
            with_full_event(|event| check_rules(&text(&formatter, event)));
            check_rules(&text(&formatter, &Event::new(Level::Info, "", "")));
        }
    }
}

#[test]
fn every_field_of_the_specification_can_be_there() {
    with_full_event(|event| {
        let document = parse(&text(&full(EcsLayout::Nested), event));
        let found = leaves(&document);
        for rule in rules() {
            assert!(found.contains_key(rule.name) || rule.field_type == "object", "{}", rule.name);
        }
        assert_eq!(document["labels"]["order_id"], 1001);
        assert_eq!(document["labels"]["a_b_c"], "x");
    });
}

#[test]
fn values_have_the_types_of_the_schema() {
    let types = types();
    for layout in [EcsLayout::Nested, EcsLayout::Dotted, EcsLayout::Python] {
        with_full_event(|event| {
            let formatter = full(layout).custom(EcsCustom::Labels);
            let document = parse(&text(&formatter, event));
            let mut seen = 0;
            for (name, value) in leaves(&document) {
                if name.starts_with("@metadata.") || name.starts_with("labels.") || name == "@version" {
                    continue;
                }
                let Some(field_type) = types.get(name.as_str()) else { panic!("{name} is not in the table") };
                let texts: Vec<_> = match value {
                    Json::Array(list) => list.iter().collect(),
                    one => vec![one],
                };
                seen += 1;
                for value in texts {
                    let is_right = match *field_type {
                        "keyword" | "constant_keyword" | "wildcard" | "match_only_text" => value.is_string(),
                        "long" => value.is_i64(),
                        "ip" => value.as_str().is_some_and(|ip| ip.parse::<IpAddr>().is_ok()),
                        "date" => value.as_str().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok()),
                        other => panic!("{name} is a {other}"),
                    };
                    assert!(is_right, "{name} is a {field_type}: {value}");
                }
            }
            // All that the table has but labels, which are looked at elsewhere.
            assert_eq!(seen, types.len() - 1, "{layout:?}");
        });
    }
}

#[test]
fn what_does_not_fit_the_schema_is_a_label() {
    with_full_event(|event| {
        let document = parse(&text(&full(EcsLayout::Nested), event));
        assert_eq!(document["labels"]["client_ip"], "<none>");
        assert_eq!(document["client"]["ip"], "2001:db8::1");
        assert_eq!(document["network"]["forwarded_ip"], "192.0.2.7");
        assert_eq!(document["labels"]["nested"], "[[1,2],[3,4]]");
        assert_eq!(document["labels"]["own"], true);
        assert_eq!(document["tags"], json!(["a", "b", "c"]));
        assert_eq!(document["event"]["duration"], 1_500_000);
    });
}
