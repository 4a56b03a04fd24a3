use crate::frame::Pair;
use crate::server::{Payload, ServerEvent, WindowId};
use crate::window::EncodedWindow;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;

/// Makes whole windows of the events of a [`ServerSession`](crate::ServerSession), within a budget.
///
/// For applications that store windows rather than events. Others need none: a session hands out events
/// one by one, so that its memory does not depend on the size of windows.
///
/// One collector is for one session at a time. What a session that is gone left in it is dropped when the
/// first window of the next one starts.
///
/// ```
/// use bytes::BytesMut;
/// use lumberjack_codec::{ServerConfig, ServerSession, WindowCollector};
/// use std::time::Instant;
///
/// let now = Instant::now();
/// let mut session = ServerSession::new(ServerConfig::new(), now);
/// let mut collector = WindowCollector::new();
/// let mut input = BytesMut::from(&b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x02{}"[..]);
/// session.receive(&mut input, now);
/// while let Some(event) = session.poll_event() {
///     match collector.push(event) {
///         Ok(Some(window)) => {
///             assert_eq!(window.events.len(), 1); // store them, then:
///             session.acknowledge(window.id, now);
///         }
///         Ok(None) => {}
///         Err(_) => session.shutdown(now),
///     }
/// }
/// # assert_eq!(session.pending(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct WindowCollector {
    max_bytes: usize,
    /// What the windows below take.
    bytes: usize,
    /// Windows that are not complete: one that is being filled, behind those that are full but inside a
    /// compressed frame.
    windows: VecDeque<Collecting>,
}

impl WindowCollector {
    /// A collector with a budget of 256 MiB.
    #[must_use]
    pub const fn new() -> Self {
        Self { max_bytes: 256 * 1024 * 1024, bytes: 0, windows: VecDeque::new() }
    }

    /// Sets the bytes that windows may take before they are complete: payloads, and what it costs to
    /// keep them, so that a million tiny events count too. Use 16 MiB for a port that strangers can reach.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Takes the next event of the session; returns the window that it completes.
    ///
    /// # Errors
    ///
    /// [`WindowOverflow`] when a window is above the budget. Its events are dropped and it never comes out,
    /// so it must not be acknowledged: [shut the session down](crate::ServerSession::shutdown), and
    /// acknowledge what was complete before.
    pub fn push(&mut self, event: ServerEvent) -> Result<Option<CollectedWindow>, WindowOverflow> {
        match event {
            ServerEvent::WindowStart { window, .. } => {
                // Numbers only grow within a session: these are left over from another.
                while self.windows.back().is_some_and(|last| last.id >= window) {
                    self.bytes -= self.windows.pop_back().map_or(0, |last| last.bytes);
                }
                self.windows.push_back(Collecting { id: window, bytes: 0, events: Vec::new() });
            }
            ServerEvent::Event { window, payload, .. } => return self.add(window, payload).map(|()| None),
            ServerEvent::WindowComplete { window, encoded, .. } => {
                let collected = self.remove(window);
                return Ok(collected.map(|events| CollectedWindow { id: window, events, encoded }));
            }
            ServerEvent::WindowAborted { window } => drop(self.remove(window)),
            ServerEvent::Closed { .. }
            | ServerEvent::Draining { .. }
            | ServerEvent::WindowUnacknowledged { .. } => {}
        }
        Ok(None)
    }

    fn add(&mut self, id: WindowId, payload: Payload) -> Result<(), WindowOverflow> {
        let Some(window) = self.windows.iter_mut().rfind(|window| window.id == id) else {
            // It is above the budget, or began before this collector.
            return Ok(());
        };
        let cost = cost(&payload);
        if cost > self.max_bytes.saturating_sub(self.bytes) {
            self.remove(id);
            return Err(WindowOverflow { window: id, limit: self.max_bytes });
        }
        window.bytes += cost;
        self.bytes += cost;
        window.events.push(payload);
        Ok(())
    }

    fn remove(&mut self, id: WindowId) -> Option<Vec<Payload>> {
        let place = self.windows.iter().position(|window| window.id == id)?;
        let window = self.windows.remove(place)?;
        self.bytes -= window.bytes;
        Some(window.events)
    }
}

impl Default for WindowCollector {
    fn default() -> Self {
        Self::new()
    }
}

/// A complete window with its events.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CollectedWindow {
    /// The window, to be acknowledged when its events are safe.
    pub id: WindowId,
    /// Its events in order.
    pub events: Vec<Payload>,
    /// The window as it arrived, as [`ServerEvent::WindowComplete`] hands it on.
    pub encoded: Option<EncodedWindow>,
}

/// A window took more memory than a [`WindowCollector`] may use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct WindowOverflow {
    /// The window.
    pub window: WindowId,
    /// The budget in bytes.
    pub limit: usize,
}

impl fmt::Display for WindowOverflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "window {} takes more than the {} bytes of its collector", self.window.number(), self.limit)
    }
}

impl Error for WindowOverflow {}

#[derive(Clone, Debug)]
struct Collecting {
    id: WindowId,
    bytes: usize,
    events: Vec<Payload>,
}

/// Bytes that an event takes, roughly: vectors grow by doubling.
fn cost(payload: &Payload) -> usize {
    let content = match payload {
        Payload::Json(document) => document.len(),
        Payload::Data(pairs) => {
            pairs.iter().map(|(key, value)| size_of::<Pair>() + key.len() + value.len()).sum()
        }
    };
    size_of::<Payload>() + content
}
