//! [`UdpTransport`].
//!
//! | trap | test |
//! | --- | --- |
//! | T-25 65,507 bytes and one more | `t25_the_largest_datagram_arrives_and_one_more_byte_is_cut` |
//! | T-25 limit below the network's | `t25_a_lower_limit_holds` |
//! | T-25 truncated JSON stays JSON | `t25_a_truncated_event_is_valid_json_and_utf8` |
//! | T-25 ICMP refused | `t25_nobody_listening_is_reported_and_survived` |

use crate::support::numbered;
use bytes::Bytes;
use logstash_transport::{Batch, ErrorKind, Interrupt, Oversize, Transport, UdpTransport};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

struct Listener(UdpSocket);

impl Listener {
    fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap())
    }

    fn at(address: SocketAddr) -> Self {
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self(socket)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn next(&self) -> Bytes {
        let mut buffer = vec![0; 70_000];
        let length = self.0.recv(&mut buffer).unwrap();
        Bytes::copy_from_slice(&buffer[..length])
    }
}

fn transport(address: SocketAddr) -> UdpTransport {
    UdpTransport::new(&address.to_string()).unwrap()
}

/// An event of so many bytes.
fn event(length: usize) -> Bytes {
    let frame = r#"{"message":""}"#.len();
    Bytes::from(format!(r#"{{"message":"{}"}}"#, "x".repeat(length - frame)))
}

#[test]
fn each_event_is_a_datagram_with_a_newline() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = Listener::at(address.parse().unwrap());
        let mut transport = transport(listener.address());
        let mut batch = Batch::from_events(numbered(0..50));
        transport.send(&mut batch).unwrap();
        for event in numbered(0..50) {
            assert_eq!(listener.next(), [&event[..], b"\n"].concat());
        }
    }
}

#[test]
fn t25_the_largest_datagram_arrives_and_one_more_byte_is_cut() {
    let listener = Listener::start();
    let mut transport = transport(listener.address());
    let result = transport.send(&mut Batch::from_events([event(65_506)]));
    if cfg!(target_vendor = "apple") {
        // The system takes 9,216 bytes unless it is told otherwise.
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Rejected);
        return;
    }
    result.unwrap();
    assert_eq!(listener.next().len(), 65_507);
    transport.send(&mut Batch::from_events([event(65_507)])).unwrap();
    let cut = listener.next();
    assert_eq!(cut.len(), 65_507);
    assert!(cut.ends_with(b"x...[truncated]\"}\n"));
}

#[test]
fn t25_a_lower_limit_holds() {
    let listener = Listener::start();
    let mut transport = transport(listener.address()).max_datagram(1400);
    transport.send(&mut Batch::from_events([event(1399), event(1400), event(5000)])).unwrap();
    assert_eq!([listener.next().len(), listener.next().len(), listener.next().len()], [1400; 3]);
}

