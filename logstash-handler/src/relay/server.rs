use super::config::RelayConfig;
use super::counters::InputStats;
use super::error::RelayError;
use super::input::Input;
use super::output::Output;
use super::problems::Problems;
use super::router::Router;
use super::view::{RelayStats, View};
use super::web::Web;
use crate::Report;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// A relay at work, with a runtime of its own.
///
/// ```
/// use logstash_handler::relay::{Relay, RelayConfig};
/// use std::time::Duration;
///
/// # let folder = tempfile::tempdir()?;
/// # let file = folder.path().join("events.log");
/// let config = RelayConfig::new()
///     .listen("lines+tcp://127.0.0.1:0")?
///     .send_to(&format!("file:{}", file.display()))?;
/// let relay = Relay::start(config)?;
/// let address = relay.addresses()["lines+tcp://127.0.0.1:0"];
/// println!("listens on {address}");
///
/// let report = relay.shutdown(Duration::from_secs(5));
/// assert!(report.is_complete());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Relay {
    runtime: Option<Runtime>,
    state: Mutex<State>,
    router: Arc<Router>,
    view: Arc<View>,
    web: Mutex<Option<Web>>,
}

/// What runs, and by which configuration.
struct State {
    config: RelayConfig,
    inputs: BTreeMap<String, Arc<Input>>,
    outputs: BTreeMap<String, Arc<Output>>,
}

impl Relay {
    /// Starts outputs, then inputs.
    ///
    /// # Errors
    ///
    /// [`RelayError`], which names the input or output that cannot be started; nothing runs then.
    pub fn start(config: RelayConfig) -> Result<Self, RelayError> {
        config
            .check()
            .map_err(|error| RelayError::new("the configuration cannot be used").caused_by(error))?;
        let failed = |error| RelayError::new("the threads of the relay cannot be started").caused_by(error);
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("logstash-relay")
            .enable_all()
            .build()
            .map_err(failed)?;
        let state = State { config: RelayConfig::new(), inputs: BTreeMap::new(), outputs: BTreeMap::new() };
        let relay = Self {
            runtime: Some(runtime),
            state: Mutex::new(state),
            router: Arc::default(),
            view: Arc::new(View::new()),
            web: Mutex::default(),
        };
        match relay.reload(config) {
            Ok(()) => Ok(relay),
            Err(error) => {
                drop(relay.shutdown(Duration::ZERO));
                Err(error)
            }
        }
    }

    /// Takes over another configuration: starts what is new, ends what is gone, and reads certificates
    /// again. Inputs and outputs that stay the same keep their connections and queues.
    ///
    /// # Errors
    ///
    /// [`RelayError`], which names what cannot be started; what ran before goes on then, without what this
    /// configuration has changed up to there.
    pub fn reload(&self, config: RelayConfig) -> Result<(), RelayError> {
        config
            .check()
            .map_err(|error| RelayError::new("the configuration cannot be used").caused_by(error))?;
        let Some(runtime) = &self.runtime else { return Ok(()) };
        let mut state = self.state();
        let _in_runtime = runtime.enter();
        self.replace_web(runtime, &state.config, &config)?;
        let gone = state.replace_outputs(&config)?;
        self.router.replace(&config.routes, state.outputs.clone());
        let result = runtime.block_on(state.replace_inputs(&config, &self.router, self.view.problems()));
        for (name, output) in gone {
            // What it has goes on being delivered, but nobody waits for that here.
            let (timeout, view) = (config.shutdown_timeout, Arc::clone(&self.view));
            runtime.spawn_blocking(move || {
                let report = output.shutdown(timeout);
                if let Some(report) = report.filter(|report| !report.complete) {
                    view.problems()
                        .tell(&format!("output {name}"), &format!("not all was delivered: {report}"));
                }
            });
        }
        self.view.show(state.inputs.clone(), state.outputs.clone(), result.is_ok());
        state.config = config;
        result
    }

    /// Moves the page with state and figures to another address, if that has changed.
    fn replace_web(
        &self,
        runtime: &Runtime,
        before: &RelayConfig,
        config: &RelayConfig,
    ) -> Result<(), RelayError> {
        let mut web = self.web.lock().unwrap_or_else(PoisonError::into_inner);
        if config.metrics != before.metrics {
            if let Some(before) = web.take() {
                runtime.block_on(before.stop());
            }
            *web = match config.metrics {
                Some(address) => Some(runtime.block_on(Web::start(address, &self.view))?),
                None => None,
            };
        }
        Ok(())
    }

