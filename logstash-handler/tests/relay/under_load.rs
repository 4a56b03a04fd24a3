//! Another configuration while connections send.

use crate::support::{LONG, Rig, lines};
use crate::tls::certificate;
use logstash_transport::{Batch, Endpoint, Transport, TransportOptions};
use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const INPUTS: &str = r#"
    inputs.plain.listen = "lines+tcp://127.0.0.1:0"
    inputs.tls.listen = "lines+tls://127.0.0.1:0?tls_cert=FOLDER/cert.pem&tls_key=FOLDER/key.pem"
    outputs.one = { endpoint = "file:FOLDER/one", format = "raw" }
"#;

const ROUTED: &str = r#"
    outputs.two = { endpoint = "file:FOLDER/two", format = "raw" }
    [[routes]]
    outputs = ["one"]
    [[routes]]
    inputs = ["tls"]
    outputs = ["two"]
"#;

/// Connections of each of the two inputs.
const EACH: usize = 10;

/// A client that trusts the certificate of the moment.
fn tls_client(rig: &Rig, number: usize) -> Box<dyn Transport> {
    let ca = rig.path(&format!("ca-{number}.pem"));
    fs::copy(rig.path("cert.pem"), &ca).unwrap();
    let endpoint = format!("tcp+tls://{}?tls_ca={}", rig.address("tls"), ca.display());
    endpoint.parse::<Endpoint>().unwrap().into_transport(&TransportOptions::new()).unwrap()
}

struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends a line every now and then until it is over; returns all of them.
fn send(is_over: &AtomicBool, name: &str, mut line: impl FnMut(&str)) -> Vec<String> {
    let mut sent = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let text = format!("{name} {}", sent.len());
        line(&text);
        sent.push(text);
        thread::sleep(PACE);
    }
    sent
}

/// So that a slow machine is not buried.
const PACE: Duration = Duration::from_millis(1);

#[test]
fn a_reload_loses_no_event_and_closes_no_connection() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    let rig = Rig::start_in(folder, INPUTS);
    let is_over = AtomicBool::new(false);
    let sent: Vec<String> = thread::scope(|scope| {
        // Also when this thread panics.
        let over = Over(&is_over);
        let mut clients = Vec::new();
        for number in 0..EACH {
            let mut stream = rig.connect("plain");
            let mut client = tls_client(&rig, number);
            client.send(&mut Batch::from_events([format!("tls {number} hello")])).unwrap();
            let is_over = &is_over;
            clients.push(scope.spawn(move || {
                send(is_over, &format!("plain {number}"), |text| writeln!(stream, "{text}").unwrap())
            }));
            clients.push(scope.spawn(move || {
                send(is_over, &format!("tls {number}"), |text| {
                    client.send(&mut Batch::from_events([text.to_owned()])).unwrap();
                })
            }));
        }
        for round in 0..6 {
            certificate(rig.folder.path());
            rig.reload(&format!("{INPUTS}{}", if round % 2 == 0 { ROUTED } else { "" }));
            let before = rig.relay.stats().inputs["tls"].received;
            rig.eventually(|stats| stats.inputs["tls"].received > before + 20);
        }
        drop(over);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    let count = sent.len() as u64 + EACH as u64;
    let stats =
        rig.eventually(|stats| stats.inputs.values().map(|input| input.received).sum::<u64>() == count);
    for input in stats.inputs.values() {
        // None connected again.
        let figures = (input.connections, input.failed_connections, input.unrouted);
        assert_eq!(figures, (EACH as u64, 0, 0), "{stats:?}");
    }
    let (report, folder) = rig.shutdown();
    assert!(report.is_complete(), "{report}");
    let found: Vec<String> = lines(&folder.path().join("one"), 0);
    assert_eq!(found.len() as u64, count);
    let found: HashSet<&String> = found.iter().collect();
    assert!(sent.iter().all(|line| found.contains(line)));
    let two = lines(&folder.path().join("two"), 0);
    assert!(!two.is_empty() && two.iter().all(|line| line.starts_with("tls ")), "{two:?}");
}

fn with_queue(folder: &Path, level: u32, receiver: &logstash_transport::testing::Receiver) -> String {
    format!(
        r#"
        queue = "{}/queue"
        inputs.in.listen = "lines+tcp://127.0.0.1:0"
        [outputs.out]
        endpoint = "beats://{}"
        format = "raw"
        [outputs.out.handler]
        compression_level = {level}
        retry = {{ base = "10 ms", max = "50 ms" }}
        "#,
        folder.display(),
        receiver.address()
    )
}

#[test]
fn an_output_that_changes_keeps_its_queue_and_those_who_send_to_it() {
    let receiver = logstash_transport::testing::Receiver::start().unwrap();
    let rig = {
        let folder = tempfile::tempdir().unwrap();
        let config = with_queue(folder.path(), 3, &receiver);
        Rig::start_in(folder, &config)
    };
    let mut stream = rig.connect("in");
    let (mut sent, mut level) = (0_u64, 3);
    for away in [false, true, true, false] {
        if away {
            receiver.go_away();
        } else {
            receiver.come_back().unwrap();
        }
        for _ in 0..200 {
            writeln!(stream, "line {sent}").unwrap();
            sent += 1;
        }
        level = (level + 1) % 4;
        rig.reload(&with_queue(rig.folder.path(), level, &receiver));
    }
    writeln!(stream, "line {sent}").unwrap();
    sent += 1;
    assert!(receiver.wait_for(sent, LONG), "{} of {sent}: {:?}", receiver.received(), rig.relay.stats());
    let found = receiver.events();
    assert_eq!(found.len() as u64, sent);
    // What had not been delivered when the output changed may come later than what came in since.
    let found: HashSet<_> = found.into_iter().collect();
    let missing = (0..sent).find(|number| !found.contains(format!("line {number}").as_bytes()));
    assert_eq!(missing, None);
    let stats = rig.eventually(|stats| stats.outputs["out"].pending() == 0);
    assert_eq!(stats.inputs["in"].connections, 1);
    assert!(rig.relay.shutdown(Duration::from_secs(5)).is_complete());
}
