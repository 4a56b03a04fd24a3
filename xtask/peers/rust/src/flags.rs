use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

use crate::Outcome;

/// Flags as Go programs take them: `-name value`, durations in microseconds as `250us`.
pub struct Flags(HashMap<String, String>);

impl Flags {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut flags = HashMap::new();
        while let Some(name) = arguments.next() {
            let name = name.strip_prefix('-').ok_or_else(|| format!("`{name}` is not a flag"))?.to_owned();
            let value = if SWITCHES.contains(&name.as_str()) {
                String::new()
            } else if VALUES.contains(&name.as_str()) {
                arguments.next().ok_or_else(|| format!("-{name} needs a value"))?
            } else {
                return Err(format!("there is no flag -{name}").into());
            };
            flags.insert(name, value);
        }
        Ok(Self(flags))
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub fn needed(&self, name: &str) -> Outcome<&str> {
        self.text(name).ok_or_else(|| format!("-{name} is needed").into())
    }

    pub fn number<N: FromStr>(&self, name: &str, default: N) -> Outcome<N> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| format!("-{name} {text} is not a number").into()),
        }
    }

    pub fn duration(&self, name: &str) -> Outcome<Option<Duration>> {
        self.text(name)
            .map(|text| {
                let number = text.strip_suffix("us").and_then(|number| number.parse().ok());
                number
                    .map(Duration::from_micros)
                    .ok_or_else(|| format!("-{name} {text} is not a number of microseconds").into())
            })
            .transpose()
    }
}

const SWITCHES: &[&str] = &["encode", "quiet"];

const VALUES: &[&str] =
    &["addr", "in", "window", "level", "timeout", "retry", "listen", "out", "delay", "keepalive", "drop"];
