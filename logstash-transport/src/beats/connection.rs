//! One connection with its client session.

use super::options::Options;
use crate::batch::{Batch, Segment};
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::stream::{Stream, is_pause, is_refusal, refused};
use bytes::BytesMut;
use lumberjack_codec::{
    ClientEvent, ClientSession, CloseReason, DecodeError, EncodeError, Hint, SessionError, SlowStart,
    window_prefix,
};
use std::io::{self, ErrorKind as IoErrorKind, Read, Write};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    /// When it is to be replaced.
    expires: Option<Instant>,
    session: ClientSession,
    input: BytesMut,
    next_token: u64,
    /// Events of the head window that the batch knows of already.
    credited: u32,
    /// Whether anything came over the connection since the batch began.
    heard: bool,
    /// How the connection ended, if it did.
    broken: Option<io::Error>,
}

/// Why a batch was not delivered, and what that says of the connection.
#[derive(Debug)]
pub(super) struct Undelivered {
    pub(super) error: TransportError,
    /// The connection ended before a byte came over it: perhaps it had ended long before.
    pub(super) stale: bool,
    /// The fault lies in the batch alone.
    pub(super) connection_is_good: bool,
}

impl Connection {
    pub(super) fn new(stream: Stream, options: &Options) -> Self {
        Self {
            stream,
            expires: options.connection_ttl.and_then(|ttl| Instant::now().checked_add(ttl)),
            session: ClientSession::new(options.client.clone()),
            input: BytesMut::new(),
            next_token: 0,
            credited: 0,
            heard: false,
            broken: None,
        }
    }

    /// Whether its time is over. Each connection is good for one window at least.
    pub(super) fn is_expired(&self) -> bool {
        self.next_token > 0 && self.expires.is_some_and(|at| Instant::now() >= at)
    }

    /// Looks at an idle connection; `None` if the peer has closed it, or its time is over.
    pub(super) fn if_alive(mut self) -> Option<Self> {
        if self.is_expired() {
            return None;
        }
        self.read_ready(Instant::now());
        while self.session.poll_event().is_some() {}
        (!self.session.is_closed()).then_some(self)
    }

    /// Sends what remains of the batch and waits for its acknowledgement; leaves the rest when the time of
    /// the connection is over.
    pub(super) fn deliver(
        &mut self,
        batch: &mut Batch<'_>,
        options: &Options,
        slow_start: &mut Option<SlowStart>,
        write_timeout: Duration,
        interrupt: &Interrupt,
    ) -> Result<(), Undelivered> {
        self.heard = false;
        let mut sent = batch.acknowledged();
        let mut refused = None;
        while !batch.is_done() {
            let expired = self.is_expired();
            while refused.is_none() && !expired && self.session.can_send() {
                match self.send_segment(batch, sent, options, slow_start.as_ref()) {
                    Ok(Some(events)) => sent += events,
                    Ok(None) => break,
                    // What is on its way already is still waited for, so that it need not be repeated.
                    Err(error) => refused = Some(error),
                }
                // Before the next window is made: the peer has something to do meanwhile, and there is never more
                // than one in memory.
                self.write_all(batch, slow_start, write_timeout, interrupt)
                    .map_err(|error| self.undelivered(error))?;
            }
            if self.session.in_flight() == 0
                && let Some(error) = refused
            {
                return Err(Undelivered { error, stale: false, connection_is_good: true });
            }
            if self.session.in_flight() == 0 && expired {
                return Ok(());
            }
            if !batch.is_done() {
                self.wait(batch, slow_start, interrupt).map_err(|error| self.undelivered(error))?;
            }
        }
        Ok(())
    }

    fn undelivered(&mut self, error: TransportError) -> Undelivered {
        let stale = self.broken.is_some() && !self.heard;
        let error = match self.broken.take() {
            Some(cause) => because(error, cause),
            None => error,
        };
        Undelivered { error, stale, connection_is_good: false }
    }

    /// Makes the window at event `at`, to be written; tells how many events it has.
    fn send_segment(
        &mut self,
        batch: &mut Batch<'_>,
        at: u64,
        options: &Options,
        slow_start: Option<&SlowStart>,
    ) -> Result<Option<u64>, TransportError> {
        let most = slow_start.map_or(usize::MAX, SlowStart::size);
        let max_events = options.max_window_events.min(most);
        let Some(mut segment) = batch.segment(at, max_events).map_err(damaged)? else {
            return Ok(None);
        };
        if matches!(segment, Segment::Window(window) if window.events() as usize > most) {
            segment = Segment::Events(batch.events_at(at, max_events).map_err(damaged)?);
        }
        let now = Instant::now();
        let token = self.next_token;
        let events = match segment {
            Segment::Window(window) => {
                self.session.send_window(token, window, now).map_err(unsendable)?;
                u64::from(window.events())
            }
            Segment::Events(events) => {
                let lengths = events.iter().map(bytes::Bytes::len);
                let count = window_prefix(lengths, max_events, options.max_window_bytes);
                self.session.send(token, events.iter().take(count), now).map_err(unsendable)?;
                count as u64
            }
        };
        self.next_token += 1;
        Ok(Some(events))
    }

