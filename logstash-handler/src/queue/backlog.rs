//! What is in a queue, in order, as far as memory knows.

use super::Depth;
use lumberjack_codec::EncodedWindow;
use std::collections::VecDeque;
#[cfg(feature = "sled")]
use std::ops::Range;
use std::time::SystemTime;

/// The windows that were not advanced past, oldest first.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Without holes: each begins with the event behind the last one of its predecessor.
    windows: VecDeque<Stored>,
    /// Leading events of the first window that were advanced past; always fewer than it has.
    skip: u64,
    /// Events not advanced past.
    events: u64,
    /// Windows, also those that are not listed one by one.
    count: u64,
    /// Encoded bytes of all windows.
    bytes: u64,
    /// Encoded bytes of the windows whose content is in memory.
    in_memory: u64,
    /// Number of the next window to be appended.
    next_window: u64,
    /// Id of the next event to be appended.
    next_event: u64,
}

/// One window of a [`Backlog`], or several that are not listed one by one.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) number: u64,
    /// Which part of the store holds it.
    #[cfg_attr(not(feature = "sled"), allow(dead_code, reason = "a queue in memory has no store"))]
    pub(super) generation: u64,
    pub(super) first_event: u64,
    pub(super) events: u64,
    /// Encoded bytes.
    pub(super) bytes: u64,
    pub(super) at: SystemTime,
    pub(super) content: Content,
}

/// Where the bytes of a window are.
#[derive(Debug)]
pub(super) enum Content {
    InMemory(EncodedWindow),
    #[cfg_attr(not(feature = "sled"), allow(dead_code, reason = "a queue in memory has no disk"))]
    OnDisk,
    /// Nowhere: damaged on disk. Its events are counted when it reaches the front.
    #[cfg_attr(not(feature = "sled"), allow(dead_code, reason = "a queue in memory has no disk"))]
    Lost,
    /// All windows of a generation of the store, which is read when it reaches the front.
    #[cfg_attr(not(feature = "sled"), allow(dead_code, reason = "a queue in memory has no disk"))]
    Sealed {
        windows: u64,
        /// Time of the youngest.
        newest: SystemTime,
    },
}

/// The place of the next event to be delivered, or to be appended.
#[cfg(feature = "sled")]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Position {
    pub(super) window: u64,
    pub(super) event: u64,
    /// Events of that window before this one.
    pub(super) done: u64,
}

impl Backlog {
    /// Appends a window in memory under the next number.
    pub(super) fn append(&mut self, window: EncodedWindow, generation: u64, at: SystemTime) {
        self.push(Stored {
            number: self.next_window,
            generation,
            first_event: self.next_event,
            events: u64::from(window.events()),
            bytes: window.bytes().len() as u64,
            at,
            content: Content::InMemory(window),
        });
    }

    /// Appends a window that has its number already.
    pub(super) fn push(&mut self, window: Stored) {
        self.count_in(&window);
        self.next_window = self.next_window.max(window.number + window.windows());
        self.next_event = window.end();
        self.windows.push_back(window);
    }

    fn count_in(&mut self, window: &Stored) {
        self.events += window.events;
        self.count += window.windows();
        self.bytes += window.bytes;
        if let Content::InMemory(_) = window.content {
            self.in_memory += window.bytes;
        }
    }

    /// Takes `events` events off the front.
    pub(super) fn advance(&mut self, events: u64) {
        let mut left = events;
        while left > 0
            && let Some(head) = self.windows.front()
        {
            let remaining = head.events - self.skip;
            if left < remaining {
                self.skip += left;
                self.events -= left;
                return;
            }
            left -= remaining;
            self.pop();
        }
    }

    /// Takes the windows older than `before` off the front, until those are `limit` events; tells how many they
    /// were.
    pub(super) fn expire(&mut self, before: SystemTime, limit: u64) -> u64 {
        let events = self.events;
        while self.windows.front().is_some_and(|head| head.newest() < before) && events - self.events < limit
        {
            self.pop();
        }
        events - self.events
    }

    /// Takes the first window off.
    pub(super) fn pop(&mut self) -> Option<Stored> {
        let window = self.windows.pop_front()?;
        self.events -= window.events - self.skip;
        self.count -= window.windows();
        self.bytes -= window.bytes;
        if let Content::InMemory(_) = window.content {
            self.in_memory -= window.bytes;
        }
        self.skip = 0;
        Some(window)
    }

    /// The windows from the front on that fit into the limits, but at least one.
    pub(super) fn front(&self, max_windows: usize, max_bytes: usize) -> impl Iterator<Item = &Stored> {
        let mut bytes = 0_u64;
        self.windows.iter().enumerate().map_while(move |(index, window)| {
            // How much of a sealed generation fits is not known before its windows are listed.
            bytes += if window.is_sealed() { 1 } else { window.bytes };
            let fits = index < max_windows && bytes <= max_bytes as u64;
            (index == 0 || fits).then_some(window)
        })
    }

    /// Leading events of the first window that were advanced past.
    pub(super) const fn skip(&self) -> u64 {
        self.skip
    }

    /// Encoded bytes of all windows.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn depth(&self) -> Depth {
        Depth {
            events: self.events,
            windows: self.count,
            bytes: self.bytes,
            bytes_on_disk: 0,
            oldest: self.windows.front().map(|head| head.at),
        }
    }
}

/// What only a queue on disk needs.
#[cfg(feature = "sled")]
impl Backlog {
    /// Where the next appended event goes.
    pub(super) const fn end(&self) -> Position {
        Position { window: self.next_window, event: self.next_event, done: 0 }
    }

