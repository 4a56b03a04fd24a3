//! How a window lies in the store.
//!
//! A window is one value, or several where it is larger than [`PART`], so that sled never moves it
//! to a blob file. The key of a part is the window's number (u64) and the part's (u16), the first
//! part begins with a header, and the parts joined are header and encoded bytes. Numbers big-endian:
//!
//! ```text
//!  0        4    5          6   8       12       16          24          32          40        48
//! +--------+----+----------+---+-------+--------+-----------+-----------+-----------+---------+-----
//! | "LSQW" | 01 | encoding | 0 | crc32 | events | id of the | inflated  | time, ms  | encoded | bytes
//! |        |    | 0 or 1   |   |       |        | first     | length    | from 1970 | length  | ...
//! +--------+----+----------+---+-------+--------+-----------+-----------+-----------+---------+-----
//! ```
//!
//! Encoding 0 is plain frames, 1 is deflated. The CRC covers all of header and bytes but itself.

use bytes::{Bytes, BytesMut};
use crc32fast::Hasher;
use lumberjack_codec::{EncodedWindow, Encoding};
use std::time::{Duration, SystemTime};

/// Bytes of a value.
///
/// A leaf of sled holds up to 20 of them, and must stay below a quarter of a segment; that would allow
/// 100 kB. But sled's cache keeps some three leaves in each of 256 shards, whatever its capacity: with
/// values of 100 kB it grows to 400 MB, with these to 125 MB, at the same speed.
pub(super) const PART: usize = 16_000;

/// What the first part of a window says about it.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) events: u32,
    pub(super) first_event: u64,
    pub(super) inflated_len: u64,
    pub(super) at: SystemTime,
    /// Encoded bytes that follow the header.
    pub(super) length: u64,
    encoding: Encoding,
    crc: u32,
    /// The CRC over the header alone, to be continued with the bytes.
    state: Hasher,
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

/// How many parts a window of so many encoded bytes has. `None` where it has too many.
pub(super) fn parts(length: u64) -> Option<u16> {
    u16::try_from((HEADER as u64).checked_add(length)?.div_ceil(PART as u64)).ok()
}

/// The values of a window, in order. `None` where it has too many, or an encoding without a code.
pub(super) fn encode(
    window: &EncodedWindow,
    first_event: u64,
    at: SystemTime,
) -> Option<impl Iterator<Item = Bytes>> {
    let bytes = window.bytes();
    parts(bytes.len() as u64)?;
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(MAGIC);
    header[4] = VERSION;
    header[5] = match window.encoding() {
        Encoding::Plain => 0,
        Encoding::Deflated => 1,
        _ => return None,
    };
    header[12..16].copy_from_slice(&window.events().to_be_bytes());
    header[16..24].copy_from_slice(&first_event.to_be_bytes());
    header[24..32].copy_from_slice(&window.inflated_len().to_be_bytes());
    header[32..40].copy_from_slice(&millis(at).to_be_bytes());
    header[40..48].copy_from_slice(&(bytes.len() as u64).to_be_bytes());
    let mut crc = header_crc(&header);
    crc.update(bytes);
    header[8..12].copy_from_slice(&crc.finalize().to_be_bytes());

    let in_first = bytes.len().min(PART - HEADER);
    let mut first = BytesMut::with_capacity(HEADER + in_first);
    first.extend_from_slice(&header);
    first.extend_from_slice(&bytes.slice(..in_first));
    let bytes = bytes.clone();
    let rest = (in_first..bytes.len())
        .step_by(PART)
        .map(move |start| bytes.slice(start..bytes.len().min(start.saturating_add(PART))));
    Some(std::iter::once(first.freeze()).chain(rest))
}

/// Time as it is stored: whole milliseconds, nothing before 1970.
pub(super) fn stored_time(at: SystemTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis(at))
}

fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Header {
    /// Reads the header off the first part; returns it and the encoded bytes behind it.
    pub(super) fn decode(part: &[u8]) -> Result<(Self, &[u8]), Unreadable> {
        let (header, bytes) = part.split_first_chunk::<HEADER>().ok_or(Unreadable::Damaged)?;
        if header[..4] != *MAGIC {
            return Err(Unreadable::Damaged);
        }
        if header[4] != VERSION {
            return Err(Unreadable::Newer(header[4]));
        }
        let encoding = match header[5] {
            0 => Encoding::Plain,
            1 => Encoding::Deflated,
            _ => return Err(Unreadable::Damaged),
        };
        let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(number(header, 32)));
        let decoded = Self {
            events: u32::from_be_bytes([header[12], header[13], header[14], header[15]]),
            first_event: number(header, 16),
            inflated_len: number(header, 24),
            at: at.ok_or(Unreadable::Damaged)?,
            length: number(header, 40),
            encoding,
            crc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
            state: header_crc(header),
        };
        if decoded.events == 0 || parts(decoded.length).is_none() {
            return Err(Unreadable::Damaged);
        }
        Ok((decoded, bytes))
    }

    /// A check of bytes against this header, which takes them piece by piece.
    pub(super) fn check(&self) -> Check {
        Check { expected: self.crc, left: self.length, actual: self.state.clone() }
    }

    /// The window, of bytes that were checked.
    pub(super) const fn window(&self, bytes: Bytes) -> EncodedWindow {
        EncodedWindow::from_parts(self.events, self.inflated_len, self.encoding, bytes)
    }
}

/// Whether bytes are those that a [`Header`] was written for.
#[derive(Debug)]
pub(super) struct Check {
    expected: u32,
    left: u64,
    actual: Hasher,
}

impl Check {
    /// Takes the next bytes. False if they are more than there should be.
    pub(super) fn update(&mut self, bytes: &[u8]) -> bool {
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else { return false };
        self.left = left;
        self.actual.update(bytes);
        true
    }

    pub(super) const fn is_complete(&self) -> bool {
        self.left == 0
    }

    /// Whether these were all the bytes, and the right ones.
    pub(super) fn passes(&self) -> bool {
        self.left == 0 && self.actual.clone().finalize() == self.expected
    }
}

fn header_crc(header: &[u8; HEADER]) -> Hasher {
    let mut crc = Hasher::new();
    crc.update(&header[..8]);
    crc.update(&header[12..]);
    crc
}

fn number(header: &[u8; HEADER], at: usize) -> u64 {
    let bytes = header.get(at..).and_then(<[u8]>::first_chunk);
    bytes.copied().map_or(0, u64::from_be_bytes)
}

const MAGIC: &[u8; 4] = b"LSQW";
pub(super) const VERSION: u8 = 1;
const HEADER: usize = 48;
const KEY: usize = 10;
