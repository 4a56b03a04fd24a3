/// A place in a line.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    /// Bytes of the whole line.
    length: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(line: &'a [u8]) -> Self {
        Self { rest: line, length: line.len() }
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) const fn offset(&self) -> usize {
        self.length - self.rest.len()
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Goes on by as many bytes, of which [`rest`](Self::rest) has that many.
    pub(super) fn skip(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.rest.len(), "no more than there is");
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Goes on behind `expected`, if that is what follows.
    pub(super) fn take(&mut self, expected: &[u8]) -> bool {
        let behind = self.rest.strip_prefix(expected);
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    /// Goes on as long as bytes match, and returns those.
    pub(super) fn take_while(&mut self, matches: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().position(|byte| !matches(*byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
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
