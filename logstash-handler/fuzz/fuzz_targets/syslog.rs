//! Any line: it is a message, its text is part of the line, and its document is one.
//!
//! Input: a byte of options, then the line.

#![cfg_attr(fuzzing, no_main)]

use logstash_format::{EcsFormatter, Event, Formatter, LogstashFormatter};
use logstash_handler::relay::{SyslogParser, SyslogZone};
use serde_json::Value as Json;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

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
    let Some((options, line)) = input.split_first() else {
        return;
    };
    let zone = ["UTC", "+14:00", "-12:00", "-03:30"][usize::from(options % 4)];
    let zone: SyslogZone = zone.parse().expect("a zone");
    let parser = SyslogParser::new().zone(zone).infer_zone(options & 4 != 0);
    // 29 February 2024, and from there by months.
    let received = SystemTime::UNIX_EPOCH
        + Duration::from_secs(1_709_208_000 + 30 * 24 * 3600 * u64::from(options >> 3));

    let message = parser.parse(line, received);
    assert_eq!(message.defect.is_some(), message.tags().any(|tag| tag == "_syslog_parse_failure"));
    assert!(message.defect.is_none_or(|defect| defect.offset() <= line.len()));
    if let Ok(text) = str::from_utf8(line) {
        assert!(text.contains(&*message.message), "a message of its own");
        if message.defect.is_some() {
            assert_eq!(message.message, text.trim_end_matches(['\n', '\r', '\0']));
        }
    }
    for name in [message.hostname, message.app_name, message.proc_id, message.msg_id].into_iter().flatten() {
        assert!(!name.is_empty() && line.windows(name.len()).any(|part| part == name.as_bytes()));
    }
    for element in message.structured_data.elements() {
        let found = element.parameters.clone().last();
        if let Some((name, _)) = found {
            assert!(message.structured_data.value(element.id, name).is_some());
        }
    }

    let event = message.event(received);
    check(&*LOGSTASH, &event);
    let fields = message.ecs_fields();
    check(&*ECS, &event.fields(&fields));
}

/// What takes longer to make than any line takes to parse.
static LOGSTASH: LazyLock<LogstashFormatter> =
    LazyLock::new(|| LogstashFormatter::new().host("vm").program("fuzz"));
static ECS: LazyLock<EcsFormatter> = LazyLock::new(|| EcsFormatter::new().host("vm"));

fn check(formatter: &dyn Formatter, event: &Event<'_>) {
    let mut out = Vec::new();
    formatter.format(event, &mut out).expect("it never fails");
    serde_json::from_slice::<Json>(&out).expect("JSON");
}
