use super::files;
use crate::queue::backlog::Position;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The file that says how far the queue was delivered, and how far it was filled.
///
/// It is no part of the store because each acknowledgement moves it: one write of 64 bytes into the
/// page cache, which outlives the process. Two slots take turns, so that a torn write leaves the one
/// before. A slot, numbers big-endian:
///
/// ```text
///  0        4    5   8          16         24         32         40         48         56       60  64
/// +--------+----+---+----------+----------+----------+----------+----------+----------+--------+---+
/// | "LSQC" | 01 | 0 | turn     | head:    | head:    | head:    | tail:    | tail:    | crc32  | 0 |
/// |        |    |   |          | window   | event    | done     | window   | event    |        |   |
/// +--------+----+---+----------+----------+----------+----------+----------+----------+--------+---+
/// ```
///
/// `head` is the next event to be delivered, `tail` the place behind the last synced one. The valid
/// slot with the higher turn counts.
#[derive(Debug)]
pub(super) struct Cursor {
    file: File,
    /// What was written last, and whether that failed.
    written: Mutex<(Mark, bool)>,
}

/// What a slot of a [`Cursor`] says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Mark {
    pub(super) turn: u64,
    pub(super) head: Position,
    pub(super) tail: Position,
}

/// The cursor was written by a newer version.
#[derive(Debug)]
pub(super) struct NewerFormat(pub(super) u8);

impl Cursor {
    /// Opens the file; `None` where it holds no valid slot.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Result<Option<Mark>, NewerFormat>)> {
        let file = files::open_private(path)?;
        let mut newest = Ok(None);
        for slot in 0..2 {
            let mut bytes = [0; SLOT];
            match read_at(&file, &mut bytes, slot * SECTOR) {
                Ok(()) => {}
                Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => continue,
                Err(cause) => return Err(cause),
            }
            match (decode(&bytes), newest) {
                (Err(newer), _) | (_, Err(newer)) => newest = Err(newer),
                (Ok(mark), Ok(other)) => {
                    newest = Ok(mark.into_iter().chain(other).max_by_key(|mark| mark.turn));
                }
            }
        }
        let written = newest.as_ref().ok().copied().flatten().unwrap_or_default();
        Ok((Self { file, written: Mutex::new((written, false)) }, newest))
    }

    /// Writes a mark, unless a later one was written meanwhile.
    pub(super) fn write(&self, mark: Mark) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if mark.turn < written.0.turn {
            return Ok(());
        }
        let result = write_at(&self.file, &encode(&mark), mark.turn % 2 * SECTOR);
        match result {
            Ok(()) => *written = (mark, false),
            Err(_) => written.1 = true,
        }
        result
    }

    /// Whether the last write failed.
    pub(super) fn is_behind(&self) -> bool {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Puts what was written on the disk; returns the head that is safe now.
    pub(super) fn sync(&self) -> io::Result<Position> {
        let head = self.written.lock().unwrap_or_else(PoisonError::into_inner).0.head;
        self.file.sync_data()?;
        Ok(head)
    }
}

fn encode(mark: &Mark) -> [u8; SLOT] {
    let mut bytes = [0; SLOT];
    bytes[..4].copy_from_slice(MAGIC);
    bytes[4] = VERSION;
    let numbers =
        [mark.turn, mark.head.window, mark.head.event, mark.head.done, mark.tail.window, mark.tail.event];
    for (field, number) in bytes[8..CRC_AT].chunks_exact_mut(8).zip(numbers) {
        field.copy_from_slice(&number.to_be_bytes());
    }
    let crc = crc32fast::hash(&bytes[..CRC_AT]);
    bytes[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn decode(bytes: &[u8; SLOT]) -> Result<Option<Mark>, NewerFormat> {
    let crc = crc32fast::hash(&bytes[..CRC_AT]).to_be_bytes();
    if bytes[..4] != *MAGIC || bytes[CRC_AT..CRC_AT + 4] != crc {
        return Ok(None);
    }
    if bytes[4] != VERSION {
        return Err(NewerFormat(bytes[4]));
    }
    let mut numbers = [0; 6];
    for (number, field) in numbers.iter_mut().zip(bytes[8..CRC_AT].as_chunks().0) {
        *number = u64::from_be_bytes(*field);
    }
    let [turn, head_window, head_event, done, tail_window, tail_event] = numbers;
    Ok(Some(Mark {
        turn,
        head: Position { window: head_window, event: head_event, done },
        tail: Position { window: tail_window, event: tail_event, done: 0 },
    }))
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}

#[cfg(not(unix))]
fn write_at(mut file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(bytes)
}

const MAGIC: &[u8; 4] = b"LSQC";
const VERSION: u8 = 1;
const SLOT: usize = 64;
const CRC_AT: usize = 56;
/// Each slot has a sector to itself, which the disk writes whole or not at all.
const SECTOR: u64 = 512;
