use super::cursor::{Cursor, Mark};
use super::generation::{Generation, OLDEST_SEGMENT, OpenError};
use super::lock::DirectoryLock;
use super::opening::Opening;
use super::raw::Raw;
use super::record;
use super::scan::Chain;
use super::slot::NewerFormat;
use super::space::Space;
use super::span::Seal;
use super::store::{Reader, Source, Tail};
use super::writer::Writer;
use super::{SledOptions, cannot_use, damaged, files};
use crate::queue::backlog::{Backlog, Content, Position, Stored};
use crate::queue::sync::{Mutex, MutexGuard};
use crate::queue::{Depth, Peek, QueueError, QueueErrorKind};
use lumberjack_codec::EncodedWindow;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

/// What one process has written into a queue: windows in order, in generations of a store.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) number: u64,
    pub(super) directory: PathBuf,
    pub(super) shared: Arc<Shared>,
    pub(super) cursor: Cursor,
    /// Held for work in memory only.
    state: Mutex<State>,
    /// The generation that takes windows. Held for taking a copy only; `None` after an error, and while
    /// there is nothing to write.
    tail: Mutex<Option<Arc<Tail>>>,
    /// Held while a tail is closed. Its file is looked through when that is over, and not while sled moves what is
    /// in it.
    closing: Mutex<()>,
    /// What belongs to the writer thread; held over calls of sled.
    writer: Mutex<Writer>,
    /// The generation that is read, if it is not the tail. Belongs to the sender thread.
    reader: Mutex<Option<Reader>>,
    /// `None` once it was given back.
    lock: Mutex<Option<DirectoryLock>>,
}

/// What the lanes of a queue have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) directory: PathBuf,
    pub(super) options: SledOptions,
    pub(super) space: Space,
    /// In a forked child, where sled does not work.
    pub(super) plain: bool,
    /// What a human should be told.
    pub(super) reports: Mutex<Vec<String>>,
}

impl Shared {
    pub(super) fn report(&self, text: String) {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody who does not ask does not get more than this.
        if reports.len() < 16 {
            reports.push(text);
        }
    }
}

/// What memory knows of a lane.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) backlog: Backlog,
    /// All generations that are on the disk, oldest first.
    pub(super) generations: VecDeque<Known>,
    /// Everything before this place is as durable as it gets.
    pub(super) synced: Position,
    /// Damaged events that no peek has reported yet.
    damaged: u64,
    /// Counts the marks of the cursor.
    turn: u64,
}

/// A generation on the disk.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) number: u64,
    pub(super) directory: PathBuf,
    /// Where it begins; unknown in the oldest format.
    pub(super) begin: Option<Position>,
    /// Id behind its last event; `None` for the one that takes windows.
    pub(super) end: Option<u64>,
    pub(super) is_damaged: bool,
}

impl Known {
    /// Whether only sled can tell what is in it.
    pub(super) fn is_of_oldest_format(&self, raw: &std::io::Result<Raw>) -> bool {
        self.begin.is_none()
            && !self.is_damaged
            && raw.as_ref().is_ok_and(Raw::is_empty)
            && self.directory.join(files::DB).exists()
    }
}

