//! The same mark in two crates, which do not know each other.

use logstash_format::{Event, Formatter, Level, Limits, LogstashFormatter};
use logstash_transport::{Batch, Transport, UdpTransport};
use serde_json::Value;
use std::net::UdpSocket;
use std::time::Duration;

#[test]
fn a_text_ends_alike_whether_its_formatter_cuts_it_or_the_datagram() {
    let text = "x".repeat(10_000);
    let event = Event::new(Level::Info, "shop", text.as_str());
    let document = |formatter: LogstashFormatter| {
        let mut document = Vec::new();
        formatter.format(&event, &mut document).unwrap();
        document
    };
    let formatted = document(LogstashFormatter::new().limits(Limits::new().string(100)));

    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let address = receiver.local_addr().unwrap().to_string();
    let mut transport = UdpTransport::new(&address).unwrap().max_datagram(1_400);
    transport.send(&mut Batch::from_events([document(LogstashFormatter::new())])).unwrap();
    let mut sent = [0; 1_400];
    let length = receiver.recv(&mut sent).unwrap();

    let end = |document: &[u8]| {
        let document: Value = serde_json::from_slice(document).unwrap();
        document["message"].as_str().unwrap().trim_start_matches('x').to_owned()
    };
    assert_eq!(end(&formatted), "...[truncated]");
    assert_eq!(end(&sent[..length]), end(&formatted));
}
