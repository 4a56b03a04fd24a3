//! How a window lies in the store.
//!
//! A window is one value, or several where it is larger than [`PART`], so that sled never moves it
//! to a blob file. The key of a part is the window's number (u64) and the part's (u16). Each value
//! tells by itself which part of which window it is, so that it is found in the file of the store
//! also where the store itself cannot be opened any more. Numbers big-endian:
//!
//! ```text
//!  0        4    5          6      8       12        20     24       28
//! +--------+----+----------+------+-------+---------+------+--------+-------
//! | "LSQW" | 02 | encoding | part | crc32 | window  | tag  | length | bytes       each value
//! +--------+----+----------+------+-------+---------+------+--------+-------
//!
//!  28       32          40          48          56        64
//! +--------+-----------+-----------+-----------+---------+-----
//! | events | id of the | inflated  | time, ms  | encoded | bytes                  the first one goes on
//! |        | first     | length    | from 1970 | length  | ...
//! +--------+-----------+-----------+-----------+---------+-----
//! ```
//!
//! Encoding 0 is plain frames, 1 is deflated. `length` is that of the encoded bytes in this value. The
//! CRC covers the value but itself; the tag is a CRC of all from byte 28 of the first value on, without
//! the heads of the later ones, and is the same in all values of a window.
//!
//! Values of format 1 are still read: the first begins with 48 bytes (magic, version, encoding, two
//! zeros, CRC of header and bytes, then as from 28 above), the later ones are bytes and nothing else.

use bytes::{BufMut, Bytes, BytesMut};
use crc32fast::Hasher;
use lumberjack_codec::{EncodedWindow, Encoding};
use std::time::{Duration, SystemTime};

/// Bytes of a value at most.
///
/// A leaf of sled holds up to 20 of them, and must stay below a quarter of a segment; that would allow
/// 50 kB. But sled's cache keeps some three leaves in each of 256 shards, whatever its capacity: smaller
/// ones take less memory, at the same speed.
pub(super) const PART: usize = 16_000;

/// What the first value of a window says about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) events: u32,
    pub(super) first_event: u64,
    pub(super) inflated_len: u64,
    pub(super) at: SystemTime,
    /// Encoded bytes of the window.
    pub(super) length: u64,
    encoding: Encoding,
    version: u8,
    tag: u32,
}

/// Why a stored window cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unreadable {
    Damaged,
    /// Of a newer version of the format.
    Newer(u8),
}

/// The key of one part of a window.
pub(super) const fn key(window: u64, part: u16) -> [u8; KEY] {
    let ([a, b, c, d, e, f, g, h], [i, j]) = (window.to_be_bytes(), part.to_be_bytes());
    [a, b, c, d, e, f, g, h, i, j]
}

/// The window and the part of a key.
pub(super) fn parse_key(key: &[u8]) -> Option<(u64, u16)> {
    let key: [u8; KEY] = key.try_into().ok()?;
    let [a, b, c, d, e, f, g, h, i, j] = key;
    Some((u64::from_be_bytes([a, b, c, d, e, f, g, h]), u16::from_be_bytes([i, j])))
}

/// The values of window `number`, in order. `None` where it has too many, or an encoding without a code.
pub(super) fn encode(
    number: u64,
    window: &EncodedWindow,
    first_event: u64,
    at: SystemTime,
) -> Option<impl Iterator<Item = Bytes>> {
    let bytes = window.bytes().clone();
    u16::try_from(bytes.len().div_ceil(PART - HEAD)).ok()?;
    let encoding = match window.encoding() {
        Encoding::Plain => 0,
        Encoding::Deflated => 1,
        _ => return None,
    };
    let mut header = [0; FIRST - HEAD];
    let mut fields = header.as_mut_slice();
    fields.put_u32(window.events());
    for field in [first_event, window.inflated_len(), millis(at), bytes.len() as u64] {
        fields.put_u64(field);
    }
    let mut tag = Hasher::new();
    tag.update(&header);
    tag.update(&bytes);
    let tag = tag.finalize();

    let mut rest = bytes;
    let mut part = 0_u16;
    Some(std::iter::from_fn(move || {
        if part > 0 && rest.is_empty() {
            return None;
        }
        let header = if part == 0 { header.as_slice() } else { &[] };
        let bytes = rest.split_to(rest.len().min(PART - HEAD - header.len()));
        let mut value = BytesMut::with_capacity(HEAD + header.len() + bytes.len());
        value.extend_from_slice(MAGIC);
        value.put_u8(VERSION);
        value.put_u8(encoding);
        value.put_u16(part);
        value.put_u32(0);
        value.put_u64(number);
        value.put_u32(tag);
        value.put_u32(bytes.len() as u32);
        value.extend_from_slice(header);
        value.extend_from_slice(&bytes);
        let crc = crc_of(&value);
        value[8..12].copy_from_slice(&crc.to_be_bytes());
        part = part.wrapping_add(1);
        Some(value.freeze())
    }))
}

