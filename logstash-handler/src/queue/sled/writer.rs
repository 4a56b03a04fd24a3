use super::generation::Failure;
use super::lane::{GENERATION, Known, Lane, Totals};
use super::span::Span;
use super::store::Tail;
use super::{Durability, damaged, files, record};
use crate::queue::backlog::{Content, Position, Stored};
use crate::queue::memory::check_room;
use crate::queue::{QueueError, QueueErrorKind};
use lumberjack_codec::EncodedWindow;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The side of a [`Lane`] that changes the store.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// Something was appended since the last sync.
    unsynced: bool,
    /// Since when something waits in the kernel for an `fdatasync`.
    in_kernel_since: Option<Instant>,
    /// When a generation was begun the last time, because the one before it had failed.
    begun_again: Option<Instant>,
    appended: Option<Instant>,
    /// When the cursor was put on disk the last time, and the event that it stood at.
    pub(super) cursor_synced: Option<(Instant, u64)>,
    /// Of the tail: all that was written, and all that was synced.
    written: Totals,
    synced: Totals,
}

impl Writer {
    pub(super) fn append(
        &mut self,
        lane: &Lane,
        windows: &[EncodedWindow],
        at: SystemTime,
        held: u64,
    ) -> Result<(), QueueError> {
        check_room(windows, held, lane.shared.options.max_bytes)?;
        let bytes = windows.iter().map(|window| window.bytes().len() as u64).sum();
        let growing = lane.tail().as_ref().map_or(0, |tail| tail.allocated());
        let alone = held == 0 && windows.len() == 1;
        lane.shared.space.check(bytes, growing, alone)?;
        let tail = self.tail(lane, true)?;
        let end = lane.state().backlog.end();
        let at = record::stored_time(at);
        let windows = || windows.iter().filter(|window| window.events() > 0);
        let mut event = end.event;
        let records = (end.window..).zip(windows()).map(|(number, window)| {
            let first_event = event;
            event += u64::from(window.events());
            record::encode(number, window, first_event, at).ok_or_else(|| cannot_store(lane, window))
        });
        // All of them before the first is stored.
        let records = records.collect::<Result<Vec<_>, _>>()?;
        for (number, values) in (end.window..).zip(records) {
            let inserted = tail.insert(number, values);
            inserted.map_err(|failure| {
                // What is there of these windows must not be taken for others.
                let end = Position { window: end.window + windows().count() as u64, ..end };
                lane.state().backlog.start_no_earlier_than(end);
                failed(lane, "store a window", failure)
            })?;
        }
        let mut state = lane.state();
        for window in windows() {
            state.backlog.append(window.clone(), tail.number, at);
            self.written.add(window.bytes().len() as u64, at);
        }
        drop(state);
        self.unsynced = true;
        self.appended = Some(Instant::now());
        Ok(())
    }

    pub(super) fn sync(&mut self, lane: &Lane) -> Result<(), QueueError> {
        if self.unsynced {
            self.flush(lane, false)?;
        } else if self.in_kernel_since.is_some() && lane.tail().is_some() {
            let tail = self.tail(lane, false)?;
            self.put_on_disk(lane, &tail, false)?;
        }
        Ok(())
    }

    /// Makes everything appended so far survive the process, and a power cut if that is due or forced.
    fn flush(&mut self, lane: &Lane, force: bool) -> Result<(), QueueError> {
        let tail = self.tail(lane, false)?;
        let end = lane.state().backlog.end();
        tail.flush().map_err(|failure| failed(lane, "flush", failure))?;
        self.in_kernel_since.get_or_insert_with(Instant::now);
        self.put_on_disk(lane, &tail, force)?;
        self.unsynced = false;
        self.synced = self.written;

        let mark = {
            let mut state = lane.state();
            let first = state.synced.event;
            state.synced = end;
            state.backlog.release_down_to(lane.shared.options.cache_bytes, first);
            state.mark()
        };
        lane.write_cursor(mark);
        Ok(())
    }

    /// Does what is due: what waits in the kernel, the cursor, generations that are done.
    pub(super) fn maintain(&mut self, lane: &Lane) -> Result<(), QueueError> {
        let tail = lane.tail().clone();
        lane.shared.space.measure(tail.as_ref().map_or(0, |tail| tail.allocated()));
        // What is delivered is deleted in any case: that may be what the tail waits for.
        let kept = self.keep_tail(lane, tail);
        self.put_cursor_on_disk(lane).and_then(|()| self.delete_delivered(lane)).and(kept)
    }