impl Lane {
    /// Opens the lane in a directory that is locked.
    ///
    /// Only what was written last is read. sled is not asked for it: see [`Raw`].
    pub(super) fn open(
        shared: &Arc<Shared>,
        number: u64,
        directory: PathBuf,
        lock: DirectoryLock,
    ) -> Result<Self, QueueError> {
        let cannot = |cause| cannot_use(&directory, cause);
        files::remove_leftovers(&directory).map_err(cannot)?;
        let (cursor, mark) = Cursor::open(&directory.join("cursor")).map_err(cannot)?;
        let mark = mark.map_err(|newer| newer_format(&directory, "cursor", newer))?;
        let mut opening = Opening::new(&directory, mark)?;
        let reader = opening.read_all(shared)?;
        files::sync_dir(&directory).and_then(|()| files::sync_parent(&directory)).map_err(cannot)?;

        let (generations, chain) = opening.finish();
        let end = chain.position();
        let entries = chain.finish();
        for lost in entries.iter().filter(|entry| matches!(entry.content, Content::Lost)) {
            let (path, events, first) = (directory.display(), lost.events, lost.first_event);
            shared.report(format!("{events} events of queue {path} are lost, from id {first} on"));
        }
        let mut backlog = Backlog::default();
        let head = mark.map(|mark| mark.head).unwrap_or_default();
        let skip = backlog.fill(entries, head.event);
        backlog.start_no_earlier_than(end);
        if head.event > backlog.end().event {
            // Delivered before it was synced, and gone with the process. The cursor says that these ids are done:
            // whatever came next under them would be taken for delivered, should the process end before it moves.
            let window = head.window + u64::from(head.done > 0);
            backlog.start_no_earlier_than(Position { window, event: head.event, done: 0 });
            // If a power cut undid that, they would only be counted as lost.
            let _ = cursor.sync();
        }
        let state = State {
            synced: backlog.end(),
            backlog,
            generations,
            damaged: 0,
            turn: mark.map_or(0, |mark| mark.turn),
        };
        let lane = Self {
            number,
            directory,
            shared: Arc::clone(shared),
            cursor,
            state: Mutex::new(state),
            writer: Mutex::default(),
            tail: Mutex::default(),
            closing: Mutex::default(),
            reader: Mutex::new(reader),
            lock: Mutex::new(Some(lock)),
        };
        let sealed = lane.state().backlog.sealed_front().map(Sealed::of).filter(|_| skip);
        if let Some(sealed) = sealed {
            lane.load(sealed)?;
        }
        Ok(lane)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tail(&self) -> MutexGuard<'_, Option<Arc<Tail>>> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reader(&self) -> MutexGuard<'_, Option<Reader>> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn closing(&self) -> MutexGuard<'_, ()> {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reader, unless the sender is using it.
    pub(super) fn idle_reader(&self) -> Option<MutexGuard<'_, Option<Reader>>> {
        self.reader.try_lock().ok()
    }

    /// Declares the tail dead: the next call of the writer begins another one.
    pub(super) fn abandon_tail(&self) {
        let _closing = self.closing();
        let dead = self.tail().take();
        // Without the lock of the tail, because closing it may take its time.
        drop(dead);
    }

    /// Declares a tail dead, if it is the one that takes windows still. Tells whether sled is done with its files.
    fn abandon(&self, failed: Arc<Tail>) -> bool {
        let _closing = self.closing();
        let dead = self.tail().take_if(|tail| Arc::ptr_eq(tail, &failed));
        drop(dead);
        // Otherwise the writer has it in hand.
        Arc::into_inner(failed).is_some()
    }

    pub(super) fn unavailable(&self, message: String) -> QueueError {
        QueueError::new(QueueErrorKind::Unavailable, message)
    }

    pub(super) fn peek(&self, max_windows: usize, max_bytes: usize) -> Result<Peek, QueueError> {
        let (windows, skip) = loop {
            let Plan { windows: planned, skip, mark, sealed } = self.plan(max_windows, max_bytes);
            if let Some(mark) = mark {
                self.write_cursor(mark);
            }
            if let Some(sealed) = sealed {
                self.load(sealed)?;
                continue;
            }
            let wanted = planned.len();
            let mut windows = Vec::with_capacity(wanted);
            for planned in planned {
                match planned {
                    Planned::InMemory(window) => windows.push(window),
                    Planned::OnDisk(place) => match self.read(place) {
                        Ok(Some(window)) => windows.push(window),
                        Ok(None) => break,
                        Err(_) if !windows.is_empty() => break,
                        Err(error) => return Err(error),
                    },
                }
            }
            if wanted == 0 || !windows.is_empty() {
                break (windows, skip);
            }
            // The first window turned out to be lost.
        };
        let damaged = std::mem::take(&mut self.state().damaged);
        Ok(Peek { windows, skip, damaged })
    }