    /// The next event to be delivered.
    pub(super) fn start(&self) -> Position {
        self.windows.front().map_or_else(
            || self.end(),
            |head| Position { window: head.number, event: head.first_event + self.skip, done: self.skip },
        )
    }

    /// Puts windows into an empty backlog, of which the events before `head` are done.
    ///
    /// Tells whether the first of them has to be listed to know how much that is.
    pub(super) fn fill(&mut self, windows: Vec<Stored>, head: u64) -> bool {
        for window in windows {
            self.push(window);
        }
        let Some(front) = self.windows.front() else { return false };
        self.skip = head.saturating_sub(front.first_event);
        self.events -= self.skip;
        self.skip > 0 && matches!(front.content, Content::Sealed { .. })
    }

    /// Numbers below these are never given to a window again.
    pub(super) fn start_no_earlier_than(&mut self, position: Position) {
        self.next_window = self.next_window.max(position.window);
        self.next_event = self.next_event.max(position.event);
    }

    /// The generation at the front, if its windows have to be listed before any of them can be taken.
    pub(super) fn sealed_front(&self) -> Option<&Stored> {
        self.windows.front().filter(|front| front.is_sealed())
    }

    /// Whether the windows from this event on are not listed one by one.
    pub(super) fn is_sealed_at(&self, first_event: u64) -> bool {
        let index = self.windows.binary_search_by_key(&first_event, |window| window.first_event);
        index.ok().and_then(|index| self.windows.get(index)).is_some_and(Stored::is_sealed)
    }

    /// Windows that hold events from this one on.
    pub(super) fn from(&self, event: u64) -> impl Iterator<Item = &Stored> {
        self.windows.range(self.windows.partition_point(|window| window.end() <= event)..)
    }

    /// Says of all windows from this event on which generation holds them.
    pub(super) fn move_from(&mut self, event: u64, generation: u64) {
        let start = self.windows.partition_point(|window| window.end() <= event);
        for window in self.windows.range_mut(start..) {
            window.generation = generation;
        }
    }

    /// Replaces the windows of these events by others of the same.
    ///
    /// Those that lie before the front are left out, as they are done.
    pub(super) fn replace(&mut self, events: Range<u64>, by: Vec<Stored>) {
        let start = self.windows.partition_point(|window| window.end() <= events.start);
        let end = self.windows.partition_point(|window| window.first_event < events.end);
        let at = self.start().event;
        self.events += std::mem::take(&mut self.skip);
        let mut tail = self.windows.split_off(end);
        for old in self.windows.split_off(start) {
            self.events -= old.events;
            self.count -= old.windows();
            self.bytes -= old.bytes;
            if let Content::InMemory(_) = old.content {
                self.in_memory -= old.bytes;
            }
        }
        for new in by.into_iter().filter(|new| new.end() > at) {
            self.count_in(&new);
            self.windows.push_back(new);
        }
        self.windows.append(&mut tail);
        self.skip = self.windows.front().map_or(0, |front| at.saturating_sub(front.first_event));
        self.events -= self.skip;
    }

    /// Keeps the content of a window in memory, if that takes no more than `limit` bytes in all.
    pub(super) fn keep(&mut self, first_event: u64, content: &EncodedWindow, limit: u64) {
        let fits = self.in_memory + content.bytes().len() as u64 <= limit;
        if let Some(window) = self.find(first_event)
            && let Content::OnDisk = window.content
            && fits
        {
            window.content = Content::InMemory(content.clone());
            self.in_memory += content.bytes().len() as u64;
        }
    }

    /// Lets go of the content of windows from this event on, newest first, until `limit` is kept.
    ///
    /// The newest go first because the oldest are asked for next.
    pub(super) fn release_down_to(&mut self, limit: u64, from: u64) {
        for window in self.windows.iter_mut().rev().take_while(|window| window.first_event >= from) {
            if self.in_memory <= limit {
                return;
            }
            if let Content::InMemory(_) = window.content {
                self.in_memory -= window.bytes;
                window.content = Content::OnDisk;
            }
        }
    }

    /// Marks a window as damaged, if it is still in the queue.
    pub(super) fn lose(&mut self, first_event: u64) {
        if let Some(window) = self.find(first_event) {
            let before = std::mem::replace(&mut window.content, Content::Lost);
            if let Content::InMemory(window) = before {
                self.in_memory -= window.bytes().len() as u64;
            }
        }
    }

    /// Takes damaged windows off the front; tells how many events that were.
    pub(super) fn pop_lost(&mut self) -> u64 {
        let events = self.events;
        while self.windows.front().is_some_and(|head| matches!(head.content, Content::Lost)) {
            self.pop();
        }
        events - self.events
    }

    fn find(&mut self, first_event: u64) -> Option<&mut Stored> {
        let index = self.windows.binary_search_by_key(&first_event, |window| window.first_event).ok()?;
        self.windows.get_mut(index)
    }
}

impl Stored {
    /// Id behind the last event.
    pub(super) const fn end(&self) -> u64 {
        self.first_event + self.events
    }

    pub(super) const fn is_sealed(&self) -> bool {
        matches!(self.content, Content::Sealed { .. })
    }

    const fn windows(&self) -> u64 {
        match self.content {
            Content::Sealed { windows, .. } => windows,
            _ => 1,
        }
    }

    const fn newest(&self) -> SystemTime {
        match self.content {
            Content::Sealed { newest, .. } => newest,
            _ => self.at,
        }
    }
}
