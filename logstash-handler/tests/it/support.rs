//! What several tests need.

use logstash_format::{Event, FormatError, Formatter, Level, LogstashFormatter};
use logstash_handler::{BeatsTransport, Handler, HandlerBuilder, Stats};
use logstash_transport::testing::Receiver;
use logstash_transport::{Batch, ErrorKind, ProbeReport, Transport, TransportError};
use lumberjack_codec::Backoff;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub(crate) const LONG: Duration = Duration::from_secs(20);

pub(crate) fn transport(address: SocketAddr) -> BeatsTransport {
    BeatsTransport::new(&address.to_string()).unwrap()
}

/// Retries that suit a test.
pub(crate) fn quick() -> Backoff {
    Backoff::new().base(Duration::from_millis(5)).max(Duration::from_millis(50))
}

pub(crate) fn builder(receiver: &Receiver) -> HandlerBuilder {
    Handler::builder(LogstashFormatter::new(), transport(receiver.address())).retry(quick())
}

pub(crate) fn info(message: &str) -> Event<'_> {
    Event::new(Level::Info, "test", message)
}

/// The messages that a receiver got, in order.
pub(crate) fn messages(receiver: &Receiver) -> Vec<String> {
    let message = |event: bytes::Bytes| {
        let document: serde_json::Value = serde_json::from_slice(&event).unwrap();
        document["message"].as_str().unwrap().to_owned()
    };
    receiver.events().into_iter().map(message).collect()
}

/// Waits until the books say something; fails the test if they never do.
pub(crate) fn eventually(handler: &Handler, mut condition: impl FnMut(&Stats) -> bool) -> Stats {
    let deadline = Instant::now() + LONG;
    loop {
        let stats = handler.stats();
        assert!(stats.is_balanced(), "{stats:?}");
        if condition(&stats) {
            return stats;
        }
        assert!(Instant::now() < deadline, "not in time: {stats:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A formatter that does what the message tells.
#[derive(Debug)]
pub(crate) struct Moody;

impl Formatter for Moody {
    fn format(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        match event.message.to_string().as_str() {
            "panic" => panic!("a formatter that panics"),
            "fail" => Err(FormatError::new("a formatter that fails")),
            message => {
                out.extend_from_slice(format!("{{\"message\":{message:?}}}").as_bytes());
                Ok(())
            }
        }
    }
}

/// Panics, then rejects some events, then delivers.
pub(crate) struct Difficult {
    pub(crate) inner: BeatsTransport,
    pub(crate) panics: u32,
    pub(crate) poison: &'static [&'static str],
}

impl Transport for Difficult {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        if self.panics > 0 {
            self.panics -= 1;
            panic!("a transport that panics");
        }
        let payloads = batch.remaining().unwrap();
        let is_poison = |payload: &bytes::Bytes| {
            let text = String::from_utf8_lossy(payload);
            self.poison.iter().any(|poison| text.contains(poison))
        };
        if payloads.iter().any(is_poison) {
            return Err(TransportError::new(ErrorKind::Rejected, "poison"));
        }
        self.inner.send(batch)
    }

    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        self.inner.probe()
    }

    fn close(&mut self) {
        self.inner.close();
    }
}
