//! Looking into the directory of a queue from outside, also while other processes use it.

use super::cursor::{self, Mark};
use super::directory::LANE;
use super::lane::newer_format;
use super::opening::Opening;
use super::raw::Raw;
use super::{SledOptions, cannot_use, damaged, files, lock};
use crate::queue::backlog::{Content, Stored};
use crate::queue::{Depth, Queue, QueueError, QueueErrorKind};
use lumberjack_codec::EncodedWindow;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What is in the directory of a [`SledQueue`](super::SledQueue).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Inspection {
    /// The lanes, in the order of their numbers.
    pub lanes: Vec<LaneInspection>,
    /// Damaged stores that are kept for a human to look at, oldest first.
    pub damaged: Vec<DamagedStore>,
    /// Bytes that the directory takes on disk, with everything in it.
    pub bytes_on_disk: u64,
}

/// What one process has written, or writes, into a queue.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LaneInspection {
    /// Its number.
    pub number: u64,
    /// The process that has the lane; `None` if that is gone, 0 if it is not known which it is.
    pub process: Option<u32>,
    /// Databases that it consists of.
    pub generations: usize,
    /// Events that wait for delivery, those that are lost among them.
    pub events: u64,
    /// Of these, the events that are known to be lost.
    pub lost: u64,
    /// Encoded bytes that wait for delivery.
    pub bytes: u64,
    /// Time of the oldest window.
    pub oldest: Option<SystemTime>,
}

/// A store that was set aside because it was damaged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DamagedStore {
    /// Its directory.
    pub path: PathBuf,
    /// Bytes that it takes on disk.
    pub bytes: u64,
    /// When it was set aside.
    pub at: SystemTime,
    /// What was wrong with it.
    pub reason: String,
}

impl Inspection {
    /// Events that wait for delivery, in all lanes.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.events).sum()
    }

    /// Time of the oldest window in all lanes.
    #[must_use]
    pub fn oldest(&self) -> Option<SystemTime> {
        self.lanes.iter().filter_map(|lane| lane.oldest).min()
    }
}

/// Looks into the directory of a queue. Changes nothing, and may be called while the queue is in use: of what
/// is just being written it sees what was handed to the kernel.
///
/// Reads the generations that are not full; for those that are, it takes their word.
///
/// ```
/// use logstash_handler::queue::{Queue, SledQueue, inspect};
/// use lumberjack_codec::WindowEncoder;
/// use std::time::SystemTime;
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path();
/// let queue = SledQueue::open(path)?;
/// queue.append(&[WindowEncoder::new(3).encode(["{}", "{}"])?], SystemTime::now())?;
/// queue.sync()?;
///
/// let inspection = inspect(path)?;
/// assert_eq!(inspection.events(), 2);
/// assert_eq!(inspection.lanes[0].process, Some(std::process::id()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Of kind [`Misconfigured`](QueueErrorKind::Misconfigured) when there is no such directory, it cannot be read, or
/// holds a newer format; [`Unavailable`](QueueErrorKind::Unavailable) when the disk failed.
pub fn inspect(path: impl AsRef<Path>) -> Result<Inspection, QueueError> {
    let path = path.as_ref();
    let mut lanes = Vec::new();
    for (number, directory) in lanes_of(path)? {
        let opening = opening(&directory)?;
        let head = opening.mark.map_or(0, |mark| mark.head.event);
        let mut lane = LaneInspection {
            number,
            process: lock::holder(&directory).map_err(|cause| cannot_use(&directory, cause))?,
            generations: opening.generations.len(),
            events: 0,
            lost: 0,
            bytes: 0,
            oldest: None,
        };
        let windows = opening.look()?;
        lane.oldest = windows.first().map(|window| window.at);
        for window in windows {
            let left = window.end() - window.first_event.max(head);
            lane.events += left;
            lane.bytes += window.bytes;
            lane.lost += if matches!(window.content, Content::Lost) { left } else { 0 };
        }
        lanes.push(lane);
    }
    let damaged = damaged::list(path).into_iter().map(|kept| {
        let damaged::Kept { path, bytes, at, reason } = kept;
        DamagedStore { path, bytes, at, reason }
    });
    Ok(Inspection { lanes, damaged: damaged.collect(), bytes_on_disk: files::size_on_disk(path) })
}

