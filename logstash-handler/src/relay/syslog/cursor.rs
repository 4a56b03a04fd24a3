/// A place in a line.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    line: &'a [u8],
    /// `at <= line.len()`
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(line: &'a [u8]) -> Self {
        Self { line, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        &self.line[self.at..]
    }

    pub(super) const fn offset(&self) -> usize {
        self.at
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.line.len()
    }

    /// Goes on by as many bytes, of which [`rest`](Self::rest) has that many.
    pub(super) fn skip(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.rest().len(), "no more than there is");
        self.at = (self.at + bytes).min(self.line.len());
    }

    /// Goes on behind `expected`, if that is what follows.
    pub(super) fn take(&mut self, expected: &[u8]) -> bool {
        let is_there = self.rest().starts_with(expected);
        if is_there {
            self.at += expected.len();
        }
        is_there
    }

    /// Goes on as long as bytes match, and returns those.
    pub(super) fn take_while(&mut self, matches: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|byte| !matches(*byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }
}

/// The number that the digits say; none if there are other bytes, no digits, or more than nine.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    if !(1..=9).contains(&digits.len()) {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| 10 * number + u32::from(digit - b'0')))
}
