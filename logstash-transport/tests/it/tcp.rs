//! [`TcpTransport`] against a receiver that checks the framing byte for byte.
//!
//! | trap | test |
//! | --- | --- |
//! | T-21 half-written line, then a new connection | `t21_a_half_written_line_is_never_glued_to_the_next_connection` |
//! | T-22 receiver restarted between batches | `t22_a_receiver_that_went_away_between_batches_is_noticed_before_the_next`, `t22_what_is_lost_when_connections_are_reset` |
//! | T-23 refused connect | `t23_a_refused_connection_is_known_at_once` |
//! | T-31 newline inside an event | `t31_a_newline_inside_an_event_does_not_split_it` |

use crate::line_receiver::{Cut, LineReceiver, split};
use crate::support::{number, numbered};
use bytes::Bytes;
use logstash_transport::{
    Batch, ConnectionOptions, ErrorKind, Interrupt, TcpTransport, Transport, error_chain,
};
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

fn transport(address: SocketAddr) -> TcpTransport {
    TcpTransport::new(&address.to_string()).unwrap().settle_time(Duration::from_millis(20))
}

#[test]
fn events_are_lines_in_order_over_one_connection() {
    let receiver = LineReceiver::start();
    let mut transport = transport(receiver.address());
    for round in 0..5 {
        transport.send(&mut Batch::from_events(numbered(round * 10_000..(round + 1) * 10_000))).unwrap();
    }
    transport.close();
    transport.close();
    let connections = receiver.ended();
    assert_eq!(connections.len(), 1);
    let (lines, rest) = split(&connections[0]);
    assert_eq!((lines, rest), (numbered(0..50_000), &b""[..]));
}

#[test]
fn closing_waits_until_the_peer_has_read_everything_but_not_for_ever() {
    let receiver = LineReceiver::start();
    let mut transport = transport(receiver.address());
    transport.send(&mut Batch::from_events([Bytes::from(vec![b'x'; 1 << 20])])).unwrap();
    transport.close();
    assert_eq!(receiver.ended()[0].len(), (1 << 20) + 1);

    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut transport = self::transport(deaf.local_addr().unwrap()).close_timeout(Duration::from_millis(200));
    transport.send(&mut Batch::from_events(numbered(0..10))).unwrap();
    let started = Instant::now();
    transport.close();
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn t21_a_half_written_line_is_never_glued_to_the_next_connection() {
    let mut random = fastrand::Rng::with_seed(21);
    let receiver = LineReceiver::start();
    let mut transport = transport(receiver.address()).settle_time(Duration::ZERO);
    let events: Vec<Bytes> = (0..4000)
        .map(|number| {
            Bytes::from(format!("{{\"n\":{number:06},\"pad\":\"{}\"}}", "x".repeat(random.usize(0..3000))))
        })
        .collect();
    receiver.cut((0..60).map(|_| {
        let bytes = random.usize(1..200_000);
        if random.bool() { Cut::Reset(bytes) } else { Cut::Close(bytes) }
    }));
    for chunk in events.chunks(100) {
        let mut batch = Batch::from_events(chunk.to_vec());
        while let Err(error) = transport.send(&mut batch) {
            assert_eq!(error.kind(), ErrorKind::Unavailable);
        }
    }
    transport.close();
    let known: HashSet<&Bytes> = events.iter().collect();
    let connections = receiver.ended();
    assert!(connections.len() > 1, "{} connections", connections.len());
    for bytes in &connections {
        let (lines, rest) = split(bytes);
        assert!(lines.iter().all(|line| known.contains(line)), "a line that is no event");
        let numbers: Vec<&[u8]> = lines.iter().map(|line| &line[5..11]).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "order on a connection");
        assert!(events.iter().any(|event| event.starts_with(rest)), "the end is the beginning of an event");
    }
}

#[test]
fn t22_a_receiver_that_went_away_between_batches_is_noticed_before_the_next() {
    let receiver = LineReceiver::start();
    let mut transport = transport(receiver.address());
    for round in 0..20 {
        transport.send(&mut Batch::from_events(numbered(round * 10..(round + 1) * 10))).unwrap();
        receiver.lines((round + 1) * 10);
        receiver.close_connections();
    }
    transport.close();
    assert_eq!(receiver.lines(200), numbered(0..200), "nothing lost, nothing twice");
    assert_eq!(receiver.connections(), 20);
}

/// The window of loss: what was under way when a connection was reset, one run of events for each reset. How
/// many they are, is a matter of the buffers at both ends and of the moment.
#[test]
fn t22_what_is_lost_when_connections_are_reset() {
    const EVENTS: usize = 20_000;
    let mut random = fastrand::Rng::with_seed(22);
    let receiver = LineReceiver::start();
    let resets: Vec<Cut> = (0..20).map(|_| Cut::Reset(random.usize(1000..10_000))).collect();
    receiver.cut(resets.clone());
    let mut transport = transport(receiver.address());
    for first in (0..EVENTS).step_by(10) {
        let mut batch = Batch::from_events(numbered(first..first + 10));
        while transport.send(&mut batch).is_err() {}
    }
    transport.close();
    let connections = receiver.ended();
    let received: HashSet<usize> = receiver.lines(1).iter().map(number).collect();
    let lost: Vec<usize> = (0..EVENTS).filter(|number| !received.contains(number)).collect();
    let runs = lost.iter().filter(|number| **number == 0 || received.contains(&(**number - 1))).count();
    let cuts = resets.len().min(connections.len());
    println!("T-22: {} of {EVENTS} acknowledged events lost over {cuts} resets", lost.len());
    assert!(cuts > 1 && runs <= cuts, "{runs} runs of lost events over {cuts} resets");
}

