#[cfg(target_os = "linux")]
use crate::support::black_hole;
use bytes::Bytes;
use logstash_transport::testing::{Receiver, ReceiverOptions, Step};
use logstash_transport::{
    Batch, BeatsTransport, ErrorKind, Interrupt, Transport, TransportError, error_chain,
};
use lumberjack_codec::{ServerConfig, WindowEncoder};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

fn transport(address: SocketAddr) -> BeatsTransport {
    BeatsTransport::new(&address.to_string()).unwrap()
}

fn numbered(range: std::ops::Range<usize>) -> Vec<Bytes> {
    range.map(|number| Bytes::from(format!("{{\"n\":{number}}}"))).collect()
}

#[test]
fn events_are_cut_into_windows_and_arrive_in_order() {
    for level in [0, 3] {
        let receiver = Receiver::start().unwrap();
        let mut transport = transport(receiver.address()).compression_level(level).max_window_events(100);
        let mut batch = Batch::from_events(numbered(0..1050));
        transport.send(&mut batch).unwrap();
        assert!(batch.is_done());
        assert_eq!(receiver.events(), numbered(0..1050));
        assert_eq!(receiver.windows(), 11);
        assert_eq!(receiver.acknowledged(), 1050);
    }
}

#[test]
fn windows_are_cut_by_bytes_too() {
    let receiver = Receiver::start().unwrap();
    let mut transport = transport(receiver.address()).max_window_bytes(1000);
    let events: Vec<Bytes> = (0..10).map(|_| Bytes::from(vec![b'x'; 400])).collect();
    transport.send(&mut Batch::from_events(events.clone())).unwrap();
    assert_eq!(receiver.events(), events);
    assert_eq!(receiver.windows(), 5);
}

#[test]
fn encoded_windows_are_sent_as_they_are_over_one_connection() {
    let receiver = Receiver::start().unwrap();
    let mut transport = transport(receiver.address());
    let mut encoder = WindowEncoder::new(6);
    for round in 0..3 {
        let windows: Vec<_> = (0..4)
            .map(|window| {
                let first = (round * 4 + window) * 10;
                encoder.encode(numbered(first..first + 10)).unwrap()
            })
            .collect();
        transport.send(&mut Batch::from_windows(windows)).unwrap();
    }
    assert_eq!(receiver.events(), numbered(0..120));
    assert_eq!(receiver.windows(), 12);
    assert_eq!(receiver.connections(), 1);
}

#[test]
fn a_lost_window_is_sent_again_and_only_that() {
    let receiver = Receiver::start().unwrap();
    receiver.script([Step::Acknowledge, Step::DropConnection]);
    let mut transport = transport(receiver.address()).max_window_events(10);
    let mut batch = Batch::from_events(numbered(0..30));
    let error = transport.send(&mut batch).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(batch.acknowledged(), 10);
    transport.send(&mut batch).unwrap();
    assert_eq!(receiver.events(), numbered(0..30));
}

#[test]
fn a_partial_acknowledgement_counts_although_the_connection_dies() {
    let receiver = Receiver::start().unwrap();
    receiver.script([Step::Partial(7)]);
    let mut transport = transport(receiver.address());
    let window = WindowEncoder::new(3).encode(numbered(0..20)).unwrap();
    let mut batch = Batch::from_windows([window]);
    transport.send(&mut batch).unwrap_err();
    assert_eq!(batch.acknowledged(), 7);
    transport.send(&mut batch).unwrap();
    assert_eq!(receiver.events(), numbered(0..20));
}

#[test]
fn keepalives_keep_a_slow_peer_alive_beyond_the_ack_timeout() {
    let server = ServerConfig::new().keepalive(Duration::from_millis(50));
    let receiver = ReceiverOptions::new().server(server).start().unwrap();
    receiver.script([Step::Delay(Duration::from_millis(2500))]);
    let mut transport = transport(receiver.address()).ack_timeout(Duration::from_secs(1));
    transport.send(&mut Batch::from_events(numbered(0..3))).unwrap();
    assert_eq!(receiver.connections(), 1);
}

#[test]
fn a_progress_timeout_is_not_fooled_by_keepalives() {
    let server = ServerConfig::new().keepalive(Duration::from_millis(20));
    let receiver = ReceiverOptions::new().server(server).start().unwrap();
    receiver.script([Step::Stall, Step::Stall]);
    let mut transport = transport(receiver.address()).progress_timeout(Some(Duration::from_millis(300)));
    let mut batch = Batch::from_events(numbered(0..3));
    let error = transport.send(&mut batch).unwrap_err();
    assert!(error_chain(&error).contains("progress timeout"), "{}", error_chain(&error));
}

