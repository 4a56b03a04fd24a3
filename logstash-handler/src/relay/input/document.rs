//! Texts that should be JSON documents.

use serde::de::IgnoredAny;

/// A document on one line; line breaks can stand between its parts only.
pub(super) fn on_one_line(text: &mut [u8]) {
    if text.iter().any(|byte| matches!(byte, b'\n' | b'\r')) && is_object(text) {
        text.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    }
}

/// Whether it is one JSON object.
pub(super) fn is_object(text: &[u8]) -> bool {
    // What is skipped by serde_json is not checked for UTF-8.
    text.trim_ascii_start().first() == Some(&b'{')
        && std::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// The tag that Logstash gives to such events.
pub(super) const UNPARSED: &str = "_jsonparsefailure";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_object_is_a_document() {
        assert!(is_object(b" {\"a\": [1, {\"b\": null}]} "));
        for text in [&b"{"[..], b"{} {}", b"[1]", b"\"a\"", b"7", b"", b"{\"a\": \"\xff\"}", b"{a: 1}"] {
            assert!(!is_object(text), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn documents_come_to_stand_on_one_line_and_other_texts_stay() {
        let mut text = *b"{\r\n\"a\": 1\n}";
        on_one_line(&mut text);
        assert_eq!(&text, b"{  \"a\": 1 }");
        let mut text = *b"two\nlines";
        on_one_line(&mut text);
        assert_eq!(&text, b"two\nlines");
    }
}
