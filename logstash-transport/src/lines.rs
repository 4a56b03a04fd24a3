//! Events as lines, and how many of them are written.

use bytes::Bytes;

/// A run of lines on its way into a file or a stream.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    /// Where each line ends in `bytes`, its newline included.
    ends: Vec<usize>,
    /// Invariant: `written <= bytes.len()`.
    written: usize,
}

impl Lines {
    /// Takes leading events, at least one, as long as they fit into `limit` bytes; tells how many.
    ///
    /// A newline inside an event would end its line: the last one is left out, others become spaces.
    /// In JSON they can only stand between two tokens, where a space means the same.
    pub(crate) fn fill(&mut self, events: &[Bytes], limit: usize) -> usize {
        self.bytes.clear();
        self.ends.clear();
        self.written = 0;
        for event in events {
            let event = event.strip_suffix(b"\n").unwrap_or(event);
            let start = self.bytes.len();
            if start > 0 && start.saturating_add(event.len()).saturating_add(1) > limit {
                break;
            }
            self.bytes.extend_from_slice(event);
            // Few have one; to look at all bytes, many at once, takes less time than to stop at the first.
            if event.iter().fold(false, |found, byte| found | (*byte == b'\n')) {
                for byte in self.bytes.iter_mut().skip(start).filter(|byte| **byte == b'\n') {
                    *byte = b' ';
                }
            }
            self.bytes.push(b'\n');
            self.ends.push(self.bytes.len());
        }
        self.ends.len()
    }

    /// What is not written.
    pub(crate) fn rest(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    /// Marks leading bytes of the rest as written.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.written = self.bytes.len().min(self.written + bytes);
    }

    /// How many events are written to the end.
    pub(crate) fn complete(&self) -> u64 {
        self.ends.partition_point(|end| *end <= self.written) as u64
    }

    /// Bytes written of the line that is written in part.
    #[cfg(any(feature = "file", feature = "stdout", test))]
    pub(crate) fn torn(&self) -> usize {
        let complete = self.ends.partition_point(|end| *end <= self.written);
        let start = complete.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or_default();
        self.written - start
    }
}

/// Whether there was no room; there may be some later.
#[cfg(any(feature = "file", feature = "stdout"))]
pub(crate) fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull)
}

#[cfg(test)]
mod tests {
    use super::Lines;
    use bytes::Bytes;

    fn lines(events: &[&'static str], limit: usize) -> (Lines, usize) {
        let events: Vec<Bytes> = events.iter().map(|event| Bytes::from_static(event.as_bytes())).collect();
        let mut lines = Lines::default();
        let taken = lines.fill(&events, limit);
        (lines, taken)
    }

    #[test]
    fn each_event_is_one_line() {
        let (lines, taken) = lines(&["{}", "{\n\"a\":1\r\n}\n", "", "\n"], 1000);
        assert_eq!((lines.rest(), taken), (b"{}\n{ \"a\":1\r }\n\n\n".as_slice(), 4));
    }

    #[test]
    fn the_limit_holds_except_for_a_first_line() {
        assert_eq!(lines(&["abc", "de", "f"], 7).1, 2);
        assert_eq!(lines(&["abc", "de", "f"], 6).1, 1);
        assert_eq!(lines(&["abc", "de"], 0).1, 1);
        assert_eq!(lines(&[], 0).1, 0);
    }

    #[test]
    fn a_line_counts_when_its_newline_is_written() {
        let (mut lines, _) = lines(&["ab", "cde"], 100);
        let counted: Vec<(u64, usize)> = (0..=7)
            .map(|_| {
                let state = (lines.complete(), lines.torn());
                lines.advance(1);
                state
            })
            .collect();
        assert_eq!(counted, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0)]);
        assert!(lines.rest().is_empty());
    }
}
