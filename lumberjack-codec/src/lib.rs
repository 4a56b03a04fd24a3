//! The Lumberjack v2 (Beats) protocol as pure state machines, client and server side.
//!
//! No socket, no clock, no thread, no JSON: bytes go in through a [`BytesMut`](bytes::BytesMut),
//! events come out of `poll_event`, what must be written is appended to a buffer of the caller, and
//! time is always a parameter. That makes the same code usable from blocking sockets, from tokio and
//! from a test that plays a whole session in microseconds.
//!
//! # What is here
//!
//! | to do this | use |
//! | --- | --- |
//! | send windows of events and follow their acknowledgements | [`ClientSession`] |
//! | receive windows and acknowledge them when they are safe | [`ServerSession`] |
//! | compress a window once, store it, send it later as it is | [`WindowEncoder`], [`EncodedWindow`] |
//! | read or write single frames | [`FrameDecoder`], [`encode`] |
//! | read frames of a buffer without a copy or a count | [`FrameDecoder::decode_borrowed`] |
//! | receive whole windows instead of events | [`WindowCollector`] |
//! | copy documents out of the input, without an event for each | [`ServerSession::poll_event_with`] |
//! | cut a stream of events into windows | [`window_prefix`] |
//! | wait between attempts | [`Backoff`] |
//! | start with small windows | [`SlowStart`] |
//! | find the event that a server cannot take | [`RetryPlan`] |
//! | test what is built on the sessions | `testing::Pair`, feature `testing` |
//! | frames in tokio's `Framed` | `FrameCodec`, feature `tokio-util` |
//!
//! # What is not here
//!
//! Connections, TLS, retries and the content of events. A payload is opaque bytes; whether it is
//! JSON, and what to do when it is not, is the application's affair, so that one bad document can
//! never block a sender.
//!
//! # A client
//!
//! ```
//! use bytes::BytesMut;
//! use lumberjack_codec::{ClientConfig, ClientEvent, ClientSession};
//! use std::time::Instant;
//!
//! let mut session = ClientSession::new(ClientConfig::new());
//! session.send(7, [br#"{"message":"hello"}"#], Instant::now()).unwrap();
//!
//! let mut wire = BytesMut::new();
//! session.poll_transmit(&mut wire); // write `wire` to the socket
//! assert_eq!(&wire[..6], b"2W\0\0\0\x01");
//!
//! let mut answer = BytesMut::from(&b"2A\0\0\0\x01"[..]); // read from the socket
//! session.receive(&mut answer, Instant::now());
//! assert_eq!(session.poll_event(), Some(ClientEvent::Acknowledged { token: 7, events: 1 }));
//! ```
//!
//! # A server
//!
//! ```
//! use bytes::BytesMut;
//! use lumberjack_codec::{ServerConfig, ServerEvent, ServerSession};
//! use std::time::Instant;
//!
//! let now = Instant::now();
//! let mut session = ServerSession::new(ServerConfig::new(), now);
//! let mut input = BytesMut::from(&b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x02{}"[..]);
//! session.receive(&mut input, now);
//!
//! while let Some(event) = session.poll_event() {
//!     match event {
//!         ServerEvent::Event { payload, .. } => assert_eq!(payload.as_json().unwrap(), "{}"),
//!         // Only a complete window is verified: store it first, then acknowledge.
//!         ServerEvent::WindowComplete { window, .. } => {
//!             session.acknowledge(window, now);
//!         }
//!         _ => {}
//!     }
//! }
//! let mut wire = BytesMut::new();
//! session.poll_transmit(&mut wire);
//! assert_eq!(&wire[..], b"2A\0\0\0\x01");
//! ```
//!
//! # Compression
//!
//! zlib is [`flate2`](https://docs.rs/flate2) on zlib-rs, with the vector instructions that the processor turns
//! out to have: pure Rust, about twice as fast as miniz_oxide at levels 3 and 6, and level with zlib-ng, which
//! wants a C toolchain. A binary that enables `flate2/zlib-ng` for itself gets it here too. libdeflate is no
//! backend: where it makes as few bytes it is faster at level 3, by how much depends on the events, but slower at
//! level 1, and it wants a C compiler of everyone who builds. At level 3 an encoder spends more than 95 % of its
//! time in deflate.
//! `cargo xtask bench codec` in the repository measures all that.
//!
//! # How to drive a session
//!
//! From blocking sockets, tokio, and anything else: see [`driving`].
//!
//! # What is bounded by what
//!
//! What a peer declares:
//!
//! | number | bound | checked |
//! | --- | --- | --- |
//! | events in a window | [`Limits::max_window`] | on the window frame; nothing is reserved |
//! | length of a JSON payload | [`Limits::max_json_payload`] | on the header, before a byte is kept |
//! | pairs, keys and size of a v1 event | [`Limits::max_pairs`], [`Limits::max_key`], [`Limits::max_data_frame`] | on each length field |
//! | length of a compressed frame | derived from [`Limits::max_decompressed`] | on the header |
//! | depth of compressed frames | 1 | on the header |
//! | bytes that one inflates to | [`Limits::max_decompressed`] | while it is inflated, in steps of 128 KiB |
//! | value of an acknowledgement | events of the oldest window in flight | when it arrives; nothing is credited beyond |
//!
//! What a connection takes:
//!
//! | resource | bound |
//! | --- | --- |
//! | memory of a decoder | one payload, zlib's window of 32 KiB and its state, one step of 128 KiB |
//! | windows that wait for the application | [`Limits::max_pending_windows`]; reading pauses |
//! | complete windows inside one compressed frame | [`Limits::max_pending_windows`]; more are an error |
//! | empty windows inside one compressed frame | [`Limits::max_window`]; more are an error |
//! | answers that are not fetched | 64 KiB; reading pauses |
//! | the copy of a compressed frame that is handed on | [`ServerConfig::keep_encoded`] |
//! | windows that are collected whole | [`WindowCollector::max_bytes`] |
//! | windows that a client has in flight | [`ClientConfig::max_in_flight`]; the next is refused |
//! | a window that a client sends | [`ClientConfig::max_events`], 64 MiB for a payload, 1 GiB for all |
//!
//! And time:
//!
//! | wait | bound |
//! | --- | --- |
//! | a peer inside a frame or window | [`ServerConfig::read_timeout`] since its last byte; a [`pause`](ServerSession::pause) of the application does not count |
//! | a peer that says nothing | [`ServerConfig::idle_timeout`] |
//! | an application that keeps a window | [`ServerConfig::pending_timeout`], off by default |
//! | acknowledgements after an error or a shutdown | [`ServerConfig::drain_timeout`] |
//! | a server that says nothing | [`ClientConfig::ack_timeout`] |
//! | a server that sends keepalives only | [`ClientConfig::progress_timeout`], off by default |

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

