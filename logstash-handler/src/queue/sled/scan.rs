//! What is in the generations of a lane, put in order.

use super::lane::{Known, Totals};
use super::record::{Assembly, Header};
use super::span::Seal;
use crate::queue::backlog::{Content, Position, Stored};
use std::time::SystemTime;

/// The windows that can be read in one generation, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) windows: Vec<(u64, Header)>,
    /// Something is there that cannot be read.
    pub(super) damaged: bool,
}

impl Contents {
    /// Adds a window if it is good.
    pub(super) fn add(&mut self, number: u64, assembly: Option<&Assembly>) {
        match assembly.filter(|assembly| assembly.is_good()) {
            Some(assembly) => self.windows.push((number, assembly.header)),
            None => self.damaged = true,
        }
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.windows.iter().for_each(|(_, header)| totals.add(header.length, header.at));
        totals
    }

    /// Whether none of these events is missing.
    pub(super) fn is_whole(&self, begin: u64, end: u64) -> bool {
        let mut expected = begin;
        for (_, header) in &self.windows {
            if header.first_event > expected {
                return false;
            }
            expected = header.end();
        }
        expected >= end
    }
}

/// Puts the windows of successive generations in order.
///
/// The ids of events have no holes. Where there is one, events were lost; a lost window takes their
/// place in the backlog, so that they are counted exactly once, when the cursor moves past them.
#[derive(Debug)]
pub(super) struct Chain {
    /// Id of the event that must come next; `None` until one is known.
    expected: Option<u64>,
    /// Events before this one are done.
    head: u64,
    /// Number behind the last window seen.
    next_window: u64,
    entries: Vec<Stored>,
}

impl Chain {
    /// Begins at event `expected`, if that is known; leaves out what lies before event `head`.
    pub(super) const fn new(expected: Option<u64>, head: u64) -> Self {
        Self { expected, head, next_window: 0, entries: Vec::new() }
    }

    /// A generation begins here: what is missing before it was lost, what overlaps it was given up.
    pub(super) fn begin(&mut self, generation: u64, at: Position) {
        self.cut(at.event);
        self.lose_up_to(generation, at.event, None);
        self.next_window = self.next_window.max(at.window);
    }

    /// The next window. One that holds events of earlier ones replaces them: it was the later attempt.
    pub(super) fn window(&mut self, generation: u64, number: u64, header: &Header) {
        self.cut(header.first_event);
        self.lose_up_to(generation, header.first_event, Some(header.at));
        self.next_window = number + 1;
        self.push(Stored {
            number,
            generation,
            first_event: header.first_event,
            events: header.events.into(),
            bytes: header.length,
            at: header.at,
            content: Content::OnDisk,
        });
    }

    /// A generation that was read.
    pub(super) fn contents(&mut self, known: &Known, contents: &Contents) {
        if let Some(begin) = known.begin {
            self.begin(known.number, begin);
        }
        for (number, header) in &contents.windows {
            self.window(known.number, *number, header);
        }
    }

    /// A generation that need not be opened to know what it holds.
    pub(super) fn sealed(&mut self, generation: u64, begin: Position, seal: &Seal) {
        self.begin(generation, begin);
        if seal.end.event > begin.event {
            self.push(Stored {
                number: begin.window,
                generation,
                first_event: begin.event,
                events: seal.end.event - begin.event,
                bytes: seal.bytes,
                at: seal.oldest,
                content: Content::Sealed { windows: seal.windows, newest: seal.newest },
            });
        }
        self.next_window = self.next_window.max(seal.end.window);
    }

    /// What is missing before this place was lost.
    pub(super) fn end(&mut self, generation: u64, at: Position) {
        self.lose_up_to(generation, at.event, None);
        self.next_window = self.next_window.max(at.window);
    }

    /// The place behind all of it.
    pub(super) fn position(&self) -> Position {
        Position { window: self.next_window, event: self.expected.unwrap_or(self.head), done: 0 }
    }

    /// The windows that are not done, and how many events of the first one are.
    pub(super) fn finish(self) -> Vec<Stored> {
        self.entries
    }

    fn push(&mut self, entry: Stored) {
        self.expected = Some(entry.end());
        if entry.end() > self.head {
            self.entries.push(entry);
        }
    }

    /// Forgets entries from this event on.
    fn cut(&mut self, event: u64) {
        if self.expected.is_none_or(|expected| expected <= event) {
            return;
        }
        while let Some(last) = self.entries.pop_if(|last| last.end() > event) {
            self.expected = Some(last.first_event);
        }
        self.expected = self.expected.map(|expected| expected.min(event));
    }

    /// Gives the missing events before `event` a lost window.
    fn lose_up_to(&mut self, generation: u64, event: u64, at: Option<SystemTime>) {
        let first = self.expected.map_or(event, |expected| expected.max(self.head));
        if first >= event {
            self.expected = Some(self.expected.unwrap_or(event).max(event));
            return;
        }
        let before = self.entries.last().map(|last| last.at);
        self.push(Stored {
            number: self.next_window,
            generation,
            first_event: first,
            events: event - first,
            bytes: 0,
            at: at.or(before).unwrap_or_else(SystemTime::now),
            content: Content::Lost,
        });
    }
}
