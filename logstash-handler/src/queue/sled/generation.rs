use super::files;
use super::record::{self, Assembly, Unreadable};
use super::scan::Contents;
use super::trees::Trees;
use super::watch::within;
use bytes::Bytes;
use lumberjack_codec::EncodedWindow;
use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

/// One sled database of a queue.
///
/// sled panics on some damaged files, so that every call of it is contained.
#[derive(Debug)]
pub(super) struct Generation {
    db: Database,
    /// A handle of our own on sled's file: its `flush` hands over to the kernel and no further.
    data: File,
}

impl Generation {
    /// Opens the database, repairing what can be repaired without a loss.
    ///
    /// While it is being opened there is a marker in the directory, so that a database that takes the
    /// process down with it is not opened a second time.
    pub(super) fn open(directory: &Path, segment: usize) -> Result<Self, OpenError> {
        files::create_dir(directory)?;
        let marker = directory.join(OPENING);
        if marker.try_exists()? {
            return Err(OpenError::Damaged("opening it ended the process the last time".to_owned()));
        }
        drop(files::open_private(&marker)?);
        remove_half_written_snapshots(directory)?;
        let mut opened = open_within(directory, segment)?;
        if opened.as_ref().is_err_and(Failure::is_damage) {
            // A snapshot only saves sled from reading its whole log, and is damaged more often.
            remove_files(directory, |name| name.starts_with("snap."))?;
            opened = open_within(directory, segment)?;
        }
        let opened = opened.map_err(|failure| match failure {
            Failure::Sled(sled::Error::Io(cause)) => OpenError::Disk(cause),
            failure => OpenError::Damaged(failure.to_string()),
        });
        fs::remove_file(marker)?;
        let db = opened?;
        let data = make_durable(directory)?;
        Ok(Self { db, data })
    }

    #[cfg(test)]
    pub(super) fn database(&self) -> &Trees {
        &self.db
    }

    /// Stores the values of a window. After an error some of them may be stored.
    pub(super) fn insert(&self, number: u64, values: impl Iterator<Item = Bytes>) -> Result<(), Failure> {
        contain(|| {
            for (part, value) in (0..=u16::MAX).zip(values) {
                self.db.insert(&record::key(number, part), &value)?;
            }
            Ok(())
        })
    }

    /// Reads a window back; `None` if it is not there, or damaged.
    pub(super) fn read(&self, number: u64) -> Result<Option<EncodedWindow>, Failure> {
        let part = |part| match contain(|| self.db.get(&record::key(number, part))) {
            Err(Failure::Sled(sled::Error::Corruption { .. })) => Ok(None),
            read => read,
        };
        let Some(first) = part(0)? else { return Ok(None) };
        let Ok(mut assembly) = Assembly::begin(number, &first, true) else { return Ok(None) };
        for number in 1.. {
            if assembly.is_complete() {
                break;
            }
            let Some(value) = part(number)? else { return Ok(None) };
            if !assembly.add(number, &value) {
                return Ok(None);
            }
        }
        Ok(assembly.finish())
    }

    /// Reads and checks everything that is in the database.
    pub(super) fn contents(&self) -> Result<Contents, ContentsError> {
        let mut contents = Contents::default();
        let mut open: Option<(u64, Option<Assembly>)> = None;
        let trees = self.db.in_order();
        for value in trees.iter().flat_map(Values::of) {
            let (key, value) = match value {
                Err(failure) if failure.is_damage() => {
                    contents.damaged = true;
                    break;
                }
                value => value.map_err(ContentsError::Failed)?,
            };
            let Some((number, part)) = record::parse_key(&key) else {
                contents.damaged = true;
                continue;
            };
            match &mut open {
                Some((of, assembly)) if *of == number => {
                    if !assembly.as_mut().is_some_and(|assembly| assembly.add(part, &value)) {
                        *assembly = None;
                    }
                }
                _ => {
                    if let Some((number, assembly)) = open.take() {
                        contents.add(number, assembly.as_ref());
                    }
                    let assembly = match Assembly::begin(number, &value, false) {
                        Err(Unreadable::Newer(version)) => return Err(ContentsError::Newer(version)),
                        assembly => assembly.ok().filter(|_| part == 0),
                    };
                    open = Some((number, assembly));
                }
            }
        }
        if let Some((number, assembly)) = open {
            // The last window may have been cut while it was stored; then nobody was told that it is.
            let is_cut = assembly.as_ref().is_some_and(|assembly| !assembly.is_complete());
            if !is_cut {
                contents.add(number, assembly.as_ref());
            }
        }
        Ok(contents)
    }

    /// The file of the database.
    pub(super) fn data(&self) -> &File {
        &self.data
    }

    /// Hands everything to the kernel, which keeps it when the process is killed.
    pub(super) fn flush(&self) -> Result<(), Failure> {
        contain(|| self.db.flush())
    }
}

/// A database that is flushed and closed when it is dropped, as far as that is possible.
#[derive(Debug)]
struct Database(Option<Trees>);

impl Deref for Database {
    type Target = Trees;

    fn deref(&self) -> &Trees {
        self.0.as_ref().expect("a database is only taken when it is dropped")
    }
}

impl Drop for Database {
    /// Waits no longer than [`CLOSE_WITHIN`], whichever thread lets go of it last.
    fn drop(&mut self) {
        let closing = Closing(self.0.take());
        let _ = within(CLOSE_WITHIN, move || drop(closing));
    }
}

