use super::cursor::Mark;
use super::generation::{Failure, Generation};
use super::record::{self, Check, Header, Unreadable};
use crate::queue::backlog::{Backlog, Content, Position, Stored};
use crate::queue::{QueueError, QueueErrorKind};
use std::time::SystemTime;

/// What a [`scan`] found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) backlog: Backlog,
    /// Windows to be removed, with the number of their parts: delivered, or of no use.
    pub(super) done: Vec<(u64, u16)>,
}

/// Reads and checks everything in a store.
///
/// The ids of events have no holes. Where there is one, or where windows are missing at the end that
/// the cursor knows of, events were lost; a lost window takes their place in the backlog, so that
/// they are counted exactly once, when the cursor moves past them.
pub(super) fn scan(generation: &Generation, mark: Option<Mark>) -> Result<Found, QueueError> {
    let mut scan = Scan::new(mark);
    let mut next = Some(0);
    while let Some(number) = next {
        next = match scan.read(generation, number) {
            Ok(()) => None,
            Err(Stop::Damage) => scan.skip_damage(generation),
            Err(Stop::Newer(version)) => return Err(newer(generation, version)),
            Err(Stop::Failed(failure)) => return Err(failed(generation, failure)),
        };
    }
    Ok(scan.finish())
}

struct Scan {
    head: Position,
    tail: Option<Position>,
    /// The window that is being put together.
    open: Option<Group>,
    /// Id of the event that must come next; `None` until one is known.
    expected: Option<u64>,
    /// Events lost since the last good window, for where ids do not tell.
    lost: u64,
    /// The highest number seen.
    last: Option<u64>,
    /// Time of the last window that was read.
    at: Option<SystemTime>,
    found: Found,
}

/// The parts of one window.
struct Group {
    number: u64,
    last_part: u16,
    header: Option<(Header, Check)>,
    /// No part is missing, and none has too many bytes.
    sound: bool,
}

enum Stop {
    Damage,
    Failed(Failure),
    Newer(u8),
}

impl Scan {
    fn new(mark: Option<Mark>) -> Self {
        Self {
            head: mark.map_or_else(Position::default, |mark| mark.head),
            tail: mark.map(|mark| mark.tail),
            open: None,
            expected: mark.map(|mark| mark.head.event),
            lost: 0,
            last: None,
            at: None,
            found: Found { backlog: Backlog::default(), done: Vec::new() },
        }
    }

    fn read(&mut self, generation: &Generation, from: u64) -> Result<(), Stop> {
        for value in generation.values_from(from) {
            let (key, value) = value.map_err(|failure| match failure {
                failure if failure.is_damage() => Stop::Damage,
                failure => Stop::Failed(failure),
            })?;
            let Some((number, part)) = record::parse_key(&key) else {
                self.lost += 1;
                continue;
            };
            if self.open.as_ref().is_some_and(|open| open.number != number) {
                self.close_group(false);
            }
            self.last = Some(number);
            let open = self.open.get_or_insert_with(|| Group::new(number));
            open.add(part, &value).map_err(Stop::Newer)?;
        }
        Ok(())
    }

    /// Finds the first window behind a damaged page. `None` where nothing can be read any more.
    fn skip_damage(&mut self, generation: &Generation) -> Option<u64> {
        self.close_group(false);
        self.lost += 1;
        let first = self.last.map_or(self.head.window, |last| last + 1);
        let is_damaged = |number: u64| {
            let first = generation.values_from(number).next();
            first.is_some_and(|value| value.is_err_and(|failure| failure.is_damage()))
        };
        // A page holds some 20 values, so that this is nearly always enough.
        if let Some(next) = (first..first.saturating_add(64)).find(|&number| !is_damaged(number)) {
            self.last = Some(next);
            return Some(next);
        }
        let mut damaged = first.saturating_add(63);
        let mut step = 64_u64;
        let mut readable = loop {
            let next = damaged.checked_add(step)?;
            if !is_damaged(next) {
                break next;
            }
            (damaged, step) = (next, step.saturating_mul(2));
        };
        while readable - damaged > 1 {
            let middle = damaged + (readable - damaged) / 2;
            if is_damaged(middle) { damaged = middle } else { readable = middle }
        }
        self.last = Some(readable);
        Some(readable)
    }

