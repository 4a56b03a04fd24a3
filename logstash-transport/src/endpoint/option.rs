//! The options behind `?` that each scheme takes.

use super::scheme::Scheme;
use lumberjack_codec::MAX_EVENTS_PER_WINDOW;

/// An option, and what its value may be.
pub(super) struct Known {
    pub(super) name: &'static str,
    value: Value,
}

enum Value {
    /// From, to.
    Number(u64, u64),
    /// A number of bytes, at least this.
    Size(u64),
    Text,
    Word(&'static [&'static str]),
}

/// What a scheme takes.
pub(super) fn of(scheme: Scheme) -> Vec<&'static Known> {
    let own: &[Known] = match scheme {
        Scheme::Beats | Scheme::BeatsTls => BEATS,
        Scheme::File => FILE,
        Scheme::Redis | Scheme::RedisTls => REDIS,
        Scheme::Udp => UDP,
        Scheme::Discard | Scheme::Http | Scheme::Https | Scheme::Stdout | Scheme::Tcp | Scheme::TcpTls => &[],
    };
    // What follows `?` of https:// belongs to the server.
    let tls: &[Known] = if scheme.is_tls() && !scheme.is_http() { TLS } else { &[] };
    own.iter().chain(tls).collect()
}

const BEATS: &[Known] = &[
    Known { name: "level", value: Value::Number(0, 9) },
    Known { name: "in_flight", value: Value::Number(1, 1000) },
    Known { name: "window", value: Value::Number(1, MAX_EVENTS_PER_WINDOW as u64) },
];

const FILE: &[Known] = &[
    Known { name: "rotate", value: Value::Size(1) },
    Known { name: "keep", value: Value::Number(0, 10_000) },
    Known { name: "sync", value: Value::Word(&["os", "batch"]) },
];

const REDIS: &[Known] = &[
    Known { name: "key", value: Value::Text },
    Known { name: "type", value: Value::Word(&["list", "stream", "channel"]) },
    Known { name: "max_length", value: Value::Number(1, u64::MAX) },
];

const UDP: &[Known] = &[
    Known { name: "max_datagram", value: Value::Number(1, 65_507) },
    Known { name: "oversize", value: Value::Word(&["truncate", "reject"]) },
];

const TLS: &[Known] = &[
    Known { name: "tls_ca", value: Value::Text },
    Known { name: "tls_cert", value: Value::Text },
    Known { name: "tls_key", value: Value::Text },
    Known { name: "tls_server_name", value: Value::Text },
    Known { name: "tls_fingerprint", value: Value::Text },
    Known { name: "tls_verify", value: Value::Word(&["full", "certificate", "danger_none"]) },
];

impl Known {
    /// What is wrong with a value.
    pub(super) fn check(&self, value: &str) -> Result<(), String> {
        let name = self.name;
        match self.value {
            Value::Number(from, to) => match value.parse::<u64>() {
                Ok(number) if (from..=to).contains(&number) => Ok(()),
                _ if to == u64::MAX => Err(format!("{name} is a number from {from} on")),
                _ => Err(format!("{name} is a number from {from} to {to}")),
            },
            Value::Size(from) => match number(value) {
                Some(bytes) if bytes >= from => Ok(()),
                _ => Err(format!("{name} is a size from {from} byte on, such as 65536, 64KiB or 10MB")),
            },
            Value::Text if value.is_empty() => Err(format!("{name} is empty")),
            Value::Text => Ok(()),
            Value::Word(words) if words.contains(&value) => Ok(()),
            Value::Word(words) => {
                Err(format!("{name} is one of {}{}", words.join(", "), suggestion(value, words)))
            }
        }
    }
}

/// A number, or a size with its unit.
pub(super) fn number(value: &str) -> Option<u64> {
    parse_size::parse_size(value).ok()
}

/// `; did you mean …` where one of the candidates is near.
pub(super) fn suggestion(name: &str, candidates: &[&str]) -> String {
    let name = name.to_lowercase();
    let nearest = candidates
        .iter()
        .map(|candidate| (strsim::osa_distance(&name, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 2.min(candidate.len().saturating_sub(1)));
    nearest.map(|(_, candidate)| format!("; did you mean {candidate}")).unwrap_or_default()
}
