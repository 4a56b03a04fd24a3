//! The directory of a queue, with a lane for each process.

use super::cannot_use;
use super::files;
use super::lane::{GENERATION, Lane, Shared};
use super::lock::DirectoryLock;
use crate::queue::{QueueError, QueueErrorKind};
use logstash_transport::error_chain;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the directory of a lane is called, followed by its number.
pub(super) const LANE: &str = "lane-";

/// Lanes that this process has locked.
#[derive(Debug)]
pub(super) struct Claimed {
    /// The one that it writes to.
    pub(super) own: Lane,
    /// Those of processes that are gone.
    pub(super) adopted: Vec<Lane>,
}

/// Takes a lane to write to, and all that belong to nobody.
pub(super) fn claim(shared: &Arc<Shared>) -> Result<Claimed, QueueError> {
    let queue = &shared.directory;
    let lock = DirectoryLock::acquire(queue)?;
    let cannot = |cause| cannot_use(queue, cause);
    files::remove_leftovers(queue).map_err(cannot)?;
    take_over_old_layout(queue).map_err(cannot)?;
    let mut own = None;
    let mut adopted = Vec::new();
    let numbers = files::numbered(queue, LANE).map_err(cannot)?;
    for &number in &numbers {
        let directory = lane_path(queue, number);
        let Some(lock) = DirectoryLock::attempt(&directory)? else { continue };
        // The first is the one that a process writes to again after a restart. A forked child leaves
        // the lanes of others to processes that have sled.
        if shared.plain {
            continue;
        }
        let is_own = own.is_none();
        let lane = Lane::open(shared, number, directory, lock)?;
        if is_own { own = Some(lane) } else { adopted.push(lane) }
    }
    if numbers.len() >= MOST_LANES && own.is_none() {
        let path = queue.display();
        let text = format!(
            "queue {path} is shared by {MOST_LANES} processes already, give this one a directory of its own"
        );
        return Err(QueueError::new(QueueErrorKind::Locked, text));
    }
    let own = match own {
        Some(own) => own,
        None => {
            let number = numbers.last().map_or(1, |last| last + 1);
            let directory = lane_path(queue, number);
            files::create_dir(&directory).map_err(cannot)?;
            let lock = DirectoryLock::acquire(&directory)?;
            Lane::open(shared, number, directory, lock)?
        }
    };
    lock.release();
    Ok(Claimed { own, adopted })
}

/// Takes lanes whose processes are gone, as far as that is possible at once; reports those that cannot be read.
pub(super) fn adopt(shared: &Arc<Shared>, known: &[u64]) -> Result<Vec<Lane>, QueueError> {
    let queue = &shared.directory;
    let Some(lock) = DirectoryLock::attempt(queue)? else { return Ok(Vec::new()) };
    let mut adopted = Vec::new();
    for number in files::numbered(queue, LANE).map_err(|cause| cannot_use(queue, cause))? {
        if known.contains(&number) {
            continue;
        }
        let directory = lane_path(queue, number);
        let opened = DirectoryLock::attempt(&directory)
            .and_then(|lock| lock.map(|lock| Lane::open(shared, number, directory, lock)).transpose());
        match opened {
            Ok(lane) => adopted.extend(lane),
            // The others are not to blame for it.
            Err(error) => shared.report(format!("cannot take over a lane: {}", error_chain(&error))),
        }
    }
    lock.release();
    Ok(adopted)
}

/// Removes a lane of which everything was delivered, which is given back for it; `false`, and it is as it was, where
/// it is not the time for that.
pub(super) fn remove(lane: &Lane) -> Result<bool, QueueError> {
    let queue = &lane.shared.directory;
    // Nobody else may take it while it is removed.
    let Some(lock) = DirectoryLock::attempt(queue)? else { return Ok(false) };
    lane.close();
    let removed = files::remove_dir(&lane.directory);
    lock.release();
    removed.map(|()| true).map_err(|cause| cannot_use(&lane.directory, cause))
}

fn lane_path(queue: &Path, number: u64) -> PathBuf {
    queue.join(format!("{LANE}{number:010}"))
}

/// Whether there is a queue in a directory.
#[cfg(feature = "relay")]
pub(crate) fn is_queue(directory: &Path) -> bool {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.any(|name| name == "lock" || name.starts_with(LANE) || is_old(&name))
}

/// Whether it is of what lay in the directory itself until there were lanes.
fn is_old(name: &str) -> bool {
    name == "cursor" || name.starts_with(GENERATION)
}

/// Until there were lanes, what is in one now lay in the directory itself.
fn take_over_old_layout(queue: &Path) -> io::Result<()> {
    let mut old = Vec::new();
    for entry in fs::read_dir(queue)? {
        let entry = entry?;
        if is_old(&entry.file_name().to_string_lossy()) {
            old.push(entry);
        }
    }
    if old.is_empty() {
        return Ok(());
    }
    let lane = lane_path(queue, 1);
    files::create_dir(&lane)?;
    for entry in old {
        fs::rename(entry.path(), lane.join(entry.file_name()))?;
    }
    files::sync_dir(&lane)?;
    files::sync_dir(queue)
}

/// Directories are looked through often; more processes than this want another design.
const MOST_LANES: usize = 256;