    pub(super) fn advance(&self, events: u64) {
        let mark = {
            let mut state = self.state();
            state.backlog.advance(events);
            state.mark()
        };
        self.write_cursor(mark);
    }

    pub(super) fn expire(&self, before: SystemTime, limit: u64) -> u64 {
        let mut expired = 0;
        loop {
            let (now, mark, sealed) = {
                let mut state = self.state();
                let now = state.backlog.expire(before, limit.saturating_sub(expired));
                let sealed = state.backlog.sealed_front().filter(|front| front.at < before).map(Sealed::of);
                (now, (now > 0).then(|| state.mark()), sealed)
            };
            expired += now;
            if let Some(mark) = mark {
                self.write_cursor(mark);
            }
            // Some of its windows are old and some are not. What cannot be read expires later.
            let Some(sealed) = sealed.filter(|_| expired < limit) else { return expired };
            if self.load(sealed).is_err() {
                return expired;
            }
        }
    }

    pub(super) fn depth(&self) -> Depth {
        self.state().backlog.depth()
    }

    /// Id of the next event to be delivered. Only the sender thread changes it.
    pub(super) fn head(&self) -> u64 {
        self.state().backlog.start().event
    }

    /// Id behind the last event.
    pub(super) fn end(&self) -> u64 {
        self.state().backlog.end().event
    }

    /// Whether there is something that a peek would tell.
    pub(super) fn has_something(&self) -> bool {
        let state = self.state();
        state.damaged > 0 || state.backlog.depth().events > 0
    }

    /// Lets go of everything, first of the store and then of the lock.
    pub(super) fn close(&self) {
        let closing = self.closing();
        let tail = self.tail().take();
        drop(tail);
        drop(closing);
        let reader = self.reader().take();
        drop(reader);
        if let Some(lock) = self.lock.lock().unwrap_or_else(PoisonError::into_inner).take() {
            lock.release();
        }
    }

    /// In a forked child: forgets the lane without touching its store, and closes the child's copy of the
    /// lock, so that it ends with its parent.
    pub(super) fn forget_in_child(&self) {
        if let Ok(mut lock) = self.lock.try_lock() {
            lock.take();
        }
    }

    /// What a peek can take from memory, and what has to be read.
    fn plan(&self, max_windows: usize, max_bytes: usize) -> Plan {
        let mut state = self.state();
        let lost = state.backlog.pop_lost();
        state.damaged += lost;
        let backlog = &state.backlog;
        let windows = backlog
            .front(max_windows, max_bytes)
            .map_while(|window| match &window.content {
                Content::InMemory(content) => Some(Planned::InMemory(content.clone())),
                Content::OnDisk => Some(Planned::OnDisk(Place::of(window))),
                Content::Lost | Content::Sealed { .. } => None,
            })
            .collect();
        // Less than the events of a window, whose count is a u32; where it is more, it is not used.
        let skip = backlog.skip() as u32;
        let sealed = backlog.front(max_windows, max_bytes).find(|window| window.is_sealed()).map(Sealed::of);
        Plan { windows, skip, sealed, mark: (lost > 0).then(|| state.mark()) }
    }

