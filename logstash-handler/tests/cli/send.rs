use crate::program::{documents_in, nobody, relay};
use logstash_transport::testing::Receiver;
use serde_json::{Value as Json, json};
use std::fs;

fn messages(documents: &[Json]) -> Vec<&str> {
    documents.iter().map(|document| document["message"].as_str().unwrap()).collect()
}

#[test]
fn lines_of_the_standard_input_are_events() {
    let arguments =
        ["send", "--output", "stdout:", "--type", "demo", "--tag", "a", "--tag", "b", "--field", "shop=eu"];
    let outcome = relay(arguments, b"first\r\n\n  \nsecond, \xc3\xa4\nlast").expect(0);
    let documents = outcome.documents();
    assert_eq!(messages(&documents), ["first", "second, ä", "last"]);
    assert_eq!(documents[0]["type"], "demo");
    assert_eq!(documents[0]["tags"], json!(["a", "b"]));
    assert_eq!(documents[0]["extra"]["shop"], "eu");
    assert!(
        outcome.stderr.contains("accepted 3") && outcome.stderr.contains("acknowledged 3"),
        "{outcome:?}"
    );
}

#[test]
fn files_are_read_one_after_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (one, two) = (file("one", b"a\nb"), file("two", b"c\n"));
    let out = directory.path().join("out");
    let output = format!("file:{}", out.display());
    relay(["send", "-o", &output, &one, "-", &two], b"stdin\n").expect(0);
    assert_eq!(messages(&documents_in(&out)), ["a", "b", "stdin", "c"]);
}

#[test]
fn json_is_sent_as_it_is_and_what_is_none_whole_and_tagged() {
    let input = b" {\"message\": \"x\",  \"n\": 1}\r\n[1]\n{\"broken\n";
    let outcome = relay(["send", "--input", "json", "--output", "stdout:", "--tag", "all"], input).expect(0);
    assert_eq!(outcome.stdout.lines().next(), Some("{\"message\": \"x\",  \"n\": 1}"));
    let documents = outcome.documents();
    assert_eq!(messages(&documents), ["x", "[1]", "{\"broken"]);
    assert_eq!(documents[2]["tags"], json!(["all", "_jsonparsefailure"]));
}

#[test]
fn syslog_is_read() {
    let input = b"<34>1 2003-10-11T22:14:15.003Z web-1 su - ID47 - failed\nOct 11 2024 22:14:15 web-2 app[5]: hi\nno syslog\n";
    let arguments = ["send", "--input", "syslog", "--zone", "+02:00", "--output", "stdout:"];
    let documents = relay(arguments, input).expect(0).documents();
    assert_eq!(messages(&documents), ["failed", "hi", "no syslog"]);
    assert_eq!(documents[0]["@timestamp"], "2003-10-11T22:14:15.003Z");
    assert_eq!(documents[0]["extra"]["hostname"], "web-1");
    assert_eq!(documents[1]["@timestamp"], "2024-10-11T20:14:15.000Z");
    assert_eq!(documents[1]["pid"], 5);
    assert_eq!(documents[2]["tags"], json!(["_syslog_parse_failure"]));
}

#[test]
fn nothing_of_a_long_line_or_of_odd_bytes_is_lost() {
    let input = [&b"abcdefghij\n"[..], b"na\xefve\n"].concat();
    let arguments = ["send", "--output", "stdout:", "--max-length", "4"];
    let documents = relay(arguments, &input).expect(0).documents();
    assert_eq!(messages(&documents), ["abcd", "efgh", "ij", "na\\xEFv", "e"]);
    assert_eq!(documents[0]["tags"], json!(["_message_split"]));
    assert!(documents[2].get("tags").is_none());
    assert_eq!(documents[3]["tags"], json!(["_not_utf8", "_message_split"]));
}

#[test]
fn raw_lines_and_ecs_documents() {
    let outcome = relay(["send", "--format", "raw", "--output", "stdout:"], b"one\ntwo\n").expect(0);
    assert_eq!(outcome.stdout, "one\ntwo\n");
    let arguments = ["send", "--format", "ecs", "--field", "service.name=shop", "--output", "stdout:"];
    let documents = relay(arguments, b"one\n").expect(0).documents();
    assert_eq!(documents[0]["message"], "one");
    assert!(documents[0].get("ecs.version").is_some() || documents[0]["ecs"].is_object(), "{documents:?}");
}

#[test]
fn many_events_arrive_in_order_at_a_beats_server() {
    let receiver = Receiver::start().unwrap();
    let output = format!("beats://{}", receiver.address());
    let input: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
    let outcome = relay(["send", "--output", &output], input.as_bytes()).expect(0);
    assert!(outcome.stderr.contains("acknowledged 20000"), "{outcome:?}");
    let events = receiver.events();
    assert_eq!(events.len(), 20_000);
    for (number, event) in events.iter().enumerate() {
        let document: Json = serde_json::from_slice(event).unwrap();
        assert_eq!(document["message"], format!("line {number}"));
    }
}

#[test]
fn what_cannot_be_delivered_is_told() {
    let outcome = relay(["send", "--timeout", "200 ms", "--output", &nobody()], b"one\ntwo\n").expect(3);
    assert!(outcome.stderr.contains("not all is delivered after 200ms"), "{outcome:?}");
    assert!(outcome.stderr.contains("2 events are lost"), "{outcome:?}");
    assert!(outcome.stderr.to_lowercase().contains("refused"), "{outcome:?}");
}

#[test]
fn a_file_that_is_not_there_is_an_error_after_the_others_are_sent() {
    let outcome = relay(["send", "--output", "stdout:", "-", "/no/such/file"], b"one\n").expect(1);
    assert_eq!(messages(&outcome.documents()), ["one"]);
    assert!(outcome.stderr.contains("cannot read /no/such/file: "), "{outcome:?}");
}

#[test]
fn what_does_not_exist_is_refused() {
    for arguments in [
        &["send"][..],
        &["send", "--output", "gopher://x"],
        &["send", "--output", "tcp://host"],
        &["send", "--output", "stdout:", "--field", "novalue"],
        &["send", "--output", "stdout:", "--zone", "Mars/Olympus"],
        &["send", "--output", "stdout:", "--timeout", "soon"],
        &["send", "--output", "stdout:", "--outptu", "x"],
        &["sned"],
    ] {
        let outcome = relay(arguments, b"").expect(2);
        assert!(outcome.stdout.is_empty() && !outcome.stderr.is_empty(), "{arguments:?}: {outcome:?}");
    }
}
