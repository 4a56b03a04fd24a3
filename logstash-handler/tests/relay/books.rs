//! The books add up: what came in is delivered, kept, or dropped for a reason, whenever the relay ends.

use crate::support::{LONG, Rig};
use crate::tls::certificate;
use logstash_handler::relay::{RelayReport, RelayStats};
use logstash_handler::{BeatsTransport, Report};
use logstash_transport::testing::Receiver;
use logstash_transport::{Batch, Endpoint, Transport, TransportOptions};
use std::fs;
use std::io::Write;
use std::net::UdpSocket;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Of each protocol and carrier one.
const INPUTS: &str = r#"
    inputs.beats.listen = "beats://127.0.0.1:0"
    inputs.json-tcp.listen = "json+tcp://127.0.0.1:0"
    inputs.json-udp.listen = "json+udp://127.0.0.1:0"
    inputs.lines-tcp.listen = "lines+tcp://127.0.0.1:0"
    inputs.lines-tls.listen = "lines+tls://127.0.0.1:0?tls_cert=FOLDER/cert.pem&tls_key=FOLDER/key.pem"
    inputs.python-tcp.listen = "python+tcp://127.0.0.1:0"
    inputs.python-udp.listen = "python+udp://127.0.0.1:0"
    inputs.syslog-tcp.listen = "syslog+tcp://127.0.0.1:0"
    inputs.syslog-udp.listen = "syslog+udp://127.0.0.1:0"
"#;

/// Clients of all inputs, which send until the relay ends or they are stopped.
struct Clients {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Clients {
    fn start(rig: &Rig) -> Self {
        let mut clients = Self { is_over: Arc::default(), threads: Vec::new() };
        let record = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pickle/record-2.pickle");
        let record = fs::read(record).unwrap();
        let record = [&u32::try_from(record.len()).unwrap().to_be_bytes(), &*record].concat();
        let message = b"<13>Oct 11 22:14:15 host app: a message of syslog\n";
        for (input, message) in [
            ("json-tcp", &b"{\"message\":\"a document\"}\n"[..]),
            ("lines-tcp", b"a line\n"),
            ("python-tcp", &record),
            ("syslog-tcp", message),
        ] {
            let mut stream = rig.connect(input);
            let messages = message.repeat(10);
            clients.send(move || stream.write_all(&messages).is_ok());
        }
        for (input, message) in [
            ("json-udp", &b"{\"message\":\"a document\"}"[..]),
            ("python-udp", &record),
            ("syslog-udp", message),
        ] {
            let (socket, address) = (UdpSocket::bind("127.0.0.1:0").unwrap(), rig.address(input));
            let message = message.to_vec();
            // Where nobody listens any more, every second one is refused.
            clients.send(move || {
                let _ = socket.send_to(&message, address);
                true
            });
        }
        let tls = format!("tcp+tls://{}?tls_ca={}", rig.address("lines-tls"), rig.path("cert.pem").display());
        let mut tls = tls.parse::<Endpoint>().unwrap().into_transport(&TransportOptions::new()).unwrap();
        clients.send(move || tls.send(&mut Batch::from_events(["a line"; 10])).is_ok());
        for level in [0, 3] {
            let mut beats =
                BeatsTransport::new(&rig.address("beats").to_string()).unwrap().compression_level(level);
            clients.send(move || {
                beats.send(&mut Batch::from_events(["{\"message\":\"an event\"}"; 50])).is_ok()
            });
        }
        clients
    }

    fn send(&mut self, mut once: impl FnMut() -> bool + Send + 'static) {
        let is_over = Arc::clone(&self.is_over);
        self.threads.push(thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) && once() {
                // So that a slow machine is not buried.
                thread::sleep(Duration::from_millis(1));
            }
        }));
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn is_even(report: &Report) -> bool {
    report.accepted + report.recovered + report.reports
        == report.acknowledged + report.stored + report.unsaved + report.dropped.total()
}

/// Every event that came in is in the books of each output.
fn check(report: &RelayReport) {
    let received: u64 = report.inputs.values().map(|input| input.received - input.unrouted).sum();
    for (name, output) in &report.outputs {
        assert!(is_even(output), "{name}: {output:?}");
        assert_eq!(output.accepted, received, "{name}: {report:?}");
    }
}

fn have_all_received(stats: &RelayStats) -> bool {
    stats.inputs.values().all(|input| input.received >= 200)
}

