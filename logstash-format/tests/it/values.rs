use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use logstash_format::{Event, Formatter, Level, Limits, Value};
use serde::ser::{Error as _, SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use crate::rig::{document, extra, formatter};

#[track_caller]
fn check(value: Value<'_>, expected: Json) {
    let fields = [("value", value)];
    assert_eq!(extra(&fields)["value"], expected);
}

#[track_caller]
fn check_structured(value: impl Serialize, expected: Json) {
    check(Value::serialize(&value), expected);
}

#[test]
fn simple_values() {
    check(Value::Null, json!(null));
    check(None::<u8>.into(), json!(null));
    check(Some(3_u8).into(), json!(3));
    check(true.into(), json!(true));
    check(i64::MIN.into(), json!(i64::MIN));
    check(u64::MAX.into(), json!(u64::MAX));
    check(usize::MAX.into(), json!(usize::MAX));
    check(0_i8.into(), json!(0));
    check(1.5_f32.into(), json!(1.5));
    check(0.1_f32.into(), json!(0.1));
    check(1e300.into(), json!(1e300));
    check((-0.0).into(), json!(-0.0));
    check("zoë\0\u{2028}\u{1f600}\n".into(), json!("zoë\0\u{2028}\u{1f600}\n"));
    check(Value::Display(&std::net::Ipv4Addr::LOCALHOST), json!("127.0.0.1"));
    check(Value::Debug(&Some("a\"b")), json!("Some(\"a\\\"b\")"));
}

#[test]
fn values_of_the_standard_library() {
    check('ü'.into(), json!("ü"));
    check((&Cow::Borrowed("cow")).into(), json!("cow"));
    check((&Arc::<str>::from("arc")).into(), json!("arc"));
    check((&Box::<str>::from("box")).into(), json!("box"));
    check((&vec![b'a', 0xff]).into(), json!("a\u{fffd}"));
    check(Path::new("/srv/zoë").into(), json!("/srv/zoë"));
    check((&OsString::from("os")).into(), json!("os"));
    check((&IpAddr::from(Ipv6Addr::LOCALHOST)).into(), json!("::1"));
    check((&SocketAddr::from(([192, 0, 2, 7], 80))).into(), json!("192.0.2.7:80"));
    check((&format_args!("{}-{}", 1, 2)).into(), json!("1-2"));
    check((UNIX_EPOCH + Duration::new(1_760_000_000, 1)).into(), json!("2025-10-09T08:53:20.000000001Z"));
    check(Duration::from_millis(1_500).into(), json!(1.5));
    check(Duration::MAX.into(), json!(Duration::MAX.as_secs_f64()));
}

/// T-34: what a file name may be but UTF-8 may not.
#[cfg(unix)]
#[test]
fn lone_surrogates_of_the_system_are_replaced() {
    use std::os::unix::ffi::OsStrExt;
    let name = OsStr::from_bytes(b"half \xed\xa0\x80 pair");
    let text = extra(&[("name", Value::from(name))])["name"].as_str().unwrap().to_owned();
    assert!(text.starts_with("half \u{fffd}") && text.ends_with("\u{fffd} pair"), "{text}");
    check(Path::new(name).into(), json!(text));
}

#[test]
fn integers_that_64_bits_do_not_hold_are_text() {
    check(i128::from(i64::MIN).into(), json!(i64::MIN));
    check(i128::from(u64::MAX).into(), json!(u64::MAX));
    check(u128::from(u64::MAX).into(), json!(u64::MAX));
    check(i128::MIN.into(), json!(i128::MIN.to_string()));
    check((i128::from(u64::MAX) + 1).into(), json!("18446744073709551616"));
    check(u128::MAX.into(), json!(u128::MAX.to_string()));
}

#[test]
fn floats_that_json_does_not_have_are_text() {
    check(f64::NAN.into(), json!("NaN"));
    check(f64::INFINITY.into(), json!("Infinity"));
    check(f32::NEG_INFINITY.into(), json!("-Infinity"));
    check_structured([1.0, f64::NAN], json!([1.0, "NaN"]));
}

#[test]
fn bytes_that_are_not_utf8_are_replaced() {
    check(Value::Bytes(b"plain"), json!("plain"));
    check(Value::Bytes(b"a\xff\xfeb\"\xe2\x82"), json!("a\u{fffd}\u{fffd}b\"\u{fffd}"));
}

struct Fails;

impl fmt::Display for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half\n")?;
        Err(fmt::Error)
    }
}

