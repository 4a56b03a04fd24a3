use logstash_format::{Event, Level, Value};
use serde_json::json;

use crate::rig::{document, extra, formatter};

const TOP: [&str; 12] = [
    "@timestamp",
    "@version",
    "host",
    "level",
    "logsource",
    "message",
    "pid",
    "program",
    "type",
    "@metadata",
    "event_id",
    "level_value",
];
const EXTRA: [&str; 8] =
    ["func_name", "line", "logger_name", "module_path", "path", "process_name", "thread_name", "truncated"];

#[test]
fn fields_cannot_pass_for_standard_fields() {
    let plain = document(&formatter(), &Event::new(Level::Info, "test", "text"));
    for name in TOP {
        let fields = [(name, Value::from("mine"))];
        let event = Event::new(Level::Info, "test", "text").fields(&fields);
        let document = document(&formatter(), &event);
        assert_eq!(document["extra"][name], "mine");
        if name != "@timestamp" {
            assert_eq!(document.get(name), plain.get(name));
        }
    }
}

#[test]
fn fields_with_a_name_of_the_document_get_an_underscore() {
    for name in EXTRA {
        let fields = [(name, Value::from("mine"))];
        let extra = extra(&fields);
        assert_eq!(extra[format!("{name}_")], "mine");
        assert_ne!(extra.get(name), Some(&json!("mine")));
    }
}

#[test]
fn flat_fields_with_a_name_of_the_document_get_an_underscore() {
    let flat = formatter().extra_prefix(None);
    for name in TOP.into_iter().chain(EXTRA) {
        let fields = [(name, Value::from("mine"))];
        let event = Event::new(Level::Info, "test", "text").fields(&fields);
        let document = document(&flat, &event);
        assert_eq!(document[format!("{name}_")], "mine");
        assert_ne!(document.get(name), Some(&json!("mine")));
    }
}

#[test]
fn renamed_fields_do_not_displace_others() {
    let fields = [("line", Value::from(1)), ("line_", Value::from(2))];
    let both = extra(&fields);
    assert_eq!((&both["line_"], &both["line__"]), (&json!(1), &json!(2)));

    let fields = [("line_", Value::from(2)), ("line", Value::from(1))];
    let both = extra(&fields);
    assert_eq!((&both["line_"], &both["line__"]), (&json!(2), &json!(1)));
}

#[test]
fn names_of_an_error_belong_to_it_wherever_it_stands() {
    let error = std::fmt::Error;
    let fields = [("error_message", Value::from("mine")), ("error", Value::Error(&error))];
    let extra = extra(&fields);
    assert_eq!(extra["error_message"], error.to_string());
    assert_eq!(extra["error_message_"], "mine");
}

#[test]
fn the_first_of_fields_with_one_name_counts() {
    let fields = [("a", Value::from(1)), ("b", Value::Null), ("a", Value::from(2))];
    let extra = extra(&fields);
    assert_eq!((&extra["a"], &extra["b"]), (&json!(1), &json!(null)));
}

#[test]
fn names_of_one_length_and_one_ending_are_told_apart() {
    let fields = [("left_position", Value::from(1)), ("next_position", Value::from(2))];
    let extra = extra(&fields);
    assert_eq!((&extra["left_position"], &extra["next_position"]), (&json!(1), &json!(2)));
}

#[test]
fn many_fields_are_told_apart() {
    let names: Vec<_> = (0..500).map(|number| format!("field-{}", number % 250)).collect();
    let fields: Vec<_> = (0..).zip(&names).map(|(at, name)| (name, Value::from(at))).collect();
    let extra = extra(&fields);
    for number in 0..250 {
        assert_eq!(extra[format!("field-{number}")], number);
    }
}

#[test]
fn fields_of_the_event_go_before_those_of_the_formatter() {
    let formatter = formatter().extra("region", "eu").extra("line", 7);
    let fields = [("region", Value::from("us"))];
    let event = Event::new(Level::Info, "test", "");
    assert_eq!(document(&formatter, &event)["extra"]["region"], "eu");
    let document = document(&formatter, &event.fields(&fields));
    assert_eq!(document["extra"]["region"], "us");
    assert_eq!(document["extra"]["line_"], 7);
}

#[test]
fn the_prefix_cannot_pass_for_a_standard_field() {
    let document = document(&formatter().extra_prefix("message"), &Event::new(Level::Info, "test", "text"));
    assert_eq!(document["message"], "text");
    assert_eq!(document["message_"]["logger_name"], "test");
}

#[test]
fn a_field_with_the_name_of_the_prefix_is_one_within_it() {
    let fields = [("extra", Value::from("mine"))];
    assert_eq!(extra(&fields)["extra"], "mine");
}

#[test]
fn names_are_escaped() {
    let fields = [("a\"b\n\\", Value::from(1)), ("", Value::from(2))];
    let extra = extra(&fields);
    assert_eq!((&extra["a\"b\n\\"], &extra[""]), (&json!(1), &json!(2)));
}
