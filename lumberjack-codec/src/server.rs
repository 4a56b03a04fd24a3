mod config;
pub use config::{SequencePolicy, ServerConfig};

mod event;
pub use event::{Payload, ServerEvent, WindowId};

mod window;

use crate::decoder::FrameDecoder;
use crate::encode;
use crate::error::{CloseReason, ProtocolError, ProtocolErrorKind, SessionError, TimeoutKind};
use crate::frame::{Frame, Role, Version};
use crate::window::EncodedWindow;
use bytes::BytesMut;
use std::collections::VecDeque;
use std::time::Instant;
use window::{OpenWindow, PendingWindow};

/// The server side of a connection: receives windows, acknowledges them in order.
///
/// Three kinds of calls:
///
/// * what happens: [`receive`](Self::receive), [`receive_eof`](Self::receive_eof),
///   [`acknowledge`](Self::acknowledge), [`acknowledge_prefix`](Self::acknowledge_prefix),
///   [`shutdown`](Self::shutdown), [`handle_timeout`](Self::handle_timeout);
/// * what follows from it, to be drained after each of those: [`poll_event`](Self::poll_event) until
///   `None`, then [`poll_transmit`](Self::poll_transmit), then [`poll_timeout`](Self::poll_timeout);
/// * questions: [`wants_read`](Self::wants_read), [`is_closed`](Self::is_closed),
///   [`pending`](Self::pending).
///
/// Windows may be acknowledged in any order; on the wire each gets one final acknowledgement, in
/// the order of arrival, never merged, never before the application said so. Keepalives go out by
/// themselves while a window waits.
///
/// Events are decoded in `poll_event`, one at a time, so that a compressed frame is never inflated
/// as a whole.
#[derive(Debug)]
pub struct ServerSession {
    config: ServerConfig,
    decoder: FrameDecoder,
    /// What was received and not decoded: part of a frame, or everything while reading pauses.
    input: BytesMut,
    eof: bool,
    phase: Phase,
    next_id: u64,
    open: Option<OpenWindow>,
    /// Windows that are full, but inside a compressed frame that has not ended.
    full_in_compressed: Vec<OpenWindow>,
    /// An empty window inside the compressed frame, to be answered once, at its end.
    empty_in_compressed: Option<Version>,
    pending: VecDeque<PendingWindow>,
    last_receive: Instant,
    last_transmit: Instant,
    /// Time of the last call that brought one.
    now: Instant,
    events: VecDeque<ServerEvent>,
    transmit: BytesMut,
}

impl ServerSession {
    /// A session for a connection that was accepted at `now`.
    #[must_use]
    pub fn new(config: ServerConfig, now: Instant) -> Self {
        let decoder = FrameDecoder::new(Role::Server, config.limits).keep_compressed(config.keep_encoded);
        Self {
            config,
            decoder,
            input: BytesMut::new(),
            eof: false,
            phase: Phase::Active,
            next_id: 0,
            open: None,
            full_in_compressed: Vec::new(),
            empty_in_compressed: None,
            pending: VecDeque::new(),
            last_receive: now,
            last_transmit: now,
            now,
            events: VecDeque::new(),
            transmit: BytesMut::new(),
        }
    }

    /// Takes all bytes of `input` that arrived from the client.
    ///
    /// While [`wants_read`](Self::wants_read) is false, do not read: what is passed in is kept.
    pub fn receive(&mut self, input: &mut BytesMut, now: Instant) {
        self.now = now;
        self.last_receive = now;
        if matches!(self.phase, Phase::Active) {
            self.input.unsplit(input.split());
        } else {
            input.clear();
        }
    }

    /// Tells that the client sends nothing more. It may still read acknowledgements.
    pub fn receive_eof(&mut self, now: Instant) {
        self.now = now;
        self.eof = true;
    }

