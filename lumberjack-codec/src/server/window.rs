//! The windows of a server session: the one that is being filled and those that wait.

use super::event::WindowId;
use crate::encode::MAX_EVENTS_PER_WINDOW;
use crate::frame::Version;
use crate::window::{EncodedWindow, Encoding};
use bytes::Bytes;
use std::time::Instant;

/// A window that is being filled.
#[derive(Debug)]
pub(super) struct OpenWindow {
    pub(super) id: WindowId,
    pub(super) version: Version,
    pub(super) size: u32,
    pub(super) count: u32,
    pub(super) opened_at: Instant,
    /// Sequence of the event that arrived last.
    pub(super) last_sequence: Option<u32>,
    /// Sequences of all events, where partial acknowledgements may need them.
    pub(super) sequences: Option<Sequences>,
    /// What speaks for handing the window on as it arrived.
    pub(super) form: Form,
}

impl OpenWindow {
    pub(super) fn new(
        id: WindowId,
        version: Version,
        size: u32,
        partial_acks: bool,
        compressed: bool,
        now: Instant,
    ) -> Self {
        Self {
            id,
            version,
            size,
            count: 0,
            opened_at: now,
            last_sequence: None,
            sequences: partial_acks.then(Sequences::default),
            form: Form { canonical: version == Version::V2 && !compressed, ..Form::default() },
        }
    }

    pub(super) const fn missing(&self) -> u32 {
        self.size - self.count
    }

    pub(super) fn complete(self, now: Instant) -> PendingWindow {
        PendingWindow {
            id: self.id,
            version: self.version,
            size: self.size,
            last_sequence: self.last_sequence.unwrap_or_default(),
            sequences: self.sequences,
            acknowledged: 0,
            finished: false,
            completed_at: now,
        }
    }
}

/// Whether a window came in the one form that can be handed on as it is: a window frame, then one
/// compressed frame with exactly its events, numbered from 1, and no more than any server takes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Form {
    pub(super) canonical: bool,
    pub(super) compressed_frames: u32,
    /// Bytes of the frames of its events.
    pub(super) frame_bytes: u64,
}

impl Form {
    pub(super) fn encoded(self, events: u32, inflated: u64, bytes: Option<Bytes>) -> Option<EncodedWindow> {
        let whole = self.canonical && self.compressed_frames == 1 && self.frame_bytes == inflated;
        let whole = whole && events <= MAX_EVENTS_PER_WINDOW;
        bytes
            .filter(|_| whole)
            .map(|bytes| EncodedWindow::from_parts(events, inflated, Encoding::Deflated, bytes))
    }
}

/// A complete window that the application has not finished.
#[derive(Debug)]
pub(super) struct PendingWindow {
    pub(super) id: WindowId,
    pub(super) version: Version,
    pub(super) size: u32,
    pub(super) last_sequence: u32,
    pub(super) sequences: Option<Sequences>,
    /// Leading events that were acknowledged on the wire.
    pub(super) acknowledged: u32,
    pub(super) finished: bool,
    pub(super) completed_at: Instant,
}

impl PendingWindow {
    /// The sequence of the last of the leading `events`, where sequences are kept.
    pub(super) fn sequence_of(&self, events: u32) -> Option<u32> {
        self.sequences.as_ref()?.at(events.checked_sub(1)?)
    }
}

/// The sequences of a window's events, compact while they follow each other.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    first: u32,
    run: u32,
    /// Sequences behind the run.
    rest: Vec<u32>,
}

impl Sequences {
    pub(super) fn push(&mut self, sequence: u32) {
        if self.run == 0 {
            self.first = sequence;
        }
        if self.rest.is_empty() && sequence == self.first.wrapping_add(self.run) {
            self.run += 1;
        } else {
            self.rest.push(sequence);
        }
    }

    /// The sequence of the event at `index`.
    pub(super) fn at(&self, index: u32) -> Option<u32> {
        if index < self.run {
            return Some(self.first.wrapping_add(index));
        }
        self.rest.get((index - self.run) as usize).copied()
    }
}
