use super::files;
use super::record::{self, Header, Unreadable};
use crate::queue::{QueueError, QueueErrorKind};
use bytes::{Bytes, BytesMut};
use lumberjack_codec::EncodedWindow;
use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// One sled database of a queue.
///
/// sled panics on some damaged files, so that every call of it is contained.
#[derive(Debug)]
pub(super) struct Generation {
    directory: PathBuf,
    db: Database,
    /// A handle of our own on sled's file: its `flush` hands over to the kernel and no further.
    data: File,
}

impl Generation {
    /// Opens the database, repairing what can be repaired without a loss.
    pub(super) fn open(directory: &Path) -> Result<Self, QueueError> {
        let path = directory.display();
        let prepared = files::create_dir(directory).and_then(|()| remove_half_written_snapshots(directory));
        prepared.map_err(|cause| cannot_open(directory, cause))?;
        let mut opened = open_database(directory);
        if opened.as_ref().is_err_and(Failure::is_damage) {
            // A snapshot only saves sled from reading its whole log, and is damaged more often.
            remove_files(directory, |name| name.starts_with("snap."))
                .map_err(|cause| cannot_open(directory, cause))?;
            opened = open_database(directory);
        }
        let db = opened.map_err(|failure| match failure {
            Failure::Sled(sled::Error::Io(cause)) => cannot_open(directory, cause),
            failure => QueueError::new(
                QueueErrorKind::Damaged,
                format!("store {path} is damaged and cannot be opened; move it aside to start afresh"),
            )
            .caused_by(failure),
        })?;
        let data = make_durable(directory).map_err(|cause| cannot_open(directory, cause))?;
        Ok(Self { directory: directory.to_owned(), db: Database(Some(db)), data })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    #[cfg(test)]
    pub(super) fn database(&self) -> &sled::Db {
        &self.db
    }

    /// Stores the values of a window. After an error some of them may be stored.
    pub(super) fn insert(&self, number: u64, values: impl Iterator<Item = Bytes>) -> Result<(), Failure> {
        contain(|| {
            for (part, value) in (0..=u16::MAX).zip(values) {
                self.db.insert(record::key(number, part), value.as_ref())?;
            }
            Ok(())
        })
    }

    /// Reads a window back.
    pub(super) fn read(&self, number: u64) -> Result<EncodedWindow, ReadError> {
        let part = |part| match contain(|| self.db.get(record::key(number, part))) {
            Ok(Some(value)) => Ok(value),
            Ok(None) | Err(Failure::Sled(sled::Error::Corruption { .. })) => Err(ReadError::Lost),
            Err(failure) => Err(ReadError::Failed(failure)),
        };
        let first = part(0)?;
        let (header, start) = Header::decode(&first)?;
        let parts = record::parts(header.length).ok_or(ReadError::Lost)?;
        let mut check = header.check();
        // Grows with what is there, not with what the header says.
        let mut bytes = BytesMut::from(start);
        let mut whole = check.update(start);
        for number in 1..parts {
            let value = part(number)?;
            whole = whole && check.update(&value);
            bytes.extend_from_slice(&value);
        }
        if !whole || !check.passes() {
            return Err(ReadError::Lost);
        }
        Ok(header.window(Bytes::from(bytes)))
    }

    /// Removes a window. Parts in a damaged page stay where they are.
    pub(super) fn remove(&self, number: u64, parts: u16) -> Result<(), Failure> {
        for part in 0..parts {
            match contain(|| self.db.remove(record::key(number, part))) {
                Ok(_) | Err(Failure::Sled(sled::Error::Corruption { .. })) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// Removes the windows from this number on.
    pub(super) fn remove_from(&self, number: u64) -> Result<(), Failure> {
        contain(|| {
            for key in self.db.range(record::key(number, 0)..).keys() {
                self.db.remove(key?)?;
            }
            Ok(())
        })
    }

    /// Keys and values in order, from the first key of a window on.
    pub(super) fn values_from(&self, number: u64) -> Values<'_> {
        Values { database: &self.db, values: self.db.range(record::key(number, 0)..) }
    }

    /// Hands everything to the kernel, which keeps it when the process is killed.
    pub(super) fn flush(&self) -> Result<(), Failure> {
        contain(|| self.db.flush()).map(|_| ())
    }

    /// Puts on the disk what was handed to the kernel.
    pub(super) fn sync_data(&self) -> io::Result<()> {
        self.data.sync_data()
    }
}

/// A database that is flushed and closed when it is dropped, as far as that is possible.
#[derive(Debug)]
struct Database(Option<sled::Db>);

impl Deref for Database {
    type Target = sled::Db;

    fn deref(&self) -> &sled::Db {
        self.0.as_ref().expect("a database is only taken when it is dropped")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // sled flushes when it is dropped, and panics where that fails.
        let _ = contain(|| {
            drop(self.0.take());
            Ok(())
        });
    }
}

/// Keys and values of a [`Generation`].
pub(super) struct Values<'g> {
    database: &'g sled::Db,
    values: sled::Iter,
}

impl Iterator for Values<'_> {
    type Item = Result<(sled::IVec, sled::IVec), Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = contain(|| {
            let next = self.values.next().transpose()?;
            if let Some((key, _)) = &next {
                // sled frees pages of its cache by their lookups, and would keep all it iterates over.
                for _ in 0..LOOKUPS {
                    self.database.contains_key(key)?;
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

    pub(super) fn is_panic(&self) -> bool {
        matches!(self, Self::Panicked(_))
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

/// Why a window could not be read back.
#[derive(Debug)]
pub(super) enum ReadError {
    Failed(Failure),
    /// It is not there, or damaged, for good.
    Lost,
}

impl From<Unreadable> for ReadError {
    fn from(_: Unreadable) -> Self {
        Self::Lost
    }
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

fn open_database(directory: &Path) -> Result<sled::Db, Failure> {
    let config = sled::Config::default()
        .path(directory)
        .segment_size(SEGMENT)
        .cache_capacity(CACHE)
        // Never None: the thread that flushes is the one that frees segments.
        .flush_every_ms(Some(500))
        .use_compression(false);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match contain(|| config.open()) {
            Err(Failure::Sled(sled::Error::Io(cause)))
                if cause.to_string().starts_with("could not acquire lock") && Instant::now() < deadline =>
            {
                // The queue's own lock is ours, so this is a closed handle that sled did not let go yet.
                thread::sleep(Duration::from_millis(5));
            }
            result => return result,
        }
    }
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
    let data = directory.join("db");
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

fn cannot_open(directory: &Path, cause: io::Error) -> QueueError {
    let kind = match cause.kind() {
        io::ErrorKind::NotADirectory
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem => QueueErrorKind::Misconfigured,
        _ => QueueErrorKind::Unavailable,
    };
    QueueError::new(kind, format!("cannot open store {}", directory.display())).caused_by(cause)
}

/// A value, and a leaf of 20, must stay below a quarter of it, or sled makes it a file of its own
/// that it never removes.
const SEGMENT: usize = 8 << 20;
/// Lookups per value that make sled look after its cache. Measured: with none, it holds all of 1 GB
/// after a scan, with 4 it stays where it was.
const LOOKUPS: usize = 4;
const CACHE: u64 = 16 << 20;
/// How long a lock that sled holds on after it was closed is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