impl fmt::Debug for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Fails {}

impl Serialize for Fails {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("written", &1)?;
        Err(S::Error::custom("out \"of\" luck"))
    }
}

#[test]
fn values_that_fail_are_marked_and_the_rest_is_written() {
    let fields = [
        ("display", Value::Display(&Fails)),
        ("debug", Value::Debug(&Fails)),
        ("cause", Value::Error(&Fails)),
        ("structured", Value::serialize(&Fails)),
        ("fine", Value::from(1)),
    ];
    let document =
        document(&formatter(), &Event::new(Level::Info, "test", format_args!("{Fails}")).fields(&fields));
    let extra = &document["extra"];
    for text in [&document["message"], &extra["display"], &extra["debug"], &extra["cause"]] {
        assert_eq!(text, "half\n[formatting failed]");
    }
    assert_eq!(extra["structured"], "[not serialisable: out \"of\" luck]");
    assert_eq!(extra["fine"], 1);
}

struct Panics;

impl fmt::Display for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::panic::resume_unwind(Box::new("on purpose"))
    }
}

#[test]
fn a_panic_leaves_the_buffer_as_it_was() {
    let fields = [("a", Value::from(1)), ("b", Value::Display(&Panics))];
    let event = Event::new(Level::Info, "test", "").fields(&fields);
    let formatter = formatter();
    let mut out = b"before".to_vec();
    let result = catch_unwind(AssertUnwindSafe(|| formatter.format(&event, &mut out)));
    assert!(result.is_err());
    assert_eq!(out, b"before");
    assert_eq!(extra(&[("a", Value::from(2))])["a"], 2);
}

/// Formats an event while it is formatted.
struct Reenters;

impl fmt::Display for Reenters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = [("a", Value::from("inner")), ("b", Value::from("inner"))];
        write!(f, "{}", extra(&fields)["a"])
    }
}

#[test]
fn an_event_within_an_event() {
    let fields =
        [("a", Value::from("outer")), ("nested", Value::Display(&Reenters)), ("a", Value::from("again"))];
    let extra = extra(&fields);
    assert_eq!((&extra["a"], &extra["nested"]), (&json!("outer"), &json!("\"inner\"")));
}

#[test]
fn an_event_while_the_thread_ends() {
    struct LogsInDrop(RefCell<Option<std::sync::mpsc::Sender<Json>>>);
    impl Drop for LogsInDrop {
        fn drop(&mut self) {
            let fields = [("a", Value::from(1))];
            self.0.take().unwrap().send(extra(&fields)).unwrap();
        }
    }
    thread_local!(static LAST: LogsInDrop = const { LogsInDrop(RefCell::new(None)) });

    for formats_first in [false, true] {
        let (sender, receiver) = std::sync::mpsc::channel();
        thread::spawn(move || {
            if formats_first {
                extra(&());
            }
            LAST.with(|last| last.0.replace(Some(sender)));
            extra(&());
        })
        .join()
        .unwrap();
        assert_eq!(receiver.recv().unwrap()["a"], 1);
    }
}

#[derive(Debug)]
struct OwnSource;

impl fmt::Display for OwnSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("again")
    }
}

impl Error for OwnSource {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}

#[test]
fn an_error_that_is_its_own_source_ends() {
    let event = Event::new(Level::Error, "test", "").error(&OwnSource);
    let document = document(&formatter(), &event);
    let trace = document["extra"]["stack_trace"].as_str().unwrap();
    assert_eq!(trace.lines().count(), 34);
    assert!(trace.ends_with("\n[more causes left out]"), "{trace}");
}

#[derive(Serialize)]
enum Shape {
    Unit,
    Newtype(u8),
    Tuple(u8, char),
    Struct { a: Option<u8>, b: () },
}

