use crate::program::{documents_in, nobody, relay};
use logstash_handler::{DeadLetter, DeadLetterFile, DeadLetterStore};
use serde_json::json;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// A queue with these lines in it, which could not be delivered.
fn queue_with(input: &[u8]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let queue = directory.path().display().to_string();
    let arguments = ["send", "--timeout", "100 ms", "--queue", &queue, "--output", &nobody()];
    let outcome = relay(arguments, input).expect(3);
    assert!(outcome.stderr.contains("stored "), "{outcome:?}");
    directory
}

#[test]
fn what_is_left_in_a_queue_can_be_seen_exported_and_delivered() {
    let directory = queue_with(b"one\ntwo\nthree\n");
    let queue = directory.path().display().to_string();

    let outcome = relay(["queue", "inspect", &queue], b"").expect(0);
    assert!(outcome.stdout.starts_with("events        3\n"), "{outcome:?}");
    assert!(outcome.stdout.contains("3 events, of a program that has ended"), "{outcome:?}");
    let outcome = relay(["queue", "inspect", "--json", &queue], b"").expect(0);
    let inspection: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(inspection["events"], 3);
    assert_eq!(inspection["damaged"], json!([]));

    for _ in 0..2 {
        let exported = relay(["queue", "export", &queue], b"").expect(0).documents();
        let messages: Vec<_> = exported.iter().map(|document| document["message"].clone()).collect();
        assert_eq!(messages, ["one", "two", "three"]);
    }

    let out = directory.path().join("delivered.log");
    let output = format!("file:{}", out.display());
    let outcome = relay(["queue", "drain", "--output", &output, &queue], b"").expect(0);
    assert!(outcome.stderr.contains("recovered 3 = acknowledged 3"), "{outcome:?}");
    assert_eq!(documents_in(&out).len(), 3);
    let outcome = relay(["queue", "inspect", &queue], b"").expect(0);
    assert!(outcome.stdout.starts_with("events        0\n"), "{outcome:?}");
}

#[test]
fn a_queue_that_cannot_be_drained_keeps_what_it_has() {
    let directory = queue_with(b"one\n");
    let queue = directory.path().display().to_string();
    let arguments = ["queue", "drain", "--timeout", "100 ms", "--output", &nobody(), &queue];
    let outcome = relay(arguments, b"").expect(3);
    assert!(outcome.stderr.contains("stored 1"), "{outcome:?}");
    assert_eq!(relay(["queue", "export", &queue], b"").expect(0).documents().len(), 1);
}

#[test]
fn a_queue_is_only_purged_if_that_is_said() {
    let directory = queue_with(b"one\ntwo\n");
    let queue = directory.path().display().to_string();
    relay(["queue", "purge", &queue], b"").expect(2);
    let outcome = relay(["queue", "purge", "--yes", &queue], b"").expect(0);
    assert!(outcome.stderr.contains("2 events are deleted"), "{outcome:?}");
    assert!(relay(["queue", "export", &queue], b"").expect(0).stdout.is_empty());
}

#[test]
fn where_there_is_no_queue_none_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let queue = directory.path().join("none").display().to_string();
    for arguments in [
        &["queue", "inspect", &queue][..],
        &["queue", "export", &queue],
        &["queue", "purge", "--yes", &queue],
        &["queue", "drain", "--output", "stdout:", &queue],
        &["queue", "replay", "--output", "stdout:", &queue],
    ] {
        let outcome = relay(arguments, b"").expect(1);
        assert!(outcome.stderr.contains(&queue), "{outcome:?}");
    }
    assert!(!directory.path().join("none").exists());
}

#[test]
fn the_folder_of_the_queues_of_a_relay_is_no_queue_but_leads_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let arguments = ["send", "--timeout", "100 ms", "--queue", &path("out"), "--output", &nobody()];
    relay(arguments, b"one\n").expect(3);
    let above = path("");
    for arguments in [
        &["queue", "inspect", &above][..],
        &["queue", "export", &above],
        &["queue", "purge", "--yes", &above],
        &["queue", "drain", "--output", "stdout:", &above],
    ] {
        let outcome = relay(arguments, b"").expect(1);
        assert!(outcome.stderr.contains("there is no queue in"), "{outcome:?}");
        assert!(outcome.stderr.contains(&format!("try {}", path("out"))), "{outcome:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is made there");
    relay(["queue", "inspect", &path("out")], b"").expect(0);
}

#[test]
fn who_stops_to_read_an_export_is_no_error() {
    let lines = "a line that is long enough to fill a pipe soon\n".repeat(5000);
    let directory = queue_with(lines.as_bytes());
    let mut child = Command::new(env!("CARGO_BIN_EXE_logstash-relay"))
        .args(["queue", "export"])
        .arg(directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 100]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    std::io::stderr().write_all(&output.stderr).unwrap();
    assert!(output.stderr.is_empty());
}

#[test]
fn dead_letters_are_delivered_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dead-letters");
    let letters = DeadLetterFile::open(&path).unwrap();
    for number in 0..3 {
        letters.put(&DeadLetter::new(format!("{{\"n\":{number}}}"), "was refused")).unwrap();
    }
    drop(letters);
    let path = path.display().to_string();
    let outcome = relay(["queue", "replay", "--output", "stdout:", &path], b"").expect(0);
    assert_eq!(outcome.stdout, "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n");
    assert!(relay(["queue", "replay", "--output", "stdout:", &path], b"").expect(0).stdout.is_empty());
}
