//! Any patterns and text: a pattern is used or refused, nothing that is written outside of masks is a
//! match, and the document is one.
//!
//! Input: two patterns, how often the text is repeated, then the text.

#![cfg_attr(fuzzing, no_main)]

#[path = "support/input.rs"]
#[allow(dead_code, reason = "shared with another target")]
mod input;

use input::Input;
use logstash_format::{Event, Formatter, Level, LogstashFormatter, Rules, Value};
use serde_json::Value as Json;

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
    let mut rules = Rules::new();
    for _ in 0..2 {
        let pattern = input.text();
        rules = match rules.clone().mask_pattern(&pattern) {
            Ok(rules) => rules,
            Err(error) => {
                assert_eq!(error.pattern(), pattern);
                rules
            }
        };
    }
    let times = 1 + 4 * usize::from(input.byte());
    let secret = input.text();
    let literal = !secret.is_empty() && secret.chars().all(|char| char.is_ascii_alphanumeric());
    if literal {
        rules = rules.mask_pattern(&secret).expect("letters and digits");
    }
    let text = secret.repeat(times) + &String::from_utf8_lossy(input.0);

    let formatter = LogstashFormatter::new().host("vm").rules(rules);
    let fields = [("text", Value::from(&text)), ("display", Value::Display(&text))];
    let event = Event::new(Level::Info, "logger", &text).fields(&fields);
    let mut out = Vec::new();
    formatter.format(&event, &mut out).expect("it never fails");
    let document: Json = serde_json::from_slice(&out).expect("JSON");
    let written = [&document["message"], &document["extra"]["text"], &document["extra"]["display"]];
    for written in written {
        let written = written.as_str().expect("a text");
        let marks = ["[masked]", "...[truncated]"].iter().any(|mark| mark.contains(&secret));
        // A mask may separate or join what was not a secret.
        let is_joined = text.replace(&secret, "").contains(&secret);
        assert!(
            !literal || marks || is_joined || !written.replace("[masked]", "\0").contains(&secret),
            "{written}"
        );
    }
}
