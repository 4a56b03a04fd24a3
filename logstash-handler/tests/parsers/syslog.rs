use jiff::Timestamp;
use logstash_format::{EcsFormatter, Fields, Formatter, Level, LogstashFormatter};
use logstash_handler::relay::{SyslogFormat, SyslogMessage, SyslogParser, SyslogPriority, SyslogZone};
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use std::time::SystemTime;

fn received() -> SystemTime {
    "2024-10-15T12:00:00Z".parse::<Timestamp>().unwrap().into()
}

fn parser() -> SyslogParser {
    SyslogParser::new().zone(SyslogZone::utc())
}

/// A message in the terms of `tests/data/syslog/messages.json`.
fn outcome(message: &SyslogMessage<'_>) -> Json {
    let mut fields = Map::new();
    message.for_each(&mut |name, value| {
        let mut json = Vec::new();
        value.write_json(&mut json);
        fields.insert(name.to_owned(), serde_json::from_slice(&json).unwrap());
    });
    // What follows from the priority and from the defect has tests of its own.
    for name in ["facility", "facility_label", "severity", "severity_label", "tags"] {
        fields.remove(name);
    }
    fields.insert("message".to_owned(), (*message.message).into());
    if let Some(format) = message.format {
        let format = if format == SyslogFormat::Bsd { "bsd" } else { "rfc5424" };
        fields.insert("format".to_owned(), format.into());
    }
    if let Some(time) = message.timestamp {
        let time = Timestamp::try_from(time).unwrap().to_string();
        fields.insert("timestamp".to_owned(), time.into());
    }
    if let Some(defect) = message.defect {
        fields.insert("defect".to_owned(), defect.to_string().into());
    }
    fields.into()
}

#[test]
fn messages_of_the_rfcs_and_of_the_world() {
    let table = include_str!("../data/syslog/messages.json");
    let cases: Vec<Json> = serde_json::from_str(table).unwrap();
    let mut failed = 0;
    for case in &cases {
        let received = case
            .get("received")
            .map_or_else(received, |time| time.as_str().unwrap().parse::<Timestamp>().unwrap().into());
        let parser = match case.get("zone").and_then(Json::as_str) {
            None => parser(),
            Some("infer") => parser().infer_zone(true),
            Some(zone) => SyslogParser::new().zone(zone.parse().unwrap()),
        };
        let message = parser.parse(case["line"].as_str().unwrap().as_bytes(), received);
        let outcome = outcome(&message);
        if outcome != case["expected"] {
            failed += 1;
            eprintln!("{}\n    is {outcome}\n    not {}", case["name"], case["expected"]);
        }
    }
    assert!(cases.len() > 100, "{} cases", cases.len());
    assert_eq!(failed, 0, "of {} messages", cases.len());
}

#[test]
fn line_ends_and_nuls_at_the_end_are_no_part_of_a_message() {
    for end in ["", "\n", "\r\n", "\0", "\n\0", "\0\n"] {
        let line = format!("<13>Oct 15 11:59:59 h a: m{end}");
        assert_eq!(parser().parse(line.as_bytes(), received()).message, "m");
    }
    assert_eq!(parser().parse(b"<13>a: one\ntwo\n", received()).message, "one\ntwo");
}

#[test]
fn bytes_that_are_not_utf8_can_be_told_and_are_tagged() {
    let message = parser().parse(b"<13>1 - h a - - [x y=\"gr\xfc\xdf\"] na\xefve \xf0\x9f\x98", received());
    assert_eq!(message.message, "na\\xEFve \\xF0\\x9F\\x98");
    assert_eq!(message.structured_data.value("x", "y").unwrap(), "gr\\xFC\\xDF");
    assert_eq!(message.tags().collect::<Vec<_>>(), ["_not_utf8"]);

    let message = parser().parse(b"\xff\xfe", received());
    assert_eq!(message.message, "\\xFF\\xFE");
    assert_eq!(message.tags().collect::<Vec<_>>(), ["_syslog_parse_failure", "_not_utf8"]);
    assert!(parser().parse("<13>größe".as_bytes(), received()).tags().next().is_none());
}

#[test]
fn a_priority_is_a_facility_and_a_severity() {
    assert_eq!(SyslogPriority::new(192), None);
    let labels: Vec<_> = [0, 34, 86, 165, 191]
        .iter()
        .map(|number| {
            let priority = SyslogPriority::new(*number).unwrap();
            assert_eq!(priority.facility() * 8 + priority.severity(), *number);
            (priority.facility_name(), priority.facility_label(), priority.severity_label())
        })
        .collect();
    assert_eq!(
        labels,
        [
            ("kern", "kernel", "Emergency"),
            ("auth", "security/authorization", "Critical"),
            ("authpriv", "security/authorization", "Informational"),
            ("local4", "local4", "Notice"),
            ("local7", "local7", "Debug"),
        ]
    );
    let levels: Vec<Level> = (0..8).map(|severity| SyslogPriority::new(severity).unwrap().level()).collect();
    use Level::{Debug, Error, Info, Warn};
    assert_eq!(levels, [Error, Error, Error, Error, Warn, Info, Info, Debug]);
}

#[test]
fn a_message_is_a_document_for_logstash() {
    let line = b"<34>1 2003-10-11T22:14:15.003Z web-1 su 77 ID47 [a@1 b=\"c\"] failed";
    let message = parser().parse(line, received());
    let mut out = Vec::new();
    LogstashFormatter::new().format(&message.event(received()), &mut out).unwrap();
    let document: Json = serde_json::from_slice(&out).unwrap();
    assert_eq!(document["@timestamp"], "2003-10-11T22:14:15.003Z");
    assert_eq!(document["message"], "failed");
    assert_eq!(document["level"], "ERROR");
    assert_eq!(document["pid"], 77);
    let extra = &document["extra"];
    assert_eq!(extra["logger_name"], "su");
    let expected = json!({
        "priority": 34, "facility": 4, "facility_label": "security/authorization",
        "severity": 2, "severity_label": "Critical",
        "hostname": "web-1", "appname": "su", "procid": "77", "msgid": "ID47",
        "structured_data": {"a@1": {"b": "c"}},
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&extra[name], value, "{name}");
    }
    assert!(document.get("tags").is_none());
}