#[test]
fn t23_a_refused_connection_is_known_at_once() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let started = Instant::now();
    let error = transport(gone).send(&mut Batch::from_events(numbered(0..1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.advice().is_some_and(|advice| advice.contains("listens")));
    // Less than the timeout of a connection.
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[test]
fn t31_a_newline_inside_an_event_does_not_split_it() {
    let receiver = LineReceiver::start();
    let mut transport = transport(receiver.address());
    transport.send(&mut Batch::from_events(["{\n  \"a\": 1\n}\n", "{}"])).unwrap();
    assert_eq!(receiver.lines(2), ["{   \"a\": 1 }", "{}"]);
}

#[test]
fn an_event_larger_than_a_chunk_arrives_whole() {
    let receiver = LineReceiver::start();
    let mut transport = transport(receiver.address());
    let large = Bytes::from(vec![b'x'; 3 << 20]);
    transport.send(&mut Batch::from_events([Bytes::from("{}"), large.clone(), Bytes::from("{}")])).unwrap();
    assert_eq!(receiver.lines(3)[1], large);
}

#[test]
fn a_peer_that_hangs_up_on_new_connections_gets_no_credit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut transport = transport(listener.local_addr().unwrap()).settle_time(Duration::from_secs(1));
    let peer = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 64]);
        drop(stream);
        drop(listener.accept().unwrap());
    });
    let mut batch = Batch::from_events(numbered(0..1));
    let error = transport.send(&mut batch).unwrap_err();
    assert_eq!((error.kind(), batch.acknowledged()), (ErrorKind::Unavailable, 0));
    let error = transport.probe().unwrap_err();
    assert!(error.advice().is_some_and(|advice| advice.contains("hangs up")), "{}", error_chain(&error));
    peer.join().unwrap();
}

#[test]
fn a_peer_that_never_reads_is_given_up_after_the_write_timeout() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = ConnectionOptions::new().write_timeout(Duration::from_millis(300));
    let mut transport = transport(deaf.local_addr().unwrap()).connection(options);
    let started = Instant::now();
    let error = transport.send(&mut Batch::from_events([Bytes::from(vec![b'x'; 32 << 20])])).unwrap_err();
    assert!(error_chain(&error).contains("write timeout"), "{}", error_chain(&error));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn an_interrupt_ends_the_writing() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut transport = transport(deaf.local_addr().unwrap());
    let interrupt = Interrupt::new();
    transport.interrupt_by(interrupt.clone());
    let sender = thread::spawn(move || {
        transport.send(&mut Batch::from_events([Bytes::from(vec![b'x'; 32 << 20])])).unwrap_err()
    });
    let (_peer, _) = deaf.accept().unwrap();
    interrupt.raise();
    let raised = Instant::now();
    assert_eq!(sender.join().unwrap().kind(), ErrorKind::Unavailable);
    assert!(raised.elapsed() < Duration::from_secs(20), "the write timeout is longer");
}

#[test]
fn a_connection_is_replaced_when_its_time_is_over() {
    let receiver = LineReceiver::start();
    let mut transport = transport(receiver.address()).connection_ttl(Some(Duration::ZERO));
    for round in 0..3 {
        transport.send(&mut Batch::from_events(numbered(round..round + 1))).unwrap();
    }
    transport.close();
    assert_eq!(receiver.ended().len(), 3);
    assert_eq!(receiver.lines(3), numbered(0..3));
}

#[test]
fn a_probe_tells_its_steps_and_sends_nothing() {
    let receiver = LineReceiver::start();
    let report = transport(receiver.address()).probe().unwrap();
    assert_eq!(
        report.steps.iter().map(|step| step.name).collect::<Vec<_>>(),
        ["resolve", "connect", "protocol"]
    );
    assert_eq!(receiver.ended(), [b""]);
}

#[test]
fn a_peer_that_never_stops_to_send_holds_nothing_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let flood = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = stream.try_clone().unwrap();
        let reading = thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        // Ends when the transport goes away.
        while stream.write_all(&[b'x'; 1 << 16]).is_ok() {}
        let _ = reading.join().unwrap();
    });
    let (done, is_done) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut transport = transport(address).close_timeout(Duration::from_millis(100));
        let result = transport.send(&mut Batch::from_events(numbered(0..10_000)));
        transport.close();
        done.send(result.map_err(|error| error_chain(&error))).unwrap();
    });
    is_done.recv_timeout(Duration::from_secs(60)).expect("send returns").unwrap();
    flood.join().unwrap();
}

#[test]
fn a_timeout_may_be_as_long_as_one_likes() {
    let receiver = LineReceiver::start();
    let options = ConnectionOptions::new()
        .connect_timeout(Duration::MAX)
        .handshake_timeout(Duration::MAX)
        .write_timeout(Duration::MAX);
    let name = format!("localhost:{}", receiver.address().port());
    let mut transport = TcpTransport::new(&name).unwrap().connection(options);
    transport = transport.settle_time(Duration::from_millis(20)).close_timeout(Duration::MAX);
    transport.send(&mut Batch::from_events(numbered(0..10))).unwrap();
    transport.close();
    assert_eq!(receiver.ended().len(), 1);
}
