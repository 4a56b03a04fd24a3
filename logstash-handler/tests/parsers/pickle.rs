use logstash_format::{Formatter, Level, LogstashFormatter};
use logstash_handler::relay::{
    Pickle, PickleError, PickleErrorKind, PickleLimits, PickleValue, PythonRecord,
};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

fn data(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pickle").join(name)).unwrap()
}

fn decode(bytes: &[u8]) -> Result<Json, PickleError> {
    let pickle = Pickle::decode(bytes, &PickleLimits::new())?;
    Ok(serde_json::to_value(pickle.value()).unwrap())
}

fn kind(bytes: &[u8]) -> PickleErrorKind {
    decode(bytes).unwrap_err().kind().clone()
}

fn document(event: &logstash_format::Event<'_>) -> Json {
    let mut out = Vec::new();
    LogstashFormatter::new().format(event, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn plain_data_of_every_protocol() {
    let expected: Json = serde_json::from_slice(&data("values.json")).unwrap();
    for protocol in 0..=5 {
        let name = format!("values-{protocol}");
        let value = decode(&data(&format!("{name}.pickle"))).unwrap();
        for (key, expected) in expected[&name].as_object().unwrap() {
            assert_eq!(&value[key], expected, "{key} of protocol {protocol}");
        }
        assert_eq!(value.as_object().unwrap().len(), expected[&name].as_object().unwrap().len());
    }
}

#[test]
fn every_pickle_that_is_cut_is_refused() {
    for protocol in 0..=5 {
        let whole = data(&format!("values-{protocol}.pickle"));
        for length in 0..whole.len() {
            let kind = kind(&whole[..length]);
            assert_eq!(kind, PickleErrorKind::Truncated, "{length} bytes of protocol {protocol}");
        }
        assert!(matches!(kind(&[&whole[..], b"."].concat()), PickleErrorKind::Malformed(_)));
    }
}

#[test]
fn what_would_run_code_is_refused_and_named() {
    // What `pickle.dumps` makes of an object whose `__reduce__` returns `(os.system, ("touch /tmp/owned",))`.
    let hostile: [(&[u8], &str, Option<&str>); 14] = [
        (b"cposix\nsystem\np0\n(Vtouch /tmp/owned\np1\ntp2\nRp3\n.", "GLOBAL", Some("posix.system")),
        (b"\x80\x02cposix\nsystem\nq\0X\x10\0\0\0touch /tmp/ownedq\x01\x85q\x02Rq\x03.", "GLOBAL", Some("posix.system")),
        (
            b"\x80\x04\x95+\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x10touch /tmp/owned\x94\x85\x94R\x94.",
            "STACK_GLOBAL",
            Some("posix.system"),
        ),
        (b"(S'true'\nios\nsystem\n.", "INST", Some("os.system")),
        (b"(cos\nsystem\nS'true'\no.", "GLOBAL", Some("os.system")),
        (b"NNR.", "REDUCE", None),
        (b"NNb.", "BUILD", None),
        (b"N)\x81.", "NEWOBJ", None),
        (b"N)}\x92.", "NEWOBJ_EX", None),
        (b"\x82\x01.", "EXT1", None),
        (b"\x84\x01\0\0\0.", "EXT4", None),
        (b"Pid\n.", "PERSID", None),
        (b"NQ.", "BINPERSID", None),
        (b"\x80\x05\x97.", "NEXT_BUFFER", None),
    ];
    for (bytes, instruction, object) in hostile {
        let expected = PickleErrorKind::Code { instruction, object: object.map(str::to_owned) };
        assert_eq!(kind(bytes), expected);
    }
    let told = decode(hostile[2].0).unwrap_err().to_string();
    assert_eq!(
        told,
        "the pickle asks for the Python object posix.system (STACK_GLOBAL), which is refused; log plain data: \
         text, numbers, lists, dictionaries (at byte 28)"
    );
    // The name is that of a peer: of bounded length, and on one line.
    let long = [b"c\x1b\r".as_slice(), &[b'x'; 10_000], b"\ny\n."].concat();
    let told = decode(&long).unwrap_err().to_string();
    assert!(told.len() < 500 && !told.contains(['\x1b', '\r']), "{told}");
}

#[test]
fn damaged_pickles_are_refused() {
    let malformed: [&[u8]; 22] = [
        b".",
        b"0.",
        b"1.",
        b"2.",
        b"a.",
        b"Na.",
        b"NNa.",
        b"](NNu.",
        b"}(Nu.",
        b"(Nd.",
        b"N(.",
        b"e.",
        b"p0\n.",
        b"Ng1\n.",
        b"Nh\x01.",
        b"Ix\n.",
        b"I\n.",
        b"Fx\n.",
        b"Sx\n.",
        b"S'\\x4'\n.",
        b"T\xff\xff\xff\xff.",
        b"\x8b\xff\xff\xff\xff.",
    ];
    for bytes in malformed {
        let kind = kind(bytes);
        assert!(matches!(kind, PickleErrorKind::Malformed(_)), "{}: {kind:?}", bytes.escape_ascii());
    }
    assert_eq!(kind(b"\x80\x06N."), PickleErrorKind::Unknown(6));
    assert_eq!(kind(b"\xffN."), PickleErrorKind::Unknown(0xff));
    assert_eq!(kind(b"{\"message\": 1}"), PickleErrorKind::Unknown(b'{'));
}

#[test]
fn declared_lengths_take_no_memory() {
    let huge: [&[u8]; 7] = [
        b"X\xff\xff\xff\xffabc.",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc.",
        b"B\xff\xff\xff\x7fabc.",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
        b"\x96\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
        b"T\xff\xff\xff\x7fabc.",
        b"\x8b\xff\xff\xff\x7fabc.",
    ];
    for bytes in huge {
        assert_eq!(kind(bytes), PickleErrorKind::Truncated);
    }
    // An index of the memo is a name, not a size.
    assert_eq!(decode(b"Nr\xff\xff\xff\xffj\xff\xff\xff\xff.").unwrap(), Json::Null);
}

#[test]
fn a_billion_laughs_are_too_large() {
    // Each list holds the one before ten times.
    let mut bytes = b"\x80\x04X\x03\0\0\0lolq\0".to_vec();
    for level in 0..20_u8 {
        bytes.extend_from_slice(b"](");
        for _ in 0..10 {
            bytes.extend_from_slice(&[b'h', level]);
        }
        bytes.extend_from_slice(&[b'e', b'q', level + 1]);
    }
    bytes.push(b'.');
    assert!(matches!(kind(&bytes), PickleErrorKind::TooLarge { limit: 4_194_304 }));
    let limits = PickleLimits::new().expanded_bytes(u64::MAX).depth(10);
    assert_eq!(Pickle::decode(&bytes, &limits).unwrap_err().kind(), &PickleErrorKind::TooDeep { limit: 10 });
}

#[test]
fn what_contains_itself_is_refused() {
    for bytes in [&b"]q\0h\0a."[..], b"}q\0X\x01\0\0\0ah\0s.", b"]q\0(h\0th\0\x86.", b"]2a."] {
        let result = decode(bytes);
        match result {
            Err(error) => assert!(
                matches!(error.kind(), PickleErrorKind::Cyclic | PickleErrorKind::Malformed(_)),
                "{error}"
            ),
            Ok(value) => assert_eq!(value, json!([[[]], []]), "{}", bytes.escape_ascii()),
        }
    }
    assert_eq!(kind(b"]q\0h\0a."), PickleErrorKind::Cyclic);
    assert_eq!(kind(b"}q\0X\x01\0\0\0ah\0s."), PickleErrorKind::Cyclic);
}

#[test]
fn depth_and_number_of_values_are_limited() {
    let nested = |levels: usize| [vec![b']'; levels + 1], vec![b'a'; levels], vec![b'.']].concat();
    assert!(decode(&nested(32)).is_ok());
    assert_eq!(kind(&nested(33)), PickleErrorKind::TooDeep { limit: 32 });
    assert_eq!(kind(&nested(100_000)), PickleErrorKind::TooManyValues { limit: 10_000 });

    for repeated in [&b"N"[..], b"(", b"N2", b"Nq\0h\0"] {
        let bytes = repeated.repeat(100_000);
        assert_eq!(
            kind(&bytes),
            PickleErrorKind::TooManyValues { limit: 10_000 },
            "{}",
            repeated.escape_ascii()
        );
    }
    let mut memo = b"N".to_vec();
    for index in 0..20_000_u32 {
        memo.push(b'r');
        memo.extend_from_slice(&index.to_le_bytes());
    }
    assert_eq!(kind(&memo), PickleErrorKind::TooManyValues { limit: 10_000 });
}

#[test]
fn numbers_of_any_size() {
    let values = [
        (&b"\x8a\0."[..], json!(0)),
        (b"\x8a\x01\xff.", json!(-1)),
        (b"\x8a\x02\xff\0.", json!(255)),
        (b"\x8a\x09\0\0\0\0\0\0\0\0\x01.", json!("18446744073709551616")),
        (b"\x8a\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01.", json!("0x100000000000000000000000000000000")),
        (b"\x8a\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff.", json!("-0x100000000000000000000000000000000")),
        (b"\x8a\x11\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0.", json!(1)),
        (b"L-5L\n.", json!(-5)),
        (b"L5\n.", json!(5)),
        (
            b"L999999999999999999999999999999999999999999L\n.",
            json!("999999999999999999999999999999999999999999"),
        ),
        (b"I01\n.", json!(true)),
        (b"I1\n.", json!(1)),
        (b"Finf\n.", Json::Null),
    ];
    for (bytes, expected) in values {
        assert_eq!(decode(bytes).unwrap(), expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn texts_of_python_2_are_texts() {
    let texts: [(&[u8], &str); 6] = [
        (b"S'it\\'s \\x41\\n\\t\\\\ \\101\\7 \\q'\n.", "it's A\n\t\\ A\x07 \\q"),
        (b"S\"gr\\xc3\\xb6\"\n.", "grö"),
        (b"S'gr\\xf6'\n.", "gr\\xF6"),
        (b"U\x03gr\xf6.", "gr\\xF6"),
        (b"T\x04\0\0\0gr\xc3\xb6.", "grö"),
        (b"V\\ud83d\\ude00 \xe4 \\u20ac \\x41\n.", "😀 ä € \\x41"),
    ];
    for (bytes, expected) in texts {
        assert_eq!(decode(bytes).unwrap(), *expected);
    }
    // A lone surrogate is no character of any text.
    assert_eq!(decode(b"X\x03\0\0\0\xed\xa0\xbd.").unwrap(), "\\xED\\xA0\\xBD");
}

#[test]
fn messages_are_formatted_as_python_does() {
    let table: Vec<Json> = serde_json::from_slice(&data("percent.json")).unwrap();
    let mut failed = 0;
    for case in &table {
        let hex = case["arguments"].as_str().unwrap().as_bytes();
        let digit = |digit: u8| char::from(digit).to_digit(16).unwrap() as u8;
        let arguments: Vec<u8> = hex.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
        // A record with that message and these arguments.
        let template = case["format"].as_str().unwrap();
        let mut bytes = b"\x80\x04}(X\x03\0\0\0msgX".to_vec();
        bytes.extend_from_slice(&(template.len() as u32).to_le_bytes());
        bytes.extend_from_slice(template.as_bytes());
        bytes.extend_from_slice(b"X\x04\0\0\0args");
        bytes.extend_from_slice(&arguments[..arguments.len() - 1]);
        bytes.extend_from_slice(b"u.");
        let pickle = Pickle::decode(&bytes, &PickleLimits::new()).unwrap();
        let record = PythonRecord::new(&pickle).unwrap();
        let document = document(&record.event(SystemTime::now()));
        let is_failure = document["tags"] == json!(["_python_format_failure"]);
        assert_eq!(is_failure, document["extra"].get("args").is_some());
        // Logging formats nothing where there are no arguments.
        let has_arguments = arguments[..] != *b"\x80\x04).";
        let expected = match case["result"].as_str().filter(|_| has_arguments) {
            Some(result) => (result, false),
            None => (template, has_arguments),
        };
        if (record.message(), is_failure) != expected {
            failed += 1;
            eprintln!("{template:?} is {:?}, not {expected:?}", record.message());
        }
    }
    assert!(table.len() > 30);
    assert_eq!(failed, 0, "of {}", table.len());
}

#[test]
fn a_record_of_python_is_an_event() {
    let bytes = data("record-0.pickle");
    let pickle = Pickle::decode(&bytes, &PickleLimits::new()).unwrap();
    let record = PythonRecord::new(&pickle).unwrap();
    let event = record.event(SystemTime::UNIX_EPOCH);
    assert_eq!(event.level, Level::Info);
    assert_eq!(event.logger, "shop.orders");
    assert!(event.timestamp > SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    assert_eq!(event.origin.function, Some("records"));
    assert_eq!(event.origin.module, Some("generate"));
    assert!(event.origin.file.unwrap().ends_with("generate.py"));
    assert!(event.pid.is_some());

    let document = document(&event);
    assert_eq!(document["message"], "order 1001 placed by Zoë");
    assert_eq!(document["tags"], json!(["shop", "eu"]));
    let extra = &document["extra"];
    assert_eq!(extra["order_id"], 1001);
    assert_eq!(extra["levelname"], "INFO");
    assert_eq!(extra["levelno"], 20);
    assert_eq!(extra["threadName"], "MainThread");
    assert_eq!(extra["processName"], "MainProcess");
    for gone in ["msg", "args", "exc_info", "relativeCreated", "msecs", "stack_info"] {
        assert!(extra.get(gone).is_none(), "{gone}");
    }
}

#[test]
fn an_exception_of_python_is_the_error_of_its_event() {
    let bytes = data("record-1.pickle");
    let pickle = Pickle::decode(&bytes, &PickleLimits::new()).unwrap();
    let record = PythonRecord::new(&pickle).unwrap();
    let document = document(&record.event(SystemTime::now()));
    assert_eq!(document["level"], "ERROR");
    let extra = &document["extra"];
    assert_eq!(extra["error_type"], "ValueError");
    assert_eq!(extra["error_message"], "bad order:\nno such customer");
    let trace = extra["stack_trace"].as_str().unwrap();
    assert!(trace.contains("KeyError: 'missing'") && trace.contains("direct cause"), "{trace}");
    assert_eq!(extra["nested"], json!({"a": [1, 2.5, null, true], "7": "seven"}));
}

#[test]
fn levels_of_python_and_its_stacks() {
    let bytes = data("record-2.pickle");
    let pickle = Pickle::decode(&bytes, &PickleLimits::new()).unwrap();
    let record = PythonRecord::new(&pickle).unwrap();
    let document = document(&record.event(SystemTime::now()));
    assert_eq!(document["message"], "disk is 99.2 % full");
    assert_eq!(document["level"], "ERROR");
    assert_eq!(document["extra"]["levelname"], "CRITICAL");
    assert!(document["extra"]["stack_info"].as_str().unwrap().contains("generate.py"));

    let bytes = data("record-3.pickle");
    let pickle = Pickle::decode(&bytes, &PickleLimits::new()).unwrap();
    let record = PythonRecord::new(&pickle).unwrap();
    assert_eq!(record.event(SystemTime::now()).level, Level::Trace);
}

#[test]
fn records_of_others_have_what_they_have() {
    let received = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    for (bytes, message) in [(&b"}."[..], ""), (b"}X\x03\0\0\0msgK\x05s.", "5"), (b"}X\x03\0\0\0msgNs.", "")]
    {
        let pickle = Pickle::decode(bytes, &PickleLimits::new()).unwrap();
        let record = PythonRecord::new(&pickle).unwrap();
        assert_eq!(record.message(), message);
        let event = record.event(received);
        assert_eq!((event.level, event.logger, event.timestamp), (Level::Info, "root", received));
    }
    for odd in [b"Finf\n".as_slice(), b"Fnan\n", b"F-1\n", b"F1e300\n", b"X\x01\0\0\0x", b"N"] {
        let bytes = [b"}X\x07\0\0\0created".as_slice(), odd, b"s."].concat();
        let pickle = Pickle::decode(&bytes, &PickleLimits::new()).unwrap();
        assert_eq!(PythonRecord::new(&pickle).unwrap().event(received).timestamp, received);
    }
    let pickle = Pickle::decode(b"].", &PickleLimits::new()).unwrap();
    assert_eq!(PythonRecord::new(&pickle).unwrap_err().kind(), &PickleErrorKind::NotARecord);
}

#[test]
fn of_a_key_that_comes_twice_the_last_value_counts() {
    let pickle = Pickle::decode(b"}(X\x01\0\0\0aK\x01X\x01\0\0\0aK\x02u.", &PickleLimits::new()).unwrap();
    let PickleValue::Dict(entries) = pickle.value() else { panic!("{pickle:?}") };
    assert!(matches!(entries.value("a"), Some(PickleValue::Int(2))));
}

proptest! {
    #[test]
    fn any_bytes_are_data_or_an_error(
        bytes in proptest::collection::vec(
            proptest::sample::select(
                b"(.012FIJKLMNSTUVXade}ghjl]pqrst)uGBC\x80\x85\x86\x87\x88\x8a\x8c\x8f\x90\x91\x94\x95\0\x01\x02\n'"
                    .to_vec()),
            0..60),
    ) {
        let limits = PickleLimits::new().values(50).depth(5).expanded_bytes(500);
        if let Ok(pickle) = Pickle::decode(&[&bytes[..], b"."].concat(), &limits) {
            let json = serde_json::to_string(&pickle.value()).unwrap();
            prop_assert!(json.len() < 4000, "{json}");
            prop_assert!(pickle.value().to_string().len() < 4000);
            if let Ok(record) = PythonRecord::new(&pickle) {
                document(&record.event(SystemTime::now()));
            }
        }
    }
}
