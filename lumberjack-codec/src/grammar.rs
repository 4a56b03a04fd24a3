//! Takes single frames off the front of a buffer; knows nothing of compression but its header.

use crate::error::{DecodeErrorKind, Hint, Part};
use crate::frame::{Frame, FrameType, Role, Version};
use crate::limits::Limits;
use bytes::{Buf, Bytes, BytesMut};
use std::ops::Range;

#[derive(Debug)]
pub(crate) struct Grammar {
    role: Role,
    limits: Limits,
    /// Version of the connection; set by its first byte.
    version: Option<Version>,
    /// How far the pairs of an incomplete data frame have been read.
    walk: Option<PairWalk>,
}

impl Grammar {
    pub(crate) fn new(role: Role, limits: Limits) -> Self {
        Self { role, limits, version: None, walk: None }
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Sequence and length, head included, of a JSON frame of version 2 that lies whole and faultless
    /// at the front of `buffer`. Everything else is for [`next`](Self::next) to judge, also such a
    /// frame where it is the first of its connection.
    #[inline]
    pub(crate) fn whole_json(&self, buffer: &[u8]) -> Option<(u32, usize)> {
        let head = buffer.first_chunk::<JSON_HEAD>()?;
        let &[b'2', b'J', s0, s1, s2, s3, l0, l1, l2, l3] = head else { return None };
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        let end = JSON_HEAD + length as usize;
        let expected = self.version == Some(Version::V2) && self.role == Role::Server;
        let faultless = expected && length > 0 && length <= self.limits.max_json_payload;
        (faultless && buffer.len() >= end).then(|| (u32::from_be_bytes([s0, s1, s2, s3]), end))
    }

    /// The next frame of `buffer`, or `None` until more bytes are there.
    ///
    /// `compressed` tells that the buffer is the content of a compressed frame.
    pub(crate) fn next(
        &mut self,
        buffer: &mut BytesMut,
        compressed: bool,
    ) -> Result<Option<Frame>, DecodeErrorKind> {
        let Some(&first) = buffer.first() else { return Ok(None) };
        let version = self.check_version(first)?;
        let Some(&second) = buffer.get(1) else { return Ok(None) };
        let frame = FrameType::from_byte(second).ok_or(DecodeErrorKind::UnknownFrameType { byte: second })?;
        match (self.role, frame) {
            (Role::Client(_), FrameType::Ack) => self.ack(buffer, version),
            (Role::Server, FrameType::Window) => Ok(window(buffer, version)),
            (Role::Server, FrameType::Json) => self.json(buffer, version),
            (Role::Server, FrameType::Data) => self.data(buffer, version),
            (Role::Server, FrameType::Compressed) => self.compressed(buffer, version, compressed),
            (role, frame) => Err(DecodeErrorKind::UnexpectedFrameType { frame, role }),
        }
    }

    fn check_version(&mut self, byte: u8) -> Result<Version, DecodeErrorKind> {
        let Some(version) = Version::from_byte(byte).filter(|version| self.accepts(*version)) else {
            // Later in a stream the byte is what lies behind a broken frame, and tells nothing.
            let hint = if self.version.is_none() { foreign_protocol(byte) } else { None };
            return Err(DecodeErrorKind::UnsupportedVersion { byte, hint });
        };
        let pinned = *self.version.get_or_insert(version);
        if pinned != version && self.role == Role::Server {
            return Err(DecodeErrorKind::VersionMismatch { got: version, want: pinned });
        }
        Ok(version)
    }

    fn accepts(&self, version: Version) -> bool {
        match self.role {
            // A keepalive of Logstash is of version 2 whatever the client speaks, so a client of
            // version 1 must read the value before it can judge.
            Role::Client(Version::V1) => true,
            Role::Client(Version::V2) => version == Version::V2,
            Role::Server => version == Version::V2 || self.limits.accept_v1,
        }
    }

    fn ack(&self, buffer: &mut BytesMut, version: Version) -> Result<Option<Frame>, DecodeErrorKind> {
        let Some(sequence) = number(buffer, 2) else { return Ok(None) };
        if self.role == Role::Client(Version::V1) && version == Version::V2 && sequence != 0 {
            return Err(DecodeErrorKind::VersionMismatch { got: version, want: Version::V1 });
        }
        buffer.advance(6);
        Ok(Some(Frame::Ack { version, sequence }))
    }

    fn json(&self, buffer: &mut BytesMut, version: Version) -> Result<Option<Frame>, DecodeErrorKind> {
        let (Some(sequence), Some(length)) = (number(buffer, 2), number(buffer, 6)) else { return Ok(None) };
        if length == 0 {
            return Err(DecodeErrorKind::EmptyPayload { part: Part::Json });
        }
        check_length(Part::Json, u64::from(length), u64::from(self.limits.max_json_payload))?;
        let length = length as usize;
        if buffer.len() - JSON_HEAD < length {
            return Ok(None);
        }
        buffer.advance(JSON_HEAD);
        let payload = buffer.split_to(length).freeze();
        Ok(Some(Frame::Json { version, sequence, payload }))
    }

    fn data(&mut self, buffer: &mut BytesMut, version: Version) -> Result<Option<Frame>, DecodeErrorKind> {
        let (Some(sequence), Some(count)) = (number(buffer, 2), number(buffer, 6)) else { return Ok(None) };
        if count == 0 {
            return Err(DecodeErrorKind::EmptyPayload { part: Part::Data });
        }
        if count > self.limits.max_pairs {
            return Err(DecodeErrorKind::TooManyPairs { count, limit: self.limits.max_pairs });
        }
        let walk = self.walk.get_or_insert_with(|| PairWalk::new(count));
        if !walk.advance(buffer, &self.limits)? {
            return Ok(None);
        }
        let walk = self.walk.take().unwrap_or_default();
        let bytes = buffer.split_to(walk.position).freeze();
        let item = |range: &Range<usize>| bytes.slice(range.clone());
        let pairs: Vec<(Bytes, Bytes)> =
            walk.pairs.iter().map(|(key, value)| (item(key), item(value))).collect();
        Ok(Some(Frame::Data { version, sequence, pairs }))
    }

    fn compressed(
        &self,
        buffer: &mut BytesMut,
        version: Version,
        nested: bool,
    ) -> Result<Option<Frame>, DecodeErrorKind> {
        let Some(length) = number(buffer, 2) else { return Ok(None) };
        if nested {
            return Err(DecodeErrorKind::NestedCompression);
        }
        check_length(Part::Compressed, u64::from(length), self.limits.max_compressed())?;
        buffer.advance(6);
        Ok(Some(Frame::CompressedBegin { version, length }))
    }
}

fn window(buffer: &mut BytesMut, version: Version) -> Option<Frame> {
    let size = number(buffer, 2)?;
    buffer.advance(6);
    Some(Frame::Window { version, size })
}

/// Where the pairs of a data frame lie, found out once however the bytes arrive.
///
/// A data frame has no total length, so it can only be delimited by walking it.
#[derive(Debug, Default)]
struct PairWalk {
    pairs_left: u32,
    /// First byte that was not looked at yet, from the start of the frame.
    position: usize,
    /// The key of a pair whose value is still to come.
    key: Option<Range<usize>>,
    pairs: Vec<(Range<usize>, Range<usize>)>,
}

impl PairWalk {
    fn new(count: u32) -> Self {
        Self { pairs_left: count, position: 10, ..Self::default() }
    }

