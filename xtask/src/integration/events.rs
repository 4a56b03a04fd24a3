//! What is sent, and the comparison with what arrived.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use logstash_format::{Event, Formatter, Level, LogstashFormatter, Origin, Value};

use crate::failure::{Failure, Trying, fail};

/// `count` documents, no two of them equal, as an application would log them: texts of several scripts, quotes
/// and control characters, numbers, and every hundredth one long.
pub(super) fn documents(count: usize) -> Result<Vec<Vec<u8>>, Failure> {
    let formatter = LogstashFormatter::new().tags(["interoperability"]);
    (0..count).map(|number| document(&formatter, number)).collect()
}

fn document(formatter: &LogstashFormatter, number: usize) -> Result<Vec<u8>, Failure> {
    let text = TEXTS[number % TEXTS.len()];
    let stretched = if number % 100 == 99 { text.repeat(200) } else { text.to_owned() };
    let fields = [
        ("number", Value::from(number as u64)),
        ("share", Value::from(number as f64 / 7.0)),
        ("text", Value::from(stretched.as_str())),
    ];
    let message = format!("order {number} {text}");
    let event = Event::new(Level::Info, "shop::orders", message.as_str())
        .at(UNIX_EPOCH + Duration::from_millis(1_790_000_000_000 + number as u64))
        .origin(Origin::new().file("src/orders.rs").line(42))
        .fields(&fields);
    let mut document = Vec::new();
    formatter
        .format(&event, &mut document)
        .map_err(|error| Failure::because("an event could not be formatted", error))?;
    Ok(document)
}

/// Writes documents to a file, one a line.
pub(super) fn write_lines(path: &Path, documents: &[Vec<u8>]) -> Result<(), Failure> {
    let mut text = Vec::new();
    for document in documents {
        text.extend_from_slice(document);
        text.push(b'\n');
    }
    fs::write(path, text).trying(format_args!("cannot write {}", path.display()))
}

/// Reads the complete lines of a file. What follows the last line feed is a line that a killed process did not
/// finish.
pub(super) fn read_lines(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let text = fs::read(path).trying(format_args!("cannot read {}", path.display()))?;
    let mut lines: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    lines.pop();
    Ok(lines)
}

/// Reads documents.
pub(super) fn parsed(lines: &[Vec<u8>]) -> Result<Vec<serde_json::Value>, Failure> {
    let values: Result<Vec<_>, _> = lines.iter().map(|line| serde_json::from_slice(line)).collect();
    values.map_err(|error| Failure::because("a document is not JSON", error))
}

/// Byte for byte, in the same order, nothing missing and nothing twice.
pub(super) fn same<A: AsRef<[u8]>, B: AsRef<[u8]>>(sent: &[A], received: &[B]) -> Result<(), Failure> {
    for (index, (sent, received)) in sent.iter().zip(received).enumerate() {
        if sent.as_ref() != received.as_ref() {
            fail!(
                "event {index} differs: sent {}, received {}",
                shown(sent.as_ref()),
                shown(received.as_ref())
            );
        }
    }
    if sent.len() != received.len() {
        fail!("{} events sent, {} received", sent.len(), received.len());
    }
    Ok(())
}

/// Checks what two receivers got of one stream, the first of which ended in the middle of it, and returns how many
/// events both have.
///
/// At least once and in order: the first has a run from the start, the second all the rest, beginning at event
/// `acknowledged`; so nothing is twice that was acknowledged.
pub(super) fn resumed<A: AsRef<[u8]>, B: AsRef<[u8]>>(
    sent: &[A],
    first: &[B],
    second: &[B],
    acknowledged: usize,
) -> Result<usize, Failure> {
    if first.len() < acknowledged {
        fail!("{acknowledged} events count as acknowledged, {} arrived", first.len());
    }
    if first.len() > sent.len() {
        fail!("{} events sent, {} received at first", sent.len(), first.len());
    }
    same(&sent[..first.len()], first)?;
    same(&sent[acknowledged..], second)?;
    Ok(first.len() - acknowledged)
}

fn shown(document: &[u8]) -> String {
    let text = String::from_utf8_lossy(document);
    if text.chars().count() <= 160 {
        return text.into_owned();
    }
    let start: String = text.chars().take(160).collect();
    format!("{start}… ({} bytes)", document.len())
}

const TEXTS: &[&str] = &[
    "was placed",
    "wurde für 12,50 € bezahlt",
    "отправлен",
    "注文を受け付けました",
    "has a \"quoted\\path\" and a tab\there",
    "spans\r\ntwo lines \u{1b}[31mred\u{1b}[0m \u{0}\u{7f}",
    "🚚 on its way \u{2028} \u{feff}",
    "",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_differ_and_fit_on_a_line() {
        let documents = documents(500).unwrap();
        let distinct: std::collections::HashSet<&Vec<u8>> = documents.iter().collect();
        assert_eq!(distinct.len(), 500);
        for document in &documents {
            assert!(!document.contains(&b'\n'));
            let parsed: serde_json::Value = serde_json::from_slice(document).unwrap();
            assert!(parsed.is_object());
        }
    }

    #[test]
    fn a_difference_is_found_and_shown() {
        same(&["a", "b"], &["a", "b"]).unwrap();
        let failure = same(&["a", "b"], &["a", "c"]).unwrap_err();
        assert_eq!(failure.to_string(), "event 1 differs: sent b, received c");
        let failure = same(&["a", "b"], &["a"]).unwrap_err();
        assert_eq!(failure.to_string(), "2 events sent, 1 received");
    }

    #[test]
    fn a_stream_resumes_at_the_first_event_that_was_not_acknowledged() {
        let sent = ["a", "b", "c", "d"];
        assert_eq!(resumed(&sent, &["a", "b", "c"], &["c", "d"], 2).unwrap(), 1);
        assert_eq!(resumed(&sent, &["a", "b"], &["c", "d"], 2).unwrap(), 0);
        // lost, repeated although acknowledged, out of order
        assert!(resumed(&sent, &["a"], &["c", "d"], 2).is_err());
        assert!(resumed(&sent, &["a", "b", "c"], &["b", "c", "d"], 2).is_err());
        assert!(resumed(&sent, &["b", "a"], &["c", "d"], 2).is_err());
        assert!(resumed(&sent, &["a", "b", "c"], &["d"], 2).is_err());
    }
}
