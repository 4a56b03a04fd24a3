use super::entries::is_nothing;
use super::path::is_blank;
use crate::document::MAX_UNDERSCORES;
use crate::json::{Claim, Json, Names, escape};

/// The members of the object `labels`, as JSON.
///
/// The schema has texts, numbers and truth values there and no objects, and the specification of
/// the loggers replaces dots, asterisks and backslashes in their names.
#[derive(Default)]
pub(super) struct Labels {
    json: Vec<u8>,
    /// The names in `json`; as own if they are not those that were given.
    names: Names,
    /// The names that were given and could not be kept, one after the other.
    altered: Vec<u8>,
    /// The names in `altered`.
    altered_names: Names,
}

impl Labels {
    pub(super) fn clear(&mut self) {
        self.json.clear();
        self.names.clear();
        self.altered.clear();
        self.altered_names.clear();
    }

    /// Adds a label under an escaped name, unless there is one of that name already. `value` is
    /// JSON; lists and objects become text. Returns `false` if it is left out because too many others have
    /// come to the same name.
    #[must_use]
    pub(super) fn add(&mut self, name: &[u8], value: &[u8], ascii: bool) -> bool {
        if is_nothing(value) {
            return true;
        }
        let before = self.json.len();
        if before > 0 {
            self.json.push(b',');
        }
        let start = self.json.len();
        let is_sanitised = self.push_name(name);
        let claim = self.names.check(&self.json, start..self.json.len());
        let is_altered = is_sanitised || claim == Claim::Own;
        if claim != Claim::Free && !is_altered || is_altered && !self.note_altered(name) {
            self.json.truncate(before);
            return true;
        }
        let longest = self.json.len() + MAX_UNDERSCORES;
        while self.names.check(&self.json, start..self.json.len()) != Claim::Free {
            if self.json.len() == longest {
                self.json.truncate(before);
                return false;
            }
            self.json.pop();
            self.json.extend_from_slice(b"_\"");
        }
        self.names.insert(&self.json, start..self.json.len(), is_altered);
        self.json.push(b':');
        match value.first() {
            Some(b'{' | b'[') => {
                self.json.push(b'"');
                escape(&String::from_utf8_lossy(value), ascii, &mut self.json);
                self.json.push(b'"');
            }
            _ => self.json.extend_from_slice(value),
        }
        true
    }

    /// Whether an altered name is new.
    fn note_altered(&mut self, name: &[u8]) -> bool {
        let start = self.altered.len();
        self.altered.extend_from_slice(name);
        let is_new = self.altered_names.check(&self.altered, start..self.altered.len()) == Claim::Free;
        if is_new {
            self.altered_names.insert(&self.altered, start..self.altered.len(), false);
        }
        is_new
    }

    /// Writes the name in quotation marks, and returns whether it is not the one that was given.
    fn push_name(&mut self, name: &[u8]) -> bool {
        let out = &mut self.json;
        out.push(b'"');
        let mut is_changed = is_blank(name);
        if is_changed {
            out.push(b'_');
        } else {
            let mut rest = name.iter();
            while let Some(&byte) = rest.next() {
                // A backslash stands before another one, or before what it escapes.
                let escaped = match byte {
                    b'\\' => rest.next(),
                    _ => None,
                };
                match (byte, escaped) {
                    (b'.' | b'*', _) | (b'\\', Some(b'\\')) => {
                        is_changed = true;
                        out.push(b'_');
                    }
                    (_, escaped) => {
                        out.push(byte);
                        out.extend(escaped);
                    }
                }
            }
        }
        out.push(b'"');
        is_changed
    }

    /// Writes the object as a member of another one, if it has members itself.
    pub(super) fn write(&self, json: &mut Json<'_>) {
        if !self.json.is_empty() {
            json.raw(r#","labels":{"#);
            json.out.extend_from_slice(&self.json);
            json.raw("}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PLAIN;

    #[track_caller]
    fn check(labels: &[(&str, &str)], expected: &str) {
        let mut written = Labels::default();
        for (name, value) in labels {
            assert!(written.add(name.as_bytes(), value.as_bytes(), false));
        }
        let mut out = Vec::new();
        written.write(&mut Json::new(&mut out, &PLAIN));
        assert_eq!(String::from_utf8_lossy(&out), format!(",\"labels\":{{{expected}}}"));
    }

    #[test]
    fn names_are_sanitised() {
        check(&[("a.b", "1"), (r"c*\\d", "2"), (r"e\nf", "3")], r#""a_b":1,"c__d":2,"e\nf":3"#);
        check(&[("", "1"), (" ", "2")], r#""_":1,"__":2"#);
    }

    #[test]
    fn sanitised_names_displace_nothing() {
        check(
            &[("a.b", "1"), ("a*b", "2"), ("a_b", "3"), ("a.b", "4"), ("a_b", "5")],
            r#""a_b":1,"a_b_":2,"a_b__":3"#,
        );
        check(&[("a_b", "1"), ("a.b", "2"), ("a_b", "3")], r#""a_b":1,"a_b_":2"#);
    }

    #[test]
    fn values_are_scalars_and_say_something() {
        check(
            &[("a", r#"{"b":"c"}"#), ("d", "[1]"), ("e", "null"), ("f", r#""""#), ("g", "[]"), ("h", "1.5")],
            r#""a":"{\"b\":\"c\"}","d":"[1]","h":1.5"#,
        );
    }
}
