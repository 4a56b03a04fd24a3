//! Any bytes: they are plain data within the limits, or an error; and a record of any data is a document.

#![cfg_attr(fuzzing, no_main)]

use logstash_format::{Formatter, LogstashFormatter};
use logstash_handler::relay::{Pickle, PickleErrorKind, PickleLimits, PythonRecord};
use serde_json::Value as Json;
use std::sync::LazyLock;
use std::time::SystemTime;

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
    let limits = PickleLimits::new().depth(10).values(1000).expanded_bytes(MOST);
    let pickle = match Pickle::decode(input, &limits) {
        Ok(pickle) => pickle,
        Err(error) => {
            assert!(error.offset() <= input.len());
            assert!(error.to_string().len() < 2000, "an error of bounded length");
            if let PickleErrorKind::TooLarge { limit } = error.kind() {
                assert_eq!(*limit, MOST);
            }
            return;
        }
    };
    // Escapes, quotes and separators take more than what they stand for, at most six times as much and some.
    let json = serde_json::to_vec(&pickle.value()).expect("data");
    assert!(json.len() as u64 <= 8 * MOST, "{} bytes", json.len());
    assert!(pickle.value().to_string().len() as u64 <= 8 * MOST);

    let Ok(record) = PythonRecord::new(&pickle) else {
        return;
    };
    let mut out = Vec::new();
    let event = record.event(SystemTime::UNIX_EPOCH);
    LOGSTASH.format(&event, &mut out).expect("it never fails");
    let document: Json = serde_json::from_slice(&out).expect("JSON");
    assert!(document["message"].is_string());
}

static LOGSTASH: LazyLock<LogstashFormatter> =
    LazyLock::new(|| LogstashFormatter::new().host("vm").program("fuzz"));

const MOST: u64 = 20_000;
