//! [`BeatsTransport`] against peers that misbehave byte by byte.
//!
//! | trap | test |
//! | --- | --- |
//! | T-23 refused connect | `t23_a_refused_connection_is_known_at_once` |
//! | T-24 IPv6, dual stack | `t24_both_families_are_tried`; a dead first address: `stream/dial.rs` |
//! | T-26 bytes on the wire | `t26_windows_are_as_go_lumber_writes_them` |
//! | T-26 acknowledgements | `t26_…` |
//! | T-27 keepalives for ever | `t27_keepalives_for_ever_end_with_the_progress_timeout` |
//! | T-28 reuse of a connection | `t28_numbers_start_over_in_each_window_of_a_kept_connection`, `t28_a_reset_after_the_acknowledgement_costs_nothing` |
//! | PLA#38 file descriptors | `failed_connects_leak_neither_descriptors_nor_threads` |

use crate::support::numbered;
use logstash_transport::{Batch, BeatsTransport, ErrorKind, Transport, TransportError, error_chain};
use lumberjack_codec::SequenceMode;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

fn transport(address: SocketAddr) -> BeatsTransport {
    BeatsTransport::new(&address.to_string()).unwrap().compression_level(0)
}

/// What a peer does with a connection.
type Script = fn(&mut TcpStream);

/// Serves one connection after the other with the scripts.
fn peer<const N: usize>(scripts: [Script; N]) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        for script in scripts {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            script(&mut stream);
        }
    };
    (address, thread::spawn(serve))
}

/// Reads a window of plain frames; the bytes.
fn read_window(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = vec![0; 6];
    stream.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes[..2], b"2W");
    for _ in 0..u32::from_be_bytes(bytes[2..6].try_into().unwrap()) {
        let mut head = [0; 10];
        stream.read_exact(&mut head).unwrap();
        let mut payload = vec![0; u32::from_be_bytes(head[6..].try_into().unwrap()) as usize];
        stream.read_exact(&mut payload).unwrap();
        bytes.extend(head);
        bytes.extend(payload);
    }
    bytes
}

fn ack(sequence: u8) -> [u8; 6] {
    [b'2', b'A', 0, 0, 0, sequence]
}

/// Waits for the end of what the client sends, so that nothing turns into a reset.
fn drain(stream: &mut TcpStream) {
    let _ = std::io::copy(stream, &mut std::io::sink());
}

/// Sends five events to a peer with this script; what was acknowledged, and the error.
fn send_five(script: Script) -> (u64, Result<(), TransportError>) {
    let (address, peer) = peer([script]);
    let mut transport = transport(address).ack_timeout(Duration::from_secs(5));
    let mut batch = Batch::from_events(numbered(0..5));
    let result = transport.send(&mut batch);
    drop(transport);
    peer.join().unwrap();
    (batch.acknowledged(), result)
}

fn failure(result: Result<(), TransportError>) -> (ErrorKind, String) {
    let error = result.unwrap_err();
    (error.kind(), error_chain(&error))
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
fn t24_both_families_are_tried() {
    for bind in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(listener) = TcpListener::bind(bind) else { continue };
        let port = listener.local_addr().unwrap().port();
        let serve = move || {
            let (mut stream, _) = listener.accept().unwrap();
            read_window(&mut stream);
            stream.write_all(&ack(1)).unwrap();
            drain(&mut stream);
        };
        let peer = thread::spawn(serve);
        let literal = if bind.starts_with('[') { "[::1]" } else { "127.0.0.1" };
        // The name may have one family only on this machine.
        let reaches = std::net::ToSocketAddrs::to_socket_addrs(&("localhost", port)).unwrap();
        let reaches =
            reaches.map(|address| address.ip().to_string()).any(|ip| literal.trim_matches(['[', ']']) == ip);
        let host = if reaches { "localhost" } else { literal };
        let mut transport =
            BeatsTransport::new(&format!("beats://{host}:{port}")).unwrap().compression_level(0);
        let started = Instant::now();
        transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
        assert!(started.elapsed() < Duration::from_secs(8), "{bind} {:?}", started.elapsed());
        drop(transport);
        peer.join().unwrap();
    }
}

#[test]
fn t26_windows_are_as_go_lumber_writes_them() {
    let (address, peer) = peer([|stream: &mut TcpStream| {
        let wire = read_window(stream);
        assert_eq!(wire, b"2W\0\0\0\x022J\0\0\0\x01\0\0\0\x02{}2J\0\0\0\x02\0\0\0\x02[]");
        stream.write_all(&ack(2)).unwrap();
        drain(stream);
    }]);
    transport(address).send(&mut Batch::from_events(["{}", "[]"])).unwrap();
    peer.join().unwrap();
}