#[test]
fn a_receiver_can_be_told_to_wait_as_long_as_one_likes() {
    let receiver = Receiver::start().unwrap();
    receiver.script([Step::Delay(Duration::MAX)]);
    let mut transport = transport(receiver.address()).progress_timeout(Some(Duration::from_millis(300)));
    let error = transport.send(&mut Batch::from_events(numbered(0..3))).unwrap_err();
    assert!(error_chain(&error).contains("progress timeout"), "{}", error_chain(&error));
    assert!(receiver.wait_for(3, Duration::MAX));
}

#[test]
fn a_timeout_may_be_as_long_as_one_likes() {
    let receiver = Receiver::start().unwrap();
    let mut transport = transport(receiver.address())
        .connect_timeout(Duration::MAX)
        .write_timeout(Duration::MAX)
        .ack_timeout(Duration::MAX)
        .progress_timeout(Some(Duration::MAX))
        .connection_ttl(Some(Duration::MAX));
    transport.send(&mut Batch::from_events(numbered(0..3))).unwrap();
    transport.send(&mut Batch::from_events(numbered(3..5))).unwrap();
    transport.close();
    assert_eq!((receiver.received(), receiver.connections()), (5, 1));
}

#[test]
fn a_peer_that_closed_the_idle_connection_is_connected_to_again() {
    let receiver = Receiver::start().unwrap();
    let mut transport = transport(receiver.address());
    transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
    receiver.drop_connections();
    transport.send(&mut Batch::from_events(numbered(1..2))).unwrap();
    assert_eq!(receiver.events(), numbered(0..2));
    assert_eq!(receiver.connections(), 2);
}

#[test]
fn a_peer_that_went_away_and_came_back_gets_the_rest() {
    let receiver = Receiver::start().unwrap();
    let mut transport = transport(receiver.address());
    transport.send(&mut Batch::from_events(numbered(0..5))).unwrap();
    receiver.go_away();
    let mut batch = Batch::from_events(numbered(5..10));
    let started = Instant::now();
    let error = transport.send(&mut batch).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(8), "a refused connection is known at once");
    receiver.come_back().unwrap();
    transport.send(&mut batch).unwrap();
    assert_eq!(receiver.events(), numbered(0..10));
}

#[test]
fn an_interrupt_ends_the_wait_for_a_peer_that_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut transport = transport(silent.local_addr().unwrap());
    let interrupt = Interrupt::new();
    transport.interrupt_by(interrupt.clone());
    let sender = thread::spawn(move || {
        let mut batch = Batch::from_events(numbered(0..1));
        transport.send(&mut batch).map_err(|error| error.kind())
    });
    let (peer, _) = silent.accept().unwrap();
    let raised = Instant::now();
    interrupt.raise();
    assert_eq!(sender.join().unwrap(), Err(ErrorKind::Unavailable));
    assert!(raised.elapsed() < Duration::from_secs(20), "the ack timeout is longer");
    drop(peer);
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_ends_the_wait_for_a_connection() {
    let (listener, _waiting) = black_hole();
    let mut transport = transport(listener.local_addr().unwrap());
    let interrupt = Interrupt::new();
    transport.interrupt_by(interrupt.clone());
    let sender = thread::spawn(move || transport.send(&mut Batch::from_events(numbered(0..1))).unwrap_err());
    thread::sleep(Duration::from_millis(100));
    let raised = Instant::now();
    interrupt.raise();
    let error = sender.join().unwrap();
    assert!(error.to_string().starts_with("interrupted while connecting"), "{error}");
    assert!(raised.elapsed() < Duration::from_secs(8), "{:?}", raised.elapsed());
}