    fn keep_tail(&mut self, lane: &Lane, tail: Option<Arc<Tail>>) -> Result<(), QueueError> {
        if self.has_failed(lane) {
            self.tail(lane, false)?;
        } else if let Some(tail) = tail
            && !self.unsynced
        {
            self.put_on_disk(lane, &tail, false)?;
            drop(tail);
            self.give_back(lane)?;
        }
        Ok(())
    }

    fn put_cursor_on_disk(&mut self, lane: &Lane) -> Result<(), QueueError> {
        if lane.cursor.is_behind() {
            let mark = lane.state().mark();
            lane.cursor.write(mark).map_err(|cause| cursor_failed(lane, cause))?;
        }
        let moved = lane.cursor.written().head.event;
        let is_due =
            self.cursor_synced.is_none_or(|(at, event)| event != moved && at.elapsed() >= CURSOR_SYNC);
        if is_due && lane.shared.options.durability != Durability::Os {
            self.sync_cursor(lane)?;
        }
        Ok(())
    }

    /// When `maintain` has something to do next, if nothing happens until then.
    pub(super) fn due(&self, lane: &Lane) -> Option<Duration> {
        let interval = match lane.shared.options.durability {
            Durability::Interval(interval) => self.in_kernel_since.map(|at| left(at, interval)),
            Durability::Flush | Durability::Os => None,
        };
        let synced = self.cursor_synced.map(|(_, event)| event);
        let syncs = lane.shared.options.durability != Durability::Os;
        let moved = syncs && synced != Some(lane.cursor.written().head.event);
        let large = lane.tail().as_ref().is_some_and(|tail| tail.allocated() > KEPT_EMPTY);
        let drained = large && lane.depth().events == 0;
        let second = (moved || drained || self.has_failed(lane)).then_some(CURSOR_SYNC);
        interval.into_iter().chain(second).min()
    }

    /// The tail has failed, and what it did not sync must be stored again.
    fn has_failed(&self, lane: &Lane) -> bool {
        lane.tail().is_none() && lane.state().last().is_some_and(|last| last.end.is_none())
    }

    /// The generation that takes windows; begins one where there is none, or where it is full.
    fn tail(&mut self, lane: &Lane, to_append: bool) -> Result<Arc<Tail>, QueueError> {
        let tail = lane.tail().clone();
        if let Some(tail) = tail {
            let limit = generation_bytes(lane);
            let is_full =
                self.written.bytes >= limit || (self.written.windows > 0 && tail.allocated() >= limit);
            if !(to_append && is_full) {
                return Ok(tail);
            }
            drop(tail);
            self.seal(lane)?;
        }
        if !self.has_failed(lane) {
            return self.begin_with_the_rest(lane);
        }
        if self.begun_again.is_some_and(|at| at.elapsed() < AGAIN) {
            let path = lane.directory.display();
            let message = format!("store of queue {path} failed, and is begun again in a second at most");
            return Err(lane.unavailable(message));
        }
        self.begun_again = Some(Instant::now());
        self.give_up_failed(lane);
        self.begin_with_the_rest(lane)
    }

    /// Begins a generation, with what the one before did not sync, if it failed.
    fn begin_with_the_rest(&mut self, lane: &Lane) -> Result<Arc<Tail>, QueueError> {
        let tail = self.begin(lane)?;
        self.restore(lane, &tail)?;
        Ok(tail)
    }

    /// Ends the tail: what it holds is on the disk, it is closed, and read only when it is due.
    fn seal(&mut self, lane: &Lane) -> Result<(), QueueError> {
        self.flush(lane, true)?;
        let closing = lane.closing();
        let Some(tail) = lane.tail().take() else { return Ok(()) };
        let end = lane.state().backlog.end();
        // On a full disk it is read once more when the queue is opened.
        let _ = Span::seal(&tail.directory, &self.written.seal(end));
        let number = tail.number;
        drop(tail);
        drop(closing);
        self.end_generation(lane, number, end, self.written);
        Ok(())
    }

    /// Ends a tail that failed where it was synced last; what came after is in memory.
    fn give_up_failed(&mut self, lane: &Lane) {
        let (end, last) = {
            let state = lane.state();
            (state.synced, state.last().cloned())
        };
        let Some(last) = last else { return };
        if last.begin.is_some_and(|begin| begin.event >= end.event)
            && files::remove_dir(&last.directory).is_ok()
        {
            lane.state().generations.pop_back();
            return;
        }
        if last.begin.is_some() {
            let _ = Span::seal(&last.directory, &self.synced.seal(end));
        }
        self.end_generation(lane, last.number, end, self.synced);
    }

