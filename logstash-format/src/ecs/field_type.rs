use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::LazyLock;

use serde::de::DeserializeOwned;

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
            Self::Float => is_one_or_many::<f64>(json),
            Self::Boolean => is_one_or_many::<bool>(json),
            Self::Ip => is_one_or_many::<IpAddr>(json),
            // Milliseconds since 1970, or a date with or without a time.
            Self::Date => is::<i64>(json) || is_date(json),
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

/// Whether `json` is a text that starts as RFC 3339 has it.
fn is_date(json: &[u8]) -> bool {
    const SHAPE: &[u8; 11] = b"\"0000-00-00";
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        _ => byte == shape,
    };
    json.len() > SHAPE.len() && json.iter().zip(SHAPE).all(fits) && matches!(json[SHAPE.len()], b'"' | b'T')
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
        use FieldType::{Boolean, Date, Float, Integer, Ip, Text};
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
    }
}