#[cfg(target_os = "linux")]
#[test]
fn connecting_is_bounded_by_its_timeout() {
    let (listener, _waiting) = black_hole();
    let mut transport = transport(listener.local_addr().unwrap()).connect_timeout(Duration::from_millis(200));
    let started = Instant::now();
    let error = transport.send(&mut Batch::from_events(numbered(0..1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[test]
fn an_interrupt_ends_the_writing_to_a_peer_that_reads_slowly() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut transport = transport(listener.local_addr().unwrap()).compression_level(0);
    let interrupt = Interrupt::new();
    transport.interrupt_by(interrupt.clone());
    let big = Bytes::from(vec![b'x'; 60 * 1024 * 1024]);
    let sender = thread::spawn(move || transport.send(&mut Batch::from_events([big])).unwrap_err());
    let (mut peer, _) = listener.accept().unwrap();
    let mut buffer = vec![0; 256 * 1024];
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(300) {
        peer.read_exact(&mut buffer).unwrap();
        thread::sleep(Duration::from_millis(10));
    }
    interrupt.raise();
    let raised = Instant::now();
    while !sender.is_finished() && raised.elapsed() < Duration::from_secs(20) {
        let _ = peer.read(&mut buffer);
        thread::sleep(Duration::from_millis(10));
    }
    assert!(raised.elapsed() < Duration::from_secs(20), "{:?}", raised.elapsed());
    assert!(error_chain(&sender.join().unwrap()).contains("interrupted"));
}

#[test]
fn keepalives_during_a_blocked_write_do_not_defeat_the_progress_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut transport = transport(listener.local_addr().unwrap())
        .compression_level(0)
        .progress_timeout(Some(Duration::from_millis(400)));
    let big = Bytes::from(vec![b'x'; 60 * 1024 * 1024]);
    let sender = thread::spawn(move || transport.send(&mut Batch::from_events([big])).unwrap_err());
    let (mut peer, _) = listener.accept().unwrap();
    let started = Instant::now();
    while !sender.is_finished() && started.elapsed() < Duration::from_secs(25) {
        let _ = peer.write_all(b"2A\0\0\0\0");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(started.elapsed() < Duration::from_secs(25), "the write timeout is longer");
    assert!(error_chain(&sender.join().unwrap()).contains("progress timeout"));
}

#[test]
fn a_timeout_on_a_kept_connection_is_reported_and_not_repeated_at_once() {
    let receiver = Receiver::start().unwrap();
    receiver.script([Step::Acknowledge, Step::Stall]);
    let mut transport = transport(receiver.address()).ack_timeout(Duration::from_secs(2));
    transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
    let error = transport.send(&mut Batch::from_events(numbered(1..2))).unwrap_err();
    assert!(error_chain(&error).contains("ack timeout"), "{}", error_chain(&error));
    assert_eq!((receiver.connections(), receiver.received()), (1, 2));
}

#[test]
fn an_event_that_makes_no_window_costs_neither_the_connection_nor_its_neighbours() {
    let receiver = Receiver::start().unwrap();
    let mut transport = transport(receiver.address()).max_window_events(2);
    let mut batch = Batch::from_events(["one", "two", "", "four"]);
    let error = transport.send(&mut batch).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(batch.acknowledged(), 2);
    transport.send(&mut Batch::from_events(["four"])).unwrap();
    assert_eq!(receiver.events(), ["one", "two", "four"]);
    assert_eq!(receiver.connections(), 1);
}

#[test]
fn windows_are_never_longer_than_servers_take() {
    let receiver = Receiver::start().unwrap();
    let mut transport = transport(receiver.address()).max_window_events(1_000_000);
    transport.send(&mut Batch::from_events(numbered(0..15_000))).unwrap();
    assert_eq!((receiver.received(), receiver.windows()), (15_000, 2));
}

#[test]
fn a_peer_that_never_reads_is_given_up_after_the_write_timeout() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut transport =
        transport(deaf.local_addr().unwrap()).write_timeout(Duration::from_millis(300)).compression_level(0);
    let big = Bytes::from(vec![b'x'; 32 * 1024 * 1024]);
    let started = Instant::now();
    let error = transport.send(&mut Batch::from_events([big])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(25), "the write timeout is longer");
}

fn answer(bytes: &'static [u8]) -> TransportError {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let peer = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut first = [0; 6];
        stream.read_exact(&mut first).unwrap();
        stream.write_all(bytes).unwrap();
        // Held open until the client has judged.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let mut batch = Batch::from_events(numbered(0..1));
    let error = transport(address).send(&mut batch).unwrap_err();
    assert_eq!(batch.acknowledged(), 0);
    peer.join().unwrap();
    error
}

#[test]
fn a_peer_of_another_protocol_is_named() {
    let error = answer(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error_chain(&error).contains("HTTP"), "{}", error_chain(&error));
    let error = answer(b"\x15\x03\x03\x00\x02\x02\x28");
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error_chain(&error).contains("TLS"), "{}", error_chain(&error));
}

#[test]
fn an_acknowledgement_of_nothing_that_was_sent_credits_nothing() {
    let error = answer(b"2A\0\0\0\x09");
    assert!(error_chain(&error).contains("event 9 for a window of 1"), "{}", error_chain(&error));
}

#[test]
fn a_probe_tells_its_steps() {
    let receiver = Receiver::start().unwrap();
    let report = transport(receiver.address()).probe().unwrap();
    let names: Vec<_> = report.steps.iter().map(|step| step.name).collect();
    assert_eq!(names, ["resolve", "connect", "protocol"]);
    assert_eq!(receiver.received(), 0);
    let report = transport(receiver.address()).probe_event("{}").probe().unwrap();
    assert_eq!(report.steps.last().unwrap().detail, "an event was acknowledged");
    assert_eq!(receiver.events(), ["{}"]);
    receiver.go_away();
    let error = transport(receiver.address()).probe().unwrap_err();
    assert!(error.to_string().starts_with("cannot connect to beats://127.0.0.1:"), "{error}");
    let error = BeatsTransport::new("no-such-host.invalid").unwrap().probe().unwrap_err();
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}
