use lumberjack_codec::EncodedWindow;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, SystemTime};

/// Serialised events, one behind the other, and windows of events between them.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    /// Where each single event ends.
    ends: Vec<usize>,
    /// Times of single events by their place, where they differ from the one before by more than
    /// [`RESOLUTION`].
    times: Vec<(usize, SystemTime)>,
    /// Windows that came encoded.
    windows: VecDeque<Placed>,
    /// Encoded bytes and events of these.
    window_bytes: usize,
    window_events: u64,
    /// Events that stood before these and were given up.
    displaced: u64,
}

/// A window among single events.
#[derive(Debug)]
struct Placed {
    /// How many single events stand before it.
    behind: usize,
    window: EncodedWindow,
    /// Time of its oldest event.
    at: SystemTime,
}

impl Placed {
    fn footprint(&self) -> usize {
        self.window.bytes().len() + WINDOW_PLACE
    }
}

/// What follows next in a [`Chunk`].
#[derive(Debug)]
pub(crate) enum Piece<'c> {
    /// Single events, from the one at this place on.
    Events(Range<usize>),
    /// A window, and the time of its oldest event.
    Window(&'c EncodedWindow, SystemTime),
}

impl Chunk {
    pub(super) fn push(&mut self, event: &[u8], at: SystemTime) {
        let last = self.times.last().map(|(_, last)| *last);
        let apart = |last: SystemTime| at.duration_since(last).unwrap_or_else(|before| before.duration());
        if last.is_none_or(|last| apart(last) > RESOLUTION) {
            self.times.push((self.ends.len(), at));
        }
        self.bytes.extend_from_slice(event);
        self.ends.push(self.bytes.len());
    }

    #[cfg(any(feature = "relay", test))]
    pub(super) fn push_window(&mut self, window: EncodedWindow, at: SystemTime) {
        let placed = Placed { behind: self.ends.len(), window, at };
        self.window_bytes += placed.footprint();
        self.window_events += u64::from(placed.window.events());
        self.windows.push_back(placed);
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.times.clear();
        self.windows.clear();
        (self.window_bytes, self.window_events, self.displaced) = (0, 0, 0);
    }

    /// Gives up the oldest events until `footprint` bytes are free; tells how many that were.
    pub(super) fn displace(&mut self, footprint: usize) -> u64 {
        let before = self.footprint();
        let mut count = 0;
        loop {
            let wanted = footprint.saturating_sub(before - self.footprint());
            if self.is_empty() || count > 0 && wanted == 0 {
                break;
            }
            count += match self.windows.front() {
                Some(first) if first.behind == 0 => self.displace_window(),
                first => {
                    let most = first.map_or(self.ends.len(), |first| first.behind);
                    self.displace_events(wanted, most)
                }
            };
        }
        self.displaced += count;
        count
    }

    fn displace_window(&mut self) -> u64 {
        let Some(placed) = self.windows.pop_front() else { return 0 };
        let events = u64::from(placed.window.events());
        self.window_bytes -= placed.footprint();
        self.window_events -= events;
        events
    }

    /// Gives up single events at the front, at least one and at most `most`.
    fn displace_events(&mut self, footprint: usize, most: usize) -> u64 {
        let place = |events: &usize| (events + 1) * PLACE;
        let mut count = 0;
        while self.ends.get(count).is_some_and(|end| end + place(&count) < footprint) {
            count += 1;
        }
        let count = (count + 1).min(most);
        let Some(bytes) = count.checked_sub(1).and_then(|last| self.ends.get(last).copied()) else {
            return 0;
        };
        self.bytes.drain(..bytes);
        self.ends.drain(..count);
        self.ends.iter_mut().for_each(|end| *end -= bytes);
        // The time that holds for the event which is the first one now.
        let noted = self.times.partition_point(|(place, _)| *place <= count).saturating_sub(1);
        self.times.drain(..noted);
        self.times.iter_mut().for_each(|(place, _)| *place = place.saturating_sub(count));
        self.windows.iter_mut().for_each(|placed| placed.behind -= count);
        count as u64
    }

    /// Events that stood before these and were given up, since the chunk before.
    pub(crate) const fn displaced(&self) -> u64 {
        self.displaced
    }

    /// Bytes that the events take, with what is noted about them.
    pub(super) fn footprint(&self) -> usize {
        self.bytes.len() + self.ends.len() * PLACE + self.window_bytes
    }

    pub(super) fn fills(&self, (bytes, events): (usize, usize)) -> bool {
        self.bytes.len() >= bytes || self.ends.len() >= events || !self.windows.is_empty()
    }

    /// Bytes of the events, as they are serialised or encoded.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.window_bytes
    }

    /// Events, those in windows among them.
    pub(crate) fn len(&self) -> u64 {
        self.ends.len() as u64 + self.window_events
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.windows.is_empty()
    }

    /// The time of the oldest of `count` single events from place `first` on, to within [`RESOLUTION`].
    pub(crate) fn oldest(&self, first: usize, count: usize) -> SystemTime {
        let noted = self.times.partition_point(|(place, _)| *place <= first).saturating_sub(1);
        let within = self.times.iter().skip(noted).take_while(|(place, _)| *place < first + count);
        within.map(|(_, at)| *at).min().unwrap_or_else(SystemTime::now)
    }

    /// The single events, in order.
    pub(crate) fn events(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.bytes.get(start..end).unwrap_or_default())
    }

    /// Everything, in order.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let mut first = 0;
        let windows = self.windows.iter().flat_map(move |placed| {
            let events = std::mem::replace(&mut first, placed.behind)..placed.behind;
            [Piece::Events(events), Piece::Window(&placed.window, placed.at)]
        });
        let rest = self.windows.back().map_or(0, |last| last.behind)..self.ends.len();
        windows
            .chain([Piece::Events(rest)])
            .filter(|piece| !matches!(piece, Piece::Events(events) if events.is_empty()))
    }
}

/// Bytes that it takes to note where an event ends.
pub(super) const PLACE: usize = size_of::<usize>();

/// Bytes that it takes to note a window.
pub(super) const WINDOW_PLACE: usize = size_of::<Placed>();

/// How exactly the time of an event is known to whoever stores it.
const RESOLUTION: Duration = Duration::from_millis(100);
