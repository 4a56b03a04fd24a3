//! Any event, options, rules and limits: the document is one JSON object on one line, without a name
//! twice, within its limit, and its standard fields are its own.
//!
//! Input: see [`Input`] for texts and numbers; options, limits, rules, message, logger, then fields.

#![cfg_attr(fuzzing, no_main)]

#[path = "support/input.rs"]
mod input;
#[path = "../../tests/it/unique.rs"]
mod unique;
#[path = "support/value.rs"]
mod value;

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use input::Input;
use logstash_format::{
    EcsCustom, EcsFormatter, EcsLayout, Event, Formatter, Level, LevelNames, LevelValues, Limits,
    LogstashFormatter, Message, Origin, Precision, Rules, Value,
};
use serde_json::Value as Json;
use unique::Unique;
use value::Sample;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| run(input));

/// Runs the files that are named, such as what the fuzzer found.
#[cfg(not(fuzzing))]
#[allow(dead_code, reason = "the tests call run themselves")]
fn main() -> std::io::Result<()> {
    for file in std::env::args_os().skip(1) {
        run(&std::fs::read(file)?);
    }
    Ok(())
}

pub(crate) fn run(input: &[u8]) {
    let mut input = Input(input);
    let options = input.byte();
    let limits = limits(&mut input);
    let most_bytes = 2_048 + 32 * usize::from(input.byte());
    let (rules, ruled) = rules(&mut input);
    let message = Sample::read(&mut input, 0);
    let (logger, seconds) = (input.text(), input.number());
    let mut samples = Vec::new();
    while !input.is_empty() && samples.len() < 200 {
        samples.push((input.text(), Sample::read(&mut input, 0)));
    }

    let fields: Vec<(&str, Value<'_>)> =
        samples.iter().map(|(name, sample)| (name.as_str(), sample.value())).collect();
    let origin = match options & 1 {
        0 => Origin::new(),
        _ => Origin::new().file(logger.as_str()).line(1).module("module").function(logger.as_str()),
    };
    let displayed = Displayed(&message);
    let message = match &message {
        Sample::Text(text) => Message::Str(text),
        Sample::Null => Message::None,
        _ => Message::Display(&displayed),
    };
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds.into())).unwrap_or(UNIX_EPOCH);
    let event = Event::new(Level::Warn, &logger, message).origin(origin).fields(&fields).at(time).pid(7);

    let is_fine = options & 8 != 0;
    let precision = if is_fine { Precision::Nanoseconds } else { Precision::Milliseconds };
    let level_values = (options & 16 != 0).then_some(LevelValues::Syslog);
    // Names that rules give to standard fields are there in every document, however long they are.
    let most = Most { bytes: most_bytes + 12 * ruled, is_exact: ruled == 0 };
    if options & 64 != 0 {
        let layout = if options & 2 != 0 { EcsLayout::Dotted } else { EcsLayout::Nested };
        let custom = if is_fine { EcsCustom::TopLevel } else { EcsCustom::Labels };
        let formatter = EcsFormatter::new()
            .host("vm")
            .service_name("service")
            .layout(layout)
            .custom(custom)
            .level_names(LevelNames::Lower)
            .ensure_ascii(options & 4 != 0)
            .precision(precision)
            .level_values(level_values)
            .source_location(options & 32 == 0)
            .field("static", [1, 2])
            .limits(limits.event(most_bytes))
            .rules(rules);
        let document = check(&formatter, &event, &most);
        if most.is_exact {
            assert_eq!(document["log.level"], "warn");
        }
        return;
    }
    let mut formatter = LogstashFormatter::new()
        .host("vm")
        .program("program")
        .ensure_ascii(options & 4 != 0)
        .precision(precision)
        .level_names(LevelNames::Lower)
        .level_values(level_values)
        .source_location(options & 32 == 0)
        .extra("static", [1, 2])
        .limits(limits.event(most_bytes))
        .rules(rules);
    let is_flat = options & 2 != 0;
    if is_flat {
        formatter = formatter.extra_prefix(None);
    }
    let document = check(&formatter, &event, &most);
    if most.is_exact {
        assert_eq!((&document["host"], &document["level"]), (&"vm".into(), &"warn".into()));
        assert_eq!(document["pid"], 7);
        let text = document.to_string();
        let cuts = if is_flat { document.get("truncated") } else { document["extra"].get("truncated") };
        let is_cut = text.contains("[truncated]") || text.contains("[nested too deep]");
        assert!(!is_cut || cuts.is_some() || event_says_so(&event), "{text}");
    }
}

/// How large a document may become.
struct Most {
    bytes: usize,
    /// Whether standard fields are as they always are.
    is_exact: bool,
}

fn check(formatter: &dyn Formatter, event: &Event<'_>, most: &Most) -> Json {
    let mut out = b"before".to_vec();
    formatter.format(event, &mut out).expect("it never fails");
    let text = std::str::from_utf8(&out).expect("UTF-8").strip_prefix("before").expect("what was there");
    assert!(!text.contains(['\n', '\r']), "{text}");
    assert!(text.len() <= most.bytes, "{} of {} bytes", text.len(), most.bytes);
    let Unique(document) = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(document.is_object(), "{text}");

    let mut again = Vec::new();
    formatter.format(event, &mut again).expect("it never fails");
    assert_eq!(again, out[6..], "the next event finds nothing of this one");
    document
}

/// Whether the event itself holds the marks of what was cut.
fn event_says_so(event: &Event<'_>) -> bool {
    let text = format!("{} {} {:?} {:?}", event.message, event.logger, event.origin, event.fields);
    text.contains("[truncated]") || text.contains("[nested too deep]")
}

fn limits(input: &mut Input<'_>) -> Limits {
    let mut limits = Limits::new();
    if let Some(string) = input.limit() {
        limits = limits.string(8 * string);
    }
    if let Some(fields) = input.limit() {
        limits = limits.fields(fields);
    }
    if let Some(name) = input.limit() {
        limits = limits.name(name);
    }
    if let Some(depth) = input.limit() {
        limits = limits.depth(depth);
    }
    limits
}

/// Rules, and how many bytes their texts have.
fn rules(input: &mut Input<'_>) -> (Rules, usize) {
    let (mut rules, mut bytes) = (Rules::new(), 0);
    for _ in 0..input.byte() % 4 {
        let (action, field) = (input.byte(), input.text());
        bytes += field.len() + 1;
        rules = match action % 3 {
            0 => rules.drop(&field),
            1 => rules.mask(&field),
            _ => {
                let name = input.text();
                bytes += name.len();
                rules.rename(&field, &name)
            }
        };
    }
    (rules, bytes)
}

struct Displayed<'a>(&'a Sample);

impl fmt::Display for Displayed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Sample::Failing(text) => {
                f.write_str(text)?;
                Err(fmt::Error)
            }
            other => write!(f, "{other:?}"),
        }
    }
}
