use super::files;
use super::slot::{self, NewerFormat};
use crate::queue::backlog::Position;
use crate::queue::sync::Mutex;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::PoisonError;

/// The file that says how far a lane was delivered, and how far it was filled.
///
/// It is no part of the store because each acknowledgement moves it: one write of 64 bytes into the
/// page cache, which outlives the process. Two slots take turns, so that a torn write leaves the one
/// before. The numbers of a slot are its turn, `head` (window, event, events of the window that are
/// done) and `tail` (window, event). `head` is the next event to be delivered, `tail` the place behind
/// the last synced one. The valid slot with the higher turn counts.
#[derive(Debug)]
pub(super) struct Cursor {
    file: File,
    /// What was written last, and whether that failed.
    written: Mutex<(Mark, bool)>,
}

/// What a slot of a [`Cursor`] says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Mark {
    pub(super) turn: u64,
    pub(super) head: Position,
    pub(super) tail: Position,
}

impl Cursor {
    /// Opens the file; `None` where it holds no valid slot.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Result<Option<Mark>, NewerFormat>)> {
        let file = files::open_private(path)?;
        let newest = read(&file)?;
        let written = newest.as_ref().ok().copied().flatten().unwrap_or_default();
        Ok((Self { file, written: Mutex::new((written, false)) }, newest))
    }

    /// Writes a mark, unless a later one was written meanwhile.
    pub(super) fn write(&self, mark: Mark) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if mark.turn < written.0.turn {
            return Ok(());
        }
        let Mark { turn, head, tail } = mark;
        let numbers = [turn, head.window, head.event, head.done, tail.window, tail.event];
        let result = slot::write(&self.file, turn % 2, MAGIC, VERSION, numbers);
        match result {
            Ok(()) => *written = (mark, false),
            Err(_) => written.1 = true,
        }
        result
    }

    /// Whether the last write failed.
    pub(super) fn is_behind(&self) -> bool {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// What was written last.
    pub(super) fn written(&self) -> Mark {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Whether the file is still there for the next process.
    pub(super) fn is_linked(&self) -> bool {
        files::is_linked(&self.file)
    }

    /// Puts what was written on the disk; returns the head that is safe now.
    pub(super) fn sync(&self) -> io::Result<Position> {
        let head = self.written().head;
        self.file.sync_data()?;
        Ok(head)
    }
}

/// The mark in the file of a cursor; `None` where it holds no valid slot.
pub(super) fn read(file: &File) -> io::Result<Result<Option<Mark>, NewerFormat>> {
    let mut newest: Option<Mark> = None;
    for slot in 0..2 {
        let numbers = match slot::read(file, slot, MAGIC, VERSION)? {
            Ok(Some(numbers)) => numbers,
            Ok(None) => continue,
            Err(newer) => return Ok(Err(newer)),
        };
        let [turn, head_window, head_event, done, tail_window, tail_event] = numbers;
        let mark = Mark {
            turn,
            head: Position { window: head_window, event: head_event, done },
            tail: Position { window: tail_window, event: tail_event, done: 0 },
        };
        if newest.is_none_or(|newest| newest.turn < turn) {
            newest = Some(mark);
        }
    }
    Ok(Ok(newest))
}

const MAGIC: &[u8; 4] = b"LSQC";
const VERSION: u8 = 1;
