//! Inputs: listeners, and what they share with their connections.

mod beats;
mod budget;
mod buffers;
mod connection;
mod datagram;
mod document;
mod lines;
mod listener;
mod pace;
mod peers;
mod proxy_protocol;
mod socket;
mod tls;
mod windows;

use super::config::{Carrier, InputConfig, Listen, Protocol};
use super::counters::{Counters, InputStats};
use super::error::RelayError;
use super::pickle::{Pickle, PickleError, PickleLimits, PythonRecord};
use super::problems::Problems;
use super::record::{Content, Record, Tags};
use super::router::{Dispatcher, Held, Router};
use super::source::{Labels, Source};
use super::syslog::SyslogParser;
use super::tls_peer::TlsPeer;
use budget::Budget;
use buffers::Buffers;
use peers::Peers;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;
use tokio::net::{TcpListener, UdpSocket, lookup_host};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// An input at work.
pub(crate) struct Input {
    shared: Arc<Shared>,
    address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    work: Mutex<Work>,
}

/// How far an input is.
enum Work {
    Bound(Bound),
    Running(JoinHandle<()>),
    Ended,
}

/// A socket on which nobody listens yet.
enum Bound {
    Datagrams(socket::Socket),
    Stream(TcpListener),
}

/// What an input and its connections have in common.
struct Shared {
    config: InputConfig,
    labels: Arc<Labels>,
    router: Arc<Router>,
    counters: Arc<Counters>,
    syslog: SyslogParser,
    problems: Arc<Problems>,
    /// With the certificates of the moment.
    acceptor: RwLock<Option<tls::Acceptor>>,
    /// Places for connections.
    places: Arc<Semaphore>,
    peers: Arc<Peers>,
    /// For windows of Beats.
    budget: Arc<Budget>,
    buffers: Arc<Buffers>,
    stop: watch::Receiver<bool>,
}

impl Input {
    /// Does all that can fail, and takes nothing yet.
    pub(crate) async fn bind(
        name: &str,
        config: &InputConfig,
        router: &Arc<Router>,
        problems: &Arc<Problems>,
    ) -> Result<Self, RelayError> {
        let failed = |what: String| RelayError::new(format!("input {name:?}: {what}"));
        let acceptor = acceptor(name, config)?;
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            config: config.clone(),
            labels: Arc::new(Labels {
                name: name.to_owned(),
                message_type: config.message_type().to_owned(),
                tags: config.tags().to_vec(),
            }),
            router: Arc::clone(router),
            counters: Arc::default(),
            syslog: config.syslog(),
            problems: Arc::clone(problems),
            acceptor: RwLock::new(acceptor),
            places: Arc::new(Semaphore::new(config.max_connections())),
            peers: Arc::new(Peers::new(config.max_connections_per_peer())),
            budget: Arc::new(Budget::new(config.max_memory())),
            buffers: Arc::default(),
            stop: stopped,
        });
        let listen = &config.listen;
        let cannot = |error| failed(format!("cannot listen on {listen}")).caused_by(error);
        let addresses = || async {
            let found = lookup_host((listen.host(), listen.port())).await.map_err(cannot)?;
            Ok::<_, RelayError>(found.collect::<Vec<_>>())
        };
        let (address, bound) = match listen.carrier() {
            Carrier::Tcp | Carrier::Tls => {
                let socket = TcpListener::bind(&*addresses().await?).await.map_err(cannot)?;
                let address = socket.local_addr().map_err(cannot)?;
                (Some(address), Bound::Stream(socket))
            }
            Carrier::Udp => {
                let socket = UdpSocket::bind(&*addresses().await?).await.map_err(cannot)?;
                let address = socket.local_addr().map_err(cannot)?;
                if let Some(bytes) = config.receive_buffer() {
                    let granted = socket::set_receive_buffer(&socket, bytes).map_err(cannot)?;
                    if granted < bytes {
                        let text = format!(
                            "the system grants {granted} of the {bytes} bytes of receive_buffer: on Linux, raise \
                             net.core.rmem_max"
                        );
                        problems.tell(&format!("input {name}"), &text);
                    }
                }
                (Some(address), Bound::Datagrams(socket::Socket::udp(socket)))
            }
            Carrier::Unix => (None, Bound::Datagrams(socket::Socket::unix(listen.path()).map_err(cannot)?)),
        };
        Ok(Self { shared, address, stop, work: Mutex::new(Work::Bound(bound)) })
    }

    /// Takes what comes. Nothing where it does so already.
    pub(crate) fn run(&self) {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = || Arc::clone(&self.shared);
        *work = match std::mem::replace(&mut *work, Work::Ended) {
            Work::Bound(Bound::Datagrams(socket)) => {
                Work::Running(tokio::spawn(datagram::run(socket, shared())))
            }
            Work::Bound(Bound::Stream(socket)) => {
                Work::Running(tokio::spawn(listener::run(socket, shared())))
            }
            other => other,
        };
    }

    pub(crate) fn config(&self) -> &InputConfig {
        &self.shared.config
    }

    /// Where it listens, with the port that the system chose.
    pub(crate) const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether it may be the one that has an address.
    pub(crate) fn may_have(&self, listen: &Listen) -> bool {
        match self.address {
            Some(address) => address.port() == listen.port(),
            None => self.config().listen.path() == listen.path(),
        }
    }

    pub(crate) fn stats(&self) -> InputStats {
        self.shared.counters.stats()
    }

    /// Reads certificates and keys again, for the connections that come from now on.
    pub(crate) fn renew_certificate(&self) -> Result<(), RelayError> {
        let renewed = acceptor(&self.shared.labels.name, &self.shared.config)?;
        *self.shared.acceptor.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    /// Stops to listen and to read; what is in hand is handed on.
    pub(crate) fn tell_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Stops, and waits until the address is free again.
    pub(crate) async fn stop_listening(&self) {
        self.tell_to_stop();
        let work =
            std::mem::replace(&mut *self.work.lock().unwrap_or_else(PoisonError::into_inner), Work::Ended);
        if let Work::Running(task) = work {
            // One that panicked has ended too.
            let _ = task.await;
        }
    }

    /// Stops, and waits until all connections have ended.
    pub(crate) async fn stop(&self) {
        self.stop_listening().await;
        let all = u32::try_from(self.shared.config.max_connections()).unwrap_or(u32::MAX);
        drop(self.shared.places.acquire_many(all).await);
    }
}