/// Time as it is stored: whole milliseconds, nothing before 1970.
pub(super) fn stored_time(at: SystemTime) -> SystemTime {
    time(millis(at)).unwrap_or(SystemTime::UNIX_EPOCH)
}

pub(super) fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn time(millis: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}

/// One value, as far as it tells by itself what it is: since format 2.
#[derive(Debug)]
pub(super) struct Value<'v> {
    pub(super) number: u64,
    pub(super) part: u16,
    pub(super) tag: u32,
    /// In the first part.
    pub(super) header: Option<Header>,
    bytes: &'v [u8],
}

impl<'v> Value<'v> {
    /// Reads a value that begins where `bytes` do, and may end before them.
    pub(super) fn decode(bytes: &'v [u8]) -> Result<Self, Unreadable> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>().ok_or(Unreadable::Damaged)?;
        if head[..4] != *MAGIC {
            return Err(Unreadable::Damaged);
        }
        if head[4] > VERSION {
            return Err(Unreadable::Newer(head[4]));
        }
        let part = u16::from_be_bytes([head[6], head[7]]);
        let in_header = if part == 0 { FIRST - HEAD } else { 0 };
        let length = number32(head, 24) as usize;
        let end = in_header + length;
        if head[4] != VERSION || end > PART || rest.len() < end {
            return Err(Unreadable::Damaged);
        }
        if crc_of(&bytes[..HEAD + end]) != number32(head, 8) {
            return Err(Unreadable::Damaged);
        }
        let tag = number32(head, 20);
        let header = match rest.split_first_chunk() {
            Some((fields, _)) if part == 0 => Some(Header::decode(fields, head[5], VERSION, tag)?),
            _ => None,
        };
        Ok(Self { number: number64(head, 12), part, tag, header, bytes: &rest[in_header..end] })
    }

    /// Bytes from the beginning of the value to its end.
    pub(super) fn len(&self) -> usize {
        HEAD + self.header.map_or(0, |_| FIRST - HEAD) + self.bytes.len()
    }

    /// Encoded bytes of the window in this value.
    pub(super) fn content(&self) -> usize {
        self.bytes.len()
    }
}

impl Header {
    fn decode(fields: &[u8; FIRST - HEAD], encoding: u8, version: u8, tag: u32) -> Result<Self, Unreadable> {
        let encoding = match encoding {
            0 => Encoding::Plain,
            1 => Encoding::Deflated,
            _ => return Err(Unreadable::Damaged),
        };
        let events = number32(fields, 0);
        let first_event = number64(fields, 4);
        let length = number64(fields, 28);
        let at = time(number64(fields, 20)).ok_or(Unreadable::Damaged)?;
        let fits = first_event.checked_add(events.into()).is_some() && length <= MAX_LENGTH;
        if events == 0 || !fits {
            return Err(Unreadable::Damaged);
        }
        Ok(Self {
            events,
            first_event,
            inflated_len: number64(fields, 12),
            at,
            length,
            encoding,
            version,
            tag,
        })
    }

    /// Id behind the last event.
    pub(super) const fn end(&self) -> u64 {
        self.first_event + self.events as u64
    }
}

/// A window that is put together from its values, in order.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) header: Header,
    number: u64,
    next_part: u16,
    crc: Hasher,
    /// Encoded bytes so far.
    length: u64,
    sound: bool,
    /// Where they are not only to be checked.
    bytes: Option<BytesMut>,
}