    /// Acknowledges a complete window; `false` if it does not wait for that.
    pub fn acknowledge(&mut self, window: WindowId, now: Instant) -> bool {
        self.now = now;
        let was_full = self.is_full();
        let Some(pending) = self.pending.iter_mut().find(|pending| pending.id == window) else {
            return false;
        };
        pending.finished = true;
        self.release();
        if was_full && !self.is_full() {
            // The pause was ours, so the peer's silence starts only now.
            self.last_receive = now;
        }
        true
    }

    /// Tells that the first `events` events of a complete window are taken over.
    ///
    /// Goes over the wire only with [`partial_acks`](ServerConfig::partial_acks), for the oldest
    /// window, to peers of version 2. Returns `false` if the window does not wait for it.
    pub fn acknowledge_prefix(&mut self, window: WindowId, events: u32, now: Instant) -> bool {
        self.now = now;
        let is_head = self.pending.front().is_some_and(|head| head.id == window);
        let Some(pending) = self.pending.iter_mut().find(|pending| pending.id == window) else {
            return false;
        };
        if events >= pending.size {
            return self.acknowledge(window, now);
        }
        let grown = is_head && pending.version == Version::V2 && events > pending.acknowledged;
        let sequence =
            pending.sequences.as_ref().filter(|_| grown).and_then(|all| all.at(events.checked_sub(1)?));
        if let Some(sequence) = sequence {
            pending.acknowledged = events;
            self.put_ack(Version::V2, sequence);
        }
        true
    }

    /// Gives the open window up, acknowledges the complete ones within the drain timeout, closes.
    pub fn shutdown(&mut self, now: Instant) {
        self.now = now;
        if matches!(self.phase, Phase::Active) {
            self.drain(CloseReason::Shutdown);
        }
    }

