//! State and figures over HTTP.

use crate::support::{LONG, Rig};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const CONFIG: &str = r#"
    metrics = "127.0.0.1:0"
    inputs.in.listen = "lines+tcp://127.0.0.1:0"
    outputs.out = { endpoint = "file:FOLDER/out", format = "raw" }
"#;

/// The status line and headers, and the body.
pub(crate) fn get(rig: &Rig, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(rig.relay.metrics_address().unwrap()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn the_page_and_what_it_asks_for_are_served() {
    let rig = Rig::start(CONFIG);
    let (head, body) = get(&rig, "/");
    assert!(head.contains("text/html") && head.contains("default-src 'none'"), "{head}");
    assert!(body.contains("fetch(\"status.json\""));
    assert!(!body.contains("src=\"") && !body.contains("href=\"http"), "nothing comes from elsewhere");
    let nonce = |head: &str| head.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    assert!(body.contains(&format!("<script nonce=\"{}\">", nonce(&head))), "{head}");
    assert!(!head.contains("unsafe") && !body.contains("NONCE"), "{head}");
    assert_ne!(nonce(&get(&rig, "/").0), nonce(&head), "each page has its own");
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
    assert_eq!(status["concerns"], json!([]));
}

#[test]
fn an_output_that_is_away_is_a_concern_and_its_error_a_problem() {
    let config = CONFIG.replace("file:FOLDER/out", "beats://127.0.0.1:1");
    let rig = Rig::start(&format!("shutdown_timeout = \"100 ms\"\n{config}"));
    rig.send("in", b"one\n");
    let stats = rig.eventually(|stats| !stats.problems.is_empty());
    assert_eq!((&*stats.problems[0].place, stats.problems.len()), ("output out", 1));
    // Whether the next attempt is under way or not.
    let status: Value = serde_json::from_str(&get(&rig, "/status.json").1).unwrap();
    let concern = &status["concerns"][0];
    assert_eq!((&status["outputs"][0]["away"], &concern["place"]), (&json!(true), &json!("output out")));
    assert!(concern["text"].as_str().unwrap().contains("127.0.0.1:1"), "{concern}");
    assert_eq!(status["ready"], true, "what comes is queued");
}

#[test]
fn a_relay_whose_queue_takes_nothing_is_not_ready() {
    let config = r#"
        metrics = "127.0.0.1:0"
        shutdown_timeout = "100 ms"
        inputs.in.listen = "lines+tcp://127.0.0.1:0"
        [outputs.out]
        endpoint = "beats://127.0.0.1:1"
        handler.queue = { type = "memory", max_bytes = "1KiB" }
    "#;
    let rig = Rig::start(config);
    assert_eq!(get(&rig, "/readyz").1, "ready\n");
    let mut stream = rig.connect("in");
    let deadline = Instant::now() + LONG;
    let told = loop {
        // The relay reads until there is no room.
        stream.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
        let _ = stream.write(&[b"x".repeat(1023), b"\n".to_vec()].concat());
        let (head, body) = get(&rig, "/readyz");
        if head.starts_with("HTTP/1.1 503") {
            break body;
        }
        assert!(Instant::now() < deadline, "{head}");
    };
    assert_eq!(told, "not ready: output out: stores nothing, its queue is full or cannot be written\n");
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
