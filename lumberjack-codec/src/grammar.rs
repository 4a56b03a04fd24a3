//! Finds single frames at the front of a buffer; knows nothing of compression but its header.

use crate::error::{DecodeErrorKind, Hint, Part};
use crate::frame::{Frame, FrameType, Pair, Role, Version};
use crate::frame_ref::{FrameRef, Pairs};
use crate::limits::Limits;
use bytes::{Buf, BytesMut};

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

    /// The version that the peer speaks, once that is known.
    pub(crate) const fn version(&self) -> Option<Version> {
        self.version
    }

    /// Sequence and payload of a JSON frame of version 2 that lies whole and faultless at the front of
    /// `buffer`, and what is behind it. Everything else is for [`next`](Self::next) to judge, also such
    /// a frame where it is the first of its connection.
    #[inline]
    pub(crate) fn whole_json<'b>(&self, buffer: &'b [u8]) -> Option<(u32, &'b [u8], &'b [u8])> {
        let (head, rest) = buffer.split_first_chunk::<JSON_HEAD>()?;
        let &[b'2', b'J', s0, s1, s2, s3, l0, l1, l2, l3] = head else { return None };
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        let expected = self.version == Some(Version::V2) && self.role == Role::Server;
        if !expected || length == 0 || length > self.limits.max_json_payload {
            return None;
        }
        let (payload, rest) = rest.split_at_checked(length as usize)?;
        Some((u32::from_be_bytes([s0, s1, s2, s3]), payload, rest))
    }

    /// The frame at the front of `buffer`, or `None` until more bytes are there. The caller takes it off.
    ///
    /// `compressed` tells that the buffer is the content of a compressed frame.
    pub(crate) fn next(&mut self, buffer: &[u8], compressed: bool) -> Result<Option<Found>, DecodeErrorKind> {
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

    fn ack(&self, buffer: &[u8], version: Version) -> Result<Option<Found>, DecodeErrorKind> {
        let Some(sequence) = number(buffer, 2) else { return Ok(None) };
        if self.role == Role::Client(Version::V1) && version == Version::V2 && sequence != 0 {
            return Err(DecodeErrorKind::VersionMismatch { got: version, want: Version::V1 });
        }
        Ok(Some(Found { head: Head::Ack { version, sequence }, length: SHORT_HEAD }))
    }

    fn json(&self, buffer: &[u8], version: Version) -> Result<Option<Found>, DecodeErrorKind> {
        let (Some(sequence), Some(length)) = (number(buffer, 2), number(buffer, 6)) else { return Ok(None) };
        if length == 0 {
            return Err(DecodeErrorKind::EmptyPayload { part: Part::Json });
        }
        check_length(Part::Json, u64::from(length), u64::from(self.limits.max_json_payload))?;
        if buffer.len() - JSON_HEAD < length as usize {
            return Ok(None);
        }
        let head = Head::Json { version, sequence };
        Ok(Some(Found { head, length: JSON_HEAD + length as usize }))
    }

    fn data(&mut self, buffer: &[u8], version: Version) -> Result<Option<Found>, DecodeErrorKind> {
        let (Some(sequence), Some(pairs)) = (number(buffer, 2), number(buffer, 6)) else { return Ok(None) };
        if pairs == 0 {
            return Err(DecodeErrorKind::EmptyPayload { part: Part::Data });
        }
        if pairs > self.limits.max_pairs {
            return Err(DecodeErrorKind::TooManyPairs { count: pairs, limit: self.limits.max_pairs });
        }
        let walk = self.walk.get_or_insert_with(|| PairWalk::new(pairs));
        if !walk.advance(buffer, &self.limits)? {
            return Ok(None);
        }
        let length = walk.position;
        self.walk = None;
        Ok(Some(Found { head: Head::Data { version, sequence, pairs }, length }))
    }

    fn compressed(
        &self,
        buffer: &[u8],
        version: Version,
        nested: bool,
    ) -> Result<Option<Found>, DecodeErrorKind> {
        let Some(length) = number(buffer, 2) else { return Ok(None) };
        if nested {
            return Err(DecodeErrorKind::NestedCompression);
        }
        check_length(Part::Compressed, u64::from(length), self.limits.max_compressed())?;
        Ok(Some(Found { head: Head::CompressedBegin { version, length }, length: SHORT_HEAD }))
    }
}

