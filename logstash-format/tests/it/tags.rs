use logstash_format::{Event, Level, Limits, LogstashFormatter, Rules, Value};
use serde_json::{Value as Json, json};

use crate::rig::{document, formatter, parse, text};

/// The document of an event whose fields `tags` have these values.
fn tagged(formatter: &LogstashFormatter, tags: &[Value<'_>]) -> Json {
    let mut fields = vec![("first", Value::from(1))];
    fields.extend(tags.iter().map(|tags| ("tags", *tags)));
    fields.push(("last", Value::from(2)));
    let document = document(formatter, &Event::new(Level::Info, "test", "").fields(&fields));
    let written = if document.get("extra").is_some() { &document["extra"] } else { &document };
    assert_eq!((&written["first"], &written["last"]), (&json!(1), &json!(2)));
    document
}

#[test]
fn tags_of_the_event_come_behind_those_of_the_formatter() {
    let list = ["b\"]", "c,\\"];
    for formatter in [formatter(), formatter().extra_prefix(None)] {
        let document = tagged(&formatter, &[Value::serialize(&list), "d".into()]);
        assert_eq!(document["tags"], json!(["b\"]", "c,\\", "d"]));
        let document = tagged(&formatter.tags(["a"]), &["d".into(), Value::serialize(&list)]);
        assert_eq!(document["tags"], json!(["a", "d", "b\"]", "c,\\"]));
    }
}

#[test]
fn tags_stand_where_they_always_do() {
    let fields = [("tags", Value::from("b"))];
    let event = Event::new(Level::Info, "test", "").fields(&fields);
    for formatter in [formatter(), formatter().tags(["a"])] {
        let text = text(&formatter, &event);
        let (before, behind) = text.split_once(r#","tags":["#).unwrap();
        assert!(before.ends_with(r#""type":"rust-logstash""#), "{text}");
        assert!(behind.contains(r#""b"],"extra":{"#), "{text}");
    }
}

#[test]
fn what_is_not_tags_is_a_field() {
    let mixed = json!(["a", 1]);
    let object = json!({"a": "b"});
    for value in [Value::from(7), Value::Null, Value::serialize(&mixed), Value::serialize(&object)] {
        let document = tagged(&formatter(), &[value]);
        assert_eq!(document.get("tags"), None);
        assert!(document["extra"].get("tags").is_some(), "{document}");
        let document = tagged(&formatter().extra_prefix(None).tags(["a"]), &[value]);
        assert_eq!(document["tags"], json!(["a"]));
        assert!(document.get("tags_").is_some(), "{document}");
    }
    let empty: [&str; 0] = [];
    let document = tagged(&formatter(), &[Value::serialize(&empty)]);
    assert_eq!((document.get("tags"), document["extra"].get("tags")), (None, None));
}

#[test]
fn rules_meet_tags_of_both_kinds() {
    let formatter = formatter().tags(["a"]);
    let document = tagged(&formatter.clone().rules(Rules::new().drop("tags")), &["b".into()]);
    assert_eq!((document.get("tags"), document["extra"].get("tags")), (None, None));
    let document = tagged(&formatter.rules(Rules::new().rename("tags", "labels")), &["b".into()]);
    assert_eq!((&document["labels"], &document["extra"]["labels"]), (&json!(["a"]), &json!("b")));
}

#[test]
fn tags_obey_the_limits() {
    let long = ["t".repeat(1_500), "u".repeat(1_500)];
    let message = "m".repeat(3_000);
    let fields = [("tags", Value::serialize(&long)), ("last", Value::from(&long[1]))];
    let event = Event::new(Level::Info, "test", &message).fields(&fields);
    let text = text(&formatter().limits(Limits::new().event(4_096)), &event);
    let document = parse(&text);
    assert!(text.len() <= 4_096, "{}", text.len());
    assert_eq!(document["tags"][0], *long[0]);
    assert_eq!(document["extra"]["truncated"], json!(["fields", "message", "strings"]));
}
