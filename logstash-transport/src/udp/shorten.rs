//! Makes an event shorter without making it invalid.

use std::ops::Range;

/// Appends the event to `out`, with the end of its top-level `message` cut off so that it has `limit` bytes at
/// most; `false`, and nothing, where that is not possible.
pub(super) fn message(event: &[u8], limit: usize, out: &mut Vec<u8>) -> bool {
    let Some(message) = find(event) else { return false };
    let (Some(before), Some(text), Some(after)) =
        (event.get(..message.start), event.get(message.clone()), event.get(message.end..))
    else {
        return false;
    };
    let Some(room) = limit.checked_sub(before.len() + MARK.len() + after.len()) else { return false };
    let kept = text.get(..whole_characters(text, room)).unwrap_or_default();
    for part in [before, kept, MARK, after] {
        out.extend_from_slice(part);
    }
    true
}

/// The text of the string that is the value of the top-level key `message`, without its quotes.
fn find(event: &[u8]) -> Option<Range<usize>> {
    let mut depth = 0_usize;
    // Whether a value of the key stands next.
    let mut wanted = false;
    let mut at = 0;
    while let Some(byte) = event.get(at) {
        match byte {
            b'"' => {
                let text = at + 1..string_end(event, at + 1)?;
                at = text.end;
                let follows = event.get(at + 1..)?.iter().find(|byte| !byte.is_ascii_whitespace());
                if depth == 1 && follows == Some(&b':') {
                    wanted = event.get(text) == Some(b"message");
                } else if depth == 1 && wanted {
                    return Some(text);
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            b',' if depth == 1 => wanted = false,
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where the closing quote stands, of the string whose text starts at `at`.
fn string_end(event: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match event.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// How many leading bytes of the text of a string make whole characters, `room` at most.
fn whole_characters(text: &[u8], room: usize) -> usize {
    let mut end = 0;
    while end < text.len() {
        let next = end + character(text, end);
        if next > room {
            break;
        }
        end = next;
    }
    end.min(text.len())
}

/// Bytes of the character at `at`: one escape, two where they are a surrogate pair, or one character of UTF-8.
fn character(text: &[u8], at: usize) -> usize {
    match (text.get(at), text.get(at + 1)) {
        (Some(b'\\'), Some(b'u')) => {
            let high = text.get(at + 2..at + 4).is_some_and(|digits| {
                matches!(digits, [b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B'])
            });
            let pair = high && text.get(at + 6..at + 8) == Some(b"\\u");
            if pair { 12 } else { 6 }
        }
        (Some(b'\\'), _) => 2,
        (Some(first), _) => match first.leading_ones() {
            0 | 1 => 1,
            bytes => bytes.min(4) as usize,
        },
        (None, _) => 1,
    }
}

/// The mark of `logstash-format`.
const MARK: &[u8] = b"...[truncated]";

#[cfg(test)]
mod tests {
    use super::*;

    fn shorten(event: &str, limit: usize) -> Option<String> {
        let mut out = Vec::new();
        message(event.as_bytes(), limit, &mut out).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_top_level_message_is_cut_and_nothing_else() {
        let event = r#"{"a":{"message":"inner"},"b":["message","x"],"message" : "0123456789012345678901234","z":"}"}"#;
        let short =
            r#"{"a":{"message":"inner"},"b":["message","x"],"message" : "0123...[truncated]","z":"}"}"#;
        assert_eq!(shorten(event, event.len() - 7).as_deref(), Some(short));
        assert_eq!(short.len(), event.len() - 7);
    }

    #[test]
    fn characters_and_escapes_stay_whole() {
        for unit in ["é", "€", "😀", r"\n", r"\\", r#"\""#, r"\u00e9", r"\ud83d\ude00", "e\u{301}"] {
            let event = format!(r#"{{"message":"{}"}}"#, unit.repeat(20));
            for limit in 30..event.len() {
                let Some(short) = shorten(&event, limit) else { continue };
                assert!(short.len() <= limit);
                let text = short.strip_prefix(r#"{"message":""#).unwrap();
                let text = text.strip_suffix(r#"...[truncated]"}"#).unwrap();
                let whole = if unit.starts_with('e') {
                    text.replace(unit, "").replace('e', "")
                } else {
                    text.replace(unit, "")
                };
                assert!(whole.is_empty(), "{limit}: {short}");
            }
        }
    }

    #[test]
    fn where_there_is_no_message_or_too_little_of_it_nothing_is_done() {
        let without = ["{}", "[]", "", "plain text", r#"{"message":5}"#, r#"{"x":{"message":"long long"}}"#];
        for event in
            without.into_iter().chain([r#"{"message":"unclosed"#, r#"}"message":"x"#, r#"["message","x"]"#])
        {
            assert_eq!(shorten(event, event.len().saturating_sub(1)), None, "{event}");
        }
        assert_eq!(shorten(r#"{"message":"0123456789"}"#, 20), None);
    }
}
