//! What peers cannot do.

use crate::support::{LONG, Rig, lines};
use std::io::{Read, Write};
use std::net::TcpStream;

fn config(options: &str) -> String {
    format!(
        "[inputs.in]\nlisten = \"lines+tcp://127.0.0.1:0\"\n{options}\n[outputs.out]\nendpoint = \"file:FOLDER/out\"\nformat = \"raw\""
    )
}

fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(LONG)).unwrap();
    // Closed with bytes of ours unread, it may be reset.
    matches!(stream.read(&mut [0]), Ok(0) | Err(_))
}

#[test]
fn too_many_connections_are_closed_at_once_and_a_place_that_gets_free_is_taken() {
    let rig = Rig::start(&config("max_connections = 2"));
    let (first, mut second) = (rig.connect("in"), rig.connect("in"));
    rig.eventually(|stats| stats.inputs["in"].open_connections == 2);
    assert!(is_closed(&rig.connect("in")));
    second.write_all(b"goes on\n").unwrap();
    assert_eq!(lines(&rig.path("out"), 1), ["goes on"]);
    drop(first);
    rig.eventually(|stats| stats.inputs["in"].open_connections == 1);
    rig.send("in", b"new\n");
    assert_eq!(lines(&rig.path("out"), 2), ["goes on", "new"]);
    assert_eq!(rig.relay.stats().inputs["in"].refused_connections, 1);
}

#[test]
fn one_peer_cannot_take_all_places() {
    let rig = Rig::start(&config("max_connections_per_peer = 1"));
    let _first = rig.connect("in");
    rig.eventually(|stats| stats.inputs["in"].open_connections == 1);
    assert!(is_closed(&rig.connect("in")));
    assert_eq!(rig.relay.stats().inputs["in"].refused_connections, 1);
}

#[test]
fn who_says_nothing_for_too_long_is_closed_and_what_he_said_is_kept() {
    let rig = Rig::start(&config("idle_timeout = \"1 s\""));
    let mut stream = rig.connect("in");
    stream.write_all(b"half a li").unwrap();
    assert!(is_closed(&stream));
    assert_eq!(lines(&rig.path("out"), 1), ["half a li"]);
    rig.eventually(|stats| stats.inputs["in"].idle_connections == 1);
}

#[test]
fn a_peer_that_sends_byte_by_byte_holds_nobody_up() {
    let rig = Rig::start(&config(""));
    let mut slow = rig.connect("in");
    for byte in b"slow" {
        slow.write_all(&[*byte]).unwrap();
        rig.send("in", b"quick\n");
    }
    assert_eq!(lines(&rig.path("out"), 4), ["quick"; 4]);
    slow.write_all(b"\n").unwrap();
    assert_eq!(lines(&rig.path("out"), 5)[4], "slow");
}

#[test]
fn hundreds_of_peers_that_say_nothing_or_little_hold_nobody_up() {
    let rig = Rig::start(&config(""));
    let silent: Vec<TcpStream> = (0..100).map(|_| rig.connect("in")).collect();
    let mut slow: Vec<TcpStream> = (0..100).map(|_| rig.connect("in")).collect();
    rig.eventually(|stats| stats.inputs["in"].open_connections == 200);
    for number in 0..50_u8 {
        for stream in &mut slow {
            stream.write_all(&[b'a' + number % 26]).unwrap();
        }
        rig.send("in", b"quick\n");
    }
    assert_eq!(lines(&rig.path("out"), 50), ["quick"; 50]);
    for stream in &mut slow {
        stream.write_all(b"\n").unwrap();
    }
    let found = lines(&rig.path("out"), 150);
    assert!(found[50..].iter().all(|line| line.len() == 50), "{found:?}");
    drop(silent);
    rig.eventually(|stats| stats.inputs["in"].received == 150);
}

// Elsewhere the loopback interface has one address only.
#[cfg(target_os = "linux")]
#[test]
fn who_is_not_allowed_is_closed_at_once_or_not_heard() {
    let rig = Rig::start(
        "[inputs.in]\nlisten = \"lines+tcp://127.0.0.1:0\"\nallow = [\"192.0.2.0/24\", \"::1\"]\n\
         [inputs.udp]\nlisten = \"json+udp://127.0.0.1:0\"\nallow = [\"127.0.0.2\"]\n\
         [outputs.out]\nendpoint = \"file:FOLDER/out\"",
    );
    assert!(is_closed(&rig.connect("in")));
    for from in ["127.0.0.1:0", "127.0.0.2:0"] {
        let socket = std::net::UdpSocket::bind(from).unwrap();
        socket.send_to(format!("{{\"from\":\"{from}\"}}").as_bytes(), rig.address("udp")).unwrap();
    }
    assert_eq!(lines(&rig.path("out"), 1), ["{\"from\":\"127.0.0.2:0\"}"]);
    let stats = rig.relay.stats();
    assert_eq!((stats.inputs["in"].not_allowed, stats.inputs["udp"].not_allowed), (1, 1));
    assert_eq!((stats.inputs["in"].connections, stats.inputs["udp"].received), (0, 1));
}

#[test]
fn beyond_the_memory_of_an_input_windows_are_ended_one_after_the_other() {
    const CLIENTS: u8 = 5;
    let rig = Rig::start(&config("max_memory = \"64 KiB\"").replace("lines+tcp", "beats"));
    let event = |number: u8| [&[b'2', b'J', 0, 0, 0, number, 0, 0, 0xc3, 0x50], &[b'x'; 50_000][..]].concat();
    let mut streams: Vec<TcpStream> = (0..CLIENTS).map(|_| rig.connect("in")).collect();
    for stream in &mut streams {
        stream.write_all(&[b"2W\0\0\0\x02", &event(1)[..]].concat()).unwrap();
    }
    // Two of them take more than there is; one more may go on, and has nothing to go on with.
    rig.eventually(|stats| stats.inputs["in"].bytes >= 2 * 50_000);
    for stream in &mut streams {
        stream.write_all(&event(2)).unwrap();
    }
    for stream in &mut streams {
        let mut answer = [0; 6];
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"2A\0\0\0\x02");
    }
    assert_eq!(lines(&rig.path("out"), 10).len(), 10);
    assert_eq!(rig.relay.stats().inputs["in"].failed_connections, 0);
}