#[test]
fn t25_a_truncated_event_is_valid_json_and_utf8() {
    let listener = Listener::start();
    let text = "é€😀\\\"\\n".repeat(100);
    let whole = Bytes::from(format!(r#"{{"@version":"1","message":"{text}","level":"INFO"}}"#));
    for limit in 100..140 {
        let mut transport = transport(listener.address()).max_datagram(limit).settle_time(Duration::ZERO);
        transport.send(&mut Batch::from_events([whole.clone()])).unwrap();
        let datagram = listener.next();
        let document = std::str::from_utf8(&datagram).unwrap();
        assert!(datagram.len() <= limit && datagram.len() > limit - 8, "{} of {limit}", datagram.len());
        let message = document.strip_prefix(r#"{"@version":"1","message":""#).unwrap();
        let message = message.strip_suffix("...[truncated]\",\"level\":\"INFO\"}\n").unwrap();
        assert!(
            text.starts_with(message) && !message.ends_with('\\') || message.ends_with("\\\\"),
            "{message}"
        );
    }
}

#[test]
fn what_is_too_large_can_be_refused_at_its_place() {
    let listener = Listener::start();
    let mut transport = transport(listener.address()).max_datagram(100).oversize(Oversize::Reject);
    let mut batch = Batch::from_events([event(50), event(100), event(60)]);
    let error = transport.send(&mut batch).unwrap_err();
    assert_eq!((error.kind(), batch.acknowledged()), (ErrorKind::Rejected, 1));
    assert!(error.to_string().contains("101 bytes"), "{error}");
    // Also where there is no message to cut.
    let mut transport = self::transport(listener.address()).max_datagram(20);
    let error = transport.send(&mut Batch::from_events([r#"{"n":"0123456789012345"}"#])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
}

#[test]
fn what_is_too_large_can_go_over_tcp() {
    use crate::line_receiver::LineReceiver;
    use logstash_transport::TcpTransport;

    let (listener, receiver) = (Listener::start(), LineReceiver::start());
    let stream = TcpTransport::new(&receiver.address().to_string()).unwrap();
    let mut transport =
        transport(listener.address()).max_datagram(100).oversize(Oversize::Tcp(Box::new(stream)));
    transport.send(&mut Batch::from_events([event(50), event(500), event(60)])).unwrap();
    assert_eq!([listener.next().len(), listener.next().len()], [51, 61]);
    assert_eq!(receiver.lines(1), [event(500)]);
    transport.close();
}

#[cfg(target_os = "linux")]
#[test]
fn t25_nobody_listening_is_reported_and_survived() {
    let listener = Listener::start();
    let address = listener.address();
    let mut transport = transport(address).settle_time(Duration::from_millis(200));
    transport.send(&mut Batch::from_events(numbered(0..2))).unwrap();
    assert_eq!([listener.next(), listener.next()].len(), 2);
    drop(listener);
    // The first one after it went is lost; that nobody listens is known with the next.
    let mut batch = Batch::from_events(numbered(2..100));
    let error = transport.send(&mut batch).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let lost = batch.acknowledged();
    assert!(lost < 98, "{lost}");
    // While nobody listens, nothing more is lost.
    for _ in 0..5 {
        assert_eq!(transport.send(&mut batch).unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(batch.acknowledged(), lost);
    }
    let listener = Listener::at(address);
    transport.send(&mut batch).unwrap();
    let first = 2 + usize::try_from(lost).unwrap();
    for event in numbered(first..100) {
        assert_eq!(listener.next(), [&event[..], b"\n"].concat());
    }
}

#[test]
fn a_probe_resolves_and_an_interrupt_ends_a_batch() {
    let listener = Listener::start();
    let mut transport = transport(listener.address());
    let report = transport.probe().unwrap();
    assert_eq!(report.steps.iter().map(|step| step.name).collect::<Vec<_>>(), ["resolve", "connect"]);
    let interrupt = Interrupt::new();
    transport.interrupt_by(interrupt.clone());
    interrupt.raise();
    let mut batch = Batch::from_events(numbered(0..1));
    assert_eq!(transport.send(&mut batch).unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(batch.acknowledged(), 0);
    let error = UdpTransport::new("no-such-host.invalid:1").unwrap().probe().unwrap_err();
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}

#[test]
fn the_address_says_how_large_a_datagram_may_be_and_what_becomes_of_larger_ones() {
    let listener = Listener::start();
    let send = |query: &str| {
        let address = format!("udp://{}?{query}", listener.address());
        UdpTransport::new(&address).unwrap().send(&mut Batch::from_events([event(200)]))
    };
    send("max_datagram=100").unwrap();
    assert!(listener.next().len() <= 100);
    assert_eq!(send("max_datagram=100&oversize=reject").unwrap_err().kind(), ErrorKind::Rejected);
    send("oversize=reject").unwrap();
    assert_eq!(listener.next().len(), 201);
    assert!(UdpTransport::new("udp://host:1?oversize=tcp").is_err());
}

#[test]
fn a_probe_says_that_it_cannot_know_whether_anybody_listens() {
    let gone = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let report = transport(gone).probe().unwrap();
    assert!(report.steps.iter().any(|step| step.detail.contains("nobody can say")), "{report:?}");
}

#[test]
fn waiting_for_a_refusal_ends_with_an_interrupt() {
    let listener = Listener::start();
    let interrupt = Interrupt::new();
    let mut transport = transport(listener.address()).settle_time(Duration::from_secs(3600));
    transport.interrupt_by(interrupt.clone());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            listener.next();
            interrupt.raise();
        });
        let error = transport.send(&mut Batch::from_events(numbered(0..1))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    });
}
