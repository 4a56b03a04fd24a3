//! Two sessions, a fake wire between them and a fake clock: for tests of what is built on the
//! sessions.
//!
//! Nothing here waits or touches a socket. The wire can delay bytes, cut them into pieces, stop and
//! break; what it does is drawn from a seed, so every run can be repeated.
//!
//! ```
//! use lumberjack_codec::testing::Pair;
//! use lumberjack_codec::{ClientConfig, ClientEvent, ServerConfig, ServerEvent};
//! use std::time::Duration;
//!
//! let mut pair = Pair::new(ClientConfig::new(), ServerConfig::new())
//!     .latency(Duration::from_millis(20))
//!     .pieces_of(7);
//! pair.client.send(1, ["{}"], pair.now()).unwrap();
//! pair.settle();
//!
//! let window = loop {
//!     match pair.server_event().unwrap() {
//!         ServerEvent::WindowComplete { window, .. } => break window,
//!         _ => continue,
//!     }
//! };
//! pair.server.acknowledge(window, pair.now());
//! pair.settle();
//! assert_eq!(pair.client_event(), Some(ClientEvent::Acknowledged { token: 1, events: 1 }));
//! assert_eq!(pair.elapsed(), Duration::from_millis(40));
//! ```

mod pair;
pub use pair::{Direction, Pair};

mod wire;
