//! Ships the log events of a program to Logstash: bounded, persistent, acknowledged.
//!
//! The thread that logs serialises its event and hands it over in one short lock; it never waits for
//! disk or network. A writer thread compresses what has gathered into a window and stores it; a
//! sender thread delivers windows in order, exactly as they are stored, until the peer has
//! acknowledged them, with backoff and for as long as it takes. What was not acknowledged is still in
//! the queue for the next start of the program.
//!
//! ```no_run
//! # #[cfg(all(feature = "beats", feature = "log", feature = "sled"))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use logstash_handler::{BeatsTransport, Handler, LogstashFormatter, SledQueue};
//! use std::time::Duration;
//!
//! let transport = BeatsTransport::new("logstash.example:5044")?;
//! let (handler, guard) = Handler::builder(LogstashFormatter::new(), transport)
//!     .queue(SledQueue::open("log-queue")?) // without it: in memory
//!     .start()?;
//! handler.init_log(log::LevelFilter::Info)?;
//!
//! log::info!("the application runs");
//!
//! let report = guard.shutdown(Duration::from_secs(5));
//! eprintln!("{report}");
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "beats", feature = "log", feature = "sled")))]
//! # fn main() {}
//! ```
//!
//! With `tracing`, add [`Handler::layer`] to a registry instead:
//! `tracing_subscriber::registry().with(handler.layer()).init()`. With the feature `tls`, the address
//! `beats+tls://logstash.example:5044` is all that TLS takes where the system trusts the peer's authority.
//!
//! # What is guaranteed
//!
//! An event is delivered at least once from the moment it is stored. When that is, and what is lost
//! before:
//!
//! | the program ends by | with `SledQueue` | with [`MemoryQueue`] |
//! | --- | --- | --- |
//! | [`Guard::shutdown`], or dropping the guard | nothing, unless the disk is too slow for the timeout or the queue is full; the report says how much | what the peer did not take in time; the report says how much |
//! | `process::exit`, `kill -9`, a crash | what is not stored yet: [`linger`](HandlerBuilder::linger) and one write, or all that waits while the queue is full | everything that is not acknowledged |
//! | a power cut | as above; what [`Durability`] allows in addition | everything that is not acknowledged |
//! | a fork, in the child | nothing: what it logs is stored in a lane of its own, and delivered by the process that takes that over when the child has ended | everything, dropped and counted as closed |
//!
//! [`Handler::emit_durable`] returns when its event is stored, [`Handler::sync`] when everything
//! logged before is. Events that were delivered but whose acknowledgement did not arrive are
//! delivered again. The page *guarantees*, [`guarantees`], has every way out and every kind of queue.
//!
//! # What is bounded by what
//!
//! | what | bound | beyond it |
//! | --- | --- | --- |
//! | one event | [`max_event_bytes`](HandlerBuilder::max_event_bytes) | dropped, counted as oversized |
//! | events not stored yet | [`arena_bytes`](HandlerBuilder::arena_bytes), twice, and as much for compressing them | [`Overflow`] |
//! | events in the queue | the queue's own limit | the arena fills, then [`Overflow`] |
//! | shutdown, flush, sync | the timeout of the call | the report says what is left |
//!
//! Every event is accounted for: see [`Stats`].
//!
//! # More
//!
//! - Examples in the repository, each run by a test: `quickstart`, `tracing_env_filter`, `axum_access_log`,
//!   `several_handlers`, `failover`, `audit`, `short_lived_job`, `signals`, `sync_handler`.
//! - The page *coming from Python*, [`coming_from_python`], maps every option of python-logstash-async.
//!
//! # Features
//!
//! | feature | default | adds |
//! | --- | --- | --- |
//! | `beats` | yes | [`BeatsTransport`] |
//! | `env-filter` | no | [`Handler::init_log_filtered`]: directives as in `RUST_LOG`, changed while the program runs |
//! | `log` | yes | [`Handler::init_log`] |
//! | `metrics` | no | [`Handler::metrics`]: the books as metrics of the `metrics` facade |
//! | `opentelemetry` | no | trace and span ids of `tracing-opentelemetry` |
//! | `relay` | no | the program `logstash-relay` |
//! | `serde` | no | [`HandlerConfig`]: options from configuration files |
//! | `sled` | yes | [`SledQueue`] |
//! | `testing` | no | [`testing::CaptureTransport`], for the tests of applications |
//! | `tls` | no | TLS for [`BeatsTransport`]: addresses `beats+tls://…`, and [`TlsConfig`] |
//! | `tracing` | yes | [`Handler::layer`] |

#![cfg_attr(
    not(all(
        feature = "env-filter",
        feature = "metrics",
        feature = "serde",
        feature = "sled",
        feature = "testing",
        feature = "tls",
        unix
    )),
    allow(rustdoc::broken_intra_doc_links, reason = "links to what a feature or a system adds")
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_code)]

mod arena;

mod bridge;
#[cfg(feature = "tracing")]
pub use bridge::HandlerLayer;
#[cfg(feature = "env-filter")]
pub use bridge::{InitLogError, LogFilter, LogFilterError};

mod builder;
pub use builder::{HandlerBuilder, StartError};

mod child;
mod clock;

#[cfg(any(doc, doctest))]
pub mod coming_from_python;

#[cfg(feature = "serde")]
mod config;
#[cfg(feature = "serde")]
pub use config::{ConfigError, HandlerConfig, QueueConfig};

mod core;

mod dead_letter;
pub use dead_letter::{DeadLetter, DeadLetterError, DeadLetterFile, DeadLetterStore, DeadLetters};

mod deadline;

#[cfg(unix)]
mod exit_hook;
#[cfg(unix)]
pub use exit_hook::ExitHook;

mod fork;

mod guard;
pub use guard::Guard;

#[cfg(doc)]
pub mod guarantees;

mod handler;
pub use handler::{EmitError, Handler};

#[cfg(test)]
mod interleave;

mod ledger;

mod listener;
pub use listener::Listener;

mod loss;

#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "metrics")]
pub use metrics::Metrics;

mod notice;

#[cfg(feature = "relay")]
mod offer;

mod overflow;
pub use overflow::Overflow;

mod panic_hook;
pub use panic_hook::PanicHook;

mod progress;
pub use progress::Latency;

mod pump;

pub mod queue;
#[cfg(feature = "sled")]
pub use queue::{Durability, SledOptions, SledQueue};
pub use queue::{MemoryQueue, OnBacklog};

#[cfg(feature = "relay")]
pub mod relay;

mod replay;
pub use replay::{Replay, ReplayError};

mod report;
pub use report::Report;

mod sender;

#[cfg(test)]
mod simulation;

mod stats;
pub use stats::{ConnectionState, DropReason, Drops, Stats};

mod stderr;

mod suppress;

mod sync_handler;
pub use sync_handler::{SyncError, SyncHandler};

#[cfg(feature = "testing")]
pub mod testing;

mod writer;

#[cfg(feature = "tracing")]
pub use logstash_format::SpanStyle;
pub use logstash_format::{Event, Formatter, Level, LogstashFormatter, Value};
#[cfg(feature = "tls")]
pub use logstash_transport::TlsConfig;
pub use logstash_transport::Transport;
#[cfg(feature = "beats")]
pub use logstash_transport::{BeatsTransport, ConnectionOptions};

/// The examples of the README must compile.
#[cfg(all(doctest, feature = "beats", feature = "log", feature = "sled"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// The examples of the repository's front page must compile.
#[cfg(all(doctest, feature = "beats", feature = "log", feature = "sled"))]
#[doc = include_str!("../../README.md")]
struct FrontPage;
