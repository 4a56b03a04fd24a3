mod config;
pub use config::{ClientConfig, SequenceMode};

mod event;
pub use event::ClientEvent;

use crate::decoder::FrameDecoder;
use crate::encode::{EncodeError, EncodeErrorKind, MAX_FRAMES};
use crate::error::{CloseReason, ProtocolError, ProtocolErrorKind, SessionError, TimeoutKind};
use crate::frame::{Frame, Role, Version};
use crate::limits::Limits;
use crate::transmit::Transmit;
use crate::window::{EncodedWindow, WindowEncoder};
use bytes::BytesMut;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The client side of a connection: sends windows, follows their acknowledgements.
///
/// Three kinds of calls:
///
/// * what happens: [`send`](Self::send), [`send_window`](Self::send_window),
///   [`receive`](Self::receive), [`receive_eof`](Self::receive_eof), [`close`](Self::close),
///   [`handle_timeout`](Self::handle_timeout);
/// * what follows from it, to be drained after each of those: [`poll_event`](Self::poll_event) until
///   `None`, then [`poll_transmit`](Self::poll_transmit), then [`poll_timeout`](Self::poll_timeout);
/// * questions: [`can_send`](Self::can_send), [`in_flight`](Self::in_flight),
///   [`is_closed`](Self::is_closed).
///
/// Delivery is at least once: what a [`ClientEvent::Failed`] lists as not acknowledged is to be sent
/// again, on a new session.
///
/// The page of the crate has [an example](crate#a-client), [`driving`](crate::driving) whole drivers.
#[derive(Debug)]
pub struct ClientSession {
    config: ClientConfig,
    encoder: WindowEncoder,
    decoder: FrameDecoder,
    input: BytesMut,
    eof: bool,
    phase: Phase,
    in_flight: VecDeque<InFlight>,
    /// Sequence of the next event, under [`SequenceMode::Running`].
    next_sequence: u32,
    /// Time of the last acknowledgement, keepalives included.
    last_ack: Option<Instant>,
    /// Time of the last acknowledgement that acknowledged something.
    last_progress: Option<Instant>,
    /// Time of the last call that brought one.
    now: Option<Instant>,
    events: VecDeque<ClientEvent>,
    transmit: Transmit,
}

impl ClientSession {
    /// A session for a new connection.
    #[must_use]
    pub fn new(config: ClientConfig) -> Self {
        Self {
            encoder: WindowEncoder::new(config.compression_level).max_events(config.max_events),
            decoder: FrameDecoder::new(Role::Client(Version::V2), Limits::new()),
            config,
            input: BytesMut::new(),
            eof: false,
            phase: Phase::Open,
            in_flight: VecDeque::new(),
            next_sequence: 1,
            last_ack: None,
            last_progress: None,
            now: None,
            events: VecDeque::new(),
            transmit: Transmit::default(),
        }
    }

    /// Sends the payloads as one window. `token` comes back in the events about it.
    ///
    /// No payloads: nothing is written and the window counts as acknowledged, because go-lumber and
    /// Vector never answer an empty one.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when the session is closed, as many windows as allowed are in flight, or the
    /// payloads make no valid window. Nothing was written then, and the session goes on.
    pub fn send<P>(&mut self, token: u64, payloads: P, now: Instant) -> Result<(), EncodeError>
    where
        P: IntoIterator,
        P::Item: AsRef<[u8]>,
    {
        self.check_open()?;
        let mut payloads = payloads.into_iter().peekable();
        if payloads.peek().is_none() {
            self.put_empty(token, now);
            return Ok(());
        }
        self.check_room()?;
        let first = match self.config.sequence_mode {
            SequenceMode::Running if self.next_sequence <= LAST_FIRST => self.next_sequence,
            SequenceMode::Running | SequenceMode::PerWindow => 1,
        };
        let events = self
            .encoder
            .write_numbered(payloads, first, self.transmit.end())
            .inspect_err(|_| self.transmit.release_excess())?;
        self.put(token, events, first, now);
        Ok(())
    }

    /// Sends an encoded window, as it is.
    ///
    /// Under [`SequenceMode::Running`] its events are numbered anew, which costs inflating and
    /// deflating it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); also when a window that must be numbered anew cannot be read back.
    pub fn send_window(
        &mut self,
        token: u64,
        window: &EncodedWindow,
        now: Instant,
    ) -> Result<(), EncodeError> {
        self.check_open()?;
        if window.events() == 0 {
            self.put_empty(token, now);
            return Ok(());
        }
        self.check_room()?;
        let (size, limit) = (window.events() as usize, self.config.max_events as usize);
        if size > limit {
            return Err(EncodeError::new(EncodeErrorKind::BatchTooLarge { size, limit }));
        }
        let size = window.bytes().len();
        if size > MAX_FRAMES {
            return Err(EncodeError::new(EncodeErrorKind::BatchTooLarge { size, limit: MAX_FRAMES }));
        }
        match self.config.sequence_mode {
            SequenceMode::PerWindow => {
                window.write_to(self.transmit.end());
                self.put(token, window.events(), 1, now);
            }
            SequenceMode::Running => {
                let payloads =
                    window.payloads().map_err(|_| EncodeError::new(EncodeErrorKind::Unreadable))?;
                self.send(token, payloads, now)?;
            }
        }
        Ok(())
    }

