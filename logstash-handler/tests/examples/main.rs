//! The examples of this crate, each run against a receiver.

#![cfg(all(unix, feature = "beats", feature = "log", feature = "sled", feature = "tracing"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use logstash_transport::testing::Receiver;
use serde_json::Value;
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// An example that runs in a folder of its own.
struct Example {
    child: Child,
    /// What it says on standard error.
    says: BufReader<ChildStderr>,
    folder: TempDir,
}

impl Example {
    fn start(name: &str, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(program(name))
            .env_remove("RUST_LOG")
            .envs(environment.iter().copied())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let says = BufReader::new(child.stderr.take().unwrap());
        Self { child, says, folder }
    }

    /// What follows `start` in the next line that begins with it.
    fn line(&mut self, start: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.says.read_line(&mut line).unwrap(), 0, "it ended without saying {start:?}");
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
        }
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Lets it come to its end; tells how, and what it said.
    fn end(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        self.says.read_to_string(&mut said).unwrap();
        let status = self.child.wait().unwrap();
        self.folder.close().unwrap();
        (status, said)
    }

    fn succeeds(self) -> String {
        let (status, said) = self.end();
        assert!(status.success(), "{said}");
        said
    }
}

/// Where cargo puts an example, which it builds whenever it builds all tests of a package.
fn program(name: &str) -> PathBuf {
    let tests = env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(program.exists(), "{} is missing: cargo build --examples", program.display());
    program
}

fn start(name: &str, receiver: &Receiver) -> Example {
    Example::start(name, &[("LOGSTASH", &receiver.address().to_string())])
}

fn documents(receiver: &Receiver) -> Vec<Value> {
    receiver.events().iter().map(|event| serde_json::from_slice(event).unwrap()).collect()
}

fn messages(receiver: &Receiver) -> Vec<String> {
    documents(receiver).iter().map(|document| document["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn quickstart() {
    let receiver = Receiver::start().unwrap();
    let said = start("quickstart", &receiver).succeeds();
    assert!(said.contains("acknowledged 1 + stored 0 + unsaved 0 + dropped 0"), "{said}");
    assert_eq!(messages(&receiver), ["order placed"]);
    assert_eq!(documents(&receiver)[0]["extra"]["order"], 1001);
}

#[test]
fn tracing_with_a_filter() {
    let receiver = Receiver::start().unwrap();
    start("tracing_env_filter", &receiver).succeeds();
    assert_eq!(messages(&receiver), ["order placed", "of interest now"]);
    assert_eq!(documents(&receiver)[0]["extra"]["id"], 42);

    let quiet = Receiver::start().unwrap();
    let environment = [("LOGSTASH", &*quiet.address().to_string()), ("RUST_LOG", "error")];
    Example::start("tracing_env_filter", &environment).succeeds();
    assert_eq!(messages(&quiet), ["of interest now"]);
}

#[test]
fn axum_with_an_access_log() {
    let receiver = Receiver::start().unwrap();
    let mut example = start("axum_access_log", &receiver);
    let mut connection = TcpStream::connect(example.line("listening on ")).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = "GET /orders/7 HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n";
    connection.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    connection.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200") && response.ends_with("order 7\n"), "{response}");
    example.signal("INT");
    example.succeeds();
    let documents = documents(&receiver);
    assert_eq!(documents[0]["message"], "looking the order up");
    let access = &documents[1];
    assert_eq!(access["http"]["response"]["status_code"], 200, "{access}");
    assert_eq!(access["url"]["path"], "/orders/7");
    assert_eq!(access["service"]["name"], "shop");
    assert_eq!(documents.len(), 2);
}

#[test]
fn several_handlers() {
    let (logs, audit) = (Receiver::start().unwrap(), Receiver::start().unwrap());
    let addresses = [&logs, &audit].map(|receiver| receiver.address().to_string());
    Example::start("several_handlers", &[("LOGSTASH", &addresses[0]), ("AUDIT", &addresses[1])]).succeeds();
    assert_eq!(messages(&logs), ["order placed", "payment received"]);
    assert_eq!(messages(&audit), ["payment received"]);
    assert_eq!(documents(&audit)[0]["tags"], serde_json::json!(["audit"]));
}

#[test]
fn failover() {
    let (first, second) = (Receiver::start().unwrap(), Receiver::start().unwrap());
    let addresses = format!("{},{}", first.address(), second.address());
    first.go_away();
    let said = Example::start("failover", &[("LOGSTASH", &addresses)]).succeeds();
    assert!(said.contains("number 0 failed"), "{said}");
    assert_eq!(messages(&second), ["one of them has this"]);
}

#[test]
fn audit() {
    let receiver = Receiver::start().unwrap();
    start("audit", &receiver).succeeds();
    let documents = documents(&receiver);
    assert_eq!(documents[0]["extra"]["amount"], 100);
    assert!(documents[0]["event_id"].is_string());
}

#[test]
fn a_job_that_fails_and_one_that_does_not() {
    let receiver = Receiver::start().unwrap();
    start("short_lived_job", &receiver).succeeds();
    assert_eq!(messages(&receiver), ["the job begins"]);

    let receiver = Receiver::start().unwrap();
    let address = receiver.address().to_string();
    let failing = Example::start("short_lived_job", &[("LOGSTASH", &address), ("JOB_FAILS", "no tea")]);
    assert_eq!(failing.end().0.code(), Some(1));
    assert_eq!(messages(&receiver), ["the job begins", "the job failed"]);
    assert_eq!(documents(&receiver)[1]["extra"]["error"], "no tea");
}

#[test]
fn sync_handler() {
    let receiver = Receiver::start().unwrap();
    let said = start("sync_handler", &receiver).succeeds();
    assert!(said.contains("Logstash has it"), "{said}");
    assert_eq!(messages(&receiver), ["backup is done"]);
}

#[test]
fn signals() {
    for signal in ["TERM", "INT"] {
        let receiver = Receiver::start().unwrap();
        let mut example = start("signals", &receiver);
        example.line("working");
        example.signal(signal);
        example.succeeds();
        assert_eq!(messages(&receiver), ["the service works", "the service ends"]);
    }
}