#[test]
fn t26_a_partial_acknowledgement_counts_although_the_connection_ends() {
    let (acknowledged, result) = send_five(|stream| {
        read_window(stream);
        stream.write_all(&ack(3)).unwrap();
    });
    assert_eq!((acknowledged, failure(result).0), (3, ErrorKind::Unavailable));
}

#[test]
fn t26_an_acknowledgement_beyond_the_window_credits_nothing() {
    let (acknowledged, result) = send_five(|stream| {
        read_window(stream);
        stream.write_all(&ack(6)).unwrap();
        drain(stream);
    });
    let (kind, text) = failure(result);
    assert_eq!((acknowledged, kind), (0, ErrorKind::Unavailable));
    assert!(text.contains("window of 5"), "{text}");
}

#[test]
fn t26_an_acknowledgement_that_goes_backwards_takes_nothing_back() {
    let (acknowledged, result) = send_five(|stream| {
        read_window(stream);
        for sequence in [3, 2, 3, 0, 5] {
            stream.write_all(&ack(sequence)).unwrap();
        }
        drain(stream);
    });
    result.unwrap();
    assert_eq!(acknowledged, 5);
}

#[test]
fn t26_an_acknowledgement_before_any_window_is_no_credit() {
    let (acknowledged, result) = send_five(|stream| {
        stream.write_all(&ack(5)).unwrap();
        drain(stream);
    });
    // Whether it arrives before the window or after it, is the network's business.
    assert!(result.is_err() && acknowledged == 0 || result.is_ok() && acknowledged == 5);
}

#[test]
fn t26_acknowledgements_may_come_byte_by_byte() {
    let (acknowledged, result) = send_five(|stream| {
        read_window(stream);
        for byte in [ack(0), ack(2), ack(5)].concat() {
            stream.write_all(&[byte]).unwrap();
            thread::sleep(Duration::from_millis(2));
        }
        drain(stream);
    });
    result.unwrap();
    assert_eq!(acknowledged, 5);
}

#[test]
fn t26_half_an_acknowledgement_credits_nothing() {
    let (acknowledged, result) = send_five(|stream| {
        read_window(stream);
        stream.write_all(&ack(5)[..4]).unwrap();
    });
    assert_eq!((acknowledged, failure(result).0), (0, ErrorKind::Unavailable));
}

#[test]
fn t26_other_versions_and_frames_are_errors() {
    for script in [
        |stream: &mut TcpStream| answer(stream, b"1A\0\0\0\x05"),
        |stream: &mut TcpStream| answer(stream, b"3A\0\0\0\x05"),
        |stream: &mut TcpStream| answer(stream, b"2W\0\0\0\x05"),
        |stream: &mut TcpStream| answer(stream, b"2X\0\0\0\x05"),
    ] as [Script; 4]
    {
        let (acknowledged, result) = send_five(script);
        let (kind, text) = failure(result);
        assert_eq!((acknowledged, kind), (0, ErrorKind::Unavailable), "{text}");
    }
}

fn answer(stream: &mut TcpStream, bytes: &[u8]) {
    read_window(stream);
    stream.write_all(bytes).unwrap();
    drain(stream);
}

#[test]
fn t27_keepalives_for_ever_end_with_the_progress_timeout() {
    let (address, peer) = peer([|stream: &mut TcpStream| {
        read_window(stream);
        while stream.write_all(&ack(0)).is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    }]);
    let mut transport = transport(address)
        .ack_timeout(Duration::from_millis(500))
        .progress_timeout(Some(Duration::from_secs(1)));
    let started = Instant::now();
    let (kind, text) = failure(transport.send(&mut Batch::from_events(numbered(0..5))));
    let took = started.elapsed();
    assert_eq!(kind, ErrorKind::Unavailable);
    assert!(text.contains("progress timeout"), "{text}");
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(60), "{took:?}");
    drop(transport);
    peer.join().unwrap();
}

#[test]
fn t28_numbers_start_over_in_each_window_of_a_kept_connection() {
    let (address, peer) = peer([|stream: &mut TcpStream| {
        let first = read_window(stream);
        stream.write_all(&ack(2)).unwrap();
        assert_eq!(read_window(stream), first);
        stream.write_all(&ack(2)).unwrap();
        drain(stream);
    }]);
    let mut transport = transport(address);
    transport.send(&mut Batch::from_events(numbered(0..2))).unwrap();
    transport.send(&mut Batch::from_events(numbered(0..2))).unwrap();
    drop(transport);
    peer.join().unwrap();
}