#[test]
fn each_output_accounts_for_all_that_came_in_until_the_relay_was_told_to_end() {
    let (receiver, away) = (Receiver::start().unwrap(), Receiver::start().unwrap());
    away.go_away();
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let config = format!(
        r#"
        {INPUTS}
        outputs.file = {{ endpoint = "file:FOLDER/out", format = "raw" }}
        [outputs.delivers]
        endpoint = "beats://{}"
        [outputs.keeps]
        endpoint = "beats://{away}"
        handler.queue = {{ type = "sled", path = "FOLDER/queue" }}
        [outputs.drops]
        endpoint = "beats://{away}"
        when_full = "drop"
        [outputs.drops.handler]
        arena_bytes = "64 KiB"
        max_event_bytes = "32 KiB"
        queue = {{ type = "memory", max_bytes = "64 KiB" }}
        "#,
        receiver.address(),
        away = away.address(),
    );
    let rig = Rig::start_in(folder, &config);
    let clients = Clients::start(&rig);
    rig.eventually(|stats| have_all_received(stats) && stats.outputs["drops"].dropped.overflow > 0);
    let report = rig.relay.shutdown(Duration::from_secs(4));
    drop(clients);
    check(&report);
    for name in ["file", "delivers", "keeps"] {
        // What came too late for the outputs to take it, if inputs did not end in time.
        let dropped = report.outputs[name].dropped;
        assert_eq!(dropped.total() - dropped.closed, 0, "{report:?}");
        assert!(!report.inputs_ended || dropped.closed == 0, "{report:?}");
    }
    let output = |name: &str| &report.outputs[name];
    // Where the time was too short to store all, it says so.
    let kept = output("keeps").stored + output("keeps").unsaved;
    assert_eq!(kept, output("keeps").accepted - output("keeps").dropped.closed);
    assert!(receiver.received() >= output("delivers").acknowledged);
}

#[test]
fn what_waits_for_room_when_the_time_is_over_is_accounted_for_too() {
    let away = Receiver::start().unwrap();
    away.go_away();
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let config = format!(
        r#"
        {INPUTS}
        outputs.file = {{ endpoint = "file:FOLDER/out", format = "raw" }}
        [outputs.waits]
        endpoint = "beats://{}"
        [outputs.waits.handler]
        arena_bytes = "64 KiB"
        max_event_bytes = "32 KiB"
        queue = {{ type = "memory", max_bytes = "64 KiB" }}
        "#,
        away.address(),
    );
    let rig = Rig::start_in(folder, &config);
    let clients = Clients::start(&rig);
    // Datagrams do not wait.
    rig.eventually(|stats| stats.outputs["waits"].dropped.overflow > 100);
    let report = rig.relay.shutdown(Duration::from_secs(1));
    drop(clients);
    check(&report);
    assert!(!report.is_complete());
    assert!(report.outputs["waits"].dropped.closed > 0, "{report:?}");
}

#[test]
fn what_waits_for_room_is_delivered_when_there_is_some_in_time() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let config = format!(
        r#"
        inputs.lines.listen = "lines+tcp://127.0.0.1:0"
        [outputs.waits]
        endpoint = "beats://{}"
        [outputs.waits.handler]
        arena_bytes = "64 KiB"
        max_event_bytes = "32 KiB"
        retry = {{ base = "10 ms", max = "50 ms" }}
        queue = {{ type = "memory", max_bytes = "64 KiB" }}
        "#,
        receiver.address(),
    );
    let rig = Rig::start(&config);
    let mut stream = rig.connect("lines");
    let writer = thread::spawn(move || {
        let mut written = 0_u64;
        while stream.write_all(&[&[b'x'; 99][..], b"\n"].concat().repeat(10)).is_ok() {
            written += 10;
        }
        written
    });
    // It has no room when what came in does not grow any more.
    let mut before = 0;
    rig.eventually(|stats| {
        let received = stats.inputs["lines"].received;
        thread::sleep(Duration::from_millis(100));
        std::mem::replace(&mut before, received) == received && received > 0
    });
    let Rig { relay, folder: _folder } = rig;
    let ending = thread::spawn(move || relay.shutdown(2 * LONG));
    receiver.come_back().unwrap();
    let report = ending.join().unwrap();
    check(&report);
    assert!(report.is_complete(), "{report}");
    assert_eq!(report.outputs["waits"].acknowledged, report.inputs["lines"].received);
    assert!(writer.join().unwrap() >= before);
}

#[test]
fn a_window_whose_client_is_gone_is_in_the_books_of_all_outputs_or_of_none() {
    let away = Receiver::start().unwrap();
    away.go_away();
    let config = format!(
        r#"
        inputs.beats.listen = "beats://127.0.0.1:0"
        outputs.file = {{ endpoint = "file:FOLDER/out", format = "raw" }}
        [outputs.waits]
        endpoint = "beats://{}"
        [outputs.waits.handler]
        arena_bytes = "64 KiB"
        max_event_bytes = "32 KiB"
        compression_level = 0
        queue = {{ type = "memory", max_bytes = "64 KiB" }}
        "#,
        away.address(),
    );
    let rig = Rig::start(&config);
    let mut stream = rig.connect("beats");
    let window = [&b"2W\0\0\0\x012J\0\0\0\x01\0\0\x75\x30"[..], &[b'x'; 30_000]].concat();
    // A connection may have eight windows under way: more than the second output has room for.
    stream.set_nonblocking(true).unwrap();
    let mut written = 0;
    let windows = window.repeat(20);
    let (mut before, mut looks) = ((0, 0), 0);
    rig.eventually(|stats| {
        written += stream.write(windows.get(written..).unwrap_or_default()).unwrap_or_default();
        let now = (stats.outputs["file"].accepted, stats.outputs["waits"].accepted);
        looks = if std::mem::replace(&mut before, now) == now && now.0 > now.1 { looks + 1 } else { 0 };
        looks >= 50
    });
    drop(stream);
    rig.eventually(|stats| stats.inputs["beats"].open_connections == 0);
    let report = rig.relay.shutdown(Duration::from_millis(500));
    check(&report);
    assert!(report.outputs["waits"].dropped.overflow <= 1, "{report:?}");
}
