//! The state of a relay, as `/status.json`, the page and `logstash-relay status` show it.

use super::counters::InputStats;
use super::history::History;
use super::input::Input;
use super::problems::Problem;
use super::view::RelayStats;
use crate::{ConnectionState, Stats};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

/// What there is to see of a relay. What another version does not tell has its default.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Status {
    pub(crate) version: String,
    pub(crate) uptime_seconds: u64,
    /// Whether events are taken.
    pub(crate) ready: bool,
    /// What somebody should look at; nothing if all is well.
    pub(crate) concerns: Vec<Concern>,
    pub(crate) inputs: Vec<InputStatus>,
    pub(crate) outputs: Vec<OutputStatus>,
    /// What went wrong lately, oldest first.
    pub(crate) problems: Vec<ProblemStatus>,
}

/// Something that is wrong now, or that was lost in the last minutes.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Concern {
    pub(crate) place: String,
    pub(crate) text: String,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct InputStatus {
    pub(crate) name: String,
    /// As it is configured.
    pub(crate) listen: String,
    /// Where it listens, with the port that the system chose; none for a socket of the file system.
    pub(crate) address: Option<String>,
    /// [`InputStats`].
    pub(crate) figures: BTreeMap<String, u64>,
    /// Received events, over the last ten seconds.
    pub(crate) per_second: Option<f64>,
    /// Received events in each second of the last minute, oldest first.
    pub(crate) received_history: Vec<Option<u64>>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct OutputStatus {
    pub(crate) name: String,
    /// `idle`, `sending`, `waiting` for the next attempt, or `misconfigured`.
    pub(crate) state: String,
    /// Whether the last attempt that came to an end failed.
    pub(crate) away: bool,
    pub(crate) accepted: u64,
    pub(crate) recovered: u64,
    pub(crate) acknowledged: u64,
    pub(crate) pending: u64,
    /// By reason.
    pub(crate) dropped: BTreeMap<String, u64>,
    pub(crate) queue_bytes: u64,
    pub(crate) queue_bytes_on_disk: u64,
    pub(crate) oldest_seconds: Option<f64>,
    pub(crate) drain_seconds: Option<f64>,
    pub(crate) failures: u64,
    pub(crate) last_error: Option<String>,
    /// Milliseconds since 1970.
    pub(crate) last_error_at: Option<u64>,
    /// Delivered events, over the last ten seconds.
    pub(crate) per_second: Option<f64>,
    /// Waiting events in each second of the last five minutes, oldest first.
    pub(crate) pending_history: Vec<Option<u64>>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct ProblemStatus {
    /// Milliseconds since 1970, the last time.
    pub(crate) at: u64,
    pub(crate) place: String,
    pub(crate) text: String,
    /// How often.
    pub(crate) count: u64,
}

impl Status {
    pub(crate) fn new(
        stats: &RelayStats,
        obstacles: Vec<Concern>,
        started: &BTreeMap<String, Arc<Input>>,
        history: &History,
    ) -> Self {
        let inputs = stats
            .inputs
            .iter()
            .map(|(name, input)| InputStatus::new(name, input, started.get(name), history));
        let outputs = stats.outputs.iter().map(|(name, output)| OutputStatus::new(name, output, history));
        let (inputs, outputs) = (inputs.collect(), outputs.collect::<Vec<_>>());
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: stats.uptime.as_secs(),
            ready: obstacles.is_empty(),
            concerns: concerns(stats, obstacles, &outputs, history),
            inputs,
            outputs,
            problems: stats.problems.iter().map(ProblemStatus::new).collect(),
        }
    }
}

impl InputStatus {
    fn new(name: &str, stats: &InputStats, started: Option<&Arc<Input>>, history: &History) -> Self {
        Self {
            name: name.to_owned(),
            listen: started.map(|input| input.config().listen.to_string()).unwrap_or_default(),
            address: started.and_then(|input| input.address()).as_ref().map(SocketAddr::to_string),
            figures: stats.figures().map(|(figure, _, count)| (figure.to_owned(), count)).collect(),
            per_second: history.received_per_second(name),
            received_history: history.received(name),
        }
    }
}

impl OutputStatus {
    fn new(name: &str, stats: &Stats, history: &History) -> Self {
        let dropped = stats.dropped.reasons().map(|(reason, count)| (reason.name().to_owned(), count));
        Self {
            name: name.to_owned(),
            state: stats.connection.name().to_owned(),
            away: history.is_away(name, stats),
            accepted: stats.accepted,
            recovered: stats.recovered,
            acknowledged: stats.acknowledged,
            pending: stats.pending(),
            dropped: dropped.collect(),
            queue_bytes: stats.queue_bytes,
            queue_bytes_on_disk: stats.queue_bytes_on_disk,
            oldest_seconds: stats.oldest.map(|age| age.as_secs_f64()),
            drain_seconds: stats.drain_time.map(|time| time.as_secs_f64()),
            failures: stats.failures,
            last_error: stats.last_error.clone(),
            last_error_at: stats.last_error_at.map(millis),
            per_second: history.delivered_per_second(name),
            pending_history: history.pending(name),
        }
    }
}

impl ProblemStatus {
    fn new(problem: &Problem) -> Self {
        let Problem { at, place, text, count, .. } = problem;
        Self { at: millis(*at), place: place.clone(), text: text.clone(), count: *count }
    }
}

/// With `all`, why no events are taken.
fn concerns(
    stats: &RelayStats,
    mut all: Vec<Concern>,
    outputs: &[OutputStatus],
    history: &History,
) -> Vec<Concern> {
    let mut tell = |place: String, text: String| all.push(Concern { place, text });
    for output in outputs.iter().filter(|output| output.away) {
        let what =
            if output.state == ConnectionState::Misconfigured.name() { "misconfigured" } else { "away" };
        let cause = output.last_error.as_deref().unwrap_or("no cause is known");
        tell(format!("output {}", output.name), format!("{what}: {cause}"));
    }
    for (name, output) in &stats.outputs {
        for (reason, events) in output.dropped.since(history.first_drops(name)).reasons() {
            if events > 0 {
                tell(format!("output {name}"), format!("{events} events given up lately: {reason}"));
            }
        }
    }
    for (name, input) in &stats.inputs {
        let first = history.first_of_input(name);
        for (count, before, what) in [
            (input.unrouted, first.unrouted, "events met no route lately, and were dropped"),
            (input.kernel_drops, first.kernel_drops, "datagrams were dropped by the system lately"),
            (input.refused_connections, first.refused_connections, "connections were refused lately"),
        ] {
            let grown = count.saturating_sub(before);
            if grown > 0 {
                tell(format!("input {name}"), format!("{grown} {what}"));
            }
        }
    }
    all
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
