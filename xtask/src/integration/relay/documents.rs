//! What is sent through the relay, and the comparison with what came out.

use serde_json::{Map, Value};

use crate::failure::{Failure, fail};

/// Texts that syslog has to carry in any framing, each with what it is a trial of.
pub(super) fn texts() -> Vec<(&'static str, String)> {
    let mut texts: Vec<(&str, String)> =
        TEXTS.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
    texts.push(("8 KiB", "0123456é ".repeat(820)));
    texts
}

/// A text that only framings with a length can carry.
pub(super) const TWO_LINES: &str = "first line\n\tsecond line";

/// The same events in the same order. Of each, the members of `expected` must be the same, and those that are null there
/// must be missing; a name that begins with `/` is a JSON pointer. So must be missing `tags`, by which the relay says that something is wrong, unless they are expected.
pub(super) fn same(expected: &[Value], arrived: &[Value]) -> Result<(), Failure> {
    if expected.len() != arrived.len() {
        fail!("{} events sent, {} received", expected.len(), arrived.len());
    }
    let nothing = Map::new();
    for (index, (expected, arrived)) in expected.iter().zip(arrived).enumerate() {
        let members = expected.as_object().unwrap_or(&nothing);
        let no_tags = [("tags".to_owned(), Value::Null)];
        let no_tags =
            no_tags.iter().filter(|_| !members.contains_key("tags")).map(|(name, value)| (name, value));
        for (name, value) in members.iter().chain(no_tags) {
            let found = if name.starts_with('/') { arrived.pointer(name) } else { arrived.get(name) };
            let found = found.unwrap_or(&Value::Null);
            if found != value {
                fail!("{name} of event {index} is {found} instead of {value}, in {arrived}");
            }
        }
    }
    Ok(())
}

const TEXTS: &[(&str, &str)] = &[
    ("plain", "plain text"),
    ("UTF-8", "für 12,50 € — заказ отправлен, 注文 🚚"),
    ("quotes", r#"has "quotes", 'others', a \backslash\ and [brackets]"#),
    ("a priority within", "<13>begins like another message"),
    ("a length within", "17 <13>begins like another message"),
    ("a program within", "kernel[1]: begins like another message"),
    ("a time within", "Oct 11 22:14:15 begins like another message"),
    ("blanks", "two  blanks, a tab\tand blanks at the end  "),
    ("JSON", r#"{"message": "is JSON", "level": 3}"#),
    ("percent signs", "100 %s %n %d%%"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_member_that_differs_is_named_and_so_is_one_that_should_not_be_there() {
        let arrived = [json!({"message": "a", "pid": 1}), json!({"message": "b", "tags": ["_bad"]})];
        same(&[json!({"message": "a"}), json!({"message": "b", "tags": ["_bad"]})], &arrived).unwrap();
        let failure = |expected: &[Value]| same(expected, &arrived).unwrap_err().to_string();
        assert!(
            failure(&[json!({}), json!({"message": "b"})])
                .starts_with("tags of event 1 is [\"_bad\"] instead")
        );
        assert!(
            failure(&[json!({"pid": null}), json!({"tags": ["_bad"]})])
                .starts_with("pid of event 0 is 1 instead")
        );
        assert_eq!(failure(&[json!({})]), "1 events sent, 2 received");
    }

    #[test]
    fn texts_fit_on_a_line() {
        assert!(texts().iter().all(|(_, text)| !text.contains(['\n', '\r', '\0'])));
        assert!(texts().iter().any(|(_, text)| text.len() >= 8192));
    }
}
