use super::error::PickleErrorKind;

/// The bytes of a pickle, from the first to the last.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// `at <= bytes.len()`
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) const fn offset(&self) -> usize {
        self.at
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(super) fn byte(&mut self) -> Result<u8, PickleErrorKind> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleErrorKind> {
        let array = self.bytes[self.at..].first_chunk().ok_or(PickleErrorKind::Truncated)?;
        self.at += N;
        Ok(*array)
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], PickleErrorKind> {
        let (taken, _) = self.bytes[self.at..].split_at_checked(length).ok_or(PickleErrorKind::Truncated)?;
        self.at += length;
        Ok(taken)
    }

    /// Up to the line feed, which is taken, too.
    pub(super) fn line(&mut self) -> Result<&'a [u8], PickleErrorKind> {
        let length = memchr::memchr(b'\n', &self.bytes[self.at..]).ok_or(PickleErrorKind::Truncated)?;
        let line = self.take(length)?;
        self.at += 1;
        Ok(line)
    }

    pub(super) fn signed_length(&mut self) -> Result<usize, PickleErrorKind> {
        usize::try_from(i32::from_le_bytes(self.array()?))
            .map_err(|_| PickleErrorKind::Malformed("a length is negative"))
    }

    pub(super) fn length4(&mut self) -> Result<usize, PickleErrorKind> {
        usize::try_from(u32::from_le_bytes(self.array()?)).map_err(|_| PickleErrorKind::Truncated)
    }

    pub(super) fn length8(&mut self) -> Result<usize, PickleErrorKind> {
        usize::try_from(u64::from_le_bytes(self.array()?)).map_err(|_| PickleErrorKind::Truncated)
    }
}
