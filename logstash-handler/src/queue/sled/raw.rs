use super::files;
use super::record::{Assembly, Header, MAGIC, PART, Value};
use super::scan::Contents;
use super::slot::read_at;
use lumberjack_codec::EncodedWindow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

/// The windows in the file of a store, found without the store.
///
/// Each value tells what it is and has a checksum, so that those that are unharmed are found whatever
/// happened to everything around them. sled is not asked, because it may panic or hang over damaged
/// files, and, worse, overwrites what lies behind the first damage with zeros when it opens them. And this
/// reads only: it works on a full disk, beside an open store, and keeps no cache.
#[derive(Debug)]
pub(super) struct Raw {
    /// `None` where it is gone.
    file: Option<File>,
    /// By number; of several writings of a window, the last that is whole.
    windows: BTreeMap<u64, (Header, Vec<Place>)>,
}

/// Where a value is.
#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    length: usize,
    /// Encoded bytes in it.
    content: usize,
}

/// The values of one writing of a window, as far as they were found.
#[derive(Debug, Default)]
struct Candidate {
    header: Option<Header>,
    places: BTreeMap<u16, Place>,
}

impl Raw {
    /// Looks through the file of the store in this directory.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let file = match open(&directory.join(files::LOG))? {
            None => open(&directory.join(files::DB))?,
            plain => plain,
        };
        let Some(file) = file else {
            return Ok(Self { file: None, windows: BTreeMap::new() });
        };
        let mut candidates: BTreeMap<(u64, u32), Candidate> = BTreeMap::new();
        look_through(&file, |offset, value| {
            let candidate = candidates.entry((value.number, value.tag)).or_default();
            candidate.header = candidate.header.or(value.header);
            let place = Place { offset, length: value.len(), content: value.content() };
            candidate.places.insert(value.part, place);
        })?;
        let mut windows: BTreeMap<u64, (Header, Vec<Place>)> = BTreeMap::new();
        for ((number, _), candidate) in candidates {
            let Some(whole) = candidate.whole() else { continue };
            let offset = |places: &[Place]| places.first().map(|place| place.offset);
            let is_later = |other: &(Header, Vec<Place>)| offset(&other.1) < offset(&whole.1);
            if windows.get(&number).is_none_or(is_later) {
                windows.insert(number, whole);
            }
        }
        Ok(Self { file: Some(file), windows })
    }

    /// Whether nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// What was found, in the order of the numbers.
    pub(super) fn contents(&self) -> Contents {
        let windows = self.windows.iter().map(|(&number, (header, _))| (number, *header)).collect();
        Contents { windows, damaged: false }
    }

    /// Reads a window; `None` if it was not found.
    pub(super) fn read(&self, number: u64) -> io::Result<Option<EncodedWindow>> {
        let (Some(file), Some((_, places))) = (&self.file, self.windows.get(&number)) else {
            return Ok(None);
        };
        read_values(file, number, places.iter().map(|place| (place.offset, place.length)))
    }
}

/// Reads a window whose values are at these offsets, with these lengths; `None` if it is damaged.
pub(super) fn read_values(
    file: &File,
    number: u64,
    places: impl Iterator<Item = (u64, usize)>,
) -> io::Result<Option<EncodedWindow>> {
    let mut assembly: Option<Assembly> = None;
    for (part, (offset, length)) in (0..).zip(places) {
        let mut value = vec![0; length];
        read_at(file, &mut value, offset)?;
        match &mut assembly {
            None => assembly = Assembly::begin(number, &value, true).ok(),
            Some(assembly) => drop(assembly.add(part, &value)),
        }
    }
    Ok(assembly.and_then(Assembly::finish))
}

impl Candidate {
    /// The places of all values, if none is missing.
    fn whole(self) -> Option<(Header, Vec<Place>)> {
        let header = self.header?;
        let in_order = (0..).zip(&self.places).all(|(expected, (part, _))| expected == *part);
        let length: u64 = self.places.values().map(|place| place.content as u64).sum();
        (in_order && length == header.length).then(|| (header, self.places.into_values().collect()))
    }
}

/// Hands over each unharmed value in a file, with its offset.
fn look_through(file: &File, mut found: impl FnMut(u64, Value<'_>)) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut buffer = vec![0; CHUNK + PART_WITH_HEAD];
    let mut start = 0;
    while start < length {
        let there = usize::try_from(length - start).unwrap_or(usize::MAX).min(buffer.len());
        let bytes = &mut buffer[..there];
        if read_at(file, bytes, start).is_err() {
            read_pages(file, bytes, start);
        }
        // What begins behind this is found in the next chunk, as a whole.
        let mut at = 0;
        while at < there.min(CHUNK) {
            let Some(next) = bytes[at..there.min(CHUNK)].iter().position(|&byte| byte == MAGIC[0]) else {
                break;
            };
            at += next;
            match Value::decode(&bytes[at..]) {
                Ok(value) => {
                    let length = value.len();
                    found(start + at as u64, value);
                    at += length;
                }
                Err(_) => at += 1,
            }
        }
        // A value may have reached beyond the chunk.
        start += at.max(CHUNK.min(there)) as u64;
    }
    Ok(())
}

/// Reads what can be read, page by page; what cannot becomes zeros.
fn read_pages(file: &File, bytes: &mut [u8], start: u64) {
    for (offset, page) in (start..).step_by(PAGE).zip(bytes.chunks_mut(PAGE)) {
        if read_at(file, page, offset).is_err() {
            page.fill(0);
        }
    }
}

/// Opens a file, if it is there.
fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

const PAGE: usize = 4_096;
const CHUNK: usize = 1 << 20;
const PART_WITH_HEAD: usize = 2 * PART;