    /// Reads a window; `None` if it is lost, or was advanced past meanwhile.
    fn read(&self, place: Place) -> Result<Option<EncodedWindow>, QueueError> {
        let tail = self.tail().clone().filter(|tail| tail.number == place.generation);
        let mut is_closed = false;
        if let Some(tail) = tail {
            if let Ok(Some(window)) = tail.read(place.number) {
                return Ok(Some(self.keep(place, window)));
            }
            // Its file is read instead, and it takes no more.
            is_closed = self.abandon(tail);
        }
        let mut reader = self.reader();
        let Some(known) = self.known(place.generation) else { return Ok(None) };
        let path = known.directory.display().to_string();
        let failed = |cause| self.unavailable(format!("cannot read store {path}")).caused_by(cause);
        if reader.as_ref().is_none_or(|reader| reader.number != known.number) {
            *reader = None;
            *reader = Some(self.open_reader(known.clone(), is_closed).map_err(failed)?);
        }
        let Some(Reader { source, .. }) = &mut *reader else { return Ok(None) };
        if let Ok(Some(window)) = source.read(place.number) {
            return Ok(Some(self.keep(place, window)));
        }
        if let Source::Sled(_) = source {
            let aside = self.set_aside(&known, UNREADABLE);
            *source = raw(&aside).map_err(failed)?;
        }
        let window = source.read(place.number).map_err(|failure| {
            let path = known.directory.display();
            self.unavailable(format!("cannot read window {} of store {path}", place.number))
                .caused_by(failure)
        })?;
        if window.is_none() {
            // A thread of the writer may have the store still: the next read looks anew.
            if reader.take_if(|reader| !reader.is_final).is_some() {
                return Err(self.unavailable(format!("store {path} is being closed")));
            }
            self.state().backlog.lose(place.first_event);
        }
        Ok(window.map(|window| self.keep(place, window)))
    }

    /// Opens a generation that is not the tail, or not any more.
    fn open_reader(&self, known: Known, is_closed: bool) -> std::io::Result<Reader> {
        drop(self.closing());
        let (known, source) = self.source(known)?;
        Ok(Reader { number: known.number, is_final: is_closed || known.end.is_some(), source })
    }

    fn keep(&self, place: Place, window: EncodedWindow) -> EncodedWindow {
        let limit = self.shared.options.cache_bytes;
        self.state().backlog.keep(place.first_event, &window, limit);
        window
    }

    /// Lists the windows of a generation.
    fn load(&self, Sealed { generation, first_event, end }: Sealed) -> Result<(), QueueError> {
        let mut reader = self.reader();
        if !self.state().backlog.is_sealed_at(first_event) {
            return Ok(());
        }
        let Some(known) = self.known(generation) else { return Ok(()) };
        reader.take();
        let (known, source) = self.source(known).map_err(|cause| {
            let path = self.directory.display();
            self.unavailable(format!("cannot read generation {generation} of queue {path}")).caused_by(cause)
        })?;
        // Those of the oldest format have no seal.
        let Source::Raw(raw) = &source else { return Ok(()) };
        let contents = raw.contents();
        if !contents.is_whole(first_event, end) && !known.is_damaged {
            self.set_aside(&known, MISSING);
        }
        let mut chain = Chain::new(Some(first_event), 0);
        for (number, header) in contents.windows.iter().filter(|(_, header)| header.end() <= end) {
            chain.window(generation, *number, header);
        }
        chain.end(generation, Position { window: 0, event: end, done: 0 });
        self.state().backlog.replace(first_event..end, chain.finish());
        *reader = Some(Reader { number: generation, is_final: true, source });
        Ok(())
    }

    fn known(&self, generation: u64) -> Option<Known> {
        self.state().generations.iter().find(|known| known.number == generation).cloned()
    }

    /// Opens a generation for reading.
    fn source(&self, known: Known) -> std::io::Result<(Known, Source)> {
        let opened = Raw::open(&known.directory);
        if known.is_of_oldest_format(&opened) {
            match Generation::open(&known.directory, OLDEST_SEGMENT) {
                Ok(generation) => return Ok((known, Source::Sled(generation))),
                Err(OpenError::Disk(cause)) => return Err(cause),
                Err(OpenError::Damaged(reason)) => {
                    let aside = self.set_aside(&known, &reason);
                    return raw(&aside).map(|source| (aside, source));
                }
            }
        }
        Ok((known, Source::Raw(opened?)))
    }

