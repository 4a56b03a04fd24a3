//! Records of Python's own handlers.

use crate::support::{LONG, Rig, documents};
use serde_json::json;
use std::net::UdpSocket;
use std::path::Path;

fn config(listen: &str) -> String {
    format!("inputs.in.listen = \"{listen}\"\noutputs.out.endpoint = \"file:FOLDER/out\"")
}

/// A record as Python sends it.
fn record(protocol: u8) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pickle");
    framed(&std::fs::read(folder.join(format!("record-{protocol}.pickle"))).unwrap())
}

fn framed(pickle: &[u8]) -> Vec<u8> {
    [&u32::try_from(pickle.len()).unwrap().to_be_bytes(), pickle].concat()
}

#[test]
fn records_come_over_connections() {
    let rig = Rig::start(&config("python+tcp://127.0.0.1:0"));
    rig.send("in", &[record(0), record(1), record(2)].concat());
    let found = documents(&rig.path("out"), 3);
    for document in &found {
        assert_eq!((&document["host"], &document["input"]), (&json!("127.0.0.1"), &json!("in")));
        assert!(document["levelname"].is_string() && document["received_at"].is_string(), "{document}");
        assert!(document["pid"].is_number(), "{document}");
    }
    assert_eq!(rig.relay.stats().inputs["in"].unparsed, 0);
}

#[test]
fn records_come_in_datagrams() {
    let rig = Rig::start(&config("python+udp://127.0.0.1:0"));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&record(1), rig.address("in")).unwrap();
    socket.send_to(b"\0\0", rig.address("in")).unwrap();
    let found = documents(&rig.path("out"), 2);
    assert!(found[0]["levelname"].is_string(), "{found:?}");
    assert_eq!(found[1]["tags"], json!(["_pickle_refused"]));
}

#[test]
fn code_is_refused_and_the_next_record_is_read() {
    let rig = Rig::start(&config("python+tcp://127.0.0.1:0"));
    let file = rig.path("made-by-code");
    let code = format!("cos\nsystem\n(S'touch {}'\ntR.", file.display());
    rig.send("in", &[framed(code.as_bytes()), record(1)].concat());
    let found = documents(&rig.path("out"), 2);
    assert_eq!(found[0]["tags"], json!(["_pickle_refused"]));
    assert!(found[0]["message"].as_str().unwrap().contains("os.system"), "{found:?}");
    assert!(found[1]["levelname"].is_string());
    assert!(!file.exists());
    assert_eq!(rig.relay.stats().inputs["in"].unparsed, 1);
}

#[test]
fn a_length_of_4_gib_takes_no_memory_and_an_end_within_a_record_ends_the_connection() {
    let rig = Rig::start(&config("python+tcp://127.0.0.1:0"));
    rig.send("in", b"\xff\xff\xff\xffhalf a record");
    let stats = rig
        .eventually(|stats| stats.inputs["in"].connections == 1 && stats.inputs["in"].open_connections == 0);
    assert_eq!(stats.inputs["in"].received, 1, "what came is told, not passed over");
    let found = documents(&rig.path("out"), 1);
    assert_eq!(found[0]["tags"], json!(["_message_unfinished", "_pickle_refused"]), "within {LONG:?}");
}

#[test]
fn records_are_documents_of_ecs_about_the_process_that_logged_them() {
    let rig = Rig::start(&(config("python+tcp://127.0.0.1:0") + "\noutputs.out.format = \"ecs\""));
    rig.send("in", &record(1));
    let found = &documents(&rig.path("out"), 1)[0];
    assert_eq!(found["log.level"], "ERROR");
    assert_eq!(found["message"], "order failed");
    let expected = json!({
        "logger": "shop.orders",
        "origin": {"file": {"line": 81, "name": "generate.py"}, "function": "records"},
    });
    assert_eq!(found["log"], expected);
    let expected = json!({
        "name": "MainProcess", "pid": 15484, "thread": {"id": 139_719_509_891_968_u64, "name": "MainThread"},
    });
    assert_eq!(found["process"], expected);
    assert_eq!(found["error"]["type"], "ValueError");
    let labels = found["labels"].as_object().unwrap();
    assert!(!labels.contains_key("threadName") && labels["levelname"] == "ERROR", "{labels:?}");
    assert!(found["event"]["created"].is_string());
}

/// A record in protocol 0, of lines `key value` as a pickle writes them.
fn record_of(entries: &[(&str, &str)]) -> Vec<u8> {
    let entries: String = entries.iter().map(|(name, value)| format!("V{name}\n{value}\ns")).collect();
    framed(format!("(d{entries}.").as_bytes())
}

#[test]
fn what_an_application_calls_as_the_relay_does_is_kept() {
    let rig = Rig::start(&config("python+tcp://127.0.0.1:0"));
    let own = ["host", "input", "pid", "port", "program", "source_host", "thread_name", "type"];
    let mut entries = vec![("msg", "Vhello")];
    entries.extend(own.map(|name| (name, "Vmine")));
    rig.send("in", &record_of(&entries));
    let found = &documents(&rig.path("out"), 1)[0];
    for name in own {
        assert_eq!(found[format!("{name}_")], "mine", "{name}: {found}");
    }
    assert_eq!((&found["host"], &found["input"]), (&json!("127.0.0.1"), &json!("in")));
}

#[test]
fn critical_records_take_the_route_for_critical_events() {
    let routes = "\n[[routes]]\nseverity = \"critical\"\noutputs = [\"out\"]";
    let rig = Rig::start(&(config("python+tcp://127.0.0.1:0") + routes));
    let records = ["I40", "I50", "I30"].map(|level| record_of(&[("msg", "Vhello"), ("levelno", level)]));
    rig.send("in", &records.concat());
    rig.eventually(|stats| stats.inputs["in"].received == 3 && stats.inputs["in"].unrouted == 2);
    assert_eq!(documents(&rig.path("out"), 1)[0]["levelno"], 50);
}