    /// Where state and figures are shown, with the port that the system chose.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.web.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Web::address)
    }

    /// Where inputs listen, by name, with the ports that the system chose.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<String, SocketAddr> {
        let state = self.state();
        let address = |(name, input): (&String, &Arc<Input>)| Some((name.clone(), input.address()?));
        state.inputs.iter().filter_map(address).collect()
    }

    /// Figures of all inputs and outputs.
    #[must_use]
    pub fn stats(&self) -> RelayStats {
        self.view.stats()
    }

    /// Stops listening, hands on what is in hand, delivers as much as the time allows, and ends.
    ///
    /// It may take up to two seconds longer to account for what waited for room in vain.
    pub fn shutdown(mut self, timeout: Duration) -> RelayReport {
        self.stop(timeout)
    }

    fn stop(&mut self, time: Duration) -> RelayReport {
        let started = Instant::now();
        let Some(runtime) = self.runtime.take() else { return RelayReport::default() };
        self.view.stop();
        let (inputs, outputs) = {
            let mut state = self.state();
            (std::mem::take(&mut state.inputs), std::mem::take(&mut state.outputs))
        };
        let stop_inputs = async |time| {
            let all = async {
                for input in inputs.values() {
                    input.stop().await;
                }
            };
            timeout(time, all).await.is_ok()
        };
        // Outputs need some of the time to store what they are handed.
        let inputs_ended = runtime.block_on(stop_inputs(time.mul_f64(SHARE_OF_INPUTS)));
        let left = time.saturating_sub(started.elapsed());
        let ending: Vec<_> = outputs
            .iter()
            .map(|(name, output)| {
                let (name, output) = (name.clone(), Arc::clone(output));
                runtime.spawn_blocking(move || output.shutdown(left).map(|report| (name, report)))
            })
            .collect();
        let mut reports = BTreeMap::new();
        runtime.block_on(async {
            for output in ending {
                reports.extend(output.await.ok().flatten());
            }
            if !inputs_ended {
                // What had no room is turned away now, and counted.
                stop_inputs(LAST_WORDS).await;
            }
        });
        runtime.shutdown_timeout(GRACE);
        let amend = |(name, report): (String, Report)| {
            let report =
                outputs.get(&name).map_or_else(|| report.clone(), |output| output.amend(report.clone()));
            (name, report)
        };
        let outputs = reports.into_iter().map(amend).collect();
        let inputs = inputs.iter().map(|(name, input)| (name.clone(), input.stats())).collect();
        RelayReport { inputs_ended, inputs, outputs }
    }

    pub(super) const fn runtime(&self) -> Option<&Runtime> {
        self.runtime.as_ref()
    }

    pub(super) fn problems(&self) -> &Problems {
        self.view.problems()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let timeout = self.state().config.shutdown_timeout;
        self.stop(timeout);
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("addresses", &self.addresses()).finish_non_exhaustive()
    }
}

impl State {
    /// Starts outputs that are new; returns those that are gone.
    fn replace_outputs(&mut self, config: &RelayConfig) -> Result<Vec<(String, Arc<Output>)>, RelayError> {
        let queues: Option<PathBuf> = config.queue.clone();
        let is_same = |name: &String| {
            queues == self.config.queue && self.config.outputs.get(name) == config.outputs.get(name)
        };
        let mut gone = Vec::new();
        let (mut outputs, mut changed) = (BTreeMap::new(), Vec::new());
        for (name, output) in &self.outputs {
            if config.outputs.contains_key(name) && is_same(name) {
                outputs.insert(name.clone(), Arc::clone(output));
            } else {
                gone.push((name.clone(), Arc::clone(output)));
            }
        }
        for (name, output) in config.outputs.iter().filter(|(name, _)| !outputs.contains_key(*name)) {
            let output = Output::start(name, output, queues.as_deref())?;
            tokio::spawn(Arc::clone(&output).watch());
            changed.push((name.clone(), output));
        }
        outputs.extend(changed);
        self.outputs = outputs;
        Ok(gone)
    }

    /// Ends inputs that are gone, then starts those that are new: they may have the same address.
    async fn replace_inputs(
        &mut self,
        config: &RelayConfig,
        router: &Arc<Router>,
        problems: &Arc<Problems>,
    ) -> Result<(), RelayError> {
        let is_same = |name: &str, input: &Input| config.inputs.get(name) == Some(input.config());
        let (same, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.inputs).into_iter().partition(|(name, input)| is_same(name, input));
        self.inputs = same;
        for input in self.inputs.values() {
            // One that is damaged leaves the one from before in force.
            if let Err(error) = input.renew_certificate() {
                problems.tell("reload", &logstash_transport::error_chain(&error));
            }
        }
        for input in gone.values() {
            let _ = timeout(config.shutdown_timeout, input.stop()).await;
        }
        for (name, input) in &config.inputs {
            if !self.inputs.contains_key(name) {
                let started = Input::start(name, input, router, problems).await?;
                self.inputs.insert(name.clone(), Arc::new(started));
            }
        }
        Ok(())
    }
}

/// What became of all events, as a shutdown leaves it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RelayReport {
    /// Whether all connections had ended in time.
    pub inputs_ended: bool,
    /// Figures of inputs, by name.
    pub inputs: BTreeMap<String, InputStats>,
    /// Of the outputs, by name.
    pub outputs: BTreeMap<String, Report>,
}

impl RelayReport {
    /// Whether everything that came in is delivered or stored.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.inputs_ended && self.outputs.values().all(|report| report.complete)
    }
}

impl fmt::Display for RelayReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, stats) in &self.inputs {
            writeln!(f, "input {name}: received {}", stats.received)?;
        }
        for (name, report) in &self.outputs {
            writeln!(f, "output {name}: {report}")?;
        }
        f.write_str(if self.is_complete() { "complete" } else { "incomplete" })
    }
}

/// Inputs decode and format; outputs have two threads each.
const MOST_THREADS: usize = 4;

/// How much of a shutdown inputs may take.
const SHARE_OF_INPUTS: f64 = 0.5;

/// Time for inputs to end that had to wait for outputs until these ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Time for what tasks are in the middle of: the figures are read when none is at work any more.
const GRACE: Duration = Duration::from_secs(1);
