use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::LazyLock;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use super::data_stream;

/// What Elasticsearch takes for the value of a field of the schema. A value of another kind makes
/// it refuse the whole document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldType {
    Text,
    Integer,
    Float,
    Boolean,
    Date,
    Ip,
    /// Part of the name of a data stream, by which events are routed.
    StreamPart,
}

/// How a value serves a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    AsIs,
    /// A text that holds what the field takes, to be written without its quotation marks.
    Unquoted,
    /// A number or truth value where there has to be text, to be written in quotation marks.
    Quoted,
    Not,
}

impl FieldType {
    /// The type of the field of the schema that bears this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        // Most names are not of the schema, and those have no dot.
        match name.contains('.') {
            true => FIELDS.get(name).copied(),
            false => None,
        }
    }

    /// How `json`, a value or a list of values, serves a field of this type.
    pub(super) fn fit(self, json: &[u8]) -> Fit {
        if self.takes(json) {
            let is_scalar = !json.starts_with(b"\"") && !json.starts_with(b"[");
            return if self == Self::Text && is_scalar { Fit::Quoted } else { Fit::AsIs };
        }
        let text = json.strip_prefix(b"\"").and_then(|json| json.strip_suffix(b"\""));
        match (self, text) {
            (Self::Integer | Self::Float | Self::Boolean, Some(text)) if self.takes(text) => Fit::Unquoted,
            _ => Fit::Not,
        }
    }

    fn takes(self, json: &[u8]) -> bool {
        match self {
            Self::Text => match json.first() {
                Some(b'[') => is::<Vec<String>>(json),
                Some(b'{') | None => false,
                Some(_) => true,
            },
            Self::Integer => is_one_or_many::<i64>(json),
            Self::Float => is_one_or_many::<SmallFloat>(json),
            Self::Boolean => is_one_or_many::<bool>(json),
            Self::Ip => is_one_or_many::<IpAddr>(json),
            // Milliseconds since 1970, or a date with or without a time.
            Self::Date => is::<i64>(json) || is_date(json),
            Self::StreamPart => {
                serde_json::from_slice::<String>(json).is_ok_and(|part| data_stream::is_part(&part))
            }
        }
    }
}

/// Whether names of the schema start with this word, as `host` and `event`.
pub(super) fn is_field_set(word: &str) -> bool {
    FIELD_SETS.contains(word)
}

fn is_one_or_many<T: DeserializeOwned>(json: &[u8]) -> bool {
    match json.first() {
        Some(b'[') => is::<Vec<T>>(json),
        _ => is::<T>(json),
    }
}

fn is<T: DeserializeOwned>(json: &[u8]) -> bool {
    serde_json::from_slice::<T>(json).is_ok()
}

/// A number that is finite in 32 bits, as the schema has floats.
struct SmallFloat;

impl<'de> Deserialize<'de> for SmallFloat {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match (f64::deserialize(from)? as f32).is_finite() {
            true => Ok(Self),
            false => Err(D::Error::custom("beyond 32 bits")),
        }
    }
}

/// Whether `json` is a date, or a date with a time, as `strict_date_optional_time` has it.
fn is_date(json: &[u8]) -> bool {
    let text = json.strip_prefix(b"\"").and_then(|json| json.strip_suffix(b"\""));
    let Some((date, time)) = text.and_then(|text| text.split_at_checked(10)) else { return false };
    let Some([century, year, month, day]) = numbers(date, b"0000-00-00") else { return false };
    let year = century * 100 + year;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day) && (time.is_empty() || time.strip_prefix(b"T").is_some_and(is_time))
}

/// Whether `text` is hours and minutes, perhaps with seconds, a fraction and a zone.
fn is_time(text: &[u8]) -> bool {
    let zone = text.iter().position(|byte| matches!(byte, b'Z' | b'+' | b'-')).unwrap_or(text.len());
    let (time, zone) = text.split_at(zone);
    let (time, fraction) = match time.iter().position(|&byte| byte == b'.') {
        Some(dot) => (&time[..dot], Some(&time[dot + 1..])),
        None => (time, None),
    };
    let is_fraction = |digits: &[u8]| {
        time.len() == 8 && (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
    };
    let is_time = match (numbers(time, b"00:00"), numbers(time, b"00:00:00")) {
        (Some([hour, minute]), _) => hour < 24 && minute < 60,
        (_, Some([hour, minute, second])) => hour < 24 && minute < 60 && second < 60,
        (None, None) => false,
    };
    let is_zone = match zone {
        [] | [b'Z'] => true,
        [b'Z', ..] => false,
        [_, offset @ ..] => {
            let hours = numbers(offset, b"00:00").or_else(|| numbers(offset, b"0000"));
            hours.is_some_and(|[hours, minutes]| hours <= 18 && minutes < 60)
        }
    };
    is_time && fraction.is_none_or(is_fraction) && is_zone
}

/// The numbers of two digits each that stand where `shape` has zeros.
fn numbers<const N: usize>(text: &[u8], shape: &[u8]) -> Option<[u16; N]> {
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        _ => byte == shape,
    };
    if text.len() != shape.len() || !text.iter().zip(shape).all(fits) {
        return None;
    }
    let mut digits = text.iter().filter(|byte| byte.is_ascii_digit()).map(|digit| u16::from(digit - b'0'));
    Some(std::array::from_fn(|_| digits.next().unwrap_or(0) * 10 + digits.next().unwrap_or(0)))
}

