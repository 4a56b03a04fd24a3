use super::files;
use crate::queue::{QueueError, QueueErrorKind};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// The right to use a lane, or to change which there are: a locked file that names the process that holds it.
///
/// sled has a lock too, but one that lives on in forked children and names nobody.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    file: File,
}

impl DirectoryLock {
    /// Takes the lock; tries again for a second, so that a process may replace its predecessor.
    pub(super) fn acquire(directory: &Path) -> Result<Self, QueueError> {
        let path = directory.join("lock");
        let mut file = files::open_private(&path).map_err(|cause| broken(&path, cause))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(held(directory, &mut file)),
                Err(TryLockError::Error(cause)) => return Err(broken(&path, cause)),
            }
        }
        Self::named(file, &path)
    }

    /// Takes the lock if it is free now.
    pub(super) fn attempt(directory: &Path) -> Result<Option<Self>, QueueError> {
        let path = directory.join("lock");
        let file = files::open_private(&path).map_err(|cause| broken(&path, cause))?;
        match file.try_lock() {
            Ok(()) => Self::named(file, &path).map(Some),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(broken(&path, cause)),
        }
    }

    fn named(mut file: File, path: &Path) -> Result<Self, QueueError> {
        let named = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        match named {
            Err(cause) if !files::is_full(&cause) => Err(broken(path, cause)),
            _ => Ok(Self { file }),
        }
    }

    /// Gives the lock back, also where a forked child still has the file open.
    ///
    /// Without this call the lock ends with the last process that has the file open.
    pub(super) fn release(self) {
        // Closing the file gives the lock back as well, unless there is such a child.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

fn held(directory: &Path, file: &mut File) -> QueueError {
    let holder = match named_in(file) {
        Some(pid) if pid == std::process::id() => format!("process {pid}, which is this process"),
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    };
    let path = directory.display();
    QueueError::new(
        QueueErrorKind::Locked,
        format!("queue {path} is in use by {holder}; give each process a directory of its own"),
    )
}

/// The process that a lock file names.
fn named_in(file: &mut File) -> Option<u32> {
    let mut holder = String::new();
    file.rewind().and_then(|()| file.take(20).read_to_string(&mut holder)).ok()?;
    holder.trim().parse().ok()
}

/// The process that holds the lock of a directory now, if there is one; 0 if it does not say which it is.
pub(super) fn holder(directory: &Path) -> io::Result<Option<u32>> {
    let mut file = match File::open(directory.join("lock")) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| None),
        Err(TryLockError::WouldBlock) => Ok(Some(named_in(&mut file).unwrap_or(0))),
        Err(TryLockError::Error(cause)) => Err(cause),
    }
}

fn broken(path: &Path, cause: io::Error) -> QueueError {
    let kind = match cause.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::Unsupported => {
            QueueErrorKind::Misconfigured
        }
        _ => QueueErrorKind::Unavailable,
    };
    QueueError::new(kind, format!("cannot lock {}", path.display())).caused_by(cause)
}

/// How long a lock that another process holds is tried again.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);
