use super::files;
use super::generation::{Failure, Generation, OpenError, SEGMENT};
use super::plain::Plain;
use super::raw::Raw;
#[cfg(test)]
use super::trees::Trees;
use super::watch::within;
use bytes::Bytes;
use lumberjack_codec::EncodedWindow;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The generation of a lane that takes windows.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) number: u64,
    pub(super) directory: PathBuf,
    store: Store,
}

#[derive(Debug)]
enum Store {
    Plain(Plain),
    Sled(Generation),
}

impl Tail {
    /// A new generation in an empty directory.
    pub(super) fn create(number: u64, directory: PathBuf, plain: bool) -> Result<Self, Failure> {
        let store = if plain {
            Store::Plain(Plain::create(&directory)?)
        } else {
            let opened = Generation::open(&directory, SEGMENT).map_err(|error| match error {
                OpenError::Damaged(reason) => Failure::Panicked(reason),
                OpenError::Disk(cause) => Failure::Disk(cause),
            })?;
            Store::Sled(opened)
        };
        Ok(Self { number, directory, store })
    }

    /// Stores the values of a window. After an error some of them may be stored.
    pub(super) fn insert(&self, number: u64, values: impl Iterator<Item = Bytes>) -> Result<(), Failure> {
        match &self.store {
            Store::Plain(plain) => Ok(plain.insert(number, values)?),
            Store::Sled(generation) => generation.insert(number, values),
        }
    }

    /// Hands everything to the kernel, which keeps it when the process is killed.
    pub(super) fn flush(self: &Arc<Self>) -> Result<(), Failure> {
        if let Store::Plain(_) = &self.store {
            return Ok(());
        }
        // sled waits for its threads without an end.
        let tail = Arc::clone(self);
        within(FLUSH_WITHIN, move || match &tail.store {
            Store::Plain(_) => Ok(()),
            Store::Sled(generation) => generation.flush(),
        })?
    }

    /// Puts on the disk what was handed to the kernel.
    pub(super) fn sync_data(&self) -> io::Result<()> {
        self.file().sync_data()
    }

    /// Reads a window back; `None` if it is not there, or damaged.
    pub(super) fn read(&self, number: u64) -> Result<Option<EncodedWindow>, Failure> {
        match &self.store {
            Store::Plain(plain) => Ok(plain.read(number)?),
            Store::Sled(generation) => generation.read(number),
        }
    }

    /// Bytes that it takes on the disk.
    pub(super) fn allocated(&self) -> u64 {
        self.file().metadata().map_or(0, |metadata| files::allocated(&metadata))
    }

    #[cfg(test)]
    pub(super) fn database(&self) -> &Trees {
        match &self.store {
            Store::Plain(_) => panic!("this generation has no database"),
            Store::Sled(generation) => generation.database(),
        }
    }

    fn file(&self) -> &File {
        match &self.store {
            Store::Plain(plain) => plain.file(),
            Store::Sled(generation) => generation.data(),
        }
    }
}

/// A generation that is only read.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) number: u64,
    /// Whether it was opened when the generation took no more: what it does not list is not there.
    pub(super) is_final: bool,
    pub(super) source: Source,
}

#[derive(Debug)]
pub(super) enum Source {
    Raw(Raw),
    Sled(Generation),
}

impl Source {
    /// Reads a window; `None` if it is not there, or damaged.
    pub(super) fn read(&self, number: u64) -> Result<Option<EncodedWindow>, Failure> {
        match self {
            Self::Raw(raw) => Ok(raw.read(number)?),
            Self::Sled(generation) => generation.read(number),
        }
    }
}

const FLUSH_WITHIN: Duration = Duration::from_secs(60);
