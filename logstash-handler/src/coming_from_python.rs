//! Every option of the handlers of python-logstash-async, and what it is here.
//!
//! The page of the same name in [`logstash_format`] has those of the formatters, and what differs in documents. Those
//! of pysyslog and pystash, which receive, are on the page of the module `relay`.
//!
//! # Example
//!
//! ```python
//! handler = AsynchronousLogstashHandler(
//!     'logstash.example', 5044, '/var/lib/shop/log.db',
//!     transport='logstash_async.transport.BeatsTransport',
//!     ssl_enable=True, ca_certs='/etc/ssl/logstash-ca.pem', event_ttl=86400)
//! handler.setFormatter(LogstashFormatter(extra_prefix='dev', tags=['eu']))
//! logging.getLogger().addHandler(handler)
//! ```
//!
//! ```no_run
//! # #[cfg(all(feature = "beats", feature = "log", feature = "sled"))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use logstash_handler::{BeatsTransport, Handler, LogstashFormatter, SledQueue};
//! use std::time::Duration;
//!
//! let transport = BeatsTransport::new("beats+tls://logstash.example:5044?tls_ca=/etc/ssl/logstash-ca.pem")?;
//! let formatter = LogstashFormatter::new().extra_prefix("dev").tags(["eu"]);
//! let (handler, guard) = Handler::builder(formatter, transport)
//!     .queue(SledQueue::open("/var/lib/shop/log-queue")?)
//!     .ttl(Duration::from_secs(86_400))
//!     .start()?;
//! handler.init_log(log::LevelFilter::Info)?;
//! # drop(guard);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "beats", feature = "log", feature = "sled")))]
//! # fn main() {}
//! ```
//!
//! # Options of the handlers
//!
//! | original | default there | here | what differs |
//! | --- | --- | --- | --- |
//! | `host`, `port` | | address of the transport: `BeatsTransport::new("host:5044")`, or an [`Endpoint`](logstash_transport::Endpoint) | IPv6 and all addresses of a name are tried, not the first IPv4 one |
//! | `database_path` | none, in memory | [`SledQueue`], a directory; without it a [`MemoryQueue`] | bounded, durable, shared by several processes; `:memory:` is no special name |
//! | `transport` | `TcpTransport` | the second argument of [`Handler::builder`] | a value, not the name of a class; [`Endpoint::into_transport`](logstash_transport::Endpoint::into_transport) makes one of a text |
//! | `ssl_enable` | `False` | `beats+tls://`, `tcp+tls://`, `https://`, `rediss://`, or `ConnectionOptions::tls` | |
//! | `ssl_verify`, `ssl_verify_flags` | `True` | `TlsConfig::verification` | the name in the certificate is verified; it was not |
//! | `ca_certs`, `certfile`, `keyfile` | none | `TlsConfig::ca_file`, `client_certificate_file`, `client_key_file` | keys with a password and PKCS#12 too; a certificate without its key is an error |
//! | `enable` | `True` | do not install the handler, or a level of `off` | |
//! | `event_ttl` | none | [`ttl`](HandlerBuilder::ttl) | expired events are not sent first; counted |
//! | `encoding` | `utf-8` | none | documents are UTF-8 |
//! | further arguments | to the transport | methods of the transport | unknown ones do not compile |
//! | `SynchronousLogstashHandler` | | [`SyncHandler`] | the error is returned to the caller |
//! | `flush()` | returns at once | [`Handler::flush`] | waits up to a timeout and reports |
//! | `close()`, the end of the interpreter | waits without limit | [`Guard::shutdown`], dropping the [`Guard`], [`Handler::exit_hook`] | within a timeout; reports what became of every event |
//! | several handlers | share the worker, the transport and the database of the first | several [`Handler`]s | share nothing |
//! | a program that forks | parent and child both send what was pending | | only the parent does |
//! | `dictConfig`, `fileConfig` | | `HandlerConfig`, of the feature `serde` | sizes and durations with units; unknown keys are refused |
//!
//! # Constants
//!
//! There they belong to the process, here to each handler, transport or queue.
//!
//! | original | default there | here, with its default | what differs |
//! | --- | --- | --- | --- |
//! | `SOCKET_TIMEOUT` | 5 s | `connect_timeout` 10 s, `handshake_timeout` 10 s, `write_timeout` 30 s of `ConnectionOptions`; for Beats `ack_timeout` | one for each thing that is waited for |
//! | `SOCKET_CLOSE_WAIT_TIMEOUT` | 30 s | `TcpTransport::close_timeout` | a refused connection costs nothing of it |
//! | `QUEUE_CHECK_INTERVAL` | 2 s | none | events, flushes and shutdowns wake those who wait for them |
//! | `QUEUED_EVENTS_FLUSH_INTERVAL` | 10 s | [`linger`](HandlerBuilder::linger), 20 ms | |
//! | `QUEUED_EVENTS_FLUSH_COUNT` | 50 | [`window`](HandlerBuilder::window), 2,048 events or 512 KiB | a full window goes at once |
//! | `QUEUED_EVENTS_BATCH_SIZE` | 50 | [`batch`](HandlerBuilder::batch), 8 windows | what was acknowledged of a batch is not sent again |
//! | `QUEUED_EVENTS_BEATS_BATCH_SIZE` | 25 | `BeatsTransport::max_window_events`, 2,048 | several windows are in flight |
//! | `DATABASE_EVENT_CHUNK_SIZE`, `DATABASE_TIMEOUT` | 750, 5 s | none | there is no SQL, and a lock held by another process is no wait: it has a lane of its own |
//! | `DATABASE_VACUUM_ON_SHUTDOWN` | `False` | none | disk is given back as soon as the queue is drained |
//! | `ERROR_LOG_RATE_LIMIT` | none | one line per kind and minute on stderr; [`stderr`](HandlerBuilder::stderr) switches it off | own errors never become events; a [`Listener`] hears all of them |
//!
//! # Transports
//!
//! | original | here | what differs |
//! | --- | --- | --- |
//! | `TcpTransport` | `TcpTransport` | keeps its connection, and finds out whether the peer is alive |
//! | `UdpTransport` | `UdpTransport` | what is too large is cut, sent over TCP or rejected, by choice; it does not block the rest |
//! | `BeatsTransport` | `BeatsTransport` | keeps its connection, pipelined; credits partial acknowledgements |
//! | `HttpTransport` | `HttpTransport` | `max_content_length` is `max_body_bytes`; status codes decide: wait, retry, or reject single events; what is too large goes to the dead letters |
//! | any object with `send` and `close` | [`Transport`] | reports how far it came |
//!
//! # Behaviour
//!
//! | there | here |
//! | --- | --- |
//! | events of a millisecond are sorted by their text | first in, first out |
//! | a steady stream of events delays delivery for ever | storing and delivering go on at the same time |
//! | failures are retried every 2 s | backoff with jitter, from 1 s to 60 s: [`retry`](HandlerBuilder::retry) |
//! | one event that the peer refuses blocks all others | it is found by halving and goes to the [`dead_letters`](HandlerBuilder::dead_letters) |
//! | the queue in memory grows without limit, and is lost without a word | limits everywhere, [`Overflow`] beyond them, [`Stats`] and reports of losses |
//! | a full disk stops delivery | delivery goes on and makes room |
//! | a crash between sending and deleting loses events | repeats them at most: see [the guarantees](crate::guarantees) |

#[cfg(feature = "sled")]
#[allow(unused_imports, reason = "for the links of this page")]
use crate::SledQueue;
#[allow(unused_imports, reason = "for the links of this page")]
use crate::{Guard, Handler, HandlerBuilder, Listener, MemoryQueue, Overflow, Stats, SyncHandler, Transport};