    fn end_generation(&mut self, lane: &Lane, number: u64, end: Position, totals: Totals) {
        (self.written, self.synced) = (Totals::default(), Totals::default());
        lane.shared.space.forget();
        let mut state = lane.state();
        let head = state.backlog.start().event;
        let Some(last) = state.generations.back_mut().filter(|last| last.number == number) else { return };
        last.end = Some(end.event);
        // Behind the front its windows need not be known one by one.
        if let Some(begin) = last.begin.filter(|begin| begin.event >= head && begin.event < end.event) {
            let seal = totals.seal(end);
            let is_front = state.backlog.from(head).next().is_some_and(|front| front.generation == number);
            if !is_front {
                let all = Stored {
                    number: begin.window,
                    generation: number,
                    first_event: begin.event,
                    events: end.event - begin.event,
                    bytes: seal.bytes,
                    at: seal.oldest,
                    content: Content::Sealed { windows: seal.windows, newest: seal.newest },
                };
                state.backlog.replace(begin.event..end.event, vec![all]);
            }
        }
    }

    /// Begins a generation behind what is synced.
    fn begin(&mut self, lane: &Lane) -> Result<Arc<Tail>, QueueError> {
        let (begin, last) = {
            let state = lane.state();
            // What was delivered before it was synced, is not stored any more.
            let start = state.backlog.start();
            let start = Position { event: start.event - start.done, done: 0, ..start };
            let begin = if start.event > state.synced.event { start } else { state.synced };
            (begin, state.last().map_or(0, |last| last.number))
        };
        let number = last + 1;
        let directory = lane.directory.join(format!("{GENERATION}{number:010}"));
        let begun = files::create_dir(&directory)
            .and_then(|()| Span::begin(&directory, begin))
            .map_err(Failure::Disk)
            .and_then(|()| Tail::create(number, directory.clone(), lane.shared.plain));
        let tail = match begun {
            Ok(tail) => Arc::new(tail),
            Err(failure) => {
                let _ = files::remove_dir(&directory);
                return Err(failed(lane, "begin a store", failure));
            }
        };
        (self.written, self.synced) = (Totals::default(), Totals::default());
        lane.shared.space.forget();
        lane.state().generations.push_back(Known {
            number,
            directory,
            begin: Some(begin),
            end: None,
            is_damaged: false,
        });
        *lane.tail() = Some(Arc::clone(&tail));
        Ok(tail)
    }

    /// Stores again what was not synced when the tail failed.
    fn restore(&mut self, lane: &Lane, tail: &Arc<Tail>) -> Result<(), QueueError> {
        let unsynced: Vec<_> = {
            let mut state = lane.state();
            let from = state.synced.event;
            state.backlog.move_from(from, tail.number);
            let windows = state.backlog.from(from).filter_map(|window| match &window.content {
                Content::InMemory(content) => {
                    Some((window.number, content.clone(), window.first_event, window.at))
                }
                Content::OnDisk | Content::Lost | Content::Sealed { .. } => None,
            });
            windows.collect()
        };
        for (number, content, first_event, at) in unsynced {
            let Some(values) = record::encode(number, &content, first_event, at) else { continue };
            tail.insert(number, values).map_err(|failure| failed(lane, "store again", failure))?;
            self.written.add(content.bytes().len() as u64, at);
            self.unsynced = true;
        }
        Ok(())
    }

    /// Ends the tail where it is large although nothing is queued, so that the disk gets it back.
    fn give_back(&mut self, lane: &Lane) -> Result<(), QueueError> {
        let is_quiet = self.appended.is_none_or(|at| at.elapsed() >= QUIET);
        let is_large = lane.tail().as_ref().is_some_and(|tail| tail.allocated() > KEPT_EMPTY);
        if is_quiet && is_large && lane.depth().events == 0 { self.seal(lane) } else { Ok(()) }
    }

