use super::connection;
use super::state::{State, Step};
use bytes::Bytes;
use lumberjack_codec::ServerConfig;
use socket2::{Domain, Socket, Type};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A Beats receiver on a loopback port.
///
/// It stops, and closes its connections, when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Mutex<Option<JoinHandle<()>>>,
    /// Keeps the port while nobody listens there, so that the system gives it to no connection of another.
    reserved: Mutex<Option<Socket>>,
}

impl Receiver {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub fn start() -> io::Result<Self> {
        ReceiverOptions::new().start()
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says what to do with the next windows, one step for each, behind those already there.
    pub fn script(&self, steps: impl IntoIterator<Item = Step>) {
        self.shared.state.update(|state| state.script.extend(steps));
    }

    /// The events of all windows that were kept, in order of arrival.
    #[must_use]
    pub fn events(&self) -> Vec<Bytes> {
        self.shared.state.lock().events.clone()
    }

    /// How many events were kept.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.shared.state.lock().received
    }

    /// How many events were acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.shared.state.lock().acknowledged
    }

    /// How many windows were kept.
    #[must_use]
    pub fn windows(&self) -> u64 {
        self.shared.state.lock().windows
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.state.lock().connections
    }

    /// Waits until at least this many events were kept; `false` if that takes too long.
    #[must_use]
    pub fn wait_for(&self, events: u64, timeout: Duration) -> bool {
        self.shared.state.wait_until(timeout, |state| state.received >= events)
    }

    /// Waits until at least this many connections were accepted; `false` if that takes too long.
    #[must_use]
    pub fn wait_for_connections(&self, connections: u64, timeout: Duration) -> bool {
        self.shared.state.wait_until(timeout, |state| state.connections >= connections)
    }

    /// Keeps windows without acknowledging them until [`release`](Self::release); keepalives go out.
    pub fn hold(&self) {
        self.shared.state.update(|state| state.hold = true);
    }

    /// Acknowledges what is held, and goes on acknowledging.
    pub fn release(&self) {
        self.shared.state.update(|state| state.hold = false);
    }

    /// Closes all connections; new ones are accepted.
    pub fn drop_connections(&self) {
        self.shared.state.update(|state| state.epoch += 1);
        self.wait_for_silence();
    }

    /// Goes away: closes the port and all connections. Connecting is refused afterwards.
    pub fn go_away(&self) {
        self.shared.state.update(|state| {
            state.stopped = true;
            state.epoch += 1;
        });
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(listener) = listener {
            // Its loop looks at the flag every few milliseconds.
            let _ = listener.join();
        }
        *self.reserved.lock().unwrap_or_else(PoisonError::into_inner) = reserve(self.address);
        self.wait_for_silence();
    }

    /// Comes back on the same port, with all that it had received.
    ///
    /// # Errors
    ///
    /// When the port is taken by now.
    pub fn come_back(&self) -> io::Result<()> {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if listener.is_none() {
            let socket = TcpListener::bind(self.address);
            *self.reserved.lock().unwrap_or_else(PoisonError::into_inner) = None;
            let socket = socket?;
            self.shared.state.update(|state| state.stopped = false);
            *listener = Some(accept(socket, &self.shared)?);
        }
        Ok(())
    }

    fn wait_for_silence(&self) {
        let _ = self.shared.state.wait_until(Duration::from_secs(5), |state| state.open_connections == 0);
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.go_away();
    }
}

/// How a [`Receiver`] listens and what it does with events.
pub struct ReceiverOptions {
    address: SocketAddr,
    server: ServerConfig,
    sink: Option<Sink>,
}

impl ReceiverOptions {
    /// A free port of 127.0.0.1, the defaults of [`ServerConfig`], events kept in memory.
    #[must_use]
    pub fn new() -> Self {
        Self { address: (Ipv4Addr::LOCALHOST, 0).into(), server: ServerConfig::new(), sink: None }
    }

    /// Sets the address to listen on.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Sets what is accepted, and the timers, keepalives among them.
    #[must_use]
    pub fn server(mut self, server: ServerConfig) -> Self {
        self.server = server;
        self
    }

    /// Hands the events of each complete window to `sink`, before it is acknowledged, instead of
    /// keeping them in memory.
    #[must_use]
    pub fn sink(mut self, sink: impl FnMut(&[Bytes]) + Send + 'static) -> Self {
        self.sink = Some(Box::new(sink));
        self
    }

    /// Starts.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub fn start(self) -> io::Result<Receiver> {
        let socket = TcpListener::bind(self.address)?;
        let address = socket.local_addr()?;
        let sink = Mutex::new(self.sink);
        // They go out only where the script says so.
        let server = self.server.partial_acks(true);
        let shared = Arc::new(Shared { state: State::default(), server, sink });
        let listener = Mutex::new(Some(accept(socket, &shared)?));
        Ok(Receiver { address, shared, listener, reserved: Mutex::default() })
    }
}

impl Default for ReceiverOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ReceiverOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverOptions").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Takes the events of a complete window.
pub type Sink = Box<dyn FnMut(&[Bytes]) + Send>;

/// What the listener and the connections of a receiver share.
pub(super) struct Shared {
    pub(super) state: State,
    pub(super) server: ServerConfig,
    pub(super) sink: Mutex<Option<Sink>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("state", &self.state).finish_non_exhaustive()
    }
}

fn accept(socket: TcpListener, shared: &Arc<Shared>) -> io::Result<JoinHandle<()>> {
    // There is no portable way to end a blocking accept.
    socket.set_nonblocking(true)?;
    let shared = Arc::clone(shared);
    thread::Builder::new().name("beats-receiver".into()).spawn(move || {
        while !shared.state.lock().stopped {
            match socket.accept() {
                Ok((stream, _)) => connection::spawn(stream, &shared),
                Err(_) => thread::sleep(POLL),
            }
        }
    })
}

/// Takes an address without listening there. Where the system cannot share it with the listener that comes back, it is
/// left free; and a port that somebody was quicker to take shows when that listener is bound.
fn reserve(address: SocketAddr) -> Option<Socket> {
    if cfg!(windows) {
        return None;
    }
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).ok()?;
    socket.set_reuse_address(true).ok()?;
    socket.bind(&address.into()).ok()?;
    Some(socket)
}

/// How long a stop or a new connection may go unnoticed.
const POLL: Duration = Duration::from_millis(2);
