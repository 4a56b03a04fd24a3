use super::files;
use crate::queue::{QueueError, QueueErrorKind};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// The right to use a queue's directory: a locked file that names the process that holds it.
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
        let named = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        named.map_err(|cause| broken(&path, cause))?;
        Ok(Self { file })
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
    let mut holder = String::new();
    let pid = file.rewind().and_then(|()| file.take(20).read_to_string(&mut holder));
    let holder = match pid.ok().and_then(|_| holder.trim().parse::<u32>().ok()) {
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