#[test]
fn a_line_that_is_no_message_is_a_document_all_the_same() {
    let message = parser().parse(b"Use the BFG!", received());
    let mut out = Vec::new();
    LogstashFormatter::new().format(&message.event(received()), &mut out).unwrap();
    let document: Json = serde_json::from_slice(&out).unwrap();
    assert_eq!(document["@timestamp"], "2024-10-15T12:00:00.000Z");
    assert_eq!(document["message"], "Use the BFG!");
    assert_eq!(document["tags"], json!(["_syslog_parse_failure"]));
    assert_eq!(document["extra"]["logger_name"], "syslog");
}

#[test]
fn a_message_has_the_names_of_ecs_for_its_formatter() {
    let line = b"<34>1 2003-10-11T22:14:15.003Z web-1 su 77 ID47 - failed";
    let message = parser().parse(line, received());
    let fields = message.ecs_fields();
    let event = message.event(received()).fields(&fields);
    let mut out = Vec::new();
    EcsFormatter::new().format(&event, &mut out).unwrap();
    let document: Json = serde_json::from_slice(&out).unwrap();
    let syslog = &document["log"]["syslog"];
    let dotted = |name: &str| document.get(format!("log.syslog.{name}")).cloned();
    for (name, pointer, value) in [
        ("priority", "/priority", json!(34)),
        ("facility.code", "/facility/code", json!(4)),
        ("facility.name", "/facility/name", json!("auth")),
        ("severity.code", "/severity/code", json!(2)),
        ("severity.name", "/severity/name", json!("Critical")),
        ("hostname", "/hostname", json!("web-1")),
        ("appname", "/appname", json!("su")),
        ("procid", "/procid", json!("77")),
        ("msgid", "/msgid", json!("ID47")),
    ] {
        assert_eq!(syslog.pointer(pointer).cloned().or_else(|| dotted(name)), Some(value), "{document}");
    }
}

#[test]
fn zones_have_names_and_offsets() {
    for zone in ["local", "UTC", "utc", "+02:00", "-0330", "+5", "Europe/Berlin"] {
        assert!(zone.parse::<SyslogZone>().is_ok(), "{zone}");
    }
    for zone in ["", "Mars/Olympus", "+", "+25:00", "+02:00x", "02:00"] {
        let error = zone.parse::<SyslogZone>().unwrap_err().to_string();
        assert!(error.contains(&format!("{zone:?}")) && error.contains("+02:00"), "{error}");
    }
}

#[test]
fn a_line_of_many_parameters_is_read_at_once() {
    let parameters: String = (0..8000).map(|number| format!(" a{number}=\"\"")).collect();
    let line = format!("<13>1 - - - - - [x{parameters}] m");
    let message = parser().parse(line.as_bytes(), received());
    assert_eq!(message.structured_data.elements().flat_map(|element| element.parameters).count(), 8000);
    assert_eq!(serde_json::to_value(message.structured_data).unwrap()["x"].as_object().unwrap().len(), 8000);
}

proptest! {
    #[test]
    fn no_line_is_refused_and_nothing_of_its_text_is_lost(
        line in proptest::collection::vec(
            proptest::sample::select(b"<>131 - OctT:.Z[]=\"\\ab%\xff\xc3\xa4\n".to_vec()), 0..80),
        infer: bool,
    ) {
        let message = parser().infer_zone(infer).parse(&line, received());
        prop_assert_eq!(message.defect.is_some(), message.tags().any(|tag| tag == "_syslog_parse_failure"));
        let mut out = Vec::new();
        LogstashFormatter::new().format(&message.event(received()), &mut out).unwrap();
        prop_assert!(serde_json::from_slice::<Json>(&out).is_ok());
        if let Ok(text) = str::from_utf8(&line) {
            prop_assert!(text.contains(&*message.message));
        }
    }

    #[test]
    fn what_is_written_by_rfc_5424_is_read_again(
        number in 0..192_u8,
        seconds in 0..4_000_000_000_i64,
        micros in 0..1_000_000_i32,
        names in proptest::collection::vec("[!-~]{1,20}", 4),
        id in "[!#-<>-\\\\^-~]{1,10}",
        value in "[ -~äß\\\\\"\\]]{0,20}",
        text in "[ -~äß😀]{0,40}",
    ) {
        let time = Timestamp::new(seconds, micros * 1000).unwrap();
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]");
        let [host, app, process, kind] = &names[..] else { unreachable!() };
        let line = format!("<{number}>1 {time:.6} {host} {app} {process} {kind} [{id} n=\"{escaped}\"] {text}");
        let message = parser().parse(line.as_bytes(), received());
        prop_assert_eq!(message.defect, None);
        prop_assert_eq!(message.priority.map(SyslogPriority::value), Some(number));
        prop_assert_eq!(message.timestamp, Some(time.into()));
        let fields = [message.hostname, message.app_name, message.proc_id, message.msg_id];
        for (field, name) in fields.iter().zip(&names) {
            prop_assert_eq!(field.unwrap_or("-"), name);
        }
        let found = message.structured_data.value(&id, "n");
        prop_assert_eq!(found.as_deref(), Some(&*value));
        prop_assert_eq!(message.message, text);
    }
}
