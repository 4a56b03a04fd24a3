use bytes::Bytes;
use lumberjack_codec::{DecodeError, EncodedWindow};
use std::fmt;

/// A run of events to be delivered in order, and how far that has come.
///
/// The events come as encoded windows, which [`BeatsTransport`](crate::BeatsTransport) sends as they
/// are, or one by one. Payloads are inflated only for a transport that needs them, or when a window
/// was acknowledged in part, and at most once.
///
/// The cursor only moves forwards, survives errors, and is what the owner of the batch trusts: an
/// event before it is delivered, an event behind it is not.
///
/// ```
/// use logstash_transport::Batch;
///
/// let mut told = 0;
/// let mut observer = |events| told += events;
/// let mut batch = Batch::from_events(["{}", "[]", "1"]).observed_by(&mut observer);
/// batch.acknowledge(2); // as a transport does it
/// assert_eq!((batch.acknowledged(), batch.remaining_events()), (2, 1));
/// assert_eq!(batch.remaining()?, ["1"]);
/// drop(batch);
/// assert_eq!(told, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Batch<'a> {
    parts: Vec<Part>,
    /// Events in the batch.
    events: u64,
    /// Events before the cursor. Invariant: `acknowledged <= events`.
    acknowledged: u64,
    observer: Option<&'a mut (dyn FnMut(u64) + Send)>,
}

impl<'a> Batch<'a> {
    /// A batch of encoded windows.
    #[must_use]
    pub fn from_windows(windows: impl IntoIterator<Item = EncodedWindow>) -> Self {
        let mut first = 0;
        let part = |window: EncodedWindow| {
            let part =
                Part { first, events: u64::from(window.events()), payloads: None, window: Some(window) };
            first += part.events;
            part
        };
        let parts: Vec<Part> = windows.into_iter().map(part).collect();
        Self { parts, events: first, acknowledged: 0, observer: None }
    }

    /// A batch of single events, each one document.
    #[must_use]
    pub fn from_events<E: Into<Bytes>>(events: impl IntoIterator<Item = E>) -> Self {
        let payloads: Vec<Bytes> = events.into_iter().map(Into::into).collect();
        let events = payloads.len() as u64;
        let part = Part { first: 0, events, payloads: Some(payloads), window: None };
        Self { parts: vec![part], events, acknowledged: 0, observer: None }
    }

    /// Starts behind the first `events` events, because they are delivered already.
    #[must_use]
    pub fn starting_at(mut self, events: u64) -> Self {
        self.acknowledged = events.min(self.events);
        self
    }

    /// Leaves out everything behind the next `events` events that remain.
    #[must_use]
    pub fn limited_to(mut self, events: u64) -> Self {
        self.events = self.events.min(self.acknowledged.saturating_add(events));
        self
    }

    /// Calls `observer` with the number of newly acknowledged events, as soon as that is known.
    #[must_use]
    pub fn observed_by(mut self, observer: &'a mut (dyn FnMut(u64) + Send)) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Events in the batch, delivered or not.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Leading events that are delivered.
    #[must_use]
    pub const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Events that are not delivered.
    #[must_use]
    pub const fn remaining_events(&self) -> u64 {
        self.events - self.acknowledged
    }

    /// Whether everything is delivered.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.acknowledged == self.events
    }

    /// Marks the next `events` events as delivered; more than remain counts as all.
    pub fn acknowledge(&mut self, events: u64) {
        let events = events.min(self.remaining_events());
        if events == 0 {
            return;
        }
        self.acknowledged += events;
        if let Some(observer) = &mut self.observer {
            observer(events);
        }
    }

    /// The payloads that are not delivered, in order.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when a window is damaged.
    pub fn remaining(&mut self) -> Result<Vec<Bytes>, DecodeError> {
        let mut payloads = Vec::new();
        let mut at = self.acknowledged;
        while at < self.events {
            let Some(run) = self.payloads_from(at)? else { break };
            payloads.extend_from_slice(run);
            at = self.acknowledged + payloads.len() as u64;
        }
        Ok(payloads)
    }

    /// What lies at event `at` of the batch, in the cheapest form: the encoded window if `at` is its
    /// start and all of it belongs to the batch, otherwise payloads up to the end of the window, but
    /// no more than `max_payloads`.
    ///
    /// `None` at the end of the batch. `at` may run ahead of the cursor, so that several windows are
    /// in flight.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when a window is damaged that had to be inflated.
    pub fn segment(&mut self, at: u64, max_payloads: usize) -> Result<Option<Segment<'_>>, DecodeError> {
        if self.is_whole_window(at) {
            return Ok(self.part_at(at).and_then(|part| part.window.as_ref()).map(Segment::Window));
        }
        if at >= self.events {
            return Ok(None);
        }
        self.events_at(at, max_payloads).map(|events| Some(Segment::Events(events)))
    }

    /// The payloads from `at` to the end of its window, but no more than `max`. Empty at the end of the
    /// batch.
    pub(crate) fn events_at(&mut self, at: u64, max: usize) -> Result<&[Bytes], DecodeError> {
        let payloads = self.payloads_from(at)?.unwrap_or_default();
        Ok(payloads.get(..max.max(1)).unwrap_or(payloads))
    }

    /// Whether an encoded window begins at `at`, all of which belongs to the batch.
    fn is_whole_window(&mut self, at: u64) -> bool {
        let end = self.events;
        self.part_at(at).is_some_and(|part| part.window.is_some() && part.first == at && part.end() <= end)
    }

    fn part_at(&mut self, at: u64) -> Option<&mut Part> {
        if at >= self.events {
            return None;
        }
        let index = self.parts.partition_point(|part| part.end() <= at);
        self.parts.get_mut(index)
    }

    /// The payloads from `at` to the end of its part, or of the batch.
    fn payloads_from(&mut self, at: u64) -> Result<Option<&[Bytes]>, DecodeError> {
        let end = self.events;
        let Some(part) = self.part_at(at) else { return Ok(None) };
        let from = usize::try_from(at - part.first).unwrap_or(usize::MAX);
        let to = usize::try_from(part.end().min(end) - part.first).unwrap_or(usize::MAX);
        let payloads = part.payloads()?;
        Ok(payloads.get(from..to.min(payloads.len())))
    }
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("parts", &self.parts.len())
            .field("events", &self.events)
            .field("acknowledged", &self.acknowledged)
            .finish_non_exhaustive()
    }
}

/// A piece of a [`Batch`], as [`Batch::segment`] finds it.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_enums, reason = "a piece is encoded or it is not")]
pub enum Segment<'b> {
    /// Single events.
    Events(&'b [Bytes]),
    /// A whole window, to be sent as it is.
    Window(&'b EncodedWindow),
}

#[derive(Debug)]
struct Part {
    /// Place of its first event in the batch.
    first: u64,
    events: u64,
    /// Filled at once for single events, on demand for a window.
    payloads: Option<Vec<Bytes>>,
    window: Option<EncodedWindow>,
}

impl Part {
    const fn end(&self) -> u64 {
        self.first + self.events
    }

    fn payloads(&mut self) -> Result<&[Bytes], DecodeError> {
        if self.payloads.is_none()
            && let Some(window) = &self.window
        {
            self.payloads = Some(window.payloads()?);
        }
        Ok(self.payloads.as_deref().unwrap_or_default())
    }
}
