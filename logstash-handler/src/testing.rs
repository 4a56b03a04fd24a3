//! What an application logs, for its own tests.
//!
//! A [`CaptureTransport`] takes the place of the way to Logstash. Everything else is real: the formatter, the
//! queue, the threads and the books.
//!
//! ```
//! use logstash_handler::testing::CaptureTransport;
//! use logstash_handler::{Event, Handler, Level, LogstashFormatter};
//! use std::time::Duration;
//!
//! // What is to be tested.
//! fn place_order(handler: &Handler, order: u64) {
//!     handler.emit(&Event::new(Level::Info, "shop", format_args!("order {order} placed")));
//! }
//!
//! let captured = CaptureTransport::new();
//! let (handler, guard) = Handler::builder(LogstashFormatter::new(), captured.clone()).start()?;
//! place_order(&handler, 1001);
//!
//! let documents = captured.wait_for(1, Duration::from_secs(5))?;
//! assert_eq!(documents[0]["message"], "order 1001 placed");
//! assert!(guard.shutdown(Duration::from_secs(5)).complete);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod capture;
pub use capture::{CaptureError, CaptureTransport};
