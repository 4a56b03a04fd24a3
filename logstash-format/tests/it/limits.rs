use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use logstash_format::{Event, Formatter, Level, Limits, LogstashFormatter, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::rig::{document, formatter, parse, text};

const KIB: usize = 1024;

fn limited(limits: Limits) -> LogstashFormatter {
    formatter().limits(limits)
}

/// `extra` of an event with these fields, within these limits.
fn extra(limits: Limits, fields: &[(&str, Value<'_>)]) -> Json {
    let fields = fields.to_vec();
    document(&limited(limits), &Event::new(Level::Info, "test", "").fields(&fields))["extra"].take()
}

#[test]
fn texts_are_cut_between_characters() {
    let nested = json!({"inner": "äääääääääää"});
    let extra = extra(
        Limits::new().string(15),
        &[
            ("whole", "ääääääää"[..14].into()),
            ("cut", "ääääääääääää".into()),
            ("display", Value::Display(&format_args!("{}-{}", "ääää", "üüüüüü"))),
            ("nested", Value::serialize(&nested)),
        ],
    );
    assert_eq!(extra["whole"], "äääääää");
    assert_eq!(extra["cut"], "äääääää...[truncated]");
    assert_eq!(extra["display"], "ääää-üüü...[truncated]");
    assert_eq!(extra["nested"]["inner"], "äääääää...[truncated]");
    assert_eq!(extra["truncated"], json!(["strings"]));
}

#[test]
fn nothing_is_said_where_nothing_is_cut() {
    let extra = extra(Limits::new().string(4), &[("a", "four".into()), ("truncated", 1.into())]);
    assert_eq!((&extra["a"], &extra["truncated_"]), (&json!("four"), &json!(1)));
    assert_eq!(extra.get("truncated"), None);
}

#[test]
fn a_message_that_is_cut_is_named() {
    let event = Event::new(Level::Info, "test", "a long message");
    let document = document(&limited(Limits::new().string(6)), &event);
    assert_eq!(document["message"], "a long...[truncated]");
    assert_eq!(document["extra"]["truncated"], json!(["message"]));
}

#[test]
fn a_value_without_end_is_stopped() {
    struct Endless<'a>(&'a Cell<u64>);
    impl fmt::Display for Endless<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                self.0.set(self.0.get() + 1);
                f.write_str("0123456789")?;
            }
        }
    }
    let count = Cell::new(0);
    let endless = Endless(&count);
    let extra = extra(Limits::new().event(8 * KIB), &[("endless", Value::Display(&endless))]);
    assert!(extra["endless"].as_str().unwrap().ends_with("...[truncated]"));
    assert!(count.get() < 2_000, "{}", count.get());
}

#[test]
fn names_are_cut_and_stay_apart() {
    let (first, second) = ("n".repeat(40) + "1", "n".repeat(40) + "2");
    let inner = BTreeMap::from([("ö".repeat(20), 1)]);
    let extra = extra(
        Limits::new().name(16),
        &[(&first, 1.into()), (&second, 2.into()), ("map", Value::serialize(&inner))],
    );
    assert_eq!((&extra["nnnnnnnnnnnnnnn~"], &extra["nnnnnnnnnnnnnnn~_"]), (&json!(1), &json!(2)));
    assert_eq!(extra["map"], json!({"ööööööö~": 1}));
    assert_eq!(extra["truncated"], json!(["names"]));
}

#[test]
fn fields_are_counted_at_every_depth() {
    let map: BTreeMap<_, _> = (10..40).map(|number| (format!("m{number}"), number)).collect();
    let extra =
        extra(Limits::new().fields(12), &[("a", 1.into()), ("map", Value::serialize(&map)), ("b", 2.into())]);
    assert_eq!(extra["map"].as_object().unwrap().len(), 10);
    assert_eq!((&extra["a"], extra.get("b")), (&json!(1), None));
    assert_eq!(extra["truncated"], json!(["fields"]));
}

#[test]
fn depth_is_cut() {
    let value = json!([[["deep"]], 1]);
    let fields = [("value", Value::serialize(&value))];
    assert_eq!(extra(Limits::new().depth(2), &fields)["value"], json!([["[nested too deep]"], 1]));
    assert_eq!(extra(Limits::new().depth(2), &fields)["truncated"], json!(["depth"]));
    assert_eq!(extra(Limits::new().depth(0), &fields)["value"], "[nested too deep]");
    assert_eq!(extra(Limits::new().depth(1_000_000), &fields)["value"], value);
}