    /// Whether the frame is complete.
    fn advance(&mut self, buffer: &[u8], limits: &Limits) -> Result<bool, DecodeErrorKind> {
        while self.pairs_left > 0 {
            let Some(length) = number(buffer, self.position) else { return Ok(false) };
            if self.key.is_none() {
                check_length(Part::Key, u64::from(length), u64::from(limits.max_key))?;
            }
            // The limit counts from the pair count on, two bytes behind the start of the frame.
            let size = (self.position - 2) as u64 + 4 + u64::from(length);
            check_length(Part::Data, size, u64::from(limits.max_data_frame))?;
            let start = self.position + 4;
            let end = start.saturating_add(length as usize);
            if buffer.len() < end {
                return Ok(false);
            }
            self.position = end;
            match self.key.take() {
                None => self.key = Some(start..end),
                Some(key) => {
                    self.pairs.push((key, start..end));
                    self.pairs_left -= 1;
                }
            }
        }
        Ok(true)
    }
}

/// Bytes of version, type, sequence and length before the payload of a JSON frame.
pub(crate) const JSON_HEAD: usize = 10;

fn number(buffer: &[u8], at: usize) -> Option<u32> {
    let bytes = buffer.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*bytes))
}

fn check_length(part: Part, length: u64, limit: u64) -> Result<(), DecodeErrorKind> {
    if length > limit {
        return Err(DecodeErrorKind::PayloadTooLarge { part, length, limit });
    }
    Ok(())
}

/// Guesses from the first byte, because that is all there is when the error is raised: 0x15 and
/// 0x16 are TLS alert and handshake records, the letters begin an HTTP method or status line.
const fn foreign_protocol(byte: u8) -> Option<Hint> {
    match byte {
        0x15 | 0x16 => Some(Hint::Tls),
        b'C' | b'D' | b'G' | b'H' | b'O' | b'P' | b'T' => Some(Hint::Http),
        _ => None,
    }
}
