//! Another configuration while it runs.

use crate::support::{LONG, Rig, lines};
use std::io::{Read, Write};

const BEFORE: &str = r#"
    inputs.a.listen = "lines+tcp://127.0.0.1:0"
    inputs.b.listen = "lines+tcp://127.0.0.1:0"
    outputs.one = { endpoint = "file:FOLDER/one", format = "raw" }
"#;

#[test]
fn what_stays_keeps_its_connections_and_what_is_new_starts() {
    let rig = Rig::start(BEFORE);
    let address = rig.address("a");
    let (mut kept, mut gone) = (rig.connect("a"), rig.connect("b"));
    kept.write_all(b"1\n").unwrap();
    gone.write_all(b"2\n").unwrap();
    lines(&rig.path("one"), 2);
    rig.reload(
        r#"
        inputs.a.listen = "lines+tcp://127.0.0.1:0"
        inputs.c.listen = "lines+tcp://127.0.0.1:0"
        outputs.one = { endpoint = "file:FOLDER/one", format = "raw" }
        outputs.two = { endpoint = "file:FOLDER/two", format = "raw" }
        "#,
    );
    assert_eq!(rig.address("a"), address);
    gone.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(gone.read(&mut [0]).unwrap(), 0);
    kept.write_all(b"3\n").unwrap();
    assert_eq!(lines(&rig.path("two"), 1), ["3"]);
    rig.send("c", b"4\n");
    assert_eq!(lines(&rig.path("two"), 2), ["3", "4"]);
    lines(&rig.path("one"), 4);
    let names: Vec<String> = rig.relay.addresses().into_keys().collect();
    assert_eq!(names, ["a", "c"]);
}

#[test]
fn an_output_that_is_gone_delivers_what_it_has() {
    let rig = Rig::start(BEFORE);
    rig.send("a", b"1\n");
    rig.eventually(|stats| stats.inputs["a"].received == 1);
    rig.reload(&BEFORE.replace("outputs.one", "outputs.other").replace("/one", "/other"));
    assert_eq!(lines(&rig.path("one"), 1), ["1"]);
    rig.send("a", b"2\n");
    assert_eq!(lines(&rig.path("other"), 1), ["2"]);
}

#[test]
fn a_configuration_that_cannot_be_used_changes_nothing() {
    let rig = Rig::start(BEFORE);
    let taken = rig.address("b");
    let text = format!("{BEFORE}\ninputs.c.listen = \"lines+tcp://{taken}\"");
    let config = crate::support::parse(&text, rig.folder.path());
    let error = rig.relay.reload(config).unwrap_err().to_string();
    assert!(error.contains("input \"c\": cannot listen on"), "{error}");
    rig.send("a", b"still\n");
    assert_eq!(lines(&rig.path("one"), 1), ["still"]);
}

#[test]
fn what_was_sent_before_the_end_is_delivered() {
    let rig = Rig::start(BEFORE);
    let mut stream = rig.connect("a");
    rig.eventually(|stats| stats.inputs["a"].open_connections == 1);
    let text: String = (0..5000).map(|number| format!("line {number}\n")).collect();
    stream.write_all(text.as_bytes()).unwrap();
    let (report, folder) = rig.shutdown();
    assert!(report.is_complete(), "{report}");
    assert_eq!(lines(&folder.path().join("one"), 0).len(), 5000);
}