#[test]
fn structures() {
    check_structured(
        [Shape::Unit, Shape::Newtype(1), Shape::Tuple(1, 'ü'), Shape::Struct { a: None, b: () }],
        json!(["Unit", {"Newtype": 1}, {"Tuple": [1, "ü"]}, {"Struct": {"a": null, "b": null}}]),
    );
    check_structured(((), [0_u8; 0], BTreeMap::<u8, u8>::new()), json!([null, [], {}]));
    check_structured(
        json!({"a": [1, {"b": "c\n"}], "d": u64::MAX, "e": 1.5}),
        json!({"a": [1, {"b": "c\n"}], "d": u64::MAX, "e": 1.5}),
    );
    check_structured((u128::MAX, i128::MIN), json!([u128::MAX.to_string(), i128::MIN.to_string()]));
    check_structured(BTreeMap::from([(1_u8, 0.1_f32)]), json!({"1": 0.1}));
    check_structured(BTreeMap::from([(true, 'x')]), json!({"true": "x"}));
}

#[test]
fn a_key_without_end_is_cut() {
    struct Endless;
    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str("key")?;
            }
        }
    }
    impl Serialize for Endless {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.collect_str(self)
        }
    }
    struct Map;
    impl Serialize for Map {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let mut map = to.serialize_map(None)?;
            map.serialize_entry(&Endless, &1)?;
            map.end()
        }
    }
    let fields = [("value", Value::serialize(&Map))];
    let extra = extra(&fields);
    let name = extra["value"].as_object().unwrap().keys().next().unwrap();
    assert_eq!((name.len(), name.ends_with('~')), (1_024, true));
}

#[test]
fn keys_that_are_not_text() {
    check_structured(
        BTreeMap::from([((1, 2), 3)]),
        json!("[not serialisable: the key of a map must be text or a number]"),
    );
}

/// What serde_json passes with features that this test does not turn on.
struct Token(&'static str, &'static str);

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut token = to.serialize_struct(self.0, 1)?;
        token.serialize_field(self.0, self.1)?;
        token.end()
    }
}

#[test]
fn numbers_of_arbitrary_precision() {
    let number = |text| Token("$serde_json::private::Number", text);
    check_structured([number("-17"), number("1.50")], json!([-17, 1.5]));
    check_structured(number("18446744073709551615"), json!(u64::MAX));
    check_structured(number("18446744073709551616"), json!("18446744073709551616"));
    check_structured(number("1e400"), json!("1e400"));
    check_structured(number("1,2"), json!("1,2"));
    check_structured(number("{}"), json!("{}"));
}

#[test]
fn json_of_others_is_read_and_written_anew() {
    let raw = |text| Token("$serde_json::private::RawValue", text);
    check_structured([raw("{\n\"a\": [1]\n}")], json!([{"a": [1]}]));
    let cut = raw("{\"a\":");
    let fields = [("value", Value::serialize(&cut))];
    let extra = extra(&fields);
    let marker = extra["value"].as_str().unwrap();
    assert!(marker.starts_with("[not serialisable: EOF"), "{marker}");
}

struct NameTwice;

impl Serialize for NameTwice {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("a", &1)?;
        map.serialize_entry("a", &json!({"b": 2}))?;
        map.serialize_entry("c", &3)?;
        map.end()
    }
}

#[test]
fn names_within_structures_are_unique() {
    check_structured(NameTwice, json!({"a": 1, "c": 3}));
}

/// Serialises itself for ever, as lists, maps, options or newtypes.
#[derive(Clone, Copy)]
enum Endless {
    List,
    Map,
    Option,
    Newtype,
    Variant,
}

impl Serialize for Endless {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::List => [self].serialize(to),
            Self::Map => BTreeMap::from([("a", self)]).serialize(to),
            Self::Option => to.serialize_some(self),
            Self::Newtype => to.serialize_newtype_struct("Endless", self),
            Self::Variant => to.serialize_newtype_variant("Endless", 0, "v", self),
        }
    }
}

