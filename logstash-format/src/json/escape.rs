use super::word::last_word;

/// Appends `text` as the inside of a JSON string: quotation mark, backslash and control characters
/// escaped, and everything beyond ASCII too if `ascii`.
#[inline]
pub(crate) fn escape(text: &str, ascii: bool, out: &mut Vec<u8>) {
    if is_plain(text.as_bytes(), ascii) {
        out.extend_from_slice(text.as_bytes());
    } else {
        escape_specials(text, ascii, out);
    }
}

#[inline(never)]
fn escape_specials(text: &str, ascii: bool, out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        // The byte that ends the run is ASCII or begins a character, so both cuts are boundaries.
        let plain = plain_prefix(rest.as_bytes(), ascii);
        out.extend_from_slice(&rest.as_bytes()[..plain]);
        if plain == rest.len() {
            return;
        }
        let mut chars = rest[plain..].chars();
        if let Some(special) = chars.next() {
            escape_char(special, out);
        }
        rest = chars.as_str();
    }
}

/// Makes JSON text ASCII; what is beyond can only stand inside strings.
pub(crate) fn ascii_only(json: &str, out: &mut Vec<u8>) {
    for char in json.chars() {
        match char {
            '\0'..='\x7f' => out.push(char as u8),
            _ => escape_char(char, out),
        }
    }
}

/// How many bytes, up to `len`, can be kept of what [`escape`] wrote, so that it ends behind a whole
/// character.
pub(super) fn escaped_prefix(escaped: &[u8], len: usize) -> usize {
    let mut kept = 0;
    while let Some(&first) = escaped.get(kept) {
        let width = match first {
            b'\\' => match escaped.get(kept + 1..kept + 4) {
                // The first half of a character beyond 16 bits, with the other half behind it.
                Some([b'u', b'd', b'8'..=b'b']) => 12,
                Some([b'u', ..]) => 6,
                _ => 2,
            },
            0..0xc0 => 1,
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0.. => 4,
        };
        if kept + width > len {
            break;
        }
        kept += width;
    }
    kept
}

/// Whether nothing needs an escape, as in most texts.
#[inline]
fn is_plain(bytes: &[u8], ascii: bool) -> bool {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().all(|word| !has_special(u64::from_ne_bytes(*word), ascii))
        && !has_special(last_word(bytes), ascii)
}

/// How many bytes from the start need no escape.
fn plain_prefix(bytes: &[u8], ascii: bool) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut plain = 0;
    for word in words {
        if has_special(u64::from_ne_bytes(*word), ascii) {
            return plain + plain_bytes(word, ascii);
        }
        plain += 8;
    }
    plain + plain_bytes(rest, ascii)
}

fn plain_bytes(bytes: &[u8], ascii: bool) -> usize {
    bytes.iter().take_while(|byte| !is_special(**byte, ascii)).count()
}

/// Whether any of eight bytes needs an escape.
///
/// A byte whose high bit is clear is below 0x20, or equal to a value after XOR with it, exactly if a
/// subtraction borrows into that bit. Borrows can mark a higher byte by mistake, but only above one
/// that is rightly marked, so the question whether any is marked is answered exactly.
#[inline]
fn has_special(word: u64, ascii: bool) -> bool {
    let beyond_ascii = if ascii { HIGH } else { 0 };
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let borrowed = word.wrapping_sub(ONES * 0x20) | quote.wrapping_sub(ONES) | backslash.wrapping_sub(ONES);
    borrowed & !word & HIGH | word & beyond_ascii != 0
}

fn is_special(byte: u8, ascii: bool) -> bool {
    matches!(byte, 0..0x20 | b'"' | b'\\') || ascii && !byte.is_ascii()
}

fn escape_char(char: char, out: &mut Vec<u8>) {
    let short = match char {
        '"' => b'"',
        '\\' => b'\\',
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        '\x08' => b'b',
        '\x0c' => b'f',
        _ => {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let digit = |shift: u32| HEX[usize::from(*unit >> shift & 0xf)];
                out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
            }
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

const ONES: u64 = u64::MAX / 0xff;
const HIGH: u64 = ONES * 0x80;
const HEX: [u8; 16] = *b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str, ascii: bool) -> String {
        let mut out = Vec::new();
        escape(text, ascii, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn control_characters_and_syntax() {
        assert_eq!(
            escaped("a\"b\\c\n\r\t\u{8}\u{c}\0\u{1f}\u{7f}/", false),
            "a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0000\\u001f\u{7f}/"
        );
    }

    #[test]
    fn beyond_ascii_stays_or_becomes_utf16() {
        assert_eq!(escaped("zoë \u{2028}😀", false), "zoë \u{2028}😀");
        assert_eq!(escaped("zoë \u{2028}😀", true), r"zo\u00eb \u2028\ud83d\ude00");
    }

    #[test]
    fn every_special_byte_is_found_at_every_place_of_a_word() {
        for special in (0..0x20).chain([b'"', b'\\']) {
            for (len, place) in (1..24).flat_map(|len| (0..len).map(move |place| (len, place))) {
                let mut text = vec![b'x'; len];
                text[place] = special;
                assert!(!is_plain(&text, false), "{special:#x} at {place} of {len}");
                assert_eq!(plain_prefix(&text, false), place, "{special:#x} in {len}");
            }
        }
        for byte in (0x20..=0xff).filter(|byte| !matches!(byte, b'"' | b'\\')) {
            assert!((0..24).all(|len| is_plain(&[byte; 24][..len], false)), "{byte:#x}");
            assert_eq!(plain_prefix(&[byte; 24], false), 24, "{byte:#x}");
            let ascii = if byte < 0x80 { 24 } else { 0 };
            assert_eq!(plain_prefix(&[byte; 24], true), ascii, "{byte:#x}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_the_same(text in any::<String>(), ascii: bool) {
            let json = format!("\"{}\"", escaped(&text, ascii));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
            prop_assert!(!ascii || json.is_ascii());
        }

        #[test]
        fn what_is_kept_of_it_is_a_prefix_of_the_text(text in any::<String>(), ascii: bool, len in 0..100_usize) {
            let escaped = escaped(&text, ascii);
            let kept = escaped_prefix(escaped.as_bytes(), len);
            prop_assert!(kept <= len);
            prop_assert!(kept == escaped.len() || kept + 12 > len);
            let read = serde_json::from_str::<String>(&format!("\"{}\"", &escaped[..kept])).unwrap();
            prop_assert!(text.starts_with(&read));
        }

        #[test]
        fn made_ascii_later_is_the_same(text in any::<String>()) {
            let mut out = Vec::new();
            ascii_only(&escaped(&text, false), &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), escaped(&text, true));
        }
    }
}
