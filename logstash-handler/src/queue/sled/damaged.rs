//! Stores that are set aside because they are damaged.

use super::files;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A generation that is damaged is called this, followed by its number; and in the directory of the
/// queue, once it was delivered, by the numbers of its lane and its own.
pub(super) const PREFIX: &str = "damaged-";

/// Renames a generation, so that sled never opens it again, and notes why.
pub(super) fn set_aside(generation: &Path, number: u64, reason: &str) -> io::Result<PathBuf> {
    let aside = generation.with_file_name(format!("{PREFIX}{number:010}"));
    fs::rename(generation, &aside)?;
    // On a full disk it goes without.
    let _ = fs::write(aside.join(REASON), reason);
    files::sync_parent(&aside)?;
    Ok(aside)
}

/// Keeps a damaged generation that was delivered, for a human to look at.
pub(super) fn keep(queue: &Path, lane: u64, generation: &Path, number: u64) -> io::Result<()> {
    let plain = queue.join(format!("{PREFIX}{lane:010}-{number:010}"));
    let mut kept = plain.clone();
    let mut again = 1;
    while kept.exists() {
        again += 1;
        kept = PathBuf::from(format!("{}-{again}", plain.display()));
    }
    fs::rename(generation, kept)
}

/// A damaged store that was delivered as far as possible.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) at: SystemTime,
    pub(super) reason: String,
}

/// The damaged stores that are kept, oldest first.
pub(super) fn list(queue: &Path) -> Vec<Kept> {
    let Ok(entries) = fs::read_dir(queue) else { return Vec::new() };
    let is_kept = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(PREFIX);
    let mut kept: Vec<Kept> = entries
        .flatten()
        .filter(is_kept)
        .map(|entry| {
            let path = entry.path();
            let reason = path.join(REASON);
            Kept {
                bytes: files::size_on_disk(&path),
                at: fs::metadata(&reason).and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH),
                reason: fs::read_to_string(reason).unwrap_or_default(),
                path,
            }
        })
        .collect();
    kept.sort_by(|one, other| (one.at, &one.path).cmp(&(other.at, &other.path)));
    kept
}

/// Removes the oldest until so many, and so many bytes, are left at most.
pub(super) fn trim(queue: &Path, stores: usize, bytes: u64) {
    let kept = list(queue);
    let (mut count, mut sum) = (kept.len(), kept.iter().map(|kept| kept.bytes).sum::<u64>());
    for Kept { path, bytes: size, .. } in kept {
        if count <= stores && sum <= bytes {
            return;
        }
        // Another process may do the same.
        let _ = files::remove_dir(&path);
        (count, sum) = (count - 1, sum - size);
    }
}

const REASON: &str = "reason";
/// Damaged stores that are kept, and their bytes in all.
pub(super) const KEPT: usize = 4;
pub(super) const KEPT_BYTES: u64 = 256 << 20;
