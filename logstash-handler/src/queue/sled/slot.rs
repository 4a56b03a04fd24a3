//! A few numbers in a sector of a small file, with a checksum.
//!
//! ```text
//!  0       4         5   8             8 * (n + 1)
//! +-------+---------+---+-------------+-------+
//! | magic | version | 0 | n numbers,  | crc32 |
//! |       |         |   | big-endian  |       |
//! +-------+---------+---+-------------+-------+
//! ```

use std::fs::File;
use std::io;

/// Each slot has a sector to itself, which the disk writes whole or not at all.
const SECTOR: u64 = 512;

/// The slot was written by a newer version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NewerFormat(pub(super) u8);

/// Writes a slot.
pub(super) fn write<const N: usize>(
    file: &File,
    slot: u64,
    magic: &[u8; 4],
    version: u8,
    numbers: [u64; N],
) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(8 * (N + 2));
    bytes.extend_from_slice(magic);
    bytes.extend_from_slice(&[version, 0, 0, 0]);
    for number in numbers {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    write_at(file, &bytes, slot * SECTOR)
}

/// Reads a slot; `None` where there is no valid one.
pub(super) fn read<const N: usize>(
    file: &File,
    slot: u64,
    magic: &[u8; 4],
    version: u8,
) -> io::Result<Result<Option<[u64; N]>, NewerFormat>> {
    let mut bytes = vec![0; 8 * (N + 2)];
    match read_at(file, &mut bytes, slot * SECTOR) {
        Ok(()) => {}
        Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => return Ok(Ok(None)),
        Err(cause) => return Err(cause),
    }
    let (content, crc) = bytes.split_at(8 * (N + 1));
    if content[..4] != *magic || crc[..4] != crc32fast::hash(content).to_be_bytes() {
        return Ok(Ok(None));
    }
    if content[4] != version {
        return Ok(Err(NewerFormat(content[4])));
    }
    let mut numbers = [0; N];
    for (number, field) in numbers.iter_mut().zip(content[8..].as_chunks().0) {
        *number = u64::from_be_bytes(*field);
    }
    Ok(Ok(Some(numbers)))
}

#[cfg(unix)]
pub(super) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(unix)]
pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(not(unix))]
pub(super) fn read_at(mut file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}

#[cfg(not(unix))]
pub(super) fn write_at(mut file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(bytes)
}
