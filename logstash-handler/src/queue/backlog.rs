//! What is in a queue, in order, as far as memory knows.

use super::Depth;
use lumberjack_codec::EncodedWindow;
use std::collections::VecDeque;
use std::time::SystemTime;

/// The windows that were not advanced past, oldest first.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Ordered by number; numbers may have holes.
    windows: VecDeque<Stored>,
    /// Leading events of the first window that were advanced past; always fewer than it has.
    skip: u64,
    /// Events not advanced past.
    events: u64,
    /// Encoded bytes of all windows.
    bytes: u64,
    /// Encoded bytes of the windows whose content is in memory.
    in_memory: u64,
    /// Number of the next window to be appended.
    next_window: u64,
    /// Id of the next event to be appended.
    next_event: u64,
}

/// One window of a [`Backlog`].
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) number: u64,
    pub(super) first_event: u64,
    pub(super) events: u64,
    /// Encoded bytes.
    pub(super) bytes: u64,
    /// Values that hold it in the store.
    #[cfg_attr(not(feature = "sled"), allow(dead_code, reason = "a queue in memory has no store"))]
    pub(super) parts: u16,
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
    pub(super) fn append(&mut self, window: EncodedWindow, parts: u16, at: SystemTime) {
        self.push(Stored {
            number: self.next_window,
            first_event: self.next_event,
            events: u64::from(window.events()),
            bytes: window.bytes().len() as u64,
            parts,
            at,
            content: Content::InMemory(window),
        });
    }

    /// Appends a window that has its number already.
    pub(super) fn push(&mut self, window: Stored) {
        self.events += window.events;
        self.bytes += window.bytes;
        if let Content::InMemory(_) = window.content {
            self.in_memory += window.bytes;
        }
        self.next_window = window.number + 1;
        self.next_event = window.first_event + window.events;
        self.windows.push_back(window);
    }

    /// Takes `events` events off the front; hands over each window that is done.
    pub(super) fn advance(&mut self, events: u64, mut done: impl FnMut(&Stored)) {
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
            if let Some(window) = self.pop() {
                done(&window);
            }
        }
    }

    /// Takes the windows older than `before` off the front; tells how many events that were.
    pub(super) fn expire(&mut self, before: SystemTime, mut done: impl FnMut(&Stored)) -> u64 {
        let events = self.events;
        while self.windows.front().is_some_and(|head| head.at < before)
            && let Some(window) = self.pop()
        {
            done(&window);
        }
        events - self.events
    }

    /// Takes the first window off.
    pub(super) fn pop(&mut self) -> Option<Stored> {
        let window = self.windows.pop_front()?;
        self.events -= window.events - self.skip;
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
            bytes += window.bytes;
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
            windows: self.windows.len() as u64,
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

    /// Marks leading events of the first window as done, as after a restart.
    pub(super) fn restore_skip(&mut self, done: u64) {
        if let Some(head) = self.windows.front() {
            let done = done.min(head.events.saturating_sub(1));
            self.events = self.events + self.skip - done;
            self.skip = done;
        }
    }

    /// Numbers below these are never given to a window again.
    pub(super) fn start_no_earlier_than(&mut self, position: Position) {
        self.next_window = self.next_window.max(position.window);
        self.next_event = self.next_event.max(position.event);
    }

    pub(super) fn last(&self) -> Option<&Stored> {
        self.windows.back()
    }

    /// Windows from this number on.
    pub(super) fn from(&self, number: u64) -> impl Iterator<Item = &Stored> {
        self.windows.range(self.windows.partition_point(|window| window.number < number)..)
    }

    /// Keeps the content of a window in memory, if that takes no more than `limit` bytes in all.
    pub(super) fn keep(&mut self, number: u64, content: &EncodedWindow, limit: u64) {
        let Some(index) = self.find(number) else { return };
        let fits = self.in_memory + content.bytes().len() as u64 <= limit;
        if let Some(window) = self.windows.get_mut(index)
            && let Content::OnDisk = window.content
            && fits
        {
            self.in_memory += window.bytes;
            window.content = Content::InMemory(content.clone());
        }
    }

    /// Lets go of the content of windows from `first` on, newest first, until `limit` is kept.
    ///
    /// The newest go first because the oldest are asked for next.
    pub(super) fn release_down_to(&mut self, limit: u64, first: u64) {
        for window in self.windows.iter_mut().rev().take_while(|window| window.number >= first) {
            if self.in_memory <= limit {
                return;
            }
            if let Content::InMemory(_) = window.content {
                self.in_memory -= window.bytes;
                window.content = Content::OnDisk;
            }
        }
    }

    /// Marks a window as damaged. False if it is not in the queue any more.
    pub(super) fn lose(&mut self, number: u64) -> bool {
        let Some(window) = self.find(number).and_then(|index| self.windows.get_mut(index)) else {
            return false;
        };
        if let Content::InMemory(_) = window.content {
            self.in_memory -= window.bytes;
        }
        window.content = Content::Lost;
        true
    }

    /// Takes damaged windows off the front; tells how many events that were.
    pub(super) fn pop_lost(&mut self, mut done: impl FnMut(&Stored)) -> u64 {
        let events = self.events;
        while self.windows.front().is_some_and(|head| matches!(head.content, Content::Lost))
            && let Some(window) = self.pop()
        {
            done(&window);
        }
        events - self.events
    }

    fn find(&self, number: u64) -> Option<usize> {
        self.windows.binary_search_by_key(&number, |window| window.number).ok()
    }
}