fn window(buffer: &[u8], version: Version) -> Option<Found> {
    let size = number(buffer, 2)?;
    Some(Found { head: Head::Window { version, size }, length: SHORT_HEAD })
}

/// A frame that lies whole at the front of a buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) head: Head,
    /// Bytes of the frame, its head included.
    pub(crate) length: usize,
}

impl Found {
    /// Splits the frame off its buffer; a payload is not copied.
    pub(crate) fn split_off(self, buffer: &mut BytesMut) -> Frame {
        let Self { head, length } = self;
        match head {
            Head::Json { version, sequence } => {
                let mut payload = buffer.split_to(length).freeze();
                payload.advance(JSON_HEAD);
                Frame::Json { version, sequence, payload }
            }
            Head::Data { version, sequence, pairs } => {
                let bytes = buffer.split_to(length).freeze();
                let pairs = Pairs::new(bytes.get(JSON_HEAD..).unwrap_or_default(), pairs);
                let pairs: Vec<Pair> =
                    pairs.map(|(key, value)| (bytes.slice_ref(key), bytes.slice_ref(value))).collect();
                Frame::Data { version, sequence, pairs }
            }
            Head::Window { version, size } => {
                buffer.advance(length);
                Frame::Window { version, size }
            }
            Head::CompressedBegin { version, length: compressed } => {
                buffer.advance(length);
                Frame::CompressedBegin { version, length: compressed }
            }
            Head::CompressedEnd { inflated } => Frame::CompressedEnd { inflated },
            Head::Ack { version, sequence } => {
                buffer.advance(length);
                Frame::Ack { version, sequence }
            }
        }
    }

    /// The frame as it lies in its bytes.
    pub(crate) fn borrow(self, bytes: &[u8]) -> FrameRef<'_> {
        let content = bytes.get(JSON_HEAD..).unwrap_or_default();
        match self.head {
            Head::Json { version, sequence } => FrameRef::Json { version, sequence, payload: content },
            Head::Data { version, sequence, pairs } => {
                FrameRef::Data { version, sequence, pairs: Pairs::new(content, pairs) }
            }
            Head::Window { version, size } => FrameRef::Window { version, size },
            Head::CompressedBegin { version, length } => FrameRef::CompressedBegin { version, length },
            Head::CompressedEnd { inflated } => FrameRef::CompressedEnd { inflated },
            Head::Ack { version, sequence } => FrameRef::Ack { version, sequence },
        }
    }
}

/// What a frame says but its payload.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Head {
    Ack { version: Version, sequence: u32 },
    CompressedBegin { version: Version, length: u32 },
    CompressedEnd { inflated: u64 },
    Data { version: Version, sequence: u32, pairs: u32 },
    Json { version: Version, sequence: u32 },
    Window { version: Version, size: u32 },
}

/// How far the pairs of a data frame have been read, so that it is walked once however it arrives.
///
/// A data frame has no total length, so it can only be delimited by walking it.
#[derive(Debug)]
struct PairWalk {
    /// Keys and values that are still to come.
    items_left: u64,
    /// First byte that was not looked at yet, from the start of the frame.
    position: usize,
}

impl PairWalk {
    const fn new(pairs: u32) -> Self {
        Self { items_left: 2 * pairs as u64, position: JSON_HEAD }
    }

    /// Whether the frame is complete.
    fn advance(&mut self, buffer: &[u8], limits: &Limits) -> Result<bool, DecodeErrorKind> {
        while self.items_left > 0 {
            let Some(length) = number(buffer, self.position) else { return Ok(false) };
            let is_key = self.items_left.is_multiple_of(2);
            if is_key {
                check_length(Part::Key, u64::from(length), u64::from(limits.max_key))?;
            }
            // The limit counts from the sequence on, two bytes behind the start of the frame.
            let size = (self.position - 2) as u64 + 4 + u64::from(length);
            check_length(Part::Data, size, u64::from(limits.max_data_frame))?;
            let end = (self.position + 4).saturating_add(length as usize);
            if buffer.len() < end {
                return Ok(false);
            }
            self.position = end;
            self.items_left -= 1;
        }
        Ok(true)
    }
}

/// Bytes of version, type, sequence and length before the payload of a JSON frame; as many as version,
/// type, sequence and count before the pairs of a data frame.
pub(crate) const JSON_HEAD: usize = 10;

/// Bytes of version, type and the one number of all other frames.
const SHORT_HEAD: usize = 6;

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