    fn hand_out(&mut self) {
        for window in &mut self.in_flight {
            window.handed_out = true;
        }
    }

    fn check_open(&self) -> Result<(), EncodeError> {
        if self.phase == Phase::Open { Ok(()) } else { Err(EncodeError::new(EncodeErrorKind::Closed)) }
    }

    fn check_room(&self) -> Result<(), EncodeError> {
        let limit = self.config.max_in_flight.max(1);
        if self.in_flight.len() >= limit {
            return Err(EncodeError::new(EncodeErrorKind::WindowLimit { limit }));
        }
        Ok(())
    }

    fn put_empty(&mut self, token: u64, now: Instant) {
        self.now = Some(now);
        self.events.push_back(ClientEvent::Acknowledged { token, events: 0 });
    }

    /// Follows a window that was written.
    fn put(&mut self, token: u64, events: u32, first: u32, now: Instant) {
        self.now = Some(now);
        self.next_sequence = first.wrapping_add(events);
        self.in_flight.push_back(InFlight {
            token,
            events,
            acknowledged: 0,
            first,
            sent_at: now,
            handed_out: false,
            written: false,
        });
    }

    /// Tells that all bytes handed out have been written to the connection.
    ///
    /// The acknowledgement timers of the windows in them start here instead of at the call of
    /// `send`; without this call, writing counts as waiting.
    pub fn transmitted(&mut self, now: Instant) {
        for window in self.in_flight.iter_mut().filter(|window| window.handed_out && !window.written) {
            window.written = true;
            window.sent_at = now;
        }
    }

    /// Takes all bytes of `input` that arrived from the server.
    pub fn receive(&mut self, input: &mut BytesMut, now: Instant) {
        self.now = Some(now);
        if matches!(self.phase, Phase::Closed) {
            input.clear();
        } else {
            self.input.unsplit(input.split());
        }
    }

    /// Tells that the connection has ended, in whatever way.
    pub fn receive_eof(&mut self, now: Instant) {
        self.now = Some(now);
        self.eof = true;
    }

    /// Takes no more windows; the session closes when those in flight are settled.
    pub fn close(&mut self, now: Instant) {
        self.now = Some(now);
        if self.phase == Phase::Open {
            self.phase = Phase::Closing;
            self.close_when_settled();
        }
    }

