//! Datagrams: an event in each. Nobody can be made to wait, so what finds no room is dropped and counted.

use super::socket::Socket;
use super::{Shared, document, stopped};
use crate::relay::config::Protocol;
use crate::relay::record::Tags;
use crate::relay::router::Dispatcher;
use crate::relay::text::without_end;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

/// Receives until the input is stopped, also after a datagram that makes the reader panic.
pub(super) async fn run(socket: Socket, shared: Arc<Shared>) {
    let socket = Arc::new(socket);
    loop {
        let receiving = tokio::spawn(receive(Arc::clone(&socket), Arc::clone(&shared)));
        if receiving.await.is_ok() {
            return;
        }
        shared.counters.failed_connections.add(1);
        shared.problem("a datagram made the reader panic, and is lost");
    }
}

async fn receive(socket: Arc<Socket>, shared: Arc<Shared>) {
    let mut stop = shared.stop.clone();
    let mut datagrams = Datagrams::new(&shared);
    let mut look = interval_at(Instant::now() + LOOK, LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let readable = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            readable = socket.readable() => readable,
            // Where nothing comes, nothing is dropped.
            _ = look.tick(), if datagrams.is_unlooked => {
                datagrams.is_unlooked = false;
                datagrams.count_drops(&socket);
                continue;
            }
        };
        if readable.is_err() || !datagrams.receive(&socket) {
            // Such as a full table of the system; what is wrong with it for good shows in the problems.
            sleep(PAUSE).await;
        }
        tokio::task::yield_now().await;
    }
    for _ in 0..LAST_TURNS {
        datagrams.receive(&socket);
    }
    datagrams.count_drops(&socket);
}

struct Datagrams<'s> {
    shared: &'s Shared,
    dispatcher: Dispatcher,
    peer: Option<SocketAddr>,
    buffer: Box<[u8]>,
    /// Whether something came since it was looked what the system has dropped.
    is_unlooked: bool,
}

impl<'s> Datagrams<'s> {
    fn new(shared: &'s Shared) -> Self {
        // One byte more, to see what is too long.
        let buffer = vec![0; LARGEST.max(shared.config.max_length()) + 1].into_boxed_slice();
        let dispatcher = shared.dispatcher(shared.source(None, None));
        Self { shared, dispatcher, peer: None, buffer, is_unlooked: false }
    }

    /// Takes what is there, within reason; `false` when the socket failed.
    fn receive(&mut self, socket: &Socket) -> bool {
        self.dispatcher.refresh();
        self.is_unlooked = true;
        let received = SystemTime::now();
        for _ in 0..AT_ONCE {
            match socket.try_receive(&mut self.buffer) {
                Ok((length, peer)) => self.take(length, peer, received),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                // Somebody whom this socket never sent to says that nobody listens there.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => {
                    self.shared.problem(&format!("cannot receive: {error}"));
                    return false;
                }
            }
        }
        true
    }

    fn take(&mut self, length: usize, peer: Option<SocketAddr>, received: SystemTime) {
        let counters = &self.shared.counters;
        if !self.shared.config.allows(peer.map(|peer| peer.ip())) {
            counters.not_allowed.add(1);
            return;
        }
        counters.bytes.add(length as u64);
        if self.peer != peer {
            self.dispatcher.turn_to(self.shared.source(peer, None));
            self.peer = peer;
        }
        let most = self.shared.config.max_length();
        let mut tags = Tags::default();
        if length > most {
            counters.truncated.add(1);
            counters.truncated_bytes.add((length - most) as u64);
            tags.add(TRUNCATED);
        }
        let text = self.buffer.get_mut(..length.min(most)).unwrap_or_default();
        let text = match self.shared.config.listen.protocol() {
            // The length is there as in a stream, and says nothing that the datagram does not.
            Protocol::Python => text.get(4..).unwrap_or_default(),
            Protocol::Json => {
                document::on_one_line(text);
                text.trim_ascii_end()
            }
            Protocol::Beats | Protocol::Lines | Protocol::Syslog => without_end(text),
        };
        // As an empty line of a stream, a datagram without a message is none.
        if !text.is_empty() || self.shared.config.listen.protocol() == Protocol::Python {
            self.shared.send(&mut self.dispatcher, text, received, tags, None);
        }
    }

    fn count_drops(&self, socket: &Socket) {
        if let Some(count) = socket.drops() {
            self.shared.counters.kernel_drops.set(count);
        }
    }
}

const TRUNCATED: &str = "_message_truncated";

/// No datagram of UDP is larger; those of the file system may be.
const LARGEST: usize = 64 * 1024;

/// Datagrams that are taken before others get their turn.
const AT_ONCE: usize = 256;

/// How often an input that stops looks for what the system still holds: a few thousand datagrams, as a rule.
const LAST_TURNS: usize = 64;

/// How often it is looked what the system has dropped.
const LOOK: Duration = Duration::from_secs(1);

const PAUSE: Duration = Duration::from_millis(100);