    /// Does the `fdatasync` that is due by the durability of the queue.
    fn put_on_disk(&mut self, lane: &Lane, tail: &Tail, force: bool) -> Result<(), QueueError> {
        let Some(since) = self.in_kernel_since else { return Ok(()) };
        let is_due = match lane.shared.options.durability {
            Durability::Flush => true,
            Durability::Interval(interval) => since.elapsed() >= interval,
            Durability::Os => false,
        };
        if is_due || force {
            let synced = tail.sync_data().map_err(Failure::Disk);
            synced.map_err(|failure| failed(lane, "sync", failure))?;
            self.in_kernel_since = None;
        }
        Ok(())
    }

    /// Puts the cursor on the disk; returns the event that it stands at there.
    fn sync_cursor(&mut self, lane: &Lane) -> Result<u64, QueueError> {
        let head = lane.cursor.sync().map_err(|cause| cursor_failed(lane, cause))?;
        self.cursor_synced = Some((Instant::now(), head.event));
        Ok(head.event)
    }

    /// Deletes generations of which everything was delivered.
    fn delete_delivered(&mut self, lane: &Lane) -> Result<(), QueueError> {
        let is_done = |known: &Known, head: u64| known.end.is_some_and(|end| end <= head);
        let head = lane.cursor.written().head.event;
        if !lane.state().generations.front().is_some_and(|first| is_done(first, head)) {
            return Ok(());
        }
        // On the disk, too, the cursor must be past a generation before that is gone; a power cut that
        // undid only the cursor would make it look lost.
        let head = self.sync_cursor(lane)?;
        loop {
            let Some(first) = lane.state().generations.front().filter(|first| is_done(first, head)).cloned()
            else {
                break;
            };
            let Some(mut reader) = lane.idle_reader() else { break };
            if reader.as_ref().is_some_and(|reader| reader.number == first.number) {
                reader.take();
            }
            drop(reader);
            let removed = remove(lane, &first);
            removed.or_else(not_found).map_err(|cause| {
                let path = first.directory.display();
                lane.unavailable(format!("cannot remove {path}, which is delivered")).caused_by(cause)
            })?;
            lane.state().generations.pop_front();
            lane.shared.space.forget();
        }
        Ok(())
    }
}

/// Removes a generation, or keeps it as it is damaged.
fn remove(lane: &Lane, known: &Known) -> io::Result<()> {
    if !known.is_damaged {
        return files::remove_dir(&known.directory);
    }
    let queue: &Path = &lane.shared.directory;
    damaged::keep(queue, lane.number, &known.directory, known.number)?;
    let bytes = damaged::KEPT_BYTES.min(lane.shared.options.max_bytes / 4);
    damaged::trim(queue, damaged::KEPT, bytes);
    Ok(())
}

fn not_found(cause: io::Error) -> io::Result<()> {
    if cause.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(cause) }
}

fn generation_bytes(lane: &Lane) -> u64 {
    let options = &lane.shared.options;
    options.generation_bytes.min((options.max_bytes / 8).max(LEAST_GENERATION)).max(1)
}

fn left(since: Instant, whole: Duration) -> Duration {
    whole.saturating_sub(since.elapsed())
}

/// Declares the tail dead.
fn failed(lane: &Lane, what: &str, failure: Failure) -> QueueError {
    lane.abandon_tail();
    let kind = if failure.is_full() { QueueErrorKind::Full } else { QueueErrorKind::Unavailable };
    QueueError::new(kind, format!("queue {} could not {what}", lane.directory.display())).caused_by(failure)
}

fn cursor_failed(lane: &Lane, cause: io::Error) -> QueueError {
    let path = lane.directory.display();
    let message = format!("cursor of queue {path} could not be written; events repeat after a restart");
    QueueError::new(QueueErrorKind::Unavailable, message).caused_by(cause)
}

fn cannot_store(lane: &Lane, window: &EncodedWindow) -> QueueError {
    let (path, bytes, encoding) = (lane.directory.display(), window.bytes().len(), window.encoding());
    QueueError::new(
        QueueErrorKind::Misconfigured,
        format!("queue {path} has no format for a window of {bytes} bytes, encoded as {encoding:?}"),
    )
}

/// How long after a failure a new generation is not tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How often a cursor that moves is put on the disk.
const CURSOR_SYNC: Duration = Duration::from_secs(1);
/// How long a queue is empty before its disk is given back.
const QUIET: Duration = Duration::from_secs(1);
/// Bytes that an empty generation may keep.
const KEPT_EMPTY: u64 = 12 << 20;
/// So small a generation is not made by a small budget alone.
const LEAST_GENERATION: u64 = 8 << 20;
