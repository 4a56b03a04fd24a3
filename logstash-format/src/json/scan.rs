//! Finds values in JSON that this crate has written itself; it is valid and has no spaces.

use std::ops::Range;

/// The names, without their quotation marks, and the values of the object that `json` has at `at`,
/// as ranges of `json`.
pub(crate) fn members(json: &[u8], at: usize) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let mut at = at + 1;
    std::iter::from_fn(move || {
        if json.get(at) != Some(&b'"') {
            return None;
        }
        let end_of_name = end_of_string(json, at);
        let name = at + 1..end_of_name - 1;
        let value = end_of_name + 1..end_of_value(json, end_of_name + 1);
        // Past the comma, or past the brace that ends the object.
        at = value.end + 1;
        match json.get(value.end) {
            Some(b',') => {}
            _ => at = json.len(),
        }
        Some((name, value))
    })
}

/// The elements of the list that is `json`, as ranges of it.
pub(crate) fn elements(json: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 1;
    std::iter::from_fn(move || {
        if json.get(at).is_none_or(|&byte| byte == b']') {
            return None;
        }
        let element = at..end_of_value(json, at);
        // Past the comma, or past the bracket that ends the list.
        at = element.end + 1;
        Some(element)
    })
}

/// The texts in `json`, which must be a text or a list of nothing but texts, with commas between
/// them.
pub(crate) fn texts_in(json: &[u8]) -> Option<&[u8]> {
    let list = match json {
        [b'"', ..] => return Some(json),
        [b'[', list @ .., b']'] => list,
        _ => return None,
    };
    let mut at = 0;
    while at < list.len() {
        if list[at] != b'"' {
            return None;
        }
        // Past the text and the comma.
        at = end_of_string(list, at) + 1;
    }
    Some(list)
}

fn end_of_value(json: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while at < json.len() {
        match json[at] {
            b'"' => {
                at = end_of_string(json, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Where the string that begins at `start` has ended.
fn end_of_string(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < json.len() {
        match json[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(json: &str) -> Vec<(&str, &str)> {
        members(json.as_bytes(), 0).map(|(name, value)| (&json[name], &json[value])).collect()
    }

    #[test]
    fn members_of_an_object() {
        let json = r#"{"a":1,"b\"}":{"c":[{"d":"},"}]},"e":[[],{}],"":"\\"}"#;
        assert_eq!(
            listed(json),
            [("a", "1"), (r#"b\"}"#, r#"{"c":[{"d":"},"}]}"#), ("e", "[[],{}]"), ("", r#""\\""#)]
        );
        assert_eq!(listed("{}"), []);
        // What follows the object does not belong to it.
        assert_eq!(listed(r#"{"a":1},"b":2"#), [("a", "1")]);
        assert_eq!(listed(r#"{},"b":2"#), []);
    }

    #[test]
    fn texts_and_lists_of_them() {
        let texts =
            |json: &'static str| texts_in(json.as_bytes()).map(|texts| str::from_utf8(texts).unwrap());
        assert_eq!(texts(r#""a,""#), Some(r#""a,""#));
        assert_eq!(texts(r#"["a","\\","b\",\""]"#), Some(r#""a","\\","b\",\"""#));
        assert_eq!(texts("[]"), Some(""));
        for json in ["1", r#"["a",1]"#, r#"[["a"]]"#, r#"{"a":"b"}"#, r#"["a",null,"b"]"#] {
            assert_eq!(texts(json), None, "{json}");
        }
    }
}