    /// Takes a generation out of the reach of sled.
    fn set_aside(&self, known: &Known, reason: &str) -> Known {
        let aside = set_aside(&self.shared, known, reason);
        let mut state = self.state();
        if let Some(known) = state.generations.iter_mut().find(|known| known.number == aside.number) {
            *known = aside.clone();
        }
        aside
    }

    /// Moves the cursor file. If that fails, the writer's maintenance does it again and tells.
    pub(super) fn write_cursor(&self, mark: Mark) {
        let _ = self.cursor.write(mark);
    }
}

/// Reads a generation without sled.
fn raw(known: &Known) -> std::io::Result<Source> {
    Raw::open(&known.directory).map(Source::Raw)
}

/// What a peek can take from memory, and what it has to read.
struct Plan {
    windows: Vec<Planned>,
    skip: u32,
    /// The windows of this generation have to be listed first.
    sealed: Option<Sealed>,
    /// To be written where lost windows were taken off.
    mark: Option<Mark>,
}

/// A generation whose windows are not listed.
#[derive(Clone, Copy)]
struct Sealed {
    generation: u64,
    first_event: u64,
    end: u64,
}

impl Sealed {
    const fn of(entry: &Stored) -> Self {
        Self { generation: entry.generation, first_event: entry.first_event, end: entry.end() }
    }
}

enum Planned {
    InMemory(EncodedWindow),
    OnDisk(Place),
}

/// Where a window is on the disk.
#[derive(Clone, Copy)]
struct Place {
    generation: u64,
    number: u64,
    first_event: u64,
}

impl Place {
    const fn of(window: &Stored) -> Self {
        Self { generation: window.generation, number: window.number, first_event: window.first_event }
    }
}

impl State {
    /// The next mark for the cursor.
    pub(super) fn mark(&mut self) -> Mark {
        self.turn += 1;
        Mark { turn: self.turn, head: self.backlog.start(), tail: self.synced }
    }

    /// What the last generation holds up to a place, to be noted in it.
    pub(super) fn last(&self) -> Option<&Known> {
        self.generations.back()
    }
}

/// What was written into a generation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) windows: u64,
    pub(super) bytes: u64,
    oldest: Option<SystemTime>,
    newest: Option<SystemTime>,
}

impl Totals {
    pub(super) fn add(&mut self, bytes: u64, at: SystemTime) {
        self.windows += 1;
        self.bytes += bytes;
        self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
        self.newest = self.newest.max(Some(at));
    }

    pub(super) fn seal(&self, end: Position) -> Seal {
        let now = record::stored_time(SystemTime::now());
        Seal {
            end,
            windows: self.windows,
            bytes: self.bytes,
            oldest: self.oldest.unwrap_or(now),
            newest: self.newest.unwrap_or(now),
        }
    }
}

/// Takes a generation out of the reach of sled, and tells.
pub(super) fn set_aside(shared: &Shared, known: &Known, reason: &str) -> Known {
    let path = known.directory.display();
    shared.report(format!(
        "store {path} is damaged and was set aside; what can be read of it is delivered: {reason}"
    ));
    // Where it cannot be renamed it is read where it is.
    let aside = damaged::set_aside(&known.directory, known.number, reason);
    let directory = aside.unwrap_or_else(|_| known.directory.clone());
    Known { directory, is_damaged: true, ..known.clone() }
}

pub(super) fn newer_format(directory: &Path, what: &str, newer: NewerFormat) -> QueueError {
    let (path, version) = (directory.display(), newer.0);
    QueueError::new(
        QueueErrorKind::Misconfigured,
        format!("{what} of queue {path} has format {version}, which is newer than this version; upgrade it"),
    )
}

pub(super) const MISSING: &str = "windows are missing";
const UNREADABLE: &str = "a window cannot be read";
/// What the directory of a generation is called, followed by its number.
pub(super) const GENERATION: &str = "generation-";
