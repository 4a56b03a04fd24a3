//! Which events go where.

use crate::support::{Rig, documents, lines};
use serde_json::json;

const INPUTS: &str = r#"
    inputs.a.listen = "syslog+tcp://127.0.0.1:0"
    inputs.b.listen = "lines+tcp://127.0.0.1:0"
    outputs.one = { endpoint = "file:FOLDER/one", format = "raw" }
    outputs.two = { endpoint = "file:FOLDER/two", format = "raw" }
"#;

fn send(rig: &Rig) {
    rig.send("a", b"<11>error\n<14>info\n");
    rig.send("b", b"line\n");
    rig.eventually(|stats| stats.inputs["a"].received == 2 && stats.inputs["b"].received == 1);
}

/// Both files, sorted, as a shutdown leaves them.
fn result(rig: Rig) -> [Vec<String>; 2] {
    let (report, folder) = rig.shutdown();
    assert!(report.is_complete(), "{report}");
    ["one", "two"].map(|name| {
        let mut found = lines(&folder.path().join(name), 0);
        found.sort_unstable();
        found
    })
}

#[test]
fn without_routes_everything_goes_everywhere() {
    let rig = Rig::start(INPUTS);
    send(&rig);
    let all = ["<11>error", "<14>info", "line"];
    assert_eq!(result(rig), [all, all]);
}

#[test]
fn routes_go_by_input_severity_and_peer_and_what_meets_none_is_counted() {
    let rig = Rig::start(&format!(
        r#"{INPUTS}
        [[routes]]
        inputs = ["a"]
        severity = "error"
        outputs = ["one"]
        [[routes]]
        peers = ["127.0.0.0/8"]
        inputs = ["b"]
        outputs = ["two", "one"]
        [[routes]]
        peers = ["10.0.0.0/8", "::1"]
        outputs = ["two"]
        "#
    ));
    send(&rig);
    let stats = rig.relay.stats();
    assert_eq!((stats.inputs["a"].unrouted, stats.inputs["b"].unrouted), (1, 0));
    let [one, two] = result(rig);
    assert_eq!(one, ["<11>error", "line"]);
    assert_eq!(two, ["line"]);
}

#[test]
fn what_meets_a_final_route_meets_none_below_it() {
    let rig = Rig::start(&format!(
        r#"{INPUTS}
        [[routes]]
        inputs = ["a"]
        severity = "error"
        outputs = ["one"]
        final = true
        [[routes]]
        inputs = ["a"]
        outputs = ["one"]
        [[routes]]
        outputs = ["one", "two"]
        final = true
        [[routes]]
        inputs = ["b"]
        severity = "error"
        outputs = ["two"]
        "#
    ));
    send(&rig);
    let [one, two] = result(rig);
    assert_eq!(one, ["<11>error", "<14>info", "line"]);
    assert_eq!(two, ["<14>info", "line"]);
}

#[test]
fn an_output_gets_an_event_once_and_the_first_route_decides_how_it_looks() {
    let rig = Rig::start(&format!(
        r#"{INPUTS}
        [[routes]]
        inputs = ["b"]
        format = "ecs"
        outputs = ["one"]
        [[routes]]
        outputs = ["one", "two"]
        "#
    ));
    rig.send("b", b"line\n");
    let one = documents(&rig.path("one"), 1);
    assert_eq!(one[0]["source"]["ip"], json!("127.0.0.1"));
    assert_eq!(lines(&rig.path("two"), 1), ["line"]);
    let (report, _folder) = rig.shutdown();
    assert_eq!((report.outputs["one"].accepted, report.outputs["two"].accepted), (1, 1));
}

#[test]
fn an_output_that_is_away_holds_no_other_up() {
    let rig = Rig::start(
        r#"
        shutdown_timeout = "100 ms"
        inputs.in.listen = "lines+tcp://127.0.0.1:0"
        outputs.away.endpoint = "beats://127.0.0.1:1"
        outputs.here = { endpoint = "file:FOLDER/here", format = "raw" }
        "#,
    );
    let mut text = String::new();
    (0..1000).for_each(|number| text.push_str(&format!("line {number}\n")));
    rig.send("in", text.as_bytes());
    assert_eq!(lines(&rig.path("here"), 1000).join("\n") + "\n", text);
    let stats = rig.eventually(|stats| stats.outputs["away"].queued == 1000);
    assert_eq!(stats.outputs["away"].acknowledged, 0);
}