    /// Puts the window that was read into the backlog, if it is whole and still to be delivered.
    fn close_group(&mut self, at_the_end: bool) {
        let Some(Group { number, last_part, header, sound }) = self.open.take() else { return };
        let parts = last_part.saturating_add(1);
        if number < self.head.window {
            self.found.done.push((number, parts));
            return;
        }
        let is_cut = header.as_ref().is_none_or(|(_, check)| !check.is_complete());
        let is_good = sound && header.as_ref().is_some_and(|(_, check)| check.passes());
        match header {
            Some((header, _)) if is_good => {
                self.lose_up_to(header.first_event, number, header.at);
                self.at = Some(header.at);
                self.expected = Some(header.first_event + u64::from(header.events));
                self.lost = 0;
                self.found.backlog.push(Stored {
                    number,
                    first_event: header.first_event,
                    events: u64::from(header.events),
                    bytes: header.length,
                    parts,
                    at: header.at,
                    content: Content::OnDisk,
                });
                if number == self.head.window {
                    self.found.backlog.restore_skip(self.head.done);
                }
            }
            header => {
                self.found.done.push((number, parts));
                // The last window may have been cut while it was stored; then nobody was told that it is.
                if !(at_the_end && is_cut) {
                    self.lost += header.map_or(1, |(header, _)| u64::from(header.events));
                }
            }
        }
    }

    /// Gives the events before `event`, the first of window `number`, a lost window if there are any.
    fn lose_up_to(&mut self, event: u64, number: u64, at: SystemTime) {
        let lost = match self.expected {
            Some(expected) => event.saturating_sub(expected),
            None => self.lost.min(event),
        };
        let before = self.found.backlog.last().map_or(self.head.window, |last| last.number + 1);
        if lost == 0 || before >= number {
            return;
        }
        self.found.backlog.push(Stored {
            number: before,
            first_event: event - lost,
            events: lost,
            bytes: 0,
            parts: 0,
            at,
            content: Content::Lost,
        });
    }

    fn finish(mut self) -> Found {
        self.close_group(true);
        let seen = self.last.map_or(0, |last| last + 1);
        let at = self.at.unwrap_or_else(SystemTime::now);
        let mut end = Position { window: seen.max(self.head.window), ..self.found.backlog.end() };
        end.event = end.event.max(self.head.event);
        match self.tail {
            Some(tail) => {
                end.window = end.window.max(tail.window);
                end.event = end.event.max(tail.event);
                self.lose_up_to(end.event, end.window, at);
            }
            None if self.lost > 0 => {
                end.event += self.lost;
                end.window += 1;
                self.expected = None;
                self.lose_up_to(end.event, end.window, at);
            }
            None => {}
        }
        self.found.backlog.start_no_earlier_than(end);
        self.found
    }
}

impl Group {
    const fn new(number: u64) -> Self {
        Self { number, last_part: 0, header: None, sound: true }
    }

    /// Takes the next part; the error is the version of a newer format.
    fn add(&mut self, part: u16, value: &[u8]) -> Result<(), u8> {
        let in_order = part == if self.header.is_none() { 0 } else { self.last_part + 1 };
        self.last_part = part;
        if part == 0 {
            match Header::decode(value) {
                Ok((header, bytes)) => {
                    let mut check = header.check();
                    self.sound = check.update(bytes);
                    self.header = Some((header, check));
                }
                Err(Unreadable::Newer(version)) => return Err(version),
                Err(Unreadable::Damaged) => self.sound = false,
            }
        } else {
            self.sound =
                self.sound && in_order && self.header.as_mut().is_some_and(|(_, check)| check.update(value));
        }
        Ok(())
    }
}

fn newer(generation: &Generation, version: u8) -> QueueError {
    let path = generation.directory().display();
    QueueError::new(
        QueueErrorKind::Misconfigured,
        format!(
            "store {path} holds windows of format {version}, this version reads {}; deliver them with the \
             version that wrote them, or choose another directory",
            record::VERSION
        ),
    )
}

fn failed(generation: &Generation, failure: Failure) -> QueueError {
    let path = generation.directory().display();
    QueueError::new(QueueErrorKind::Unavailable, format!("cannot read store {path}")).caused_by(failure)
}