    /// Fires the timers that are due, earliest first.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        while let Some((deadline, timer)) = self.next_timer()
            && deadline <= now
        {
            match timer {
                Timer::Keepalive => self.put_ack(Version::V2, 0),
                Timer::Read => self.fail(SessionError::Timeout(TimeoutKind::Read)),
                Timer::Idle => self.finish(CloseReason::IdleTimeout),
                Timer::Drain => self.end_drain(),
            }
        }
    }

    /// The next thing that happened. Input is decoded here, frame by frame.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if !matches!(self.phase, Phase::Active) || self.is_full() {
                return None;
            }
            match self.decoder.decode(&mut self.input) {
                Ok(Some(frame)) => self.on_frame(frame),
                Ok(None) if self.eof => self.on_eof(),
                Ok(None) => return None,
                Err(error) => self.fail(SessionError::Decode(error)),
            }
        }
    }

    /// Appends what must be written to the connection; `false` when there is nothing.
    pub fn poll_transmit(&mut self, out: &mut BytesMut) -> bool {
        drain_into(&mut self.transmit, out)
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called, unless something happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_timer().map(|(deadline, _)| deadline)
    }

    /// Whether to read from the connection; false while as many windows wait as may.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        match self.phase {
            Phase::Active => !self.is_full() && !self.eof,
            // What still comes is read and thrown away, so that closing sends FIN and not RST,
            // which could destroy acknowledgements on their way.
            Phase::Draining { .. } => !self.eof,
            Phase::Closed => false,
        }
    }

    /// Complete windows that wait for the application.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Whether the session is over. Write what [`poll_transmit`](Self::poll_transmit) still has,
    /// then close the connection.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    fn is_full(&self) -> bool {
        self.pending.len() >= self.config.limits.max_pending_windows.max(1)
    }

    fn on_frame(&mut self, frame: Frame) {
        match frame {
            Frame::Window { version, size } => self.on_window(version, size),
            Frame::Json { sequence, payload, .. } => {
                let length = payload.len() as u64 + 10;
                self.on_payload(sequence, Payload::Json(payload), length);
            }
            Frame::Data { sequence, pairs, .. } => self.on_payload(sequence, Payload::Data(pairs), 0),
            Frame::CompressedBegin { .. } => {
                if let Some(open) = &mut self.open {
                    open.form.compressed_frames += 1;
                }
            }
            Frame::CompressedEnd { inflated } => self.on_compressed_end(inflated),
            // The grammar of a server has no acknowledgements.
            Frame::Ack { .. } => {}
        }
    }

    fn on_window(&mut self, version: Version, size: u32) {
        if let Some(open) = &self.open {
            let missing_events = open.missing();
            return self.violate(ProtocolErrorKind::WindowIncomplete { missing_events });
        }
        let compressed = self.decoder.in_compressed();
        if size == 0 {
            if compressed {
                self.empty_in_compressed = Some(version);
            } else {
                self.put_ack(version, 0);
            }
            return;
        }
        let limit = self.config.limits.max_window;
        if size > limit {
            return self.violate(ProtocolErrorKind::WindowTooLarge { size, limit });
        }
        let id = WindowId(self.next_id);
        self.next_id += 1;
        self.open = Some(OpenWindow::new(id, version, size, self.config.partial_acks, compressed));
        self.events.push_back(ServerEvent::WindowStart { window: id, version, events: size });
    }

    fn on_payload(&mut self, sequence: u32, payload: Payload, frame_bytes: u64) {
        let Some(open) = &mut self.open else {
            return self.violate(ProtocolErrorKind::DataOutsideWindow { sequence });
        };
        if let (SequencePolicy::Strict, Some(last)) = (self.config.sequence_policy, open.last_sequence) {
            let want = last.wrapping_add(1);
            if sequence != want {
                return self.violate(ProtocolErrorKind::SequenceGap { got: sequence, want });
            }
        }
        let compressed = self.decoder.in_compressed();
        let index = open.count;
        open.form.canonical &= compressed && sequence == index + 1 && frame_bytes > 0;
        open.form.frame_bytes += frame_bytes;
        open.count += 1;
        open.last_sequence = Some(sequence);
        if let Some(sequences) = &mut open.sequences {
            sequences.push(sequence);
        }
        self.events.push_back(ServerEvent::Event { window: open.id, index, sequence, payload });
        if open.missing() > 0 {
            return;
        }
        let Some(full) = self.open.take() else { return };
        if !compressed {
            return self.complete(full, None);
        }
        let limit = self.config.limits.max_pending_windows.max(1);
        if self.full_in_compressed.len() >= limit {
            self.open = Some(full);
            return self.violate(ProtocolErrorKind::TooManyWindows { limit });
        }
        self.full_in_compressed.push(full);
    }

    fn on_compressed_end(&mut self, inflated: u64) {
        if let Some(version) = self.empty_in_compressed.take() {
            self.put_ack(version, 0);
        }
        let bytes = self.decoder.take_compressed();
        for full in std::mem::take(&mut self.full_in_compressed) {
            let encoded = full.form.encoded(full.size, inflated, bytes.clone());
            self.complete(full, encoded);
        }
    }

    fn complete(&mut self, window: OpenWindow, encoded: Option<EncodedWindow>) {
        let pending = window.complete(self.now);
        self.events.push_back(ServerEvent::WindowComplete {
            window: pending.id,
            events: pending.size,
            encoded,
        });
        self.pending.push_back(pending);
    }

    fn on_eof(&mut self) {
        let boundary = self.input.is_empty() && self.decoder.at_boundary() && self.open.is_none();
        if boundary {
            return self.drain(CloseReason::PeerClosed);
        }
        let missing_events = self.open.as_ref().map_or(0, OpenWindow::missing);
        self.violate(ProtocolErrorKind::UnexpectedEof { missing_events });
    }

    fn violate(&mut self, kind: ProtocolErrorKind) {
        let error = ProtocolError::new(kind, self.decoder.offset());
        self.fail(SessionError::Protocol(error));
    }

    fn fail(&mut self, error: SessionError) {
        self.drain(CloseReason::Error(error));
    }

    /// Gives up what is not complete; closes at once, or when what is complete is acknowledged.
    fn drain(&mut self, reason: CloseReason) {
        for window in self.full_in_compressed.drain(..).chain(self.open.take()) {
            self.events.push_back(ServerEvent::WindowAborted { window: window.id });
        }
        self.input = BytesMut::new();
        if self.pending.is_empty() {
            return self.finish(reason);
        }
        self.events.push_back(ServerEvent::Draining { reason: reason.clone() });
        self.phase = Phase::Draining { reason, deadline: self.now + self.config.drain_timeout };
    }

    fn end_drain(&mut self) {
        for window in self.pending.drain(..) {
            self.events.push_back(ServerEvent::WindowUnacknowledged { window: window.id });
        }
        self.close_when_drained();
    }

    fn close_when_drained(&mut self) {
        if let Phase::Draining { reason, .. } = &self.phase
            && self.pending.is_empty()
        {
            self.finish(reason.clone());
        }
    }

    fn finish(&mut self, reason: CloseReason) {
        self.phase = Phase::Closed;
        self.events.push_back(ServerEvent::Closed { reason });
    }

    /// Sends the acknowledgements that are due, in the order in which the windows arrived.
    fn release(&mut self) {
        while self.pending.front().is_some_and(|head| head.finished) {
            if let Some(head) = self.pending.pop_front() {
                self.put_ack(head.version, head.last_sequence);
            }
        }
        self.close_when_drained();
    }

    fn put_ack(&mut self, version: Version, sequence: u32) {
        encode::ack(version, sequence, &mut self.transmit);
        self.last_transmit = self.now;
    }

    /// The earliest deadline; at the same instant in the order of the variants.
    fn next_timer(&self) -> Option<(Instant, Timer)> {
        let timers: [Option<(Instant, Timer)>; 3] = match &self.phase {
            Phase::Closed => return None,
            Phase::Draining { deadline, .. } => return Some((*deadline, Timer::Drain)),
            Phase::Active => [self.keepalive_timer(), self.read_timer(), self.idle_timer()],
        };
        timers.into_iter().flatten().min()
    }

    fn keepalive_timer(&self) -> Option<(Instant, Timer)> {
        // logstash-forwarder takes any six bytes for the acknowledgement of its whole batch, so
        // peers of version 1 never get a keepalive.
        let head = self.pending.front().filter(|head| head.version == Version::V2)?;
        Some((self.last_transmit.max(head.completed_at) + self.config.keepalive, Timer::Keepalive))
    }

    fn read_timer(&self) -> Option<(Instant, Timer)> {
        let inside = self.open.is_some() || !self.decoder.at_boundary() || !self.input.is_empty();
        let armed = inside && !self.is_full();
        armed.then(|| (self.last_receive + self.config.read_timeout, Timer::Read))
    }

    fn idle_timer(&self) -> Option<(Instant, Timer)> {
        let inside = self.open.is_some() || !self.decoder.at_boundary() || !self.input.is_empty();
        let timeout = self.config.idle_timeout.filter(|_| !inside && self.pending.is_empty())?;
        Some((self.last_receive.max(self.last_transmit) + timeout, Timer::Idle))
    }
}

/// Moves `from` to the end of `out`; without a copy where `out` is empty.
pub(crate) fn drain_into(from: &mut BytesMut, out: &mut BytesMut) -> bool {
    if from.is_empty() {
        return false;
    }
    if out.is_empty() {
        std::mem::swap(from, out);
        from.clear();
    } else {
        out.extend_from_slice(from);
        from.clear();
    }
    true
}

#[derive(Debug)]
enum Phase {
    Active,
    Draining { reason: CloseReason, deadline: Instant },
    Closed,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Timer {
    Keepalive,
    Read,
    Idle,
    Drain,
}
