//! An output without room: connections wait, datagrams are dropped and counted, other outputs go on.

use crate::support::{LONG, Rig};
use logstash_transport::testing::Receiver;
use std::io::{ErrorKind, Write};
use std::net::UdpSocket;
use std::time::Duration;

fn config(receiver: &Receiver, when_full: &str) -> String {
    format!(
        r#"
        shutdown_timeout = "100 ms"
        inputs.lines.listen = "lines+tcp://127.0.0.1:0"
        inputs.json.listen = "json+udp://127.0.0.1:0"
        [outputs.out]
        endpoint = "beats://{}"
        when_full = "{when_full}"
        [outputs.out.handler]
        arena_bytes = "64 KiB"
        max_event_bytes = "32 KiB"
        compression_level = 0
        linger = "0 s"
        queue = {{ type = "memory", max_bytes = "64 KiB" }}
        "#,
        receiver.address()
    )
}

/// Writes lines until the relay takes no more, or the most is written; tells how many there were.
fn write_until_stuck(rig: &Rig, most: u64, patience: Duration) -> u64 {
    let mut stream = rig.connect("lines");
    stream.set_write_timeout(Some(patience)).unwrap();
    let mut lines = 0;
    let line = [&[b'x'; 1023][..], b"\n"].concat();
    while lines < most {
        let mut written = 0;
        while written < line.len() {
            match stream.write(&line[written..]) {
                Ok(length) => written += length,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    // The rest is taken when there is room again.
                    std::thread::spawn(move || {
                        stream.set_write_timeout(None).and_then(|()| {
                            stream.write_all(&[b'x'; 1024][..1023 - written.min(1023)])?;
                            stream.write_all(b"\n")
                        })
                    });
                    return lines + 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
        lines += 1;
    }
    lines
}

#[test]
fn connections_wait_for_room_and_nothing_is_lost() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let rig = Rig::start(&config(&receiver, "wait"));
    // Far more than queue and sockets hold.
    let lines = write_until_stuck(&rig, 100_000, Duration::from_millis(500));
    assert!(lines < 100_000);
    let stats = rig.relay.stats();
    assert_eq!(stats.outputs["out"].dropped.total(), 0);
    receiver.come_back().unwrap();
    assert!(receiver.wait_for(lines, LONG));
    let stats = rig.eventually(|stats| stats.outputs["out"].acknowledged == lines);
    assert_eq!((stats.inputs["lines"].received, stats.outputs["out"].dropped.total()), (lines, 0));
}

#[test]
fn an_output_may_drop_instead_and_counts_it() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let rig = Rig::start(&config(&receiver, "drop"));
    let lines = write_until_stuck(&rig, 2000, LONG);
    assert_eq!(lines, 2000);
    // The input counts a line before the output does, and is asked before it.
    let stats = rig
        .eventually(|stats| stats.inputs["lines"].received == 2000 && stats.outputs["out"].accepted == 2000);
    let output = &stats.outputs["out"];
    assert!(output.dropped.overflow > 1000, "{output:?}");
}

#[test]
fn datagrams_are_dropped_and_counted() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let rig = Rig::start(&config(&receiver, "wait"));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let document = format!("{{\"text\":\"{}\"}}", "x".repeat(1000));
    let mut sent = 0;
    while rig.relay.stats().outputs["out"].dropped.overflow == 0 {
        socket.send_to(document.as_bytes(), rig.address("json")).unwrap();
        sent += 1;
        assert!(sent < 1_000_000);
    }
    rig.eventually(|stats| stats.outputs["out"].accepted == stats.inputs["json"].received);
}
