/// What the fuzzer gives, read from its start; zeros behind its end.
pub(crate) struct Input<'i>(pub(crate) &'i [u8]);

impl Input<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Four bytes, the least first.
    pub(crate) fn number(&mut self) -> u32 {
        u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    /// A byte; none if it is the largest.
    pub(crate) fn limit(&mut self) -> Option<usize> {
        Some(self.byte()).filter(|limit| *limit != u8::MAX).map(usize::from)
    }

    /// A length and so many bytes.
    pub(crate) fn bytes(&mut self) -> Vec<u8> {
        let len = usize::from(self.byte()).min(self.0.len());
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        bytes.to_vec()
    }

    /// Likewise, with what is not UTF-8 replaced.
    pub(crate) fn text(&mut self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }
}
