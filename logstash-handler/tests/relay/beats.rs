//! Beats in: acknowledged when it is safe, and not before.

use crate::support::{LONG, Rig, lines, received};
use logstash_handler::BeatsTransport;
use logstash_transport::testing::Receiver;
use logstash_transport::{Batch, Transport};
use lumberjack_codec::{Encoding, WindowEncoder};
use serde_json::json;
use std::io::{Read, Write};
use std::time::Duration;

fn config(receiver: &Receiver, options: &str) -> String {
    format!(
        r#"
        shutdown_timeout = "1 s"
        [inputs.in]
        listen = "beats://127.0.0.1:0"
        {options}
        [outputs.out]
        endpoint = "beats://{}"
        "#,
        receiver.address()
    )
}

fn client(rig: &Rig) -> BeatsTransport {
    BeatsTransport::new(&rig.address("in").to_string()).unwrap()
}

fn events(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{{\"message\":\"event {number}\"}}")).collect()
}

#[test]
fn windows_arrive_with_their_events_in_order() {
    let receiver = Receiver::start().unwrap();
    let rig = Rig::start(&config(&receiver, ""));
    let events = events(5000);
    client(&rig).send(&mut Batch::from_events(events.clone())).unwrap();
    assert!(receiver.wait_for(5000, LONG));
    assert_eq!(receiver.events(), events);
    let stats = rig.eventually(|stats| stats.outputs["out"].acknowledged == 5000);
    assert_eq!((stats.inputs["in"].received, stats.outputs["out"].accepted), (5000, 5000));
}

#[test]
fn what_is_not_stored_is_not_acknowledged() {
    let receiver = Receiver::start().unwrap();
    let rig = Rig::start(&config(&receiver, "acknowledge = \"delivered\""));
    receiver.hold();
    let mut stream = rig.connect("in");
    stream.write_all(b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x02{}").unwrap();
    assert!(receiver.wait_for(1, LONG));
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut answer = [0; 6];
    assert!(stream.read(&mut answer).is_err(), "nothing is acknowledged while the output holds it");
    receiver.release();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"2A\0\0\0\x01");
}

#[test]
fn stored_is_enough_while_the_output_is_away_and_outlives_the_relay() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let folder = tempfile::tempdir().unwrap();
    let config = format!("queue = \"FOLDER/queue\"{}", config(&receiver, ""));
    let rig = Rig::start_in(folder, &config);
    client(&rig).send(&mut Batch::from_events(events(3000))).unwrap();
    assert_eq!(receiver.received(), 0);
    let relay = rig.relay;
    let report = relay.shutdown(Duration::from_secs(2));
    assert_eq!((report.outputs["out"].stored, report.outputs["out"].acknowledged), (3000, 0), "{report}");
    receiver.come_back().unwrap();
    let _rig = Rig::start_in(rig.folder, &config);
    assert!(receiver.wait_for(3000, LONG));
    assert_eq!(receiver.events(), events(3000));
}

#[test]
fn windows_pass_in_their_compressed_form() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let folder = tempfile::tempdir().unwrap();
    let config = format!("queue = \"FOLDER/queue\"{}", config(&receiver, ""));
    let rig = Rig::start_in(folder, &config);
    // Level 9 would not be made by the relay itself.
    let window = WindowEncoder::new(9).encode(events(1000)).unwrap();
    assert_eq!(window.encoding(), Encoding::Deflated);
    client(&rig).send(&mut Batch::from_windows([window.clone()])).unwrap();
    let stats = rig.relay.stats();
    assert_eq!(stats.outputs["out"].queue_bytes, window.bytes().len() as u64);
    assert_eq!(stats.outputs["out"].queued, 1000);
}