    /// Writes what there is to write, reading what comes in while the peer does not take it.
    fn write_all(
        &mut self,
        batch: &mut Batch<'_>,
        slow_start: &mut Option<SlowStart>,
        write_timeout: Duration,
        interrupt: &Interrupt,
    ) -> Result<(), TransportError> {
        let mut last_progress = Instant::now();
        loop {
            let output = self.session.peek_transmit();
            if output.is_empty() {
                break;
            }
            check(interrupt)?;
            match self.stream.write(output) {
                Ok(0) => return Err(self.lost(IoErrorKind::WriteZero.into())),
                Ok(written) => {
                    self.session.consume_transmit(written);
                    last_progress = Instant::now();
                }
                Err(error) if is_pause(&error) => {
                    let now = Instant::now();
                    // A peer that is busy with an earlier window reads nothing, but says so; for how
                    // long that is good enough, the timers of the session know.
                    if self.read_ready(now) {
                        last_progress = now;
                    }
                    self.fire_timers(now);
                    self.settle(batch, slow_start)?;
                    if now.duration_since(last_progress) >= write_timeout {
                        let text = "the peer takes nothing of what is written, within the write timeout";
                        return Err(TransportError::new(ErrorKind::Unavailable, text));
                    }
                }
                Err(error) => {
                    // The peer may have said before it closed how far it came, or why.
                    self.read_ready(Instant::now());
                    if !self.broken.as_ref().is_some_and(is_refusal) {
                        self.broken = Some(error);
                    }
                    self.settle(batch, slow_start)?;
                    return Err(TransportError::new(ErrorKind::Unavailable, "connection failed"));
                }
            }
        }
        self.session.transmitted(Instant::now());
        Ok(())
    }

    /// Waits for something to arrive, at most one slice.
    fn wait(
        &mut self,
        batch: &mut Batch<'_>,
        slow_start: &mut Option<SlowStart>,
        interrupt: &Interrupt,
    ) -> Result<(), TransportError> {
        check(interrupt)?;
        let now = Instant::now();
        let timeout = self.session.poll_timeout().map(|deadline| deadline.saturating_duration_since(now));
        self.stream
            .set_read_timeout(timeout.unwrap_or(Interrupt::SLICE))
            .map_err(|error| self.lost(error))?;
        let result = self.read(Read::read);
        self.take(result, Instant::now());
        self.fire_timers(Instant::now());
        self.settle(batch, slow_start)
    }

    /// Reads what has arrived without waiting; tells whether there was something.
    fn read_ready(&mut self, now: Instant) -> bool {
        let result = self.read(Stream::read_ready);
        self.take(result, now)
    }

    /// Hands the outcome of a read to the session; tells whether there was one.
    fn take(&mut self, result: io::Result<usize>, now: Instant) -> bool {
        match result {
            Ok(0) => {
                self.broken =
                    Some(io::Error::new(IoErrorKind::UnexpectedEof, "the peer closed the connection"));
                self.session.receive_eof(now);
            }
            Ok(_) => {
                self.heard = true;
                self.session.receive(&mut self.input, now);
            }
            Err(error) if is_pause(&error) => return false,
            Err(error) => {
                self.broken = Some(error);
                self.session.receive_eof(now);
            }
        }
        true
    }

    fn fire_timers(&mut self, now: Instant) {
        if self.session.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.session.handle_timeout(now);
        }
    }

    fn lost(&mut self, error: io::Error) -> TransportError {
        self.broken = Some(error);
        TransportError::new(ErrorKind::Unavailable, "connection failed")
    }

    fn read(&mut self, read: fn(&mut Stream, &mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        let mut buffer = [0; READ];
        let length = read(&mut self.stream, &mut buffer)?;
        self.input.extend_from_slice(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }

    /// Credits the batch with what was acknowledged.
    fn settle(
        &mut self,
        batch: &mut Batch<'_>,
        slow_start: &mut Option<SlowStart>,
    ) -> Result<(), TransportError> {
        while let Some(event) = self.session.poll_event() {
            match event {
                ClientEvent::Progress { acknowledged, .. } => {
                    batch.acknowledge(u64::from(acknowledged - self.credited));
                    self.credited = acknowledged;
                }
                ClientEvent::Acknowledged { events, .. } => {
                    batch.acknowledge(u64::from(events - self.credited));
                    self.credited = 0;
                    if let Some(slow_start) = slow_start {
                        slow_start.succeeded(events as usize);
                    }
                }
                ClientEvent::Closed { reason } => return Err(closed(&reason)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Nothing is in flight between batches, so closing loses nothing.
    pub(super) fn close(self, interrupt: &Interrupt) {
        self.stream.close(CLOSE_TIMEOUT, interrupt);
    }
}

fn check(interrupt: &Interrupt) -> Result<(), TransportError> {
    if interrupt.is_raised() {
        return Err(TransportError::new(ErrorKind::Unavailable, "interrupted while waiting for the peer"));
    }
    Ok(())
}

/// An error with what the connection says about it.
pub(super) fn because(error: TransportError, cause: io::Error) -> TransportError {
    if is_refusal(&cause) { refused(cause) } else { error.caused_by(cause) }
}

fn damaged(error: DecodeError) -> TransportError {
    TransportError::new(ErrorKind::Rejected, "window cannot be read back").caused_by(error)
}

fn unsendable(error: EncodeError) -> TransportError {
    TransportError::new(ErrorKind::Rejected, "events make no valid window").caused_by(error)
}

pub(super) fn closed(reason: &CloseReason) -> TransportError {
    let hint = match reason {
        CloseReason::Error(SessionError::Decode(error)) => error.kind().hint(),
        _ => None,
    };
    let kind = match hint {
        // A peer of another protocol will not learn this one.
        Some(Hint::Http | Hint::Tls) => ErrorKind::Misconfigured,
        _ => ErrorKind::Unavailable,
    };
    TransportError::new(kind, format!("connection ended: {reason}"))
}

/// How long a peer may take to close its side too.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Acknowledgements are six bytes; this is hundreds of them.
const READ: usize = 4096;
