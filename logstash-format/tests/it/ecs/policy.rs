//! Rules, limits and the other options that both schemas have.

use logstash_format::{
    EcsCustom, EcsFormatter, EcsLayout, Event, HttpContext, Level, LevelNames, LevelValues, Limits, Origin,
    Precision, Rules, Value,
};
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::formatter;
use super::spec::leaves;
use crate::rig::{document, parse, text};

#[test]
fn levels_times_and_ids() {
    let event = Event::new(Level::Warn, "test", "").at(UNIX_EPOCH + Duration::from_nanos(1_234_567));
    let plain = document(&formatter(), &event);
    assert_eq!((&plain["log.level"], plain.get("event")), (&json!("WARN"), None));
    assert_eq!(plain["@timestamp"], "1970-01-01T00:00:00.001Z");
    let python = document(&formatter().layout(EcsLayout::Python), &event);
    assert_eq!(python["log"]["level"], "WARNING");

    let formatter = formatter()
        .level_names(LevelNames::Lower)
        .level_values(LevelValues::Syslog)
        .precision(Precision::Nanoseconds)
        .event_id(true);
    let full = document(&formatter, &event.id("e-1"));
    assert_eq!(full["log.level"], "warn");
    assert_eq!(full["@timestamp"], "1970-01-01T00:00:00.001234567Z");
    assert_eq!(full["event"], json!({"id": "e-1", "severity": 4}));
    let (one, other) = (Event::new(Level::Info, "", ""), Event::new(Level::Info, "", ""));
    let id = |event| document(&formatter, event)["event"]["id"].as_str().unwrap().to_owned();
    assert_ne!(id(&one), id(&other));
}

#[test]
fn without_source_location() {
    let origin = Origin::new().file("a.rs").line(1).function("f").module("m");
    let document =
        document(&formatter().source_location(false), &Event::new(Level::Info, "test", "").origin(origin));
    assert_eq!(document["log"], json!({"logger": "test"}));
    assert_eq!(document.get("labels"), None);
}

#[test]
fn rules_meet_fields_wherever_they_go() {
    let secret = json!({"name": "a", "token": "secret", "ip": 7});
    let fields = [
        ("password", Value::from("secret")),
        ("user.name", Value::from("secret")),
        ("client.ip", Value::from("192.0.2.7")),
        ("method", Value::from("GET")),
        ("account", Value::serialize(&secret)),
        ("gone", Value::from(1)),
    ];
    let rules = Rules::new()
        .mask("password")
        .mask("user.name")
        .mask("client.ip")
        .mask("*.token")
        .drop("gone")
        .rename("method", "http.request.method");
    let event = Event::new(Level::Info, "test", "").fields(&fields);
    for custom in [EcsCustom::Labels, EcsCustom::TopLevel, EcsCustom::Namespace("x".to_owned())] {
        let written = text(&formatter().custom(custom.clone()).rules(rules.clone()), &event);
        assert!(!written.contains("secret") && !written.contains("gone"), "{written}");
        let document = parse(&written);
        assert_eq!(document["user"]["name"], "[masked]");
        assert_eq!(document["http"]["request"]["method"], "GET");
        if custom == EcsCustom::Labels {
            assert_eq!(document["labels"]["client_ip"], "[masked]");
            assert_eq!(document["labels"]["password"], "[masked]");
        }
    }
}

#[test]
fn rules_meet_fields_of_the_document() {
    let rules = Rules::new()
        .drop("process.executable")
        .drop("log.level")
        .drop("message")
        .mask("user.name")
        .mask("client.ip")
        .mask("error.message")
        .mask("region")
        .rename("log.logger", "event.provider")
        .rename("process.name", "process.pid")
        .rename("host.hostname", "host.id");
    let http = HttpContext::new().user("alice").client_address("192.0.2.7");
    let fields = [("error", Value::Error(&std::fmt::Error))];
    let event = Event::new(Level::Error, "test", "text").http(&http).fields(&fields);
    for layout in [EcsLayout::Nested, EcsLayout::Dotted, EcsLayout::Python] {
        let document =
            document(&formatter().layout(layout).field("region", "eu").rules(rules.clone()), &event);
        let found = leaves(&document);
        assert_eq!(*found["log.level"], json!("ERROR"));
        for absent in ["process.executable", "message", "client.ip", "log.logger", "host.hostname"] {
            assert!(!found.contains_key(absent), "{absent}");
        }
        assert_eq!(*found["user.name"], json!("[masked]"));
        assert_eq!(*found["error.message"], json!("[masked]"));
        assert_eq!(*found["event.provider"], json!("test"));
        assert_eq!(*found["host.id"], json!("vm"));
        assert!(found["process.pid"].is_u64());
        assert!(!document.to_string().contains("\"eu\""));
    }
    // Where there is nothing, there is nothing to mask.
    let plain =
        document(&formatter().rules(Rules::new().mask("user.name")), &Event::new(Level::Info, "", ""));
    assert_eq!(plain.get("user"), None);
}