mod backoff;
pub use backoff::Backoff;

mod client;
pub use client::{ClientConfig, ClientEvent, ClientSession, SequenceMode};

mod collector;
pub use collector::{CollectedWindow, WindowCollector, WindowOverflow};

mod decoder;
pub use decoder::FrameDecoder;

#[cfg(any(doc, doctest))]
pub mod driving;

pub mod encode;
pub use encode::{EncodeError, EncodeErrorKind, MAX_EVENTS_PER_WINDOW, MAX_PAYLOAD_BYTES};

mod error;
pub use error::{
    CloseReason, DecodeError, DecodeErrorKind, Hint, Part, ProtocolError, ProtocolErrorKind, SessionError,
    TimeoutKind,
};

mod frame;
pub use frame::{Frame, FrameType, Pair, Role, Version};

mod frame_ref;
pub use frame_ref::{FrameRef, Pairs};

#[cfg(feature = "tokio-util")]
mod frame_codec;
#[cfg(feature = "tokio-util")]
pub use frame_codec::{FrameCodec, FrameCodecError};

mod grammar;
mod inflate;

mod limits;
pub use limits::Limits;

mod retry;
pub use retry::{RetryPlan, Verdict};

mod server;
pub use server::{Payload, SequencePolicy, ServerConfig, ServerEvent, ServerSession, WindowId};

mod slow_start;
pub use slow_start::SlowStart;

mod split;
pub use split::{DEFAULT_WINDOW_BYTES, DEFAULT_WINDOW_EVENTS, window_prefix};

#[cfg(feature = "testing")]
pub mod testing;

mod transmit;

mod window;
pub use window::{EncodedWindow, Encoding, WindowEncoder};

/// The example of the README is a test too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
