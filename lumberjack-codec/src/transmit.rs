//! Hands bytes out to the caller.

use bytes::BytesMut;

/// What waits to be written to the connection.
#[derive(Debug, Default)]
pub(crate) struct Transmit {
    bytes: BytesMut,
    /// Leading bytes that are written already. Invariant: fewer than there are, or none.
    written: usize,
}

impl Transmit {
    /// The bytes that are left.
    pub(crate) fn peek(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    /// Where more is appended.
    pub(crate) const fn end(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// Takes the first `count` bytes off.
    pub(crate) fn consume(&mut self, count: usize) {
        self.written = self.written.saturating_add(count);
        if self.written >= self.bytes.len() {
            self.written = 0;
            self.bytes.clear();
            self.release_excess();
        }
    }

    /// Moves everything to the end of `out`; without a copy where `out` is empty.
    pub(crate) fn drain_into(&mut self, out: &mut BytesMut) -> bool {
        if self.bytes.is_empty() {
            return false;
        }
        if out.is_empty() && self.written == 0 {
            std::mem::swap(&mut self.bytes, out);
            self.bytes.clear();
        } else {
            out.extend_from_slice(self.peek());
            self.consume(usize::MAX);
        }
        true
    }

    /// One huge window must not hold its memory for the rest of the connection.
    pub(crate) fn release_excess(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > KEEP_CAPACITY {
            self.bytes = BytesMut::new();
        }
    }
}

/// Most bytes of a buffer that is kept for the next window.
pub(crate) const KEEP_CAPACITY: usize = 8 * 1024 * 1024;
