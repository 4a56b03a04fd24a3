//! A scriptable Beats receiver on a real socket, for the tests of applications.
//!
//! It speaks the protocol through [`ServerSession`](lumberjack_codec::ServerSession) on a loopback
//! port, keeps what it received, and misbehaves on demand: late or partial acknowledgements, dropped
//! connections, going away and coming back on the same port.
//!
//! ```
//! use logstash_transport::testing::{Receiver, Step};
//! # #[cfg(feature = "beats")] {
//! use logstash_transport::{Batch, BeatsTransport, Transport};
//!
//! let receiver = Receiver::start().unwrap();
//! receiver.script([Step::DropConnection]); // the first window is lost on the way
//! let mut transport = BeatsTransport::new(&receiver.address().to_string()).unwrap();
//!
//! let mut batch = Batch::from_events(["{}"]);
//! assert!(transport.send(&mut batch).is_err());
//! assert!(transport.send(&mut batch).is_ok());
//! assert_eq!(receiver.events(), ["{}"]);
//! # }
//! ```

mod connection;
mod receiver;
mod state;

pub use receiver::{Receiver, ReceiverOptions, Sink};
pub use state::Step;