impl Shared {
    fn acceptor(&self) -> Option<tls::Acceptor> {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn dispatcher(&self, source: Source) -> Dispatcher {
        let (router, counters) = (Arc::clone(&self.router), Arc::clone(&self.counters));
        Dispatcher::new(router, source, counters, self.stop.clone())
    }

    fn source(&self, peer: Option<SocketAddr>, tls: Option<TlsPeer>) -> Source {
        Source::new(Arc::clone(&self.labels), peer, tls.map(Arc::new))
    }

    /// Sends a message as what it is to this input.
    fn send(
        &self,
        dispatcher: &mut Dispatcher,
        text: &[u8],
        received: SystemTime,
        mut tags: Tags,
        held: Option<&mut Vec<Held>>,
    ) {
        let pickle;
        let content = match self.config.listen.protocol() {
            Protocol::Beats | Protocol::Lines => Content::Line,
            Protocol::Json if document::is_object(text) => Content::Document,
            Protocol::Json => {
                self.counters.unparsed.add(1);
                tags.add(document::UNPARSED);
                Content::Line
            }
            Protocol::Python => {
                pickle = Pickle::decode(text, &PickleLimits::new());
                match pickle.as_ref().map_err(Clone::clone).and_then(PythonRecord::new) {
                    Ok(record) => Content::Python(record),
                    Err(error) => return self.refuse(dispatcher, &error, received, tags, held),
                }
            }
            Protocol::Syslog => {
                let message = self.syslog.parse(text, received);
                self.counters.unparsed.add(message.defect.is_some().into());
                Content::Syslog(message)
            }
        };
        dispatcher.send(&Record { text, content, received, tags }, held);
    }

    /// Says instead of a record of Python why there is none: nobody could read what came.
    fn refuse(
        &self,
        dispatcher: &mut Dispatcher,
        error: &PickleError,
        received: SystemTime,
        mut tags: Tags,
        held: Option<&mut Vec<Held>>,
    ) {
        self.counters.unparsed.add(1);
        tags.add("_pickle_refused");
        let text = format!("a record of Python was refused: {error}");
        self.problem(&text);
        dispatcher.send(&Record { text: text.as_bytes(), content: Content::Line, received, tags }, held);
    }

    fn problem(&self, text: &str) {
        self.problems.tell(&format!("input {}", self.labels.name), text);
    }
}

fn acceptor(name: &str, config: &InputConfig) -> Result<Option<tls::Acceptor>, RelayError> {
    let acceptor = config.tls().map(|config| tls::Acceptor::new(&config)).transpose();
    acceptor.map_err(|error| {
        RelayError::new(format!("input {name:?}: cannot use its certificate")).caused_by(error)
    })
}

/// Waits until the input is stopped.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Without an input it is stopped as well.
    let _ = stop.wait_for(|is_stopped| *is_stopped).await;
}