#[test]
fn the_message_makes_room_for_the_fields() {
    let (message, field) = ("m".repeat(9 * KIB), "f".repeat(6 * KIB));
    let fields = [("field", Value::from(&field))];
    let event = Event::new(Level::Info, "test", &message).fields(&fields);
    let text = text(&limited(Limits::new().event(10 * KIB)), &event);
    let document = parse(&text);
    assert_eq!(document["extra"]["field"], *field);
    let kept = document["message"].as_str().unwrap();
    assert!(kept.len() > 3 * KIB && kept.ends_with("m...[truncated]"), "{}", kept.len());
    assert_eq!(document["extra"]["truncated"], json!(["message"]));
    assert!(text.len() <= 10 * KIB && text.len() > 9 * KIB, "{}", text.len());
}

#[test]
fn what_the_message_cannot_spare_the_last_fields_do() {
    let (message, field) = ("m\n".repeat(20 * KIB), "f\"".repeat(3 * KIB));
    let fields: Vec<_> = (0..10).map(|at| (format!("field{at}"), Value::from(&field))).collect();
    let event = Event::new(Level::Info, "test", &message).fields(&fields);
    for ascii in [false, true] {
        let formatter =
            limited(Limits::new().event(16 * KIB)).ensure_ascii(ascii).extra("static", "s".repeat(900));
        let text = text(&formatter, &event);
        let document = parse(&text);
        assert_eq!(document["extra"]["field0"], *field);
        assert!(document["extra"]["field1"].as_str().unwrap().ends_with("...[truncated]"));
        assert_eq!((document["extra"].get("field2"), document["extra"].get("static")), (None, None));
        assert!(document["message"].as_str().unwrap().len() > KIB);
        assert_eq!(document["extra"]["truncated"], json!(["fields", "message", "strings"]));
        assert!(text.len() <= 16 * KIB, "{}", text.len());
    }
}

#[test]
fn ten_megabytes_are_cut_to_one() {
    let long = "long ☃ ".repeat(1_200_000);
    let fields = [("text", Value::from(&long)), ("bytes", Value::Bytes(long.as_bytes())), ("last", 1.into())];
    let event = Event::new(Level::Info, &long, &long).fields(&fields);
    let text = text(&formatter(), &event);
    assert!(text.len() <= 1024 * KIB, "{}", text.len());
    assert!(parse(&text)["extra"]["truncated"].is_array());
}

#[test]
fn the_buffer_of_the_caller_does_not_count() {
    let mut out = vec![b'x'; 64 * KIB];
    let event = Event::new(Level::Info, "test", "text");
    limited(Limits::new().event(0)).format(&event, &mut out).unwrap();
    let document = parse(std::str::from_utf8(&out[64 * KIB..]).unwrap());
    assert_eq!((&document["message"], document["extra"].get("truncated")), (&json!("text"), None));
}

#[test]
fn fields_whose_names_are_all_taken_are_said_to_be_missing() {
    let names: Vec<_> = (0..20).map(|number| format!("{}{number}", "x".repeat(40))).collect();
    let fields: Vec<_> = names.iter().map(|name| (name.as_str(), Value::from(1))).collect();
    assert_eq!(extra(Limits::new().name(16), &fields)["truncated"], json!(["fields", "names"]));

    let names: Vec<_> = (0..12).rev().map(|length| format!("line{}", "_".repeat(length))).collect();
    let fields: Vec<_> = names.iter().map(|name| (name.as_str(), Value::from(1))).collect();
    assert_eq!(extra(Limits::new(), &fields)["truncated"], json!(["fields"]));

    let inner = json!({"a-very-long-name-1": 1, "a-very-long-name-2": 2});
    let extra = extra(Limits::new().name(16), &[("inner", Value::serialize(&inner))]);
    assert_eq!(extra["inner"], json!({"a-very-long-nam~": 1}));
    assert_eq!(extra["truncated"], json!(["fields", "names"]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_document_is_larger_than_its_limit(
        message in ".{0,3000}",
        logger in ".{0,400}",
        texts in vec((".{0,40}", ".{0,1500}"), 0..12),
        nested in vec(vec(".{0,200}", 0..20), 0..20),
        event in 2_048..9_000_usize,
        string in 0..4_000_usize,
        name in 16..60_usize,
        ascii: bool,
        flat: bool,
    ) {
        let mut fields: Vec<_> = texts.iter().map(|(name, text)| (name.as_str(), Value::from(text))).collect();
        fields.push(("nested", Value::serialize(&nested)));
        let limits = Limits::new().event(event).string(string).name(name);
        let mut formatter = limited(limits).ensure_ascii(ascii);
        if flat {
            formatter = formatter.extra_prefix(None);
        }
        let origin = Event::new(Level::Info, &logger, &message).fields(&fields);
        let text = text(&formatter, &origin);
        prop_assert!(text.len() <= event, "{} of {}", text.len(), event);
        let document = parse(&text);
        let cuts = if flat { &document["truncated"] } else { &document["extra"]["truncated"] };
        // A message that had to make room is named even if all of it fitted at last.
        let is_named = cuts.as_array().is_some_and(|cuts| cuts.contains(&json!("message")));
        prop_assert!(is_named || document["message"] == *message);
    }
}
