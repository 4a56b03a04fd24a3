use std::fmt;

use logstash_format::{Event, Fields, Formatter, Level, LogstashFormatter};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

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

/// JSON whose objects have no name twice, at any depth.
struct Unique(Json);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(element)) = from.next_element()? {
            list.push(element);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut object = Map::new();
        while let Some((name, Unique(value))) = from.next_entry::<String, _>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("`{name}` stands twice")));
            }
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[test]
#[should_panic(expected = "`a` stands twice")]
fn the_rig_sees_names_that_stand_twice() {
    parse(r#"{"b":[{"a":1,"a":1}]}"#);
}