static FIELDS: LazyLock<HashMap<&str, FieldType>> = LazyLock::new(|| {
    let mut fields = HashMap::new();
    for line in include_str!("fields.txt").lines() {
        let mut words = line.split_whitespace();
        let field_type = match words.next() {
            Some("text") => FieldType::Text,
            Some("integer") => FieldType::Integer,
            Some("float") => FieldType::Float,
            Some("boolean") => FieldType::Boolean,
            Some("date") => FieldType::Date,
            Some("ip") => FieldType::Ip,
            Some("stream") => FieldType::StreamPart,
            _ => continue,
        };
        fields.extend(words.map(|name| (name, field_type)));
    }
    fields
});

static FIELD_SETS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let first_words = FIELDS.keys().filter_map(|name| name.split('.').next());
    // Those that the table has no field of, or none with a dot.
    let more = [
        "@timestamp",
        "@version",
        "@metadata",
        "_id",
        "_index",
        "_source",
        "agent",
        "device",
        "dll",
        "ecs",
        "elf",
        "email",
        "labels",
        "macho",
        "message",
        "observer",
        "pe",
        "registry",
        "tags",
        "threat",
        "volume",
        "vulnerability",
        "x509",
    ];
    first_words.chain(more).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let names = include_str!("fields.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(|line| line.split_whitespace().skip(1));
        assert_eq!(names.clone().filter_map(FieldType::of).count(), names.count());
        assert_eq!(FieldType::of("client.ip"), Some(FieldType::Ip));
        assert_eq!(FieldType::of("event.start"), Some(FieldType::Date));
        assert_eq!(FieldType::of("order.id"), None);
        assert!(is_field_set("host") && is_field_set("message") && !is_field_set("order"));
    }

    #[track_caller]
    fn check(field_type: FieldType, json: &str, fit: Fit) {
        assert_eq!(field_type.fit(json.as_bytes()), fit, "{field_type:?}: {json}");
    }

    #[test]
    fn values_fit_or_do_not() {
        use FieldType::{Boolean, Date, Float, Integer, Ip, StreamPart, Text};
        for json in [r#""a""#, r#"["a","{"]"#] {
            check(Text, json, Fit::AsIs);
        }
        for json in ["1", "true"] {
            check(Text, json, Fit::Quoted);
        }
        for json in [r#"{"a":1}"#, r#"[{"a":1}]"#, "[1]", "[null]"] {
            check(Text, json, Fit::Not);
        }
        check(Integer, "-1", Fit::AsIs);
        check(Integer, "[1,2]", Fit::AsIs);
        check(Integer, r#""200""#, Fit::Unquoted);
        for json in ["1.5", "18446744073709551615", "true", r#""1.5""#, r#""""#, r#""<none>""#] {
            check(Integer, json, Fit::Not);
        }
        check(Float, "1.5", Fit::AsIs);
        check(Float, "2", Fit::AsIs);
        check(Float, r#""NaN""#, Fit::Not);
        check(Boolean, "false", Fit::AsIs);
        check(Boolean, r#""true""#, Fit::Unquoted);
        check(Boolean, "0", Fit::Not);
        check(Ip, r#""192.0.2.1""#, Fit::AsIs);
        check(Ip, r#"["::1","192.0.2.1"]"#, Fit::AsIs);
        for json in [r#""<none>""#, "null", r#""192.0.2.1:80""#, r#"["::1",7]"#] {
            check(Ip, json, Fit::Not);
        }
        for json in ["1760000000123", r#""2025-10-09""#, r#""2025-10-09T08:53:20Z""#] {
            check(Date, json, Fit::AsIs);
        }
        for json in [r#""today""#, "1.5", r#""2025-10-09x""#, r#""2025-10-0"#] {
            check(Date, json, Fit::Not);
        }
        check(Float, "1e300", Fit::Not);
        check(Float, "[1,-1e39]", Fit::Not);
        for json in [r#""shop.orders""#, r#""logs""#] {
            check(StreamPart, json, Fit::AsIs);
        }
        for json in [r#""Shop""#, r#""a-b""#, r#"["a"]"#, "1", r#""\n""#] {
            check(StreamPart, json, Fit::Not);
        }
    }

    #[test]
    fn dates_are_those_that_elasticsearch_reads() {
        for date in [
            "2024-02-29",
            "2000-02-29T00:00",
            "2025-12-31T23:59:59",
            "2025-10-09T08:53:20.123456789Z",
            "2025-10-09T08:53:20.1+02:00",
            "2025-10-09T08:53-0230",
        ] {
            check(FieldType::Date, &format!("\"{date}\""), Fit::AsIs);
        }
        for date in [
            "2025-02-29",
            "1900-02-29",
            "2025-13-01",
            "2025-04-31",
            "2025-10-00",
            "2025-10-09T",
            "2025-10-09Tnoon",
            "2025-10-09T24:00",
            "2025-10-09T08:60",
            "2025-10-09T08:53:60Z",
            "2025-10-09T08:53.1",
            "2025-10-09T08:53:20.",
            "2025-10-09T08:53:20.1234567890",
            "2025-10-09T08:53:20Z+",
            "2025-10-09T08:53:20+25:00",
            "2025-10-09 08:53:20",
            "",
        ] {
            check(FieldType::Date, &format!("\"{date}\""), Fit::Not);
        }
    }
}
