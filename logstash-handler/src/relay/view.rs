use super::counters::InputStats;
use super::input::Input;
use super::output::Output;
use super::problems::{Problem, Problems};
use crate::Stats;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant, SystemTime};
use tokio::time::interval;

/// What can be seen of a relay from outside, without holding it up.
pub(crate) struct View {
    started: Instant,
    running: RwLock<Running>,
    problems: Arc<Problems>,
    history: Mutex<VecDeque<Sample>>,
    is_stopping: AtomicBool,
}

#[derive(Default)]
struct Running {
    inputs: BTreeMap<String, Arc<Input>>,
    outputs: BTreeMap<String, Arc<Output>>,
}

/// Figures of a relay.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RelayStats {
    /// Of inputs, by name.
    pub inputs: BTreeMap<String, InputStats>,
    /// Of the handlers of outputs, by name.
    pub outputs: BTreeMap<String, Stats>,
    /// What went wrong lately, oldest first.
    pub problems: Vec<Problem>,
    /// How long the relay has been running.
    pub uptime: Duration,
}

/// Figures of one moment, for the plot.
struct Sample {
    at: Instant,
    /// Received events, by input.
    received: BTreeMap<String, u64>,
    /// Acknowledged and pending events, by output.
    outputs: BTreeMap<String, (u64, u64)>,
}

impl View {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            running: RwLock::default(),
            problems: Arc::new(Problems::new(true)),
            history: Mutex::default(),
            is_stopping: AtomicBool::new(false),
        }
    }

    pub(crate) const fn problems(&self) -> &Arc<Problems> {
        &self.problems
    }

    /// Shows other inputs and outputs from now on.
    pub(crate) fn show(&self, inputs: BTreeMap<String, Arc<Input>>, outputs: BTreeMap<String, Arc<Output>>) {
        let running = Running { inputs, outputs };
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = running;
    }

    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Whether events are taken.
    pub(crate) fn is_ready(&self) -> bool {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        !running.inputs.is_empty() && !self.is_stopping.load(Ordering::Relaxed)
    }

    pub(crate) fn stats(&self) -> RelayStats {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        RelayStats {
            inputs: running.inputs.iter().map(|(name, input)| (name.clone(), input.stats())).collect(),
            outputs: running.outputs.iter().map(|(name, output)| (name.clone(), output.stats())).collect(),
            problems: self.problems.latest(),
            uptime: self.started.elapsed(),
        }
    }

    /// Takes a sample each second, for as long as there is something to look at.
    pub(crate) async fn watch(view: Weak<Self>) {
        let mut seconds = interval(SAMPLE);
        loop {
            seconds.tick().await;
            let Some(view) = view.upgrade() else { return };
            view.sample();
        }
    }

    fn sample(&self) {
        let stats = self.stats();
        let sample = Sample {
            at: Instant::now(),
            received: stats.inputs.into_iter().map(|(name, input)| (name, input.received)).collect(),
            outputs: stats
                .outputs
                .into_iter()
                .map(|(name, output)| (name, (output.acknowledged, output.pending())))
                .collect(),
        };
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        if history.len() >= SAMPLES {
            history.pop_front();
        }
        history.push_back(sample);
    }

    /// Everything, as the page and `status` show it.
    pub(crate) fn status(&self) -> Value {
        let stats = self.stats();
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let inputs: Vec<Value> = stats
            .inputs
            .iter()
            .map(|(name, input)| {
                let started = running.inputs.get(name);
                let figures: serde_json::Map<_, _> =
                    input.figures().map(|(figure, _, count)| (figure.to_owned(), count.into())).collect();
                json!({
                    "name": name,
                    "protocol": started.map(|input| input.config().listen.to_string()),
                    "address": started.and_then(|input| input.address()).as_ref().map(SocketAddr::to_string),
                    "figures": figures,
                    "per_second": pace(&history, |sample| sample.received.get(name).copied()),
                })
            })
            .collect();
        let outputs: Vec<Value> =
            stats.outputs.iter().map(|(name, output)| status_of(name, output, &history)).collect();
        let problems: Vec<Value> = stats
            .problems
            .iter()
            .map(|problem| json!({"at": millis(problem.at), "place": problem.place, "text": problem.text}))
            .collect();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": stats.uptime.as_secs(),
            "ready": self.is_ready(),
            "inputs": inputs,
            "outputs": outputs,
            "problems": problems,
        })
    }
}

fn status_of(name: &str, output: &Stats, history: &VecDeque<Sample>) -> Value {
    let of_output = |sample: &Sample| sample.outputs.get(name).copied();
    let pending: Vec<Option<u64>> =
        history.iter().map(|sample| of_output(sample).map(|(_, pending)| pending)).collect();
    let dropped: serde_json::Map<_, _> =
        output.dropped.reasons().map(|(reason, count)| (reason.name().to_owned(), count.into())).collect();
    json!({
        "name": name,
        "state": output.connection.name(),
        "accepted": output.accepted,
        "recovered": output.recovered,
        "acknowledged": output.acknowledged,
        "pending": output.pending(),
        "dropped": dropped,
        "queue_bytes": output.queue_bytes,
        "queue_bytes_on_disk": output.queue_bytes_on_disk,
        "oldest_seconds": output.oldest.map(|age| age.as_secs_f64()),
        "drain_seconds": output.drain_time.map(|time| time.as_secs_f64()),
        "failures": output.failures,
        "last_error": output.last_error,
        "last_error_at": output.last_error_at.map(millis),
        "per_second": pace(history, |sample| of_output(sample).map(|(acknowledged, _)| acknowledged)),
        "pending_history": pending,
    })
}

/// How much a count has grown in a second, over the last ten.
fn pace(history: &VecDeque<Sample>, count: impl Fn(&Sample) -> Option<u64>) -> Option<f64> {
    let last = history.back()?;
    let first = history.iter().rev().take(PACE_SAMPLES).filter(|sample| count(sample).is_some()).last()?;
    let seconds = last.at.saturating_duration_since(first.at).as_secs_f64();
    let grown = count(last)?.saturating_sub(count(first)?);
    (seconds > 0.0).then(|| grown as f64 / seconds)
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

const SAMPLE: Duration = Duration::from_secs(1);

/// Five minutes.
const SAMPLES: usize = 300;
const PACE_SAMPLES: usize = 11;