#[test]
fn t28_numbers_go_on_where_the_peer_wants_that() {
    let (address, peer) = peer([|stream: &mut TcpStream| {
        for (first, last) in [(1, 2), (3, 4)] {
            let wire = read_window(stream);
            assert_eq!((&wire[..6], wire[11]), (&b"2W\0\0\0\x02"[..], first));
            stream.write_all(&ack(last)).unwrap();
        }
        drain(stream);
    }]);
    let mut transport = transport(address).sequence_mode(SequenceMode::Running);
    transport.send(&mut Batch::from_events(numbered(0..2))).unwrap();
    transport.send(&mut Batch::from_events(numbered(2..4))).unwrap();
    drop(transport);
    peer.join().unwrap();
}

#[test]
fn t28_a_reset_after_the_acknowledgement_costs_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut transport = transport(listener.local_addr().unwrap());
    let (taken, is_taken) = mpsc::channel();
    let (reset, is_reset) = mpsc::channel();
    let peer = thread::spawn(move || {
        // A reset that comes earlier could overtake the acknowledgement on the way into the client.
        while is_taken.recv().is_ok() {
            let (mut stream, _) = listener.accept().unwrap();
            read_window(&mut stream);
            stream.write_all(&ack(5)).unwrap();
            is_taken.recv().unwrap();
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            drop(stream);
            reset.send(()).unwrap();
        }
    });
    for round in 0..5 {
        taken.send(()).unwrap();
        let mut batch = Batch::from_events(numbered(round * 5..round * 5 + 5));
        transport.send(&mut batch).unwrap();
        taken.send(()).unwrap();
        is_reset.recv().unwrap();
    }
    drop(taken);
    peer.join().unwrap();
}

/// The windows in flight are waited for, and the next connection goes on behind them.
#[test]
fn a_connection_is_replaced_when_its_time_is_over_and_what_is_in_flight_is_settled() {
    fn serve_slowly(stream: &mut TcpStream) {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut windows = 0;
        while matches!(stream.peek(&mut [0]), Ok(1)) {
            read_window(stream);
            thread::sleep(Duration::from_millis(20));
            stream.write_all(&ack(10)).unwrap();
            windows += 1;
        }
        assert!((1..40).contains(&windows), "{windows}");
    }
    let (address, _peer) = peer([serve_slowly as Script; 100]);
    let mut transport =
        transport(address).max_window_events(10).connection_ttl(Some(Duration::from_millis(100)));
    let mut batch = Batch::from_events(numbered(0..400));
    transport.send(&mut batch).unwrap();
    assert!(batch.is_done());
    transport.close();
}

#[cfg(feature = "testing")]
#[test]
fn slow_start_begins_with_small_windows_and_grows() {
    use logstash_transport::testing::{Receiver, Step};
    use lumberjack_codec::WindowEncoder;

    let receiver = Receiver::start().unwrap();
    let mut transport = transport(receiver.address()).slow_start(true).max_in_flight(1);
    let events = numbered(0..1000);
    transport.send(&mut Batch::from_events(events.clone())).unwrap();
    // 10, 15, 22, 33, 49, 73, 109, 163, 244, and the rest.
    assert_eq!((receiver.windows(), receiver.received()), (10, 1000));
    // A failure halves it; encoded windows are taken apart.
    // The first one is that of the kept connection, which may have been closed long before.
    receiver.script([Step::DropConnection, Step::DropConnection]);
    let window = WindowEncoder::new(3).encode(&events).unwrap();
    let mut batch = Batch::from_windows([window]);
    transport.send(&mut batch).unwrap_err();
    transport.send(&mut batch).unwrap();
    assert_eq!(receiver.events(), [events.clone(), events].concat());
    // 366, halved by the failure: 183, 274, 411, and the rest.
    assert_eq!(receiver.windows(), 14);
}

#[cfg(target_os = "linux")]
#[test]
fn failed_connects_leak_neither_descriptors_nor_threads() {
    const CHILD: &str = "LOGSTASH_TRANSPORT_TEST_CHILD";
    let count = |what: &str| std::fs::read_dir(format!("/proc/self/{what}")).unwrap().count();
    if std::env::var_os(CHILD).is_none() {
        // Other tests open and close things in this process.
        let name = "beats_faults::failed_connects_leak_neither_descriptors_nor_threads";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let output = child.args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut numeric = transport(gone);
    let mut named = BeatsTransport::new(&format!("localhost:{}", gone.port())).unwrap();
    let mut fail = |times| {
        for _ in 0..times {
            for transport in [&mut numeric, &mut named] {
                transport.send(&mut Batch::from_events(numbered(0..1))).unwrap_err();
            }
        }
    };
    fail(10);
    let descriptors = count("fd");
    fail(1000);
    assert_eq!(count("fd"), descriptors);
    // The main thread, that of the test, and one that may be about to end.
    let deadline = Instant::now() + Duration::from_secs(60);
    while count("task") > 2 && Instant::now() < deadline {
        thread::yield_now();
    }
    assert_eq!(count("task"), 2);
}
