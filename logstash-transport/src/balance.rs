mod addresses;
use addresses::Addresses;

mod resolver;
#[cfg(feature = "udp")]
pub(crate) use resolver::Resolver;
#[cfg(feature = "_stream")]
pub(crate) use resolver::{Lookup, system_lookup};

mod strategy;
use strategy::Chooser;
pub use strategy::Strategy;

use crate::batch::Batch;
use crate::endpoint::Endpoint;
use crate::error::TransportError;
use crate::interrupt::Interrupt;
use crate::members::{Members, Standing};
use crate::probe::ProbeReport;
use crate::transport::Transport;
use lumberjack_codec::Backoff;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Spreads batches over several transports.
///
/// **Acknowledged** means what it means for the member that took the event. Each batch goes to one
/// member, in order; batches that follow each other go to different ones, so that order holds per
/// member and not over all of them. When a member fails in the middle of a batch, another one goes on
/// behind the last event that was acknowledged; what the failed one had sent, but not yet got
/// acknowledged, is sent again.
///
/// A member that failed is left out for a time that doubles from 1 s up to 60 s
/// ([`exclusion`](Self::exclusion)). If all are left out, the one whose time comes first is tried. The
/// kind of an error follows the rules of [`Failover`](crate::Failover).
///
/// The members are given one by one, or are all addresses of a name, which is then looked up again by
/// interval and after failures ([`over_addresses`](Self::over_addresses)).
///
/// ```
/// # #[cfg(feature = "beats")]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use logstash_transport::{Balance, BeatsTransport, Strategy};
///
/// let transport = Balance::new(BeatsTransport::new("logstash-1")?)
///     .and(BeatsTransport::new("logstash-2")?)
///     .strategy(Strategy::LeastLatency);
///
/// // All addresses of a name.
/// let transport = Balance::over_addresses("beats://logstash.example".parse()?, BeatsTransport::to);
/// # let _ = transport;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "beats"))]
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct Balance {
    members: Members,
    chooser: Chooser,
    exclusion: Backoff,
    addresses: Option<Addresses>,
}

impl Balance {
    /// A transport with a first member.
    #[must_use]
    pub fn new(member: impl Transport + 'static) -> Self {
        Self::empty(None).and(member)
    }

    /// A transport over all addresses of the endpoint's host: `transport` makes a member of the
    /// endpoint with the address in the place of the name.
    ///
    /// The name is looked up when the first batch comes, then by interval and after failures, on a
    /// thread of its own. Members stay as long as their address does, up to 64. Over TLS and HTTP they ask
    /// for the name, at their address.
    #[must_use]
    pub fn over_addresses<T: Transport + 'static>(
        endpoint: Endpoint,
        mut transport: impl FnMut(Endpoint) -> T + Send + 'static,
    ) -> Self {
        Self::empty(Some(Addresses::new(endpoint, Box::new(move |endpoint| Box::new(transport(endpoint))))))
    }

    fn empty(addresses: Option<Addresses>) -> Self {
        let exclusion = Backoff::new();
        Self { members: Members::default(), chooser: Chooser::new(Strategy::default()), exclusion, addresses }
    }

    /// Adds a member. Beside those of [`over_addresses`](Self::over_addresses), it stays whatever the name
    /// means.
    #[must_use]
    pub fn and(mut self, member: impl Transport + 'static) -> Self {
        let name = format!("member {}", self.members.len() + 1);
        self.members.push(name, Box::new(member), standing(&self.exclusion));
        self
    }

    /// How a member is chosen. Default: round robin.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.chooser = Chooser::new(strategy);
        self
    }

    /// For how long a member that failed is left out. Default: from 1 s to 60 s.
    #[must_use]
    pub fn exclusion(mut self, backoff: Backoff) -> Self {
        self.members.reset(|| standing(&backoff));
        self.exclusion = backoff;
        self
    }

    /// How often the name of [`over_addresses`](Self::over_addresses) is looked up. After a failure of
    /// a member that happens sooner, but not more often than every 5 s, or than this. Default: 60 s.
    #[must_use]
    pub fn lookup_interval(mut self, interval: Duration) -> Self {
        self.addresses = self.addresses.map(|addresses| addresses.interval(interval));
        self
    }

    /// Time for which the first batch waits for the name to be looked up. Default: 10 s.
    #[must_use]
    pub fn lookup_timeout(mut self, timeout: Duration) -> Self {
        self.addresses = self.addresses.map(|addresses| addresses.timeout(timeout));
        self
    }

    /// Looks names up with `lookup`, which gets the host and the port, instead of the system's
    /// resolver. It is called on a thread of its own, and may take its time.
    #[must_use]
    pub fn lookup(
        mut self,
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        self.addresses = self.addresses.map(|addresses| addresses.lookup(lookup));
        self
    }

    /// Calls `listener` with each failure of a member: its place, from 0, and the error.
    #[must_use]
    pub fn on_failure(mut self, listener: impl FnMut(usize, &TransportError) + Send + 'static) -> Self {
        self.members.listen(Box::new(listener));
        self
    }

    /// Brings the members up to date with the addresses of the name.
    fn refresh(&mut self) -> Result<(), TransportError> {
        let Some(addresses) = &mut self.addresses else { return Ok(()) };
        addresses.refresh(&mut self.members, || standing(&self.exclusion))
    }
}

impl Transport for Balance {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        if batch.is_done() {
            return Ok(());
        }
        self.refresh()?;
        self.members.send(batch, &mut self.chooser).map(drop)
    }

    /// Probes every member. A step `failed` stands for a member that cannot be used; an error means
    /// that none can.
    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        self.refresh()?;
        self.members.probe()
    }

    fn close(&mut self) {
        self.members.close();
    }

    fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.members.interrupt_by(interrupt);
    }
}

/// A member has proven itself again when it has worked for as long as the first exclusion may last.
fn standing(exclusion: &Backoff) -> Standing {
    Standing::new(exclusion.clone(), STABLE_AFTER)
}

const STABLE_AFTER: Duration = Duration::from_secs(10);
