//! The windows of a connection, as outputs take them.

use super::buffers::Buffers;
use bytes::{Bytes, BytesMut};
use lumberjack_codec::{DEFAULT_WINDOW_EVENTS, EncodedWindow, Encoding, Version, WindowId, encode};
use std::collections::VecDeque;
use std::sync::Arc;

/// Puts windows together that did not come in a form to be passed on, within a budget.
#[derive(Debug)]
pub(super) struct Windows {
    max_bytes: usize,
    /// What the open windows take.
    bytes: usize,
    /// One that is being filled, behind those that are full but inside a compressed frame.
    open: VecDeque<Open>,
    /// A window that was above the budget, and never comes out.
    too_large: Option<WindowId>,
    buffers: Arc<Buffers>,
}

/// A window that is complete.
#[derive(Debug)]
pub(super) struct Complete {
    pub(super) id: WindowId,
    pub(super) events: u64,
    /// All its events, in order.
    pub(super) windows: Vec<EncodedWindow>,
}

impl Complete {
    pub(super) fn bytes(&self) -> usize {
        self.windows.iter().map(|window| window.bytes().len()).sum()
    }
}

#[derive(Debug)]
struct Open {
    id: WindowId,
    /// What the window takes.
    bytes: usize,
    /// Events that are not in `full`, as frames.
    frames: BytesMut,
    events: u32,
    full: Vec<EncodedWindow>,
}

impl Windows {
    pub(super) const fn new(max_bytes: usize, buffers: Arc<Buffers>) -> Self {
        Self { max_bytes, bytes: 0, open: VecDeque::new(), too_large: None, buffers }
    }

    pub(super) fn start(&mut self, id: WindowId) {
        let frames = self.buffers.take();
        self.open.push_back(Open { id, bytes: 0, frames, events: 0, full: Vec::new() });
    }

    /// Adds a document to its window.
    pub(super) fn add(&mut self, id: WindowId, document: &[u8]) {
        let Some(window) = self.open.iter_mut().rfind(|window| window.id == id) else { return };
        let cost = document.len() + FRAME_HEAD;
        if cost > self.max_bytes.saturating_sub(self.bytes) {
            self.too_large = Some(id);
            return self.abort(id);
        }
        self.bytes += cost;
        window.add(document, &self.buffers);
    }

    /// Gives a window up.
    pub(super) fn abort(&mut self, id: WindowId) {
        if let Some(window) = self.remove(id) {
            self.buffers.put(window.frames);
        }
    }

    /// Ends a window: as it came if that is a form to be passed on.
    pub(super) fn complete(&mut self, id: WindowId, encoded: Option<EncodedWindow>) -> Option<Complete> {
        let mut window = self.remove(id)?;
        let windows = if let Some(encoded) = encoded {
            vec![encoded]
        } else {
            window.cut(&self.buffers);
            window.full
        };
        self.buffers.put(window.frames);
        let events = windows.iter().map(|window| u64::from(window.events())).sum();
        Some(Complete { id, events, windows })
    }

    /// Bytes of the windows that are open.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is wrong with a window that never comes out.
    pub(super) fn overflow(&mut self) -> Option<String> {
        let id = self.too_large.take()?;
        Some(format!("window {} takes more than the {} bytes of a connection", id.number(), self.max_bytes))
    }

    fn remove(&mut self, id: WindowId) -> Option<Open> {
        let place = self.open.iter().position(|window| window.id == id)?;
        let window = self.open.remove(place)?;
        self.bytes -= window.bytes;
        Some(window)
    }
}

impl Open {
    fn add(&mut self, document: &[u8], buffers: &Arc<Buffers>) {
        let cost = document.len() + FRAME_HEAD;
        if self.events == WINDOW_EVENTS || self.events > 0 && self.frames.len() + cost > WINDOW_BYTES {
            self.cut(buffers);
        }
        self.events += 1;
        self.bytes += cost;
        encode::json(Version::V2, self.events, document, &mut self.frames);
    }

    /// Ends what goes into one window.
    fn cut(&mut self, buffers: &Arc<Buffers>) {
        if self.events == 0 {
            return;
        }
        let length = self.frames.len();
        let frames = if length < self.frames.capacity() / 2 {
            // What waits must not take much more than what counts for the queue.
            let copy = Bytes::copy_from_slice(&self.frames);
            self.frames.clear();
            copy
        } else {
            buffers.lend(std::mem::replace(&mut self.frames, buffers.take()))
        };
        self.full.push(EncodedWindow::from_parts(self.events, length as u64, Encoding::Plain, frames));
        self.events = 0;
    }
}

