//! A relay whose disk is full.

use crate::mounted::Mounted;
use crate::support::{LONG, Rig};
use logstash_handler::BeatsTransport;
use logstash_transport::testing::Receiver;
use logstash_transport::{Batch, Transport};
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What `/readyz` answers.
fn readiness(rig: &Rig) -> String {
    let mut stream = TcpStream::connect(rig.relay.metrics_address().unwrap()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    write!(stream, "GET /readyz HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn wait_until_ready(rig: &Rig, text: &str) {
    let deadline = Instant::now() + LONG;
    while !readiness(rig).contains(text) {
        assert!(Instant::now() < deadline, "{text}: {}; {:?}", readiness(rig), rig.relay.stats());
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_can_wait_waits_for_a_full_disk_and_the_rest_is_dropped_and_counted() {
    let Some(disk) = Mounted::tmpfs("12m") else { return };
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let rig = Rig::start(&format!(
        r#"
        metrics = "127.0.0.1:0"
        inputs.beats.listen = "beats://127.0.0.1:0"
        inputs.lines.listen = "lines+tcp://127.0.0.1:0"
        inputs.datagrams.listen = "json+udp://127.0.0.1:0"
        [outputs.out]
        endpoint = "beats://{}"
        format = "raw"
        [outputs.out.handler]
        arena_bytes = "512 KiB"
        max_event_bytes = "64 KiB"
        compression_level = 0
        report_losses = false
        retry = {{ base = "10 ms", max = "50 ms" }}
        queue = {{ type = "sled", path = "{}/queue", min_free_bytes = 0, generation_bytes = "1 MB", cache_bytes = "64 KiB", durability = "os" }}
        "#,
        receiver.address(),
        disk.path().display()
    ));
    let is_full = AtomicBool::new(false);
    let acknowledged = AtomicU64::new(0);
    let filler = "x".repeat(4_000);
    let (sent, lines) = thread::scope(|scope| {
        let mut beats = BeatsTransport::new(&rig.address("beats").to_string())
            .unwrap()
            .compression_level(0)
            .max_window_events(20);
        let mut stream = rig.connect("lines");
        let (is_full, acknowledged, filler) = (&is_full, &acknowledged, &filler);
        // Both send until the disk is full, and what they have begun then.
        let of_beats = scope.spawn(move || {
            let mut sent = 0_u64;
            while !is_full.load(Ordering::Relaxed) {
                let events = (sent..sent + 20).map(|number| format!("beats {number} {filler}"));
                beats.send(&mut Batch::from_events(events)).unwrap();
                sent += 20;
                acknowledged.store(sent, Ordering::Relaxed);
            }
            sent
        });
        let of_lines = scope.spawn(move || {
            let mut sent = 0_u64;
            while !is_full.load(Ordering::Relaxed) {
                writeln!(stream, "lines {sent} {filler}").unwrap();
                sent += 1;
            }
            sent
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            // Nothing more is taken when what was taken does not grow any more.
            let (mut before, mut looks) = (0, 0);
            rig.eventually(|stats| {
                let now = stats.outputs["out"].accepted;
                looks = if std::mem::replace(&mut before, now) == now && now > 0 { looks + 1 } else { 0 };
                looks >= 400
            });
            let before = acknowledged.load(Ordering::Relaxed);
            // Whoever sends datagrams cannot be made to wait.
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let datagram = format!("{{\"text\":\"{filler}\"}}");
            let mut count = 0;
            while rig.relay.stats().outputs["out"].dropped.overflow == 0 {
                socket.send_to(datagram.as_bytes(), rig.address("datagrams")).unwrap();
                count += 1;
                assert!(count < 100_000);
            }
            let stats = rig.relay.stats();
            assert_eq!(
                acknowledged.load(Ordering::Relaxed),
                before,
                "nothing is stored, and nothing acknowledged"
            );
            assert_eq!(
                stats.inputs["beats"].failed_connections + stats.inputs["lines"].failed_connections,
                0
            );
            assert!(stats.outputs["out"].is_balanced());
        }));
        is_full.store(true, Ordering::Relaxed);
        receiver.come_back().unwrap();
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
        (of_beats.join().unwrap(), of_lines.join().unwrap())
    });
    wait_until_ready(&rig, "200 ");
    let stats = rig.eventually(|stats| {
        let (output, received) = (&stats.outputs["out"], stats.inputs.values().map(|input| input.received));
        let all_over = output.pending() == 0 && output.accepted == received.sum::<u64>();
        all_over && stats.inputs["lines"].received == lines
    });
    let output = &stats.outputs["out"];
    assert_eq!(
        (output.dropped.overflow, output.dropped.total()),
        (output.accepted - output.acknowledged, output.dropped.overflow)
    );
    assert!(output.dropped.overflow <= stats.inputs["datagrams"].received, "{stats:?}");
    let heads = |event: bytes::Bytes| {
        let text = String::from_utf8(event.to_vec()).unwrap();
        text.split(' ').take(2).collect::<Vec<_>>().join(" ")
    };
    let found: HashSet<String> = receiver.events().into_iter().map(heads).collect();
    for (name, count) in [("beats", sent), ("lines", lines)] {
        assert_eq!((0..count).find(|number| !found.contains(&format!("{name} {number}"))), None, "{name}");
    }
    assert_eq!(stats.inputs["beats"].connections, 1, "nobody had to connect again");
    assert!(rig.relay.shutdown(LONG).is_complete());
}
