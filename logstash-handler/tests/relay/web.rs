//! State and figures over HTTP.

use crate::support::{LONG, Rig};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

const CONFIG: &str = r#"
    metrics = "127.0.0.1:0"
    inputs.in.listen = "lines+tcp://127.0.0.1:0"
    outputs.out = { endpoint = "file:FOLDER/out", format = "raw" }
"#;

/// The status line and headers, and the body.
fn get(rig: &Rig, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(rig.relay.metrics_address().unwrap()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn figures_are_shown_for_prometheus() {
    let rig = Rig::start(CONFIG);
    rig.send("in", b"one\ntwo\n");
    rig.eventually(|stats| stats.outputs["out"].acknowledged == 2);
    let (head, body) = get(&rig, "/metrics");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("version=0.0.4"), "{head}");
    for line in [
        "logstash_relay_input_received_total{input=\"in\"} 2",
        "logstash_relay_output_acknowledged_total{output=\"out\"} 2",
        "logstash_relay_output_dropped_total{output=\"out\",reason=\"overflow\"} 0",
        "logstash_relay_output_pending{output=\"out\"} 0",
    ] {
        assert!(body.lines().any(|found| found == line), "{line}: {body}");
    }
    // Each family is announced once, before its samples.
    let announced: Vec<&str> = body.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let mut names: Vec<&str> = announced.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn the_page_and_what_it_asks_for_are_served() {
    let rig = Rig::start(CONFIG);
    let (head, body) = get(&rig, "/");
    assert!(head.contains("text/html") && head.contains("default-src 'none'"), "{head}");
    assert!(body.contains("fetch(\"status.json\""));
    assert!(!body.contains("src=\"http") && !body.contains("href=\"http"), "nothing comes from elsewhere");
    rig.send("in", b"one\n");
    let deadline = Instant::now() + LONG;
    let status = loop {
        let status: Value = serde_json::from_str(&get(&rig, "/status.json").1).unwrap();
        let output = &status["outputs"][0];
        let has_history = output["pending_history"].as_array().is_some_and(|history| history.len() > 1);
        if output["acknowledged"] == 1 && has_history && !output["per_second"].is_null() {
            break status;
        }
        assert!(Instant::now() < deadline, "{status}");
    };
    let input = &status["inputs"][0];
    assert_eq!((&input["name"], &input["figures"]["received"]), (&json!("in"), &json!(1)));
    assert_eq!((&status["ready"], &status["problems"]), (&json!(true), &json!([])));
}

#[test]
fn health_and_what_there_is_not() {
    let rig = Rig::start(CONFIG);
    assert_eq!(get(&rig, "/healthz").1, "ok\n");
    assert_eq!(get(&rig, "/readyz").1, "ready\n");
    assert!(get(&rig, "/nothing").0.starts_with("HTTP/1.1 404"));
    let mut stream = TcpStream::connect(rig.relay.metrics_address().unwrap()).unwrap();
    stream
        .write_all(b"POST /metrics HTTP/1.1\r\nhost: relay\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
}

#[test]
fn an_address_that_is_taken_is_told_and_a_new_one_taken() {
    let rig = Rig::start(CONFIG);
    let first = rig.relay.metrics_address().unwrap();
    let text = CONFIG.replace("127.0.0.1:0\"\n    inputs", &format!("{first}\"\n    inputs"));
    let folder = tempfile::tempdir().unwrap();
    let config = crate::support::parse(&text, folder.path());
    let error = logstash_handler::relay::Relay::start(config).unwrap_err().to_string();
    assert!(error.contains("metrics: cannot listen on"), "{error}");
    rig.reload(&CONFIG.replace("metrics = \"127.0.0.1:0\"", ""));
    assert_eq!(rig.relay.metrics_address(), None);
}
