//! What a check finds before a relay runs.

use crate::support::parse;
use logstash_handler::relay::{Finding, RelayConfig, probe};
use logstash_transport::testing::Receiver;
use std::io::Write;
use std::net::TcpListener;

fn findings(config: &RelayConfig) -> Vec<Finding> {
    let mut all = Vec::new();
    probe(config, |finding| all.push(finding.clone()));
    all
}

/// What is found of an output with that address.
fn output(endpoint: &str) -> Finding {
    let config = RelayConfig::new().listen("lines+tcp://127.0.0.1:0").unwrap().send_to(endpoint).unwrap();
    findings(&config).pop().unwrap()
}

#[test]
fn what_works_is_told_part_by_part() {
    let receiver = Receiver::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "queue = \"FOLDER/queue\"\ninputs.in.listen = \"lines+tcp://127.0.0.1:0\"\noutputs.out.endpoint = \"beats://{}\"",
        receiver.address()
    );
    let all = findings(&parse(&text, folder.path()));
    let places: Vec<&str> = all.iter().map(|finding| finding.place.as_str()).collect();
    assert_eq!(places, ["input in", "queue of output out", "output out"]);
    assert!(all.iter().all(|finding| finding.is_right), "{all:?}");
    assert!(all[2].text.contains("takes events"), "{all:?}");
}

#[test]
fn nobody_listens_there() {
    let found = output("beats://127.0.0.1:1");
    assert!(!found.is_right && found.text.contains("refused"), "{found:?}");
}

#[test]
fn http_on_the_port_of_beats() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        for stream in server.incoming().take(1) {
            let mut stream = stream.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    });
    let found = output(&format!("beats://{address}"));
    assert!(!found.is_right && found.text.contains("HTTP"), "{found:?}");
    serving.join().unwrap();
}

#[test]
fn tls_on_a_plain_port() {
    let receiver = Receiver::start().unwrap();
    let found = output(&format!("beats+tls://{}", receiver.address()));
    assert!(!found.is_right && found.text.contains("TLS"), "{found:?}");
}

#[test]
fn a_port_in_use_is_told_and_no_fault_and_a_foreign_address_is_one() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = |address: &str| {
        let config = RelayConfig::new().listen(address).unwrap().send_to("stdout:").unwrap();
        findings(&config).remove(0)
    };
    let found = listen(&format!("lines+tcp://{}", taken.local_addr().unwrap()));
    assert!(found.is_right && found.text.contains("is in use"), "{found:?}");
    let found = listen("lines+tcp://192.0.2.1:5000");
    assert!(!found.is_right, "{found:?}");
}

#[test]
fn a_queue_that_cannot_be_written_and_one_that_another_process_has() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), b"").unwrap();
    let config = |queue: &str| {
        let text = format!(
            "queue = \"FOLDER/{queue}\"\ninputs.in.listen = \"lines+tcp://127.0.0.1:0\"\noutputs.out.endpoint = \"stdout:\""
        );
        parse(&text, folder.path())
    };
    let found = findings(&config("file")).remove(1);
    assert!(!found.is_right && found.text.contains("cannot be written"), "{found:?}");
    let _queue = logstash_handler::SledQueue::open(folder.path().join("queue/out")).unwrap();
    let found = findings(&config("queue")).remove(1);
    let holder = format!("process {} uses a part", std::process::id());
    assert!(found.is_right && found.text.contains(&holder), "{found:?}");
}
