use logstash_format::{Event, Fields, Formatter, Level, LogstashFormatter};
use serde_json::Value as Json;

use crate::unique::Unique;

/// A formatter that depends neither on the machine nor on the process.
pub(crate) fn formatter() -> LogstashFormatter {
    LogstashFormatter::new().host("vm").program("/srv/app")
}

/// The document of an event, which must be one JSON object on one line without a name twice.
#[track_caller]
pub(crate) fn document(formatter: &dyn Formatter, event: &Event<'_>) -> Json {
    parse(&text(formatter, event))
}

#[track_caller]
pub(crate) fn text(formatter: &dyn Formatter, event: &Event<'_>) -> String {
    let mut out = b"before".to_vec();
    formatter.format(event, &mut out).unwrap();
    assert!(out.starts_with(b"before"), "what was there must stay");
    String::from_utf8(out[6..].to_vec()).unwrap()
}

#[track_caller]
pub(crate) fn parse(text: &str) -> Json {
    assert!(!text.contains(['\n', '\r']), "more than one line: {text}");
    match serde_json::from_str(text) {
        Ok(Unique(object @ Json::Object(_))) => object,
        Ok(Unique(other)) => panic!("not an object: {other}"),
        Err(error) => panic!("{error}: {text}"),
    }
}

/// `extra` of an event with these fields.
#[track_caller]
pub(crate) fn extra(fields: &dyn Fields) -> Json {
    let event = Event::new(Level::Info, "test", "").fields(fields);
    document(&formatter(), &event)["extra"].take()
}

#[test]
#[should_panic(expected = "`a` stands twice")]
fn the_rig_sees_names_that_stand_twice() {
    parse(r#"{"b":[{"a":1,"a":1}]}"#);
}