#[test]
fn windows_that_are_not_compressed_are_so_where_that_is_worth_it() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let folder = tempfile::tempdir().unwrap();
    let file =
        "[outputs.file]\nendpoint = \"file:FOLDER/none/out\"\nhandler = { queue = { type = \"memory\" } }";
    let config = format!("queue = \"FOLDER/queue\"{}\n{file}", config(&receiver, ""));
    let rig = Rig::start_in(folder, &config);
    let [plain, deflated] = [0, 3].map(|level| WindowEncoder::new(level).encode(events(1000)).unwrap());
    assert_eq!(plain.encoding(), Encoding::Plain);
    client(&rig).send(&mut Batch::from_windows([plain.clone()])).unwrap();
    let stats = rig.eventually(|stats| stats.outputs.values().all(|output| output.queued == 1000));
    assert_eq!(stats.outputs["out"].queue_bytes, deflated.bytes().len() as u64);
    assert_eq!(stats.outputs["file"].queue_bytes, plain.bytes().len() as u64);
    std::fs::create_dir(rig.path("none")).unwrap();
    receiver.come_back().unwrap();
    assert!(receiver.wait_for(1000, LONG));
    assert_eq!(receiver.events(), events(1000));
}

#[test]
fn pairs_of_version_1_become_documents() {
    let receiver = Receiver::start().unwrap();
    let rig = Rig::start(&config(&receiver, ""));
    let mut stream = rig.connect("in");
    let frame = b"1W\0\0\0\x011D\0\0\0\x07\0\0\0\x02\0\0\0\x04line\0\0\0\x02\"x\0\0\0\x04host\0\0\0\x01h";
    stream.write_all(frame).unwrap();
    let mut answer = [0; 6];
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"1A\0\0\0\x07");
    assert!(receiver.wait_for(1, LONG));
    assert_eq!(received(&receiver), [json!({"line": "\"x", "host": "h"})]);
}

#[test]
fn what_is_no_beats_is_told_with_a_hint() {
    let receiver = Receiver::start().unwrap();
    let rig = Rig::start(&config(&receiver, ""));
    rig.send("in", b"GET / HTTP/1.1\r\n\r\n");
    let stats = rig.eventually(|stats| stats.inputs["in"].failed_connections == 1);
    assert!(stats.problems[0].text.contains("HTTP"), "{stats:?}");
}

#[test]
fn windows_go_to_all_outputs() {
    let receiver = Receiver::start().unwrap();
    let config = format!("{}\n[outputs.file]\nendpoint = \"file:FOLDER/out\"", config(&receiver, ""));
    let rig = Rig::start(&config);
    client(&rig).send(&mut Batch::from_events(events(10))).unwrap();
    assert_eq!(lines(&rig.path("out"), 10), events(10));
    assert!(receiver.wait_for(10, LONG));
}

#[test]
fn an_output_without_room_does_not_keep_a_window_from_the_others() {
    let away = Receiver::start().unwrap();
    away.go_away();
    let rig = Rig::start(&format!(
        r#"
        shutdown_timeout = "100 ms"
        inputs.in.listen = "beats://127.0.0.1:0"
        outputs.takes = {{ endpoint = "discard:" }}
        [outputs.full]
        endpoint = "beats://{}"
        [outputs.full.handler]
        arena_bytes = "64 KiB"
        max_event_bytes = "32 KiB"
        queue = {{ type = "memory", max_bytes = "64 KiB" }}
        "#,
        away.address()
    ));
    let large = || (0..700).map(|_| fastrand::u128(..).to_string()).collect::<String>();
    let sending: Vec<_> = (0..16)
        .map(|_| {
            let (mut client, event) = (client(&rig), large());
            std::thread::spawn(move || while client.send(&mut Batch::from_events([event.clone()])).is_ok() {})
        })
        .collect();
    // What waits for the one, which comes first by its name, the other has already.
    rig.eventually(|stats| stats.outputs["takes"].acknowledged > stats.outputs["full"].accepted);
    drop(rig);
    for client in sending {
        client.join().unwrap();
    }
}
