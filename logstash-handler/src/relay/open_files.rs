//! How many files, and so connections, the system lets this process have.

use super::config::{Carrier, InputConfig, RelayConfig};

/// Sees to it that all connections that a configuration allows can be open at a time, as far as the system lets it;
/// tells what is in the way.
pub(crate) fn provide(config: &RelayConfig) -> Option<String> {
    let wanted = needed(config);
    let (has, may_have) = limits()?;
    if wanted <= has {
        return None;
    }
    let has = if raise(wanted.min(may_have)) { wanted.min(may_have) } else { has };
    (has < wanted).then(|| {
        format!(
            "all connections that are allowed would take {wanted} open files, and the system allows {has}; \
             lower max_connections, or raise the limit (LimitNOFILE= of a unit of systemd, ulimit -n of a shell)"
        )
    })
}

/// Files of all connections, and of everything else.
fn needed(config: &RelayConfig) -> u64 {
    let is_connected = |carrier| matches!(carrier, Carrier::Tcp | Carrier::Tls);
    let connected = config.inputs.values().filter(|input| is_connected(input.listen.carrier()));
    let connections: usize = connected.map(InputConfig::max_connections).sum();
    (connections + config.inputs.len() + config.outputs.len() * FILES_OF_OUTPUT + OTHER_FILES) as u64
}

/// Those of its queue, and its connections.
const FILES_OF_OUTPUT: usize = 32;

/// Figures and state over HTTP, the runtime, standard streams.
const OTHER_FILES: usize = 96;

/// How many files this process may have open, and up to how many it may raise that.
#[cfg(unix)]
fn limits() -> Option<(u64, u64)> {
    use rustix::process::{Resource, getrlimit};

    let limit = getrlimit(Resource::Nofile);
    Some((limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX)))
}

#[cfg(unix)]
fn raise(files: u64) -> bool {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(files), ..limit }).is_ok()
}

/// There is no such limit.
#[cfg(not(unix))]
const fn limits() -> Option<(u64, u64)> {
    None
}

#[cfg(not(unix))]
const fn raise(_: u64) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(connections: usize) -> RelayConfig {
        let text = format!(
            "[inputs.a]\nlisten = \"lines+tcp://127.0.0.1:0\"\nmax_connections = {connections}\n\
             [inputs.b]\nlisten = \"json+udp://127.0.0.1:0\"\n[outputs.out]\nendpoint = \"stdout:\""
        );
        RelayConfig::parse(&text).unwrap()
    }

    #[test]
    fn only_what_can_have_connections_counts() {
        assert_eq!(needed(&config(500)), 500 + 2 + 32 + 96);
    }

    #[cfg(unix)]
    #[test]
    fn what_the_system_does_not_allow_is_told() {
        let text = provide(&config(1_000_000)).filter(|_| limits().unwrap().1 < 1_000_000);
        if let Some(text) = text {
            assert!(text.contains("would take 1000130 open files"), "{text}");
            let (has, may_have) = limits().unwrap();
            assert_eq!(has, may_have);
        }
        assert_eq!(provide(&config(1)), None);
    }
}