    /// Fires the timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = Some(now);
        if let Some((deadline, kind)) = self.next_timeout()
            && deadline <= now
        {
            self.fail(SessionError::Timeout(kind));
        }
    }

    /// The next thing that happened. Input is decoded here, frame by frame.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.phase == Phase::Closed {
                return None;
            }
            match self.decoder.decode(&mut self.input) {
                Ok(Some(Frame::Ack { sequence, .. })) => self.on_ack(sequence),
                // The grammar of a client has no other frame.
                Ok(Some(_)) => {}
                Ok(None) if self.eof => self.on_eof(),
                Ok(None) => {
                    if self.input.is_empty() {
                        // An empty handle would keep the caller's buffer alive.
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
        self.hand_out();
        self.transmit.drain_into(out)
    }

    /// What must be written to the connection, where it lies; in place of
    /// [`poll_transmit`](Self::poll_transmit) for those who write it at once.
    ///
    /// One buffer then serves all windows and stays in the cache of the processor.
    ///
    /// ```
    /// use lumberjack_codec::{ClientConfig, ClientSession};
    /// use std::io::Write;
    /// use std::time::Instant;
    ///
    /// let mut session = ClientSession::new(ClientConfig::new());
    /// session.send(7, [br#"{"message":"hello"}"#], Instant::now()).unwrap();
    /// let mut socket = Vec::new();
    /// while !session.peek_transmit().is_empty() {
    ///     let written = socket.write(session.peek_transmit()).unwrap();
    ///     session.consume_transmit(written);
    /// }
    /// session.transmitted(Instant::now());
    /// assert_eq!(&socket[..6], b"2W\0\0\0\x01");
    /// ```
    pub fn peek_transmit(&mut self) -> &[u8] {
        self.hand_out();
        self.transmit.peek()
    }

    /// Tells that so many bytes of [`peek_transmit`](Self::peek_transmit) are on the connection; more than
    /// there are count as all.
    pub fn consume_transmit(&mut self, written: usize) {
        self.transmit.consume(written);
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called, unless something happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_timeout().map(|(deadline, _)| deadline)
    }

    /// Whether another window may be sent now.
    #[must_use]
    pub fn can_send(&self) -> bool {
        self.check_open().and_then(|()| self.check_room()).is_ok()
    }

    /// Windows that are sent and whose end [`poll_event`](Self::poll_event) has not found yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Bytes of the peer's stream that are decoded: where it stopped, for the reasons of a close that
    /// do not tell themselves, such as a timeout.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.decoder.offset()
    }

    /// Whether the session is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    fn on_ack(&mut self, sequence: u32) {
        if sequence == 0 {
            self.last_ack = self.now;
            self.events.push_back(ClientEvent::Keepalive);
            return;
        }
        // What was not handed out cannot be on the wire, so the answer is to something else.
        let Some(head) = self.in_flight.front_mut().filter(|head| head.handed_out) else {
            return self.violate(ProtocolErrorKind::UnexpectedAck { value: sequence });
        };
        // Events of the window up to and with this sequence; what lies before the window, wraps
        // around to a number far beyond it.
        let count = sequence.wrapping_sub(head.first).wrapping_add(1);
        if count > head.events {
            let window = head.events;
            return self.violate(ProtocolErrorKind::AckOutOfRange { value: sequence, window });
        }
        self.last_ack = self.now;
        let token = head.token;
        if count <= head.acknowledged {
            self.events.push_back(ClientEvent::StaleAck { token, sequence });
            return;
        }
        self.last_progress = self.now;
        head.acknowledged = count;
        if count < head.events {
            self.events.push_back(ClientEvent::Progress { token, acknowledged: count });
            return;
        }
        self.in_flight.pop_front();
        self.events.push_back(ClientEvent::Acknowledged { token, events: count });
        self.close_when_settled();
    }

    fn on_eof(&mut self) {
        let clean = self.in_flight.is_empty() && self.input.is_empty();
        if clean {
            self.finish(CloseReason::PeerClosed);
        } else {
            self.fail(SessionError::ConnectionLost);
        }
    }

    fn violate(&mut self, kind: ProtocolErrorKind) {
        let error = ProtocolError::new(kind, self.decoder.frame_offset());
        self.fail(SessionError::Protocol(error));
    }

    fn fail(&mut self, error: SessionError) {
        for window in self.in_flight.drain(..) {
            let InFlight { token, events, acknowledged, .. } = window;
            self.events.push_back(ClientEvent::Failed { token, acknowledged, events });
        }
        self.finish(CloseReason::Error(error));
    }

    fn close_when_settled(&mut self) {
        if self.phase == Phase::Closing && self.in_flight.is_empty() {
            self.finish(CloseReason::Closed);
        }
    }

    fn finish(&mut self, reason: CloseReason) {
        self.phase = Phase::Closed;
        self.input = BytesMut::new();
        self.transmit = Transmit::default();
        self.events.push_back(ClientEvent::Closed { reason });
    }

    /// The earliest deadline; at the same instant the acknowledgement timer comes first.
    fn next_timeout(&self) -> Option<(Instant, TimeoutKind)> {
        let head = self.in_flight.front()?;
        let after = |last: Option<Instant>, timeout: Duration| {
            last.map_or(head.sent_at, |last| last.max(head.sent_at)).checked_add(timeout)
        };
        let ack = after(self.last_ack, self.config.ack_timeout).map(|at| (at, TimeoutKind::Ack));
        let progress = self.config.progress_timeout.and_then(|timeout| after(self.last_progress, timeout));
        let progress = progress.map(|at| (at, TimeoutKind::Progress));
        [ack, progress].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Open,
    Closing,
    Closed,
}

#[derive(Debug)]
struct InFlight {
    token: u64,
    events: u32,
    /// Invariant: `acknowledged < events`.
    acknowledged: u32,
    /// Sequence of the first event.
    first: u32,
    sent_at: Instant,
    /// The caller has seen its bytes.
    handed_out: bool,
    /// They are on the connection.
    written: bool,
}

/// Largest number at which a window may begin under [`SequenceMode::Running`]; then numbers start
/// over, because Logstash never acknowledges one from 2^31 on. A window has fewer than 2^27 events:
/// its frames take 11 bytes each and 1 GiB together.
const LAST_FIRST: u32 = (1 << 31) - (1 << 27);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_numbers_start_over_before_logstash_loses_them() {
        let now = Instant::now();
        let config = ClientConfig::new().sequence_mode(SequenceMode::Running).compression_level(0);
        let mut session = ClientSession::new(config);
        for (next, first) in [(LAST_FIRST, LAST_FIRST), (LAST_FIRST + 1, 1), (u32::MAX, 1)] {
            session.next_sequence = next;
            session.send(0, ["{}", "{}"], now).unwrap();
            let mut wire = BytesMut::new();
            session.poll_transmit(&mut wire);
            assert_eq!(wire.get(8..12), Some(&first.to_be_bytes()[..]));
            assert_eq!(session.next_sequence, first + 2);
            session.in_flight.clear();
        }
    }
}