#[test]
fn what_was_cut_is_listed() {
    let limits = Limits::new().string(10).fields(2);
    let fields = [
        ("a", Value::from("0123456789abc")),
        ("truncated", Value::from(1)),
        ("c", Value::from(2)),
        ("d", Value::from(3)),
    ];
    let event = Event::new(Level::Info, "test", "text").fields(&fields);
    let labels = &document(&formatter().limits(limits.clone()), &event)["labels"];
    assert_eq!(
        *labels,
        json!({"a": "0123456789...[truncated]", "truncated_": 1, "truncated": r#"["fields","strings"]"#})
    );
    let namespace = EcsCustom::Namespace("shop".to_owned());
    let document = document(&formatter().custom(namespace).limits(limits), &event);
    assert_eq!(document["shop"]["truncated"], json!(["fields", "strings"]));
}

#[test]
fn a_long_message_makes_room_for_the_fields() {
    let message = "x".repeat(100_000);
    let fields: Vec<_> = (0..20).map(|at| (format!("field.{at}"), Value::from("y"))).collect();
    let event = Event::new(Level::Info, "test", &message).fields(&fields);
    let limit = 4_096;
    for custom in [EcsCustom::Labels, EcsCustom::TopLevel, EcsCustom::Namespace("x".to_owned())] {
        let written = text(&formatter().custom(custom).limits(Limits::new().event(limit)), &event);
        assert!(written.len() <= limit && written.len() > limit - 600, "{}", written.len());
        let document = parse(&written);
        assert!(document["message"].as_str().unwrap().ends_with("...[truncated]"));
        assert_eq!(written.matches("\"y\"").count(), 20);
    }
}

/// The document of so many fields of value 1, which must keep to the limit.
#[track_caller]
fn within(limit: usize, custom: &EcsCustom, names: impl Iterator<Item = String>) -> Json {
    let fields: Vec<_> = names.map(|name| (name, Value::from(1))).collect();
    let formatter = formatter().custom(custom.clone()).limits(Limits::new().event(limit).fields(10_000));
    let written = text(&formatter, &Event::new(Level::Info, "test", "").fields(&fields));
    assert!(written.len() <= limit, "{} of {limit} with {custom:?}", written.len());
    parse(&written)
}

#[test]
fn names_that_take_more_than_they_have_bytes_keep_to_the_limit() {
    let customs = [EcsCustom::Labels, EcsCustom::TopLevel, EcsCustom::Namespace("a".to_owned())];
    for custom in &customs {
        // Objects within objects.
        within(4 * 1024, custom, (0..300).map(|number| format!("f{number}{}", ".".repeat(30))));
        within(2 * 1024, custom, std::iter::once(".".repeat(1_000)));
        // All the same among labels.
        let same = |number: usize| {
            (0..7).map(|digit| [".a", "*a", "\\a"][number / 3_usize.pow(digit) % 3]).collect::<String>()
        };
        let document = within(64 * 1024, custom, (0..2_187).map(same));
        assert_eq!(document["labels"]["truncated"].is_string(), *custom == EcsCustom::Labels);
    }
}

#[test]
fn names_are_no_deeper_than_readers_can_follow() {
    for custom in [EcsCustom::TopLevel, EcsCustom::Namespace("a".to_owned())] {
        let name = format!("a{}", ".a".repeat(500));
        let document = within(64 * 1024, &custom, std::iter::once(name));
        let written = document.to_string();
        assert!(written.contains(r#"{"a":{"a_a_a_"#), "{written}");
    }
}

#[test]
fn the_list_of_what_was_cut_is_nobody_elses() {
    let labels = json!({"truncated": "no"});
    let long = "x".repeat(50);
    let fields = [
        ("labels.truncated", Value::from("none")),
        ("labels", Value::serialize(&labels)),
        ("truncated.inner", Value::from("none")),
        ("long", Value::from(&long)),
    ];
    let event = Event::new(Level::Info, "test", "").fields(&fields);
    let limited = formatter().limits(Limits::new().string(10));
    let document_of = |custom| document(&limited.clone().custom(custom), &event);
    assert_eq!(document_of(EcsCustom::Labels)["labels"]["truncated"], r#"["strings"]"#);
    let document = document_of(EcsCustom::TopLevel);
    assert_eq!(document["truncated"], json!(["strings"]));
    assert_eq!(document["truncated_"]["inner"], "none");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_document_is_larger_than_its_limit(
        names in prop::collection::vec("[a-z.\"\\\\é]{0,40}", 0..60),
        texts in prop::collection::vec("[a-z\"\\\\\\n😀]{0,400}", 60),
        message in "[a-z\"\\n]{0,3000}",
        custom in prop_oneof![
            Just(EcsCustom::Labels),
            Just(EcsCustom::TopLevel),
            Just(EcsCustom::Namespace("a".to_owned())),
        ],
        is_ascii: bool,
        is_structured: bool,
    ) {
        let lists: Vec<_> = texts.iter().map(|text| [text.as_str(), "\"\\\""]).collect();
        let fields: Vec<_> = names
            .iter()
            .zip(texts.iter().zip(&lists))
            .map(|(name, (text, list))| (name, if is_structured { Value::serialize(list) } else { Value::from(text) }))
            .collect();
        let event = Event::new(Level::Info, "test", &message).fields(&fields);
        let limit = 8 * 1024;
        let formatter: EcsFormatter =
            formatter().custom(custom).ensure_ascii(is_ascii).limits(Limits::new().event(limit));
        let written = text(&formatter, &event);
        prop_assert!(written.len() <= limit, "{}", written.len());
        leaves(&parse(&written));
    }
}
