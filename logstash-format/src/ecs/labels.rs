use super::entries::is_nothing;
use super::path::is_blank;
use crate::document::MAX_UNDERSCORES;
use crate::json::{Claim, Digest, Json, Names};

/// The object `labels`, which is written at the end of a document while its members come in.
///
/// The schema has texts, numbers and truth values there and no objects, and the specification of
/// the loggers replaces dots, asterisks and backslashes in their names.
#[derive(Default)]
pub(super) struct Labels {
    /// Where the first member begins, if there is one.
    start: Option<usize>,
    /// The names of the members, placed from there; as own if they are not those that were given.
    names: Names,
    /// The names that were given and could not be kept, one after the other.
    altered: Vec<u8>,
    /// The names in `altered`.
    altered_names: Names,
}

impl Labels {
    pub(super) fn clear(&mut self) {
        self.start = None;
        self.names.clear();
        self.altered.clear();
        self.altered_names.clear();
    }

    /// Moves what is known of the object along with it.
    pub(super) fn shift(&mut self, from: usize, to: usize) {
        self.start = self.start.map(|start| start - from + to);
    }

    /// Adds a label under an escaped name, unless there is one of that name already. `value` is
    /// JSON; lists and objects become text. Returns `false` if it is left out because too many others have
    /// come to the same name.
    #[must_use]
    pub(super) fn add(&mut self, json: &mut Json<'_>, name: &[u8], value: &[u8]) -> bool {
        if is_nothing(value) {
            return true;
        }
        let place = self.begin(json);
        let is_sanitised = push_name(name, json.out);
        self.complete(json, place, name, is_sanitised, |to| match value.first() {
            Some(b'{' | b'[') => to.string(&String::from_utf8_lossy(value)),
            _ => to.out.extend_from_slice(value),
        })
    }

    /// Likewise under a name that [is plain](is_plain), with what `value` writes, which must be no list
    /// and no object.
    #[must_use]
    pub(super) fn add_plain(
        &mut self,
        json: &mut Json<'_>,
        name: &str,
        value: impl FnOnce(&mut Json<'_>),
    ) -> bool {
        let place = self.begin(json);
        json.plain_string(name);
        self.complete(json, place, name.as_bytes(), false, value)
    }

    fn begin(&self, json: &mut Json<'_>) -> Place {
        let before = json.out.len();
        json.raw(if self.start.is_some() { "," } else { r#","labels":{"# });
        Place { before, name: json.out.len() }
    }

    /// Completes the member whose name was written, or takes it back.
    fn complete(
        &mut self,
        json: &mut Json<'_>,
        place: Place,
        given: &[u8],
        is_sanitised: bool,
        value: impl FnOnce(&mut Json<'_>),
    ) -> bool {
        let start = self.start.unwrap_or(place.name);
        let mut digest = Digest::of(&json.out[place.name..]);
        let mut claim = self.claim(json, start, &place, digest);
        let is_altered = is_sanitised || claim == Claim::Own;
        if is_altered && !self.is_new(given) || claim == Claim::Given && !is_altered {
            json.out.truncate(place.before);
            return true;
        }
        let longest = json.out.len() + MAX_UNDERSCORES;
        while claim != Claim::Free {
            if json.out.len() == longest {
                json.out.truncate(place.before);
                return false;
            }
            json.out.pop();
            json.raw("_\"");
            digest = Digest::of(&json.out[place.name..]);
            claim = self.claim(json, start, &place, digest);
        }
        let end_of_name = json.out.len();
        json.out.push(b':');
        let value_at = json.out.len();
        value(json);
        if is_nothing(&json.out[value_at..]) {
            json.out.truncate(place.before);
            return true;
        }
        if is_altered {
            self.note_altered(given);
        }
        self.names.insert(&json.out[start..], place.name - start..end_of_name - start, digest, is_altered);
        self.start = Some(start);
        true
    }

    /// Whether the name that was written is free.
    fn claim(&self, json: &Json<'_>, start: usize, place: &Place, digest: Digest) -> Claim {
        let members = &json.out[start..];
        self.names.check(members, place.name - start..members.len(), digest)
    }

    /// Whether a name that cannot be kept was not given before.
    fn is_new(&mut self, given: &[u8]) -> bool {
        let start = self.altered.len();
        self.altered.extend_from_slice(given);
        let claim = self.altered_names.check(&self.altered, start..self.altered.len(), Digest::of(given));
        self.altered.truncate(start);
        claim == Claim::Free
    }

    fn note_altered(&mut self, given: &[u8]) {
        let start = self.altered.len();
        self.altered.extend_from_slice(given);
        self.altered_names.insert(&self.altered, start..self.altered.len(), Digest::of(given), false);
    }

    /// Ends the object, if it was begun.
    pub(super) fn close(&self, json: &mut Json<'_>) {
        if self.start.is_some() {
            json.raw("}");
        }
    }
}

/// Where a member is written.
struct Place {
    /// Where the document ended before it.
    before: usize,
    name: usize,
}

/// Whether a name is the same escaped and sanitised: made of letters, digits, underscores and hyphens.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| PLAIN[usize::from(byte)])
}

/// Writes the name in quotation marks, and returns whether it is not the one that was given.
fn push_name(name: &[u8], out: &mut Vec<u8>) -> bool {
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

const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        plain[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'_' | b'-');
        byte += 1;
    }
    plain
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy;

    #[track_caller]
    fn check(labels: &[(&str, &str)], expected: &str) {
        let mut written = Labels::default();
        let mut out = Vec::new();
        let mut json = Json::new(&mut out, &policy::PLAIN);
        for (name, value) in labels {
            assert!(match is_plain(name) && !value.starts_with(['[', '{']) {
                true => written.add_plain(&mut json, name, |to| to.raw(value)),
                false => written.add(&mut json, name.as_bytes(), value.as_bytes()),
            });
        }
        written.close(&mut json);
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
