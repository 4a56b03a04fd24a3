use std::borrow::Cow;
use std::fmt::Write as _;

/// What the bytes say, with `\xE4` for a byte that is not UTF-8: unlike with U+FFFD, what was sent in
/// another encoding can still be told.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let mut text = String::with_capacity(bytes.len() + 16);
            for chunk in bytes.utf8_chunks() {
                text.push_str(chunk.valid());
                for byte in chunk.invalid() {
                    let _ = write!(text, "\\x{byte:02X}");
                }
            }
            Cow::Owned(text)
        }
    }
}

/// Without the line feeds, carriage returns and NULs that senders of syslog put at the end of a message.
pub(super) fn without_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r' | 0)).map_or(0, |last| last + 1);
    line.get(..end).unwrap_or_default()
}