impl Assembly {
    /// Begins with the first value; keeps the bytes of the window if it is to be read.
    pub(super) fn begin(number: u64, value: &[u8], keep: bool) -> Result<Self, Unreadable> {
        let (header, crc, bytes) = match value.get(4) {
            Some(1) => first_of_format_1(value)?,
            _ => {
                let decoded = Value::decode(value)?;
                let header =
                    decoded.header.filter(|_| decoded.number == number && decoded.len() == value.len());
                let mut crc = Hasher::new();
                crc.update(&value[HEAD..FIRST.min(value.len())]);
                (header.ok_or(Unreadable::Damaged)?, crc, decoded.bytes)
            }
        };
        let kept = keep.then(BytesMut::new);
        let mut assembly = Self { header, number, next_part: 1, crc, length: 0, sound: true, bytes: kept };
        assembly.take(bytes);
        Ok(assembly)
    }

    /// Takes the next value. False if the window is no good any more.
    pub(super) fn add(&mut self, part: u16, value: &[u8]) -> bool {
        let in_order = part == self.next_part;
        self.next_part = self.next_part.saturating_add(1);
        let bytes = if self.header.version == 1 {
            Some(value)
        } else {
            let decoded = Value::decode(value).ok();
            let fits = |value: &Value<'_>| {
                (value.number, value.part, value.tag) == (self.number, part, self.header.tag)
            };
            decoded.filter(fits).map(|value| value.bytes)
        };
        match bytes {
            Some(bytes) if in_order => self.take(bytes),
            _ => self.sound = false,
        }
        self.sound
    }

    fn take(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.sound &= self.length <= self.header.length;
        self.crc.update(bytes);
        if let Some(kept) = self.bytes.as_mut().filter(|_| self.sound) {
            kept.extend_from_slice(bytes);
        }
    }

    /// Whether no value is missing.
    pub(super) const fn is_complete(&self) -> bool {
        self.length >= self.header.length
    }

    /// Whether all values are there, and unharmed.
    pub(super) fn is_good(&self) -> bool {
        self.sound && self.length == self.header.length && self.crc.clone().finalize() == self.header.tag
    }

    /// The window, if it is good.
    pub(super) fn finish(self) -> Option<EncodedWindow> {
        let good = self.is_good();
        let Header { events, inflated_len, encoding, .. } = self.header;
        let bytes = self.bytes.filter(|_| good)?.freeze();
        Some(EncodedWindow::from_parts(events, inflated_len, encoding, bytes))
    }
}

fn first_of_format_1(value: &[u8]) -> Result<(Header, Hasher, &[u8]), Unreadable> {
    let (head, rest) = value.split_first_chunk::<12>().ok_or(Unreadable::Damaged)?;
    let (fields, bytes) = rest.split_first_chunk().ok_or(Unreadable::Damaged)?;
    if head[..4] != *MAGIC {
        return Err(Unreadable::Damaged);
    }
    let header = Header::decode(fields, head[5], 1, number32(head, 8))?;
    let mut crc = Hasher::new();
    crc.update(&head[..8]);
    crc.update(fields);
    Ok((header, crc, bytes))
}

fn crc_of(value: &[u8]) -> u32 {
    let mut crc = Hasher::new();
    crc.update(&value[..8]);
    crc.update(&value[12..]);
    crc.finalize()
}

fn number32(bytes: &[u8], at: usize) -> u32 {
    let number = bytes.get(at..).and_then(<[u8]>::first_chunk);
    number.copied().map_or(0, u32::from_be_bytes)
}

fn number64(bytes: &[u8], at: usize) -> u64 {
    let number = bytes.get(at..).and_then(<[u8]>::first_chunk);
    number.copied().map_or(0, u64::from_be_bytes)
}

pub(super) const MAGIC: &[u8; 4] = b"LSQW";
pub(super) const VERSION: u8 = 2;
/// Bytes before the content of a value, and of the first value of a window.
const HEAD: usize = 28;
const FIRST: usize = 64;
const KEY: usize = 10;
/// What as many parts hold as a key can tell apart.
const MAX_LENGTH: u64 = u16::MAX as u64 * (PART - HEAD) as u64;