/// A database of which nothing is wanted any more.
struct Closing(Option<Trees>);

impl Drop for Closing {
    fn drop(&mut self) {
        // sled flushes when it is dropped, and panics where that fails.
        let _ = contain(|| {
            drop(self.0.take());
            Ok(())
        });
    }
}

/// Keys and values of a tree.
struct Values<'t> {
    tree: &'t sled::Tree,
    values: sled::Iter,
}

impl<'t> Values<'t> {
    fn of(tree: &'t sled::Tree) -> Self {
        Self { tree, values: tree.iter() }
    }
}

impl Iterator for Values<'_> {
    type Item = Result<(sled::IVec, sled::IVec), Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = contain(|| {
            let next = self.values.next().transpose()?;
            if let Some((key, _)) = &next {
                // sled frees pages of its cache by their lookups, and would keep all it iterates over.
                for _ in 0..LOOKUPS {
                    self.tree.contains_key(key)?;
                }
            }
            Ok(next)
        });
        next.transpose()
    }
}

/// Why sled did not do what it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    Disk(io::Error),
    Panicked(String),
    Sled(sled::Error),
}

impl Failure {
    pub(super) fn is_damage(&self) -> bool {
        matches!(self, Self::Panicked(_) | Self::Sled(sled::Error::Corruption { .. }))
    }

    /// Whether the disk has no room.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Disk(cause) | Self::Sled(sled::Error::Io(cause)) => files::is_full(cause),
            Self::Panicked(_) | Self::Sled(_) => false,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(cause: io::Error) -> Self {
        Self::Disk(cause)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(_) => f.write_str("disk failed"),
            Self::Panicked(message) => write!(f, "store panicked: {message}"),
            Self::Sled(cause) => cause.fmt(f),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Disk(cause) => Some(cause),
            Self::Sled(cause) => cause.source(),
            Self::Panicked(_) => None,
        }
    }
}

/// Why a database is not open.
#[derive(Debug)]
pub(super) enum OpenError {
    Damaged(String),
    Disk(io::Error),
}

impl From<io::Error> for OpenError {
    fn from(cause: io::Error) -> Self {
        Self::Disk(cause)
    }
}

/// Why it is not known what a database holds.
#[derive(Debug)]
pub(super) enum ContentsError {
    Failed(Failure),
    /// Windows of a newer version of the format.
    Newer(u8),
}

/// Calls sled, turning a panic into a failure.
fn contain<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(Failure::Sled),
        Err(panic) => {
            let message = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|&message| message.to_owned()));
            Err(Failure::Panicked(message.unwrap_or_default()))
        }
    }
}

/// Opens the database in a thread of its own, because damaged files can keep sled busy for ever.
fn open_within(directory: &Path, segment: usize) -> io::Result<Result<Database, Failure>> {
    let path = directory.to_owned();
    match within(OPEN_WITHIN, move || open_database(&path, segment).map(|trees| Database(Some(trees)))) {
        Err(cause) if cause.kind() == io::ErrorKind::TimedOut => {
            Ok(Err(Failure::Panicked(cause.to_string())))
        }
        opened => opened,
    }
}

fn open_database(directory: &Path, segment: usize) -> Result<Trees, Failure> {
    let config = sled::Config::default()
        .path(directory)
        .segment_size(segment)
        .cache_capacity(CACHE)
        // Never None: the thread that flushes is the one that frees segments.
        .flush_every_ms(Some(500))
        .use_compression(false);
    contain(|| Trees::open(&config))
}

/// sled would take what is left of a snapshot that was being written for a whole one.
fn remove_half_written_snapshots(directory: &Path) -> io::Result<()> {
    remove_files(directory, |name| name.ends_with(".generating"))
}

fn remove_files(directory: &Path, remove: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(&remove) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// sled never syncs the names of its files, nor its configuration; returns our handle of its data.
fn make_durable(directory: &Path) -> io::Result<File> {
    let data = directory.join(files::DB);
    let config = directory.join("conf");
    for path in [&data, &config] {
        files::make_private(path)?;
    }
    File::options().write(true).open(config)?.sync_all()?;
    let data = File::options().write(true).open(data)?;
    data.sync_all()?;
    files::sync_dir(directory)?;
    files::sync_parent(directory)?;
    Ok(data)
}

/// A value, and a leaf of 20, must stay below a quarter of it, or sled makes it a file of its own
/// that it never removes. Larger ones cost memory and system time: of 4 MiB, a third more for plain frames.
pub(super) const SEGMENT: usize = 2 << 20;
/// What it was in the oldest format; sled opens a database only with its own.
pub(super) const OLDEST_SEGMENT: usize = 8 << 20;
/// Lookups per value that make sled look after its cache. Measured: with none, it holds all of 1 GB
/// after a scan, with 4 it stays where it was.
const LOOKUPS: usize = 4;
const CACHE: u64 = 4 << 20;
/// How long opening may take; a second or two at most, where disks are disks.
const OPEN_WITHIN: Duration = Duration::from_secs(60);
/// How long one that is closed may take to flush what it has.
const CLOSE_WITHIN: Duration = Duration::from_secs(30);
/// The marker of a database that is being opened.
const OPENING: &str = "opening";
