use super::files;
use super::raw::read_values;
use super::slot::write_at;
use bytes::Bytes;
use lumberjack_codec::EncodedWindow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A generation without sled: the values one behind the other in a file.
///
/// For where sled cannot be used: in a forked child, which does not have its threads, and in a process
/// in which it does not answer any more. Opened again it is read like a store that is damaged, by
/// looking for values.
#[derive(Debug)]
pub(super) struct Plain {
    file: File,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    end: u64,
    /// Offset and length of the values of each window.
    windows: BTreeMap<u64, Vec<(u64, usize)>>,
}

impl Plain {
    /// A new file in a directory.
    pub(super) fn create(directory: &Path) -> io::Result<Self> {
        let file = files::open_private(&directory.join(files::LOG))?;
        file.set_len(0)?;
        file.sync_all()?;
        files::sync_dir(directory)?;
        files::sync_parent(directory)?;
        Ok(Self { file, written: Mutex::default() })
    }

    pub(super) fn insert(&self, number: u64, values: impl Iterator<Item = Bytes>) -> io::Result<()> {
        let mut written = self.written();
        let mut end = written.end;
        let mut places = Vec::new();
        for value in values {
            write_at(&self.file, &value, end)?;
            places.push((end, value.len()));
            end += value.len() as u64;
        }
        written.windows.insert(number, places);
        written.end = end;
        Ok(())
    }

    /// Reads a window; `None` if it is not there, or damaged.
    pub(super) fn read(&self, number: u64) -> io::Result<Option<EncodedWindow>> {
        let places = self.written().windows.get(&number).cloned().unwrap_or_default();
        read_values(&self.file, number, places.into_iter())
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