/// Hands over the windows that wait for delivery, lane by lane, oldest first, and how many events at the
/// beginning of each were delivered already. Changes nothing.
///
/// # Errors
///
/// As [`inspect`].
pub fn export(path: impl AsRef<Path>, mut take: impl FnMut(EncodedWindow, u32)) -> Result<(), QueueError> {
    for (_, directory) in lanes_of(path.as_ref())? {
        let opening = opening(&directory)?;
        let head = opening.mark.map_or(0, |mark| mark.head.event);
        let generations = opening.generations.clone();
        let mut windows = opening.look()?.into_iter().peekable();
        for known in generations {
            let failed = |cause| cannot_use(&known.directory, cause);
            let mut raw = None;
            while let Some(window) = windows.next_if(|window| window.generation == known.number) {
                let opened = match raw.take() {
                    Some(opened) => opened,
                    None => Raw::open(&known.directory).map_err(failed)?,
                };
                for (number, first_event) in numbers(&window, &opened) {
                    if let Some(content) = opened.read(number).map_err(failed)? {
                        let skip = u32::try_from(head.saturating_sub(first_event)).unwrap_or(u32::MAX);
                        take(content, skip);
                    }
                }
                raw = Some(opened);
            }
        }
    }
    Ok(())
}

/// Deletes all events of the processes that are gone, and the damaged stores. What belongs to processes that
/// live stays. Tells how much it was.
///
/// # Errors
///
/// Those of [`SledOptions::open`], and as [`inspect`].
pub fn purge(path: impl AsRef<Path>) -> Result<Depth, QueueError> {
    let path = path.as_ref();
    // There must be one.
    lanes_of(path)?;
    let queue = SledOptions::new().min_free_bytes(0).open(path)?;
    let depth = queue.depth();
    queue.advance(u64::MAX);
    queue.maintain()?;
    queue.close(Duration::from_secs(30));
    damaged::trim(path, 0, 0);
    Ok(depth)
}

/// The windows that an entry stands for: number and first event.
fn numbers(window: &Stored, raw: &Raw) -> Vec<(u64, u64)> {
    match window.content {
        Content::Lost => Vec::new(),
        Content::Sealed { .. } => {
            let contents = raw.contents().windows.into_iter();
            let inside = contents.filter(|(_, header)| header.end() <= window.end());
            inside.map(|(number, header)| (number, header.first_event)).collect()
        }
        Content::InMemory(_) | Content::OnDisk => vec![(window.number, window.first_event)],
    }
}

fn lanes_of(path: &Path) -> Result<Vec<(u64, PathBuf)>, QueueError> {
    let numbers = files::numbered(path, LANE).map_err(|cause| {
        if cause.kind() != io::ErrorKind::NotFound {
            return cannot_use(path, cause);
        }
        let text = format!("there is no queue {}", path.display());
        QueueError::new(QueueErrorKind::Misconfigured, text).caused_by(cause)
    })?;
    Ok(numbers.into_iter().map(|number| (number, path.join(format!("{LANE}{number:010}")))).collect())
}

fn opening(directory: &Path) -> Result<Opening<'_>, QueueError> {
    let mark: Option<Mark> = match File::open(directory.join("cursor")) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        opened => {
            let read = opened.and_then(|file| cursor::read(&file));
            read.map_err(|cause| cannot_use(directory, cause))?
                .map_err(|newer| newer_format(directory, "cursor", newer))?
        }
    };
    Opening::new(directory, mark)
}
