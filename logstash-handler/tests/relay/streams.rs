//! Lines, JSON and syslog over connections.

use crate::support::{LONG, Rig, documents, each, lines, received};
use jiff::tz::Offset;
use jiff::{Timestamp, Unit};
use logstash_transport::testing::Receiver;
use serde_json::json;
use std::io::Write;
use std::net::Shutdown;

const LINES: &str = r#"
    [inputs.in]
    listen = "lines+tcp://127.0.0.1:0"
    tags = ["edge"]
    [outputs.out]
    endpoint = "file:FOLDER/out"
"#;

#[test]
fn lines_become_documents_with_their_source() {
    let rig = Rig::start(LINES);
    let mut stream = rig.connect("in");
    let peer = stream.local_addr().unwrap();
    stream.write_all(b"first\r\n\nsecond \xff\nlast without an end").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let documents = documents(&rig.path("out"), 3);
    assert_eq!(each(&documents, "message"), ["first", "second \\xFF", "last without an end"]);
    let first = &documents[0];
    assert_eq!((&first["host"], &first["port"]), (&json!("127.0.0.1"), &json!(peer.port())));
    assert_eq!((&first["input"], &first["tags"]), (&json!("in"), &json!(["edge"])));
    let stats = rig.eventually(|stats| stats.inputs["in"].open_connections == 0);
    assert_eq!((stats.inputs["in"].received, stats.inputs["in"].connections), (3, 1));
    assert_eq!(stats.outputs["out"].accepted, 3);
    let (report, _folder) = rig.shutdown();
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.outputs["out"].accepted, report.outputs["out"].acknowledged), (3, 3));
}

#[test]
fn a_long_line_is_cut_tagged_and_counted_and_the_next_one_is_whole() {
    let rig = Rig::start(&LINES.replace("tags = [\"edge\"]", "max_length = 10"));
    rig.send("in", &[&[b'x'; 100_000][..], b"\nshort\n"].concat());
    let documents = documents(&rig.path("out"), 2);
    assert_eq!(each(&documents, "message"), ["xxxxxxxxxx", "short"]);
    assert_eq!(documents[0]["tags"], json!(["_message_truncated"]));
    let stats = rig.eventually(|stats| stats.inputs["in"].truncated_bytes == 99_990);
    assert_eq!(stats.inputs["in"].truncated, 1);
}

#[test]
fn json_documents_pass_as_they_are_and_other_lines_are_kept_and_tagged() {
    let receiver = Receiver::start().unwrap();
    let rig = Rig::start(&format!(
        r#"
        [inputs.in]
        listen = "json+tcp://127.0.0.1:0"
        [outputs.out]
        endpoint = "beats://{}"
        "#,
        receiver.address()
    ));
    rig.send("in", b"{\"b\":1.50,\"a\":{}}\nno json\n[1]\n{\"c\":1}\n");
    assert!(receiver.wait_for(4, LONG));
    assert_eq!(receiver.events()[0], "{\"b\":1.50,\"a\":{}}");
    let documents = received(&receiver);
    assert_eq!(documents[1]["message"], "no json");
    assert_eq!(documents[1]["tags"], json!(["_jsonparsefailure"]));
    assert_eq!(documents[2]["message"], "[1]");
    assert_eq!(documents[3], json!({"c": 1}));
    assert_eq!(rig.relay.stats().inputs["in"].unparsed, 2);
}

#[test]
fn syslog_comes_in_both_framings_and_all_formats() {
    let rig = Rig::start(&LINES.replace("lines+tcp", "syslog+tcp"));
    let counted = "<165>1 2003-10-11T22:14:15.003Z host app 42 ID47 [a@1 k=\"v\"] hello\nworld";
    let text = format!("{} {counted}<34>Oct 11 22:14:15 old su: failed\nneither\n", counted.len());
    rig.send("in", text.as_bytes());
    let documents = documents(&rig.path("out"), 3);
    let first = &documents[0];
    assert_eq!(first["@timestamp"], "2003-10-11T22:14:15.003Z");
    assert_eq!((&first["facility_label"], &first["severity"]), (&json!("local4"), &json!(5)));
    assert_eq!((&first["hostname"], &first["appname"]), (&json!("host"), &json!("app")));
    assert_eq!((&first["procid"], &first["msgid"]), (&json!("42"), &json!("ID47")));
    assert_eq!(first["structured_data"], json!({"a@1": {"k": "v"}}));
    assert_eq!((&first["message"], &first["host"]), (&json!("hello\nworld"), &json!("127.0.0.1")));
    assert!(first["received_at"].is_string(), "{first}");
    assert_eq!((&documents[1]["level"], &documents[1]["message"]), (&json!("ERROR"), &json!("failed")));
    assert_eq!(documents[2]["message"], "neither");
    assert_eq!(documents[2]["tags"], json!(["_syslog_parse_failure", "edge"]));
    assert_eq!(rig.relay.stats().inputs["in"].unparsed, 1);
}

#[test]
fn timestamps_without_zone_are_of_the_zone_that_is_configured() {
    for (zone, expected) in [
        ("UTC", "2020-07-11T12:00:00.000Z"),
        ("-03:30", "2020-07-11T15:30:00.000Z"),
        ("Europe/Berlin", "2020-07-11T10:00:00.000Z"),
    ] {
        let config = LINES.replace("lines+tcp", "syslog+tcp");
        let rig = Rig::start(&config.replace("tags = [\"edge\"]", &format!("time_zone = \"{zone}\"")));
        rig.send(
            "in",
            b"<13>Jul 11 12:00:00 2020 h a: of that zone\n<13>Jul 11 12:00:00 2020 UTC h a: its own\n",
        );
        let found = documents(&rig.path("out"), 2);
        assert_eq!(each(&found, "@timestamp"), [expected, "2020-07-11T12:00:00.000Z"], "{zone}");
    }
}

#[test]
fn the_zone_of_a_sender_can_be_guessed() {
    let options = "time_zone = \"UTC\"\ninfer_time_zone = true";
    let rig = Rig::start(&LINES.replace("lines+tcp", "syslog+tcp").replace("tags = [\"edge\"]", options));
    let now = Timestamp::now().round(Unit::Second).unwrap();
    let there = Offset::from_seconds(5 * 3600 + 30 * 60).unwrap().to_datetime(now);
    rig.send("in", format!("<13>{} h a: m\n", there.strftime("%b %e %H:%M:%S")).as_bytes());
    let found = documents(&rig.path("out"), 1);
    assert_eq!(found[0]["@timestamp"].as_str().unwrap().parse::<Timestamp>().unwrap(), now);
}

#[test]
fn raw_output_has_what_came_byte_for_byte() {
    let rig = Rig::start(&format!("{LINES}\nformat = \"raw\""));
    rig.send("in", b"<34>Oct 11 22:14:15 old su: failed\nplain\n");
    assert_eq!(lines(&rig.path("out"), 2), ["<34>Oct 11 22:14:15 old su: failed", "plain"]);
}