#[test]
fn values_without_end_are_cut() {
    let mut nested = json!("[nested too deep]");
    for _ in 0..64 {
        nested = json!([nested]);
    }
    let small_stack = thread::Builder::new().stack_size(256 * 1024);
    let thread = small_stack.spawn(move || {
        check_structured(Endless::List, nested);
        check_structured(Endless::Option, json!("[nested too deep]"));
        check_structured(Endless::Newtype, json!("[nested too deep]"));
        for value in [Endless::Map, Endless::Variant] {
            let fields = [("value", Value::serialize(&value))];
            let json = extra(&fields).to_string();
            assert_eq!(json.matches("[nested too deep]").count(), 1);
            assert_eq!(json.matches('{').count(), 65);
        }
    });
    thread.unwrap().join().unwrap();
}

/// T-34: nested 10,000 deep, of which nothing but the first levels is walked.
#[test]
fn depth_10_000_is_cut() {
    struct Deep(usize);
    impl Serialize for Deep {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            match self.0 {
                0 => to.serialize_unit(),
                left => BTreeMap::from([("in", Self(left - 1))]).serialize(to),
            }
        }
    }
    let small_stack = thread::Builder::new().stack_size(256 * 1024);
    let thread = small_stack.spawn(|| {
        let fields = [("deep", Value::serialize(&Deep(10_000)))];
        let extra = extra(&fields);
        assert_eq!(extra["deep"].to_string().matches("{\"in\":").count(), 64);
        assert_eq!(extra["truncated"], json!(["depth"]));
    });
    thread.unwrap().join().unwrap();
}

/// T-37: the vector of the original, which merges dotted names; here a name is a name, so that
/// nothing is replaced by what only looks like a part of it.
#[test]
fn names_with_dots_are_kept_as_they_are() {
    let c = json!({"d": [1], "e": 2});
    let b_c = json!({"d.e": [2, [{"f.g": 3}, 4], 5], "h": null});
    let y = json!({"y": 6});
    let fields = [
        ("b", Value::from(11)),
        ("b.c", Value::serialize(&b_c)),
        ("b.c.x", Value::serialize(&y)),
        ("c", Value::serialize(&c)),
        ("c.d", Value::Bytes(b"2")),
        ("c.f", 3.into()),
        ("a..b", 4.into()),
        (".", 5.into()),
    ];
    let mut extra = extra(&fields);
    let extra = extra.as_object_mut().unwrap();
    extra.retain(|name, _| !["logger_name", "process_name", "thread_name"].contains(&name.as_str()));
    let expected = json!({
        "b": 11, "b.c": b_c, "b.c.x": y, "c": c, "c.d": "2", "c.f": 3, "a..b": 4, ".": 5,
    });
    assert_eq!(json!(extra), expected);
}

#[test]
fn a_long_text_is_kept() {
    let long = "äb\n".repeat(1_000_000);
    let fields = [("value", Value::from(&long))];
    let formatter = formatter().limits(Limits::new().event(8 * 1024 * 1024));
    let document = document(&formatter, &Event::new(Level::Info, "test", "").fields(&fields));
    assert!(document["extra"]["value"] == *long, "it has {} bytes", document.to_string().len());
}

#[test]
fn a_serialiser_whose_error_cannot_be_displayed() {
    struct Mute;
    impl fmt::Display for Mute {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom(Mute))
        }
    }
    check_structured(Fails, json!("[not serialisable: [formatting failed]]"));
}

#[test]
fn variants_within_variants_are_no_deeper_than_other_values() {
    #[derive(Serialize)]
    enum Nested {
        Tuple(u8, Box<Self>),
        Struct { a: Box<Self> },
        Newtype(Box<Self>),
        End,
    }
    let nested = |wrap: fn(Box<Nested>) -> Nested| (0..200).fold(Nested::End, |inner, _| wrap(inner.into()));
    for value in
        [nested(|inner| Nested::Tuple(1, inner)), nested(|a| Nested::Struct { a }), nested(Nested::Newtype)]
    {
        let fields = [("value", Value::serialize(&value))];
        let extra = extra(&fields);
        assert!(extra["value"].to_string().contains("[nested too deep]"));
        assert_eq!(extra["truncated"], json!(["depth"]));
    }
    check_structured(Nested::Struct { a: Nested::End.into() }, json!({"Struct": {"a": "End"}}));
}
