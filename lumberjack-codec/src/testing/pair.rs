use super::wire::{Item, Wire};
use crate::client::{ClientConfig, ClientEvent, ClientSession};
use crate::server::{ServerConfig, ServerEvent, ServerSession};
use bytes::BytesMut;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A client session and a server session that are connected, and the time that passes for them.
///
/// Call what you like on [`client`](Self::client) and [`server`](Self::server), with
/// [`now`](Self::now) for the time; then let things happen with [`settle`](Self::settle),
/// [`run_for`](Self::run_for) or [`step`](Self::step) and look at the events. Bytes leave a session
/// at the beginning of the next of these calls. As a real driver would, the rig fires timers before
/// it delivers the bytes of the same instant, reads only while
/// [`wants_read`](ServerSession::wants_read), and closes the connection of a session that is over.
#[derive(Debug)]
pub struct Pair {
    /// The sending side.
    pub client: ClientSession,
    /// The receiving side.
    pub server: ServerSession,
    to_server: Wire,
    to_client: Wire,
    client_events: VecDeque<ClientEvent>,
    server_events: VecDeque<ServerEvent>,
    start: Instant,
    now: Instant,
}

/// One of the two directions of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "a connection has two directions")]
pub enum Direction {
    /// Acknowledgements.
    ToClient,
    /// Windows.
    ToServer,
}

impl Pair {
    /// A connection that was just opened: no latency, nothing is cut.
    #[must_use]
    pub fn new(client: ClientConfig, server: ServerConfig) -> Self {
        let start = Instant::now();
        Self {
            client: ClientSession::new(client),
            server: ServerSession::new(server, start),
            to_server: Wire::new(1),
            to_client: Wire::new(2),
            client_events: VecDeque::new(),
            server_events: VecDeque::new(),
            start,
            now: start,
        }
    }

    /// Sets how long bytes are on their way, in each direction. Default: 0.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.to_server.set_latency(latency);
        self.to_client.set_latency(latency);
        self
    }

    /// Sets how much longer than the latency they may take, at random. Order is kept. Default: 0.
    #[must_use]
    pub fn jitter(mut self, jitter: Duration) -> Self {
        self.to_server.set_jitter(jitter);
        self.to_client.set_jitter(jitter);
        self
    }

    /// Sets the largest piece in bytes in which what was written at once arrives; the length of
    /// each is drawn at random, at least 1. Default: it arrives whole.
    #[must_use]
    pub fn pieces_of(mut self, bytes: usize) -> Self {
        self.to_server.set_piece(bytes);
        self.to_client.set_piece(bytes);
        self
    }

    /// Breaks the connection when so many bytes, counted from now, have passed in a direction.
    ///
    /// They still arrive; then both sides see the end of the stream, and what was on its way in the
    /// other direction is lost.
    #[must_use]
    pub fn cut_after(mut self, direction: Direction, bytes: u64) -> Self {
        self.wire(direction).set_budget(bytes);
        self
    }

    /// The time of the fake clock.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Time since the connection was opened.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Bytes that have arrived in a direction.
    #[must_use]
    pub const fn carried(&self, direction: Direction) -> u64 {
        match direction {
            Direction::ToClient => self.to_client.carried(),
            Direction::ToServer => self.to_server.carried(),
        }
    }

    /// The next event of the client that was not looked at.
    pub fn client_event(&mut self) -> Option<ClientEvent> {
        self.collect();
        self.client_events.pop_front()
    }

    /// The next event of the server that was not looked at.
    pub fn server_event(&mut self) -> Option<ServerEvent> {
        self.collect();
        self.server_events.pop_front()
    }

    /// Breaks the connection now: what is on its way is lost, both sides see the end of the stream.
    pub fn cut(&mut self) {
        self.to_server.cut();
        self.to_client.cut();
        self.client.receive_eof(self.now);
        self.server.receive_eof(self.now);
        self.collect();
    }

    /// Does the one next thing that is due at this instant; `false` when nothing is.
    pub fn step(&mut self) -> bool {
        self.collect();
        if self.fire() || self.deliver() {
            self.collect();
            return true;
        }
        false
    }

    /// When something will happen by itself: bytes arrive or a timer fires.
    #[must_use]
    pub fn next_time(&self) -> Option<Instant> {
        let timers = [self.client.poll_timeout(), self.server.poll_timeout()];
        timers.into_iter().flatten().chain(self.next_arrival()).min()
    }

    /// Lets time pass until everything that was written has arrived or waits for a server that does
    /// not read. Timers that are due on the way fire.
    pub fn settle(&mut self) {
        loop {
            while self.step() {}
            let Some(arrival) = self.next_arrival() else { return };
            self.pass_until(self.next_time().unwrap_or(arrival));
        }
    }

    /// Lets time pass: everything that is due until its end happens.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// Lets time pass until `end`: everything that is due until then happens.
    pub fn run_until(&mut self, end: Instant) {
        loop {
            while self.step() {}
            match self.next_time() {
                Some(time) if time <= end => self.pass_until(time),
                _ => break,
            }
        }
        self.pass_until(end);
    }

    fn pass_until(&mut self, time: Instant) {
        self.now = self.now.max(time);
    }

    /// When bytes arrive that somebody reads.
    fn next_arrival(&self) -> Option<Instant> {
        let to_server = self.to_server.next_arrival().filter(|_| self.server_reads());
        to_server.into_iter().chain(self.to_client.next_arrival()).min()
    }

    /// A closed session reads as well, to throw away what comes.
    fn server_reads(&self) -> bool {
        self.server.wants_read() || self.server.is_closed()
    }

    /// Takes events and bytes out of both sessions.
    fn collect(&mut self) {
        self.client_events.extend(std::iter::from_fn(|| self.client.poll_event()));
        self.server_events.extend(std::iter::from_fn(|| self.server.poll_event()));
        let mut bytes = BytesMut::new();
        if self.client.poll_transmit(&mut bytes) {
            self.client.transmitted(self.now);
            self.to_server.write(bytes.split(), self.now);
        }
        if self.server.poll_transmit(&mut bytes) {
            self.to_client.write(bytes.split(), self.now);
        }
        if self.client.is_closed() {
            self.to_server.end(self.now);
        }
        if self.server.is_closed() {
            self.to_client.end(self.now);
        }
    }

    fn fire(&mut self) -> bool {
        let client = self.client.poll_timeout().is_some_and(|at| at <= self.now);
        let server = self.server.poll_timeout().is_some_and(|at| at <= self.now);
        if client {
            self.client.handle_timeout(self.now);
        }
        if server {
            self.server.handle_timeout(self.now);
        }
        client || server
    }

    fn deliver(&mut self) -> bool {
        let for_server = if self.server_reads() { self.to_server.read(self.now) } else { None };
        let for_client = self.to_client.read(self.now);
        let any = for_server.is_some() || for_client.is_some();
        match for_server {
            Some(Item::Bytes(mut bytes)) => self.server.receive(&mut bytes, self.now),
            Some(Item::End) => self.server.receive_eof(self.now),
            Some(Item::Break) => self.cut(),
            None => {}
        }
        match for_client {
            Some(Item::Bytes(mut bytes)) => self.client.receive(&mut bytes, self.now),
            Some(Item::End) => self.client.receive_eof(self.now),
            Some(Item::Break) => self.cut(),
            None => {}
        }
        any
    }

    const fn wire(&mut self, direction: Direction) -> &mut Wire {
        match direction {
            Direction::ToClient => &mut self.to_client,
            Direction::ToServer => &mut self.to_server,
        }
    }
}