/// Bytes before each document in its frame.
const FRAME_HEAD: usize = 10;

/// What goes into one window.
const WINDOW_EVENTS: u32 = DEFAULT_WINDOW_EVENTS as u32;
const WINDOW_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// Names for windows, as sessions make them.
    fn ids<const N: usize>() -> [WindowId; N] {
        use lumberjack_codec::{ServerConfig, ServerEvent, ServerSession};
        let now = std::time::Instant::now();
        let mut session = ServerSession::new(ServerConfig::new(), now);
        std::array::from_fn(|_| {
            session.buffer().extend_from_slice(b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x01x");
            session.received(now);
            let started = session.poll_event_with(|_, _| {});
            let Some(ServerEvent::WindowStart { window, .. }) = started else { panic!("{started:?}") };
            while session.poll_event_with(|_, _| {}).is_some() {}
            window
        })
    }

    fn documents(complete: &Complete) -> Vec<Vec<u8>> {
        let payloads = complete.windows.iter().flat_map(|window| window.payloads().unwrap());
        payloads.map(|document| document.to_vec()).collect()
    }

    #[test]
    fn windows_come_out_with_their_documents_and_no_other() {
        let [first, second, third] = ids();
        let mut windows = Windows::new(1000, Arc::default());
        windows.start(first);
        windows.add(first, b"a");
        windows.start(second);
        windows.add(second, b"b");
        windows.add(second, b"c");
        windows.start(third);
        windows.add(third, b"lost");
        windows.abort(third);
        let complete = windows.complete(first, None).unwrap();
        assert_eq!((complete.id, complete.events, documents(&complete)), (first, 1, vec![b"a".to_vec()]));
        let complete = windows.complete(second, None).unwrap();
        assert_eq!((complete.events, documents(&complete)), (2, vec![b"b".to_vec(), b"c".to_vec()]));
        assert!(windows.complete(third, None).is_none());
        assert_eq!((windows.bytes, windows.overflow()), (0, None));
    }

    #[test]
    fn a_large_one_is_cut_and_stays_in_order() {
        let [id] = ids();
        let mut windows = Windows::new(usize::MAX, Arc::default());
        windows.start(id);
        let sent: Vec<Vec<u8>> = (0..5000).map(|number| format!("{{\"n\":{number}}}").into_bytes()).collect();
        let large = [b'x'; WINDOW_BYTES];
        sent.iter().for_each(|document| windows.add(id, document));
        windows.add(id, &large);
        windows.add(id, b"end");
        let complete = windows.complete(id, None).unwrap();
        let counts: Vec<u32> = complete.windows.iter().map(EncodedWindow::events).collect();
        assert_eq!((counts, complete.events), (vec![2048, 2048, 904, 1, 1], 5002));
        let received = documents(&complete);
        assert_eq!(
            (&received[..5000], received[5000].len(), &*received[5001]),
            (&*sent, WINDOW_BYTES, &b"end"[..])
        );
    }

    #[test]
    fn what_comes_in_a_form_to_be_passed_on_is_passed_on() {
        let [id] = ids();
        let encoded = lumberjack_codec::WindowEncoder::new(3).encode(["a", "b"]).unwrap();
        let mut windows = Windows::new(1000, Arc::default());
        windows.start(id);
        windows.add(id, b"a");
        windows.add(id, b"b");
        let complete = windows.complete(id, Some(encoded.clone())).unwrap();
        assert_eq!((complete.events, complete.windows), (2, vec![encoded]));
    }

    #[test]
    fn the_budget_holds_for_all_open_windows_and_is_free_again() {
        let [first, second, third] = ids();
        let mut windows = Windows::new(3 * (FRAME_HEAD + 1), Arc::default());
        windows.start(first);
        windows.add(first, b"a");
        windows.start(second);
        windows.add(second, b"b");
        windows.add(second, b"too much");
        windows.add(second, b"c");
        assert!(windows.overflow().unwrap().contains("window 1 takes more than the 33 bytes"));
        assert!(windows.complete(second, None).is_none());
        windows.start(third);
        windows.add(third, b"d");
        windows.add(third, b"e");
        assert_eq!(windows.complete(first, None).unwrap().events, 1);
        assert_eq!(windows.complete(third, None).unwrap().events, 2);
        assert_eq!((windows.bytes, windows.overflow()), (0, None));
    }
}
