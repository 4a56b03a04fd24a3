use super::counters::InputStats;
use super::history::{History, SAMPLE};
use super::input::Input;
use super::output::Output;
use super::problems::{Problem, Problems};
use super::status::{Concern, Status};
use crate::Stats;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};

/// What can be seen of a relay from outside, without holding it up.
pub(crate) struct View {
    started: Instant,
    running: RwLock<Running>,
    problems: Arc<Problems>,
    history: Mutex<History>,
    is_stopping: AtomicBool,
}

#[derive(Default)]
struct Running {
    /// Whether that is all that the configuration wants.
    is_complete: bool,
    inputs: BTreeMap<String, Arc<Input>>,
    outputs: BTreeMap<String, Arc<Output>>,
}

/// Figures of a relay.
///
/// `/metrics` shows them to Prometheus, each event once in the books of each output that it was routed to:
/// `accepted + recovered + reports = acknowledged + dropped + pending`.
///
/// | family | kind | labels | what it counts |
/// | --- | --- | --- | --- |
/// | `logstash_relay_info` | gauge | `version` | 1; the version that runs |
/// | `logstash_relay_uptime_seconds` | gauge |  | how long the relay has been running |
/// | `logstash_relay_ready` | gauge |  | 1 while events are taken, as `/readyz` says |
/// | `logstash_relay_input_…_total` | counter | `input` | each field of [`InputStats`], under its name |
/// | `logstash_relay_input_open_connections` | gauge | `input` | the one that goes up and down |
/// | `logstash_relay_output_accepted_total` | counter | `output` | events that were handed to the output |
/// | `logstash_relay_output_recovered_total` | counter | `output` | events that were in its queue from an earlier run |
/// | `logstash_relay_output_reports_total` | counter | `output` | events of the output's own that tell of losses |
/// | `logstash_relay_output_acknowledged_total` | counter | `output` | events that the peer has taken over |
/// | `logstash_relay_output_failures_total` | counter | `output` | attempts to deliver or to store that failed |
/// | `logstash_relay_output_pending` | gauge | `output` | events that are neither acknowledged nor given up |
/// | `logstash_relay_output_queued` | gauge | `output` | events in the queue |
/// | `logstash_relay_output_queue_bytes` | gauge | `output` | encoded bytes in the queue |
/// | `logstash_relay_output_queue_disk_bytes` | gauge | `output` | bytes that the queue takes on disk |
/// | `logstash_relay_output_oldest_seconds` | gauge | `output` | age of the oldest event in the queue; 0 if that is empty |
/// | `logstash_relay_output_drain_seconds` | gauge | `output` | time until all is delivered at the pace of the last seconds, where that is known |
/// | `logstash_relay_output_dropped_total` | counter | `output`, `reason` | events that were given up, by the [name](crate::DropReason::name) of the reason |
/// | `logstash_relay_output_state` | gauge | `output`, `state` | 1 for the [state](crate::ConnectionState::name) of the connection, 0 for the others |
/// | `logstash_relay_output_latency_seconds` | summary | `output`, `quantile` | time from the event to its acknowledgement |
///
/// `/readyz` answers 200 while events are taken, and otherwise 503 with the cause: while no input listens, or not
/// all of them after a reload that failed; while the relay stops; and while an output has had something to store for
/// three seconds and could not, because its queue is full or cannot be written. That the peer of an output is away
/// changes nothing while its queue has room, nor do events that wait for others to share their window, for however long
/// its `linger` is. `/healthz` answers 200 as long as the process answers at all.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RelayStats {
    /// Of inputs, by name.
    pub inputs: BTreeMap<String, InputStats>,
    /// Of the handlers of outputs, by name.
    pub outputs: BTreeMap<String, Stats>,
    /// What went wrong lately, oldest first: in inputs, and of each output its last error.
    pub problems: Vec<Problem>,
    /// How long the relay has been running.
    pub uptime: Duration,
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

    /// Shows other inputs and outputs from now on; `is_complete`: these are all that the configuration wants.
    pub(crate) fn show(
        &self,
        inputs: BTreeMap<String, Arc<Input>>,
        outputs: BTreeMap<String, Arc<Output>>,
        is_complete: bool,
    ) {
        let running = Running { is_complete, inputs, outputs };
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = running;
    }

    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Why events are not taken; nothing if they are.
    pub(crate) fn obstacles(&self) -> Vec<Concern> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Vec::new();
        let mut tell = |place: String, text: &str| all.push(Concern { place, text: text.to_owned() });
        if self.is_stopping.load(Ordering::Relaxed) {
            tell("relay".to_owned(), "it is stopping");
        } else if running.inputs.is_empty() {
            tell("relay".to_owned(), "no input listens");
        } else if !running.is_complete {
            tell("relay".to_owned(), "not all inputs listen, the last reload failed");
        }
        for name in running.outputs.keys().filter(|name| history.is_stuck(name)) {
            tell(format!("output {name}"), "stores nothing, its queue is full or cannot be written");
        }
        all
    }

    pub(crate) fn stats(&self) -> RelayStats {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        let inputs = running.inputs.iter().map(|(name, input)| (name.clone(), input.stats())).collect();
        let outputs: BTreeMap<_, _> =
            running.outputs.iter().map(|(name, output)| (name.clone(), output.stats())).collect();
        drop(running);
        let mut problems = self.problems.latest();
        problems.extend(outputs.iter().filter_map(|(name, output)| Problem::of_output(name, output)));
        problems.sort_by_key(|problem| problem.at);
        RelayStats { inputs, outputs, problems, uptime: self.started.elapsed() }
    }

    /// Takes samples for as long as it is polled.
    pub(crate) async fn watch(&self) -> Infallible {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let mut seconds = interval(SAMPLE);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            seconds.tick().await;
            let stats = self.stats();
            self.history.lock().unwrap_or_else(PoisonError::into_inner).add(stats, Instant::now());
        }
    }

    /// Everything, as the page and `status` show it.
    pub(crate) fn status(&self) -> Status {
        let (stats, obstacles) = (self.stats(), self.obstacles());
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        Status::new(&stats, obstacles, &running.inputs, &history)
    }
}
