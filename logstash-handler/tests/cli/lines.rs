//! The short form.

use crate::program::relay;
use logstash_transport::{Batch, Endpoint, Transport, TransportOptions};
use serde_json::Value as Json;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

/// A relay at work; killed when it is dropped.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_logstash-relay"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = Vec::new();
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some((_, address)) = line.split_once(" listens on ") {
                return Self { address: address.parse().unwrap(), child };
            }
            told.push(line);
        }
        let _ = child.wait();
        panic!("it does not listen: {told:?}");
    }

    /// So many lines that it writes.
    fn documents(&mut self, count: usize) -> Vec<Json> {
        let lines = BufReader::new(self.child.stdout.take().unwrap()).lines().take(count);
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_address_and_a_port_are_all_it_takes() {
    let mut program = Program::start(&["127.0.0.1", "0"]);
    let mut stream = TcpStream::connect(program.address).unwrap();
    stream.write_all(b"one\n<13>two\nna\xefve").unwrap();
    drop(stream);
    let documents = program.documents(3);
    let messages: Vec<_> = documents.iter().map(|document| document["message"].as_str().unwrap()).collect();
    assert_eq!(messages[..2], ["one", "<13>two"], "lines are taken as they are");
    assert!(messages[2].starts_with("na"), "{messages:?}");
    assert!(documents.iter().all(|document| document["host"] == "127.0.0.1"), "{documents:?}");
}

#[test]
fn only_a_certificate_or_only_a_key_is_refused() {
    for arguments in [["127.0.0.1", "0", "--cert", "x"], ["127.0.0.1", "0", "--key", "x"]] {
        let outcome = relay(arguments, b"").expect(2);
        assert!(outcome.stderr.contains("--cert <FILE>") && outcome.stderr.contains("--key <FILE>"));
    }
    let outcome = relay(["127.0.0.1", "0", "--cert", "/no/a b", "--key", "/no/key"], b"").expect(1);
    assert!(outcome.stderr.contains("/no/a b"), "{outcome:?}");
}

#[test]
fn what_is_no_address_may_be_a_command_that_was_mistyped() {
    let outcome = relay(["sned"], b"").expect(2);
    assert!(outcome.stderr.contains("neither a command"), "{outcome:?}");
    relay(["127.0.0.1", "port"], b"").expect(2);
    relay(["127.0.0.1", "0", "send"], b"").expect(2);
}

#[test]
fn a_port_that_is_taken_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let outcome = relay(["127.0.0.1", &port], b"").expect(1);
    assert!(outcome.stderr.contains(&port) && outcome.stderr.contains("in use"), "{outcome:?}");
}

#[test]
fn a_certificate_and_its_key_may_be_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, made.cert.pem()).unwrap();
    let pem = folder.path().join("cert & key.pem");
    fs::write(&pem, made.cert.pem() + &made.signing_key.serialize_pem()).unwrap();
    let pem = pem.to_str().unwrap();

    let mut program = Program::start(&["localhost", "0", "--cert", pem, "--key", pem]);
    let endpoint = format!("tcp+tls://{}?tls_ca={}", program.address, ca.display());
    let endpoint: Endpoint = endpoint.parse().unwrap();
    let mut client = endpoint.into_transport(&TransportOptions::new()).unwrap();
    client.send(&mut Batch::from_events(["secret"])).unwrap();
    assert_eq!(program.documents(1)[0]["message"], "secret");
}
