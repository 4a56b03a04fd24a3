//! Ways to Logstash behind one trait.
//!
//! A [`Transport`] delivers a [`Batch`] of events in order and blocks until the peer has taken them
//! over, or until something fails; how far it came is in the batch. It keeps no queue, starts no
//! runtime, retries nothing by itself (a connection that was closed while it was idle is replaced) and
//! knows nothing of what is in an event: it moves bytes.
//! Queueing, backoff and threads are the business of `logstash-handler`.
//!
//! | transport | acknowledged means | feature |
//! | --- | --- | --- |
//! | [`BeatsTransport`] | the peer's acknowledgement for that event | `beats` |
//! | [`TcpTransport`] | written, and the connection found alive before and after | `tcp` |
//! | [`UdpTransport`] | handed to the system | `udp` |
//! | [`FileTransport`] | written to the file, on the disk by policy | `file` |
//! | [`HttpTransport`] | the status of the answer to its request | `http` |
//! | [`RedisTransport`] | the server's reply to its command | `redis` |
//! | [`StdoutTransport`] | written | `stdout` |
//! | [`DiscardTransport`] | thrown away, for trials and measurements | |
//! | [`Failover`], [`Balance`] | what it means for the member that took the event | |
//!
//! What each of them can lose or repeat, and when, stands on its page.
//!
//! [`Endpoint::into_transport`] makes the transport that an address names, such as
//! `beats+tls://logstash.example` or `file:events.log`. [`Transport::probe`] tries the way to the peer step
//! by step, and says what to do where it ends.
//!
//! # Errors
//!
//! Every error has a [kind](ErrorKind) that says what to do, a message with all causes ([`error_chain`]), and
//! often [advice](TransportError::advice) for a human. Events that were acknowledged before it stay so.
//!
//! | kind | what to do | where it comes from, over any connection |
//! | --- | --- | --- |
//! | [`Unavailable`](ErrorKind::Unavailable) | try again, with backoff | the name cannot be resolved; no address answers; refused, reset or closed; any timeout; the handshake breaks off; a proxy cannot reach the peer; an [`Interrupt`] |
//! | [`Throttled`](ErrorKind::Throttled) | wait as long as it says | the peer or the disk has no room or no time; see [`HttpTransport`], [`RedisTransport`], [`FileTransport`] |
//! | [`Rejected`](ErrorKind::Rejected) | narrow down to the events at fault | an event that makes no valid window, datagram or body; a stored window that is damaged; the peer refuses the content |
//! | [`Misconfigured`](ErrorKind::Misconfigured) | keep the events, say it loudly, try rarely | a certificate or key that cannot be read or used; a peer whose certificate is not trusted, or that does not trust ours; no version of TLS in common; TLS where there is none, and the reverse; a proxy that wants other credentials or forbids the peer; credentials, paths and keys that the peer refuses |
//!
//! | in particular | kind |
//! | --- | --- |
//! | Beats: acknowledgement, progress or write timeout; an acknowledgement that fits no window; another frame or version | `Unavailable` |
//! | Beats: the peer answers in HTTP or TLS | `Misconfigured` |
//! | Beats: an event without content, or larger than 64 MiB | `Rejected` |
//! | TCP: the peer closes a new connection within the settle time | `Unavailable` |
//! | UDP: a machine answers that nobody listens; no route | `Unavailable` |
//! | UDP: larger than a datagram, and cannot be shortened | `Rejected` |
//!
//! # Example
//!
//! ```
//! # #[cfg(all(feature = "beats", feature = "testing"))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use logstash_transport::testing::Receiver;
//! use logstash_transport::{Batch, BeatsTransport, Transport};
//!
//! let receiver = Receiver::start()?; // or a Logstash with a beats input
//! let mut transport = BeatsTransport::new(&receiver.address().to_string())?;
//!
//! let mut batch = Batch::from_events([r#"{"message":"one"}"#, r#"{"message":"two"}"#]);
//! transport.send(&mut batch)?;
//! assert!(batch.is_done());
//! assert_eq!(receiver.events(), [r#"{"message":"one"}"#, r#"{"message":"two"}"#]);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "beats", feature = "testing")))]
//! # fn main() {}
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod balance;
pub use balance::{Balance, Strategy};

mod batch;
pub use batch::{Batch, Segment};

#[cfg(feature = "beats")]
mod beats;
#[cfg(feature = "beats")]
pub use beats::BeatsTransport;

#[cfg(feature = "serde")]
mod config;
#[cfg(feature = "serde")]
pub use config::TransportConfig;

mod discard;
pub use discard::DiscardTransport;

mod endpoint;
pub use endpoint::{Endpoint, EndpointError, EndpointPart, Scheme, TransportOptions};

mod error;
pub use error::{ErrorKind, TransportError, error_chain};

mod failover;
pub use failover::Failover;

#[cfg(feature = "file")]
mod file;
#[cfg(feature = "file")]
pub use file::{FileSync, FileTransport};

#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http")]
pub use http::{HttpBody, HttpTransport};

#[cfg(feature = "serde")]
pub mod human;

mod interrupt;
pub use interrupt::Interrupt;

#[cfg(any(feature = "file", feature = "stdout", feature = "tcp"))]
mod lines;

mod members;

mod probe;
pub use probe::{ProbeReport, ProbeStep};

#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
pub use redis::{RedisTransport, RedisType};

#[cfg(feature = "stdout")]
mod stdout;
#[cfg(feature = "stdout")]
pub use stdout::StdoutTransport;

#[cfg(feature = "_stream")]
mod stream;
#[cfg(feature = "_stream")]
pub use stream::{ConnectionOptions, Socks5Proxy};

#[cfg(feature = "tcp")]
mod tcp;
#[cfg(feature = "tcp")]
pub use tcp::TcpTransport;

#[cfg(feature = "testing")]
pub mod testing;

#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
pub use tls::{
    ClientAuth, PeerCertificate, TlsConfig, TlsError, TlsErrorKind, TlsServerConfig, TlsVersion, Verification,
};

mod transport;
pub use transport::Transport;

#[cfg(feature = "udp")]
mod udp;
#[cfg(feature = "udp")]
pub use udp::{Oversize, UdpTransport};

/// The example of the README is a test too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
