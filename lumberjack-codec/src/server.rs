mod config;
pub use config::{SequencePolicy, ServerConfig};

mod event;
pub use event::{Payload, ServerEvent, WindowId};

mod frames;
mod timers;
mod window;

use crate::decoder::FrameDecoder;
use crate::encode;
use crate::error::{CloseReason, ProtocolError, ProtocolErrorKind, SessionError, TimeoutKind};
use crate::frame::{Frame, Role, Version};
use crate::frame_ref::FrameRef;
use crate::grammar::JSON_HEAD;
use crate::transmit::Transmit;
use bytes::{Buf, BytesMut};
use std::collections::VecDeque;
use std::time::Instant;
use timers::Timer;
use window::{OpenWindow, PendingWindow};

/// The server side of a connection: receives windows, acknowledges them in order.
///
/// Three kinds of calls:
///
/// * what happens: [`receive`](Self::receive), [`receive_eof`](Self::receive_eof),
///   [`acknowledge`](Self::acknowledge), [`acknowledge_prefix`](Self::acknowledge_prefix),
///   [`pause`](Self::pause), [`resume`](Self::resume), [`shutdown`](Self::shutdown),
///   [`handle_timeout`](Self::handle_timeout);
/// * what follows from it, to be drained after each of those: [`poll_event`](Self::poll_event) until
///   `None`, then [`poll_transmit`](Self::poll_transmit), then [`poll_timeout`](Self::poll_timeout);
/// * questions: [`wants_read`](Self::wants_read), [`is_inside`](Self::is_inside),
///   [`is_full`](Self::is_full), [`is_closed`](Self::is_closed), [`pending`](Self::pending).
///
/// Windows may be acknowledged in any order; on the wire each gets one final acknowledgement, in
/// the order of arrival, never merged, never before the application said so. Keepalives go out by
/// themselves while a window waits.
///
/// Events are decoded in `poll_event`, one at a time, so that a compressed frame is never inflated
/// as a whole.
///
/// The page of the crate has [an example](crate#a-server), [`driving`](crate::driving) whole drivers.
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
    /// The version and number of empty windows inside the compressed frame, to be answered once, at its end.
    empty_in_compressed: Option<(Version, u32)>,
    pending: VecDeque<PendingWindow>,
    last_receive: Instant,
    last_transmit: Instant,
    /// Since when the application does not read.
    paused_at: Option<Instant>,
    /// Time of the last call that brought one.
    now: Instant,
    events: VecDeque<ServerEvent>,
    transmit: Transmit,
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
            paused_at: None,
            now,
            events: VecDeque::new(),
            transmit: Transmit::default(),
        }
    }

    /// Takes all bytes of `input` that arrived from the client.
    ///
    /// While [`wants_read`](Self::wants_read) is false, do not read: what is passed in is kept.
    pub fn receive(&mut self, input: &mut BytesMut, now: Instant) {
        self.now = now;
        if !input.is_empty() {
            self.last_receive = now;
        }
        if matches!(self.phase, Phase::Active) {
            self.input.unsplit(input.split());
        } else {
            input.clear();
        }
    }

    /// Where to read to, instead of a buffer of one's own for [`receive`](Self::receive): append what arrives,
    /// and tell it with [`received`](Self::received). What is in there already is not decoded yet.
    ///
    /// While [`wants_read`](Self::wants_read) is false, do not read.
    pub const fn buffer(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Bytes that were received and are not handed out yet: those in the [`buffer`](Self::buffer), what a compressed
    /// frame that has not ended inflated to, and its copy where one is [kept](ServerConfig::keep_encoded).
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let in_decoder = if matches!(self.phase, Phase::Active) { self.decoder.held() } else { 0 };
        self.input.len() + in_decoder
    }

    /// Tells that bytes from the client were appended to the [`buffer`](Self::buffer).
    pub fn received(&mut self, now: Instant) {
        self.now = now;
        self.last_receive = now;
        if !matches!(self.phase, Phase::Active) {
            self.input.clear();
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
        let Some(pending) = self.unfinished(window) else { return false };
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
        let Some(pending) = self.unfinished(window) else { return false };
        if events >= pending.size {
            return self.acknowledge(window, now);
        }
        let grown = is_head && pending.version == Version::V2 && events > pending.acknowledged;
        if grown && let Some(sequence) = pending.sequence_of(events) {
            pending.acknowledged = events;
            self.put_ack(Version::V2, sequence);
        }
        true
    }

    /// Tells that nothing is read for a while, for a reason of the application's own such as memory. No harm where that
    /// is known already.
    ///
    /// Until [`resume`](Self::resume), the time counts neither as a pause of the client in its window nor as idle, and a
    /// client that is [inside](Self::is_inside) a window gets keepalives, so that it waits too. What
    /// [`wants_read`](Self::wants_read) says does not depend on this.
    pub fn pause(&mut self, now: Instant) {
        self.now = now;
        self.paused_at.get_or_insert(now);
    }

    /// Ends a [`pause`](Self::pause), if there is one: a silence of the client goes on where it was.
    pub fn resume(&mut self, now: Instant) {
        self.now = now;
        if let Some(paused_at) = self.paused_at.take() {
            let silence = paused_at.saturating_duration_since(self.last_receive);
            self.last_receive = now.checked_sub(silence).unwrap_or(now);
        }
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
                Timer::Drain => self.end_drain(),
                Timer::Keepalive => self.put_ack(Version::V2, 0),
                Timer::Read => self.fail(SessionError::Timeout(TimeoutKind::Read)),
                Timer::Idle => self.finish(CloseReason::IdleTimeout),
                Timer::Pending => {
                    self.fail(SessionError::Timeout(TimeoutKind::Pending));
                    // The application has had its time.
                    self.end_drain();
                }
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
            if !self.may_decode() {
                return None;
            }
            match self.decoder.decode(&mut self.input) {
                Ok(Some(frame)) => {
                    if let Some(event) = self.on_frame(frame) {
                        return Some(event);
                    }
                }
                Ok(None) if self.eof => self.on_eof(),
                Ok(None) => {
                    if self.input.is_empty() {
                        // An empty handle would keep the memory of what was received alive.
                        self.input = BytesMut::new();
                    }
                    return None;
                }
                Err(error) => self.fail(SessionError::Decode(error)),
            }
        }
    }

    /// The next thing that happened, as [`poll_event`](Self::poll_event) tells it, but documents are lent to `take`,
    /// with their window, instead of being handed out one by one: for whoever copies them anyway, this is the
    /// fastest way.
    ///
    /// A document comes behind the start of its window and before its end, in order, and is provisional until
    /// [`WindowComplete`](ServerEvent::WindowComplete). Events that are no documents, and those of windows that nobody
    /// announced, come as [`Event`](ServerEvent::Event) all the same. Both methods may take turns.
    ///
    /// ```
    /// use lumberjack_codec::{ServerConfig, ServerEvent, ServerSession};
    /// use std::time::Instant;
    ///
    /// let now = Instant::now();
    /// let mut session = ServerSession::new(ServerConfig::new(), now);
    /// session.buffer().extend_from_slice(b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x02{}");
    /// session.received(now);
    /// let mut documents = Vec::new();
    /// while let Some(event) = session.poll_event_with(|_, document| documents.extend_from_slice(document)) {
    ///     if let ServerEvent::WindowComplete { window, .. } = event {
    ///         session.acknowledge(window, now);
    ///     }
    /// }
    /// assert_eq!(documents, b"{}");
    /// ```
    #[must_use]
    pub fn poll_event_with(&mut self, mut take: impl FnMut(WindowId, &[u8])) -> Option<ServerEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if !self.may_decode() {
                return None;
            }
            let inside = self.decoder.in_compressed();
            let mut rest = &self.input[..];
            let next = match self.decoder.decode_borrowed(&mut rest) {
                Ok(Some(FrameRef::Json { sequence, payload, .. })) if self.open.is_some() => {
                    Ok(Some(Next::Document { sequence, length: payload.len() }))
                }
                Ok(frame) => Ok(frame.map(|frame| Next::Frame(frame.to_frame()))),
                Err(error) => Err(error),
            };
            let taken = self.input.len() - rest.len();
            match next {
                Ok(Some(Next::Document { sequence, length })) => {
                    if let Some((window, _)) = self.on_event(sequence, (JSON_HEAD + length) as u64) {
                        let frame = if inside { self.decoder.lent() } else { &self.input };
                        take(window, frame.get(JSON_HEAD..JSON_HEAD + length).unwrap_or_default());
                    }
                    self.skip(taken);
                }
                Ok(Some(Next::Frame(frame))) => {
                    self.skip(taken);
                    if let Some(event) = self.on_frame(frame) {
                        return Some(event);
                    }
                }
                Ok(None) => {
                    self.skip(taken);
                    if self.eof {
                        self.on_eof();
                        continue;
                    }
                    if self.input.is_empty() && self.input.try_reclaim(KEEP_INPUT + 1) {
                        // One huge document must not hold its memory for the rest of the connection.
                        self.input = BytesMut::new();
                    }
                    return None;
                }
                Err(error) => self.fail(SessionError::Decode(error)),
            }
        }
    }

    /// Appends what must be written to the connection; `false` when there is nothing.
    pub fn poll_transmit(&mut self, out: &mut BytesMut) -> bool {
        self.transmit.drain_into(out)
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called, unless something happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_timer().map(|(deadline, _)| deadline)
    }

    /// Whether to read from the connection; false while as many windows wait as may, or while the
    /// peer does not take its answers.
    #[must_use]
    pub fn wants_read(&self) -> bool {
        match self.phase {
            Phase::Active => !self.is_full() && !self.eof && self.transmit.peek().len() < MAX_TRANSMIT,
            // What still comes is read and thrown away, so that closing sends FIN and not RST,
            // which could destroy acknowledgements on their way.
            Phase::Draining { .. } => !self.eof,
            Phase::Closed => false,
        }
    }

    /// Whether the client has begun a frame or a window that it has not ended, or has sent what is not decoded yet.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        let is_open = self.open.is_some() || !self.decoder.at_boundary() || !self.input.is_empty();
        is_open && matches!(self.phase, Phase::Active)
    }

    /// Whether as many windows wait as [may](crate::Limits::max_pending_windows), so that reading pauses.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.pending.len() >= self.config.limits.max_pending_windows.max(1)
    }

    /// Complete windows that wait for the application.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Bytes of the peer's stream that are decoded: where it stopped, for the reasons of a close that
    /// do not tell themselves, such as a timeout.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.decoder.offset()
    }

    /// Whether the session is over. Write what [`poll_transmit`](Self::poll_transmit) still has,
    /// then close the connection.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Whether what was received is to be decoded.
    #[inline]
    fn may_decode(&self) -> bool {
        if !matches!(self.phase, Phase::Active) {
            return false;
        }
        // While reading pauses, only the end of the stream is looked at.
        !self.is_full() || self.eof && self.input.is_empty() && self.decoder.at_boundary()
    }

    /// Takes bytes off the input that were decoded, if they are still there.
    fn skip(&mut self, bytes: usize) {
        self.input.advance(bytes.min(self.input.len()));
    }

    fn unfinished(&mut self, window: WindowId) -> Option<&mut PendingWindow> {
        self.pending.iter_mut().find(|pending| pending.id == window && !pending.finished)
    }

    fn violate(&mut self, kind: ProtocolErrorKind) {
        let error = ProtocolError::new(kind, self.decoder.frame_offset());
        self.fail(SessionError::Protocol(error));
    }

    fn on_eof(&mut self) {
        if self.input.is_empty() && self.decoder.at_boundary() && self.open.is_none() {
            return self.drain(CloseReason::PeerClosed);
        }
        let missing_events = self.open.as_ref().map_or(0, OpenWindow::missing);
        let kind = ProtocolErrorKind::UnexpectedEof { missing_events };
        let end = self.decoder.offset() + self.input.len() as u64;
        self.fail(SessionError::Protocol(ProtocolError::new(kind, end)));
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
        self.phase = Phase::Draining { reason, since: self.now };
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
        encode::ack(version, sequence, self.transmit.end());
        self.last_transmit = self.now;
    }
}

/// What is at the front of the input.
enum Next {
    /// A document of the open window; it lies where it was found.
    Document {
        sequence: u32,
        length: usize,
    },
    Frame(Frame),
}

#[derive(Debug)]
enum Phase {
    Active,
    Draining { reason: CloseReason, since: Instant },
    Closed,
}

/// Bytes of a buffer for input that is kept while it is empty.
const KEEP_INPUT: usize = 256 * 1024;

/// Answers that are not fetched yet, above which nothing more is read: a peer that sends empty
/// windows and never reads would otherwise fill the memory.
const MAX_TRANSMIT: usize = 64 * 1024;
