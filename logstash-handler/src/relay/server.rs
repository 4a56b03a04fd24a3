use super::config::RelayConfig;
use super::counters::InputStats;
use super::error::RelayError;
use super::input::Input;
use super::leftover::Leftovers;
use super::open_files;
use super::output::Output;
use super::problems::Problems;
use super::router::Router;
use super::view::{RelayStats, View};
use super::web::Web;
use crate::Report;
use logstash_transport::error_chain;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, spawn_blocking};
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
#[derive(Default)]
struct State {
    config: RelayConfig,
    inputs: Named<Input>,
    outputs: Named<Output>,
    /// What earlier configurations had, as long as it has something to do; tells what became of events.
    leaving: Vec<JoinHandle<BTreeMap<String, Report>>>,
}

type Named<T> = BTreeMap<String, Arc<T>>;

impl Relay {
    /// Starts outputs, then inputs.
    ///
    /// Raises the number of files that the process may have open, where the connections that the configuration
    /// allows need it.
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
        let relay = Self {
            runtime: Some(runtime),
            state: Mutex::default(),
            router: Arc::default(),
            view: Arc::new(View::new()),
            web: Mutex::default(),
        };
        let leftovers = Leftovers::new(&config);
        match relay.reload(config) {
            Ok(()) => {
                leftovers.tell(relay.problems());
                Ok(relay)
            }
            Err(error) => {
                drop(relay.shutdown(Duration::ZERO));
                Err(error)
            }
        }
    }

    /// Takes over another configuration: starts what is new, ends what is gone, and reads certificates
    /// again. Inputs and outputs that stay the same keep their connections and queues.
    ///
    /// What is gone hands on and delivers what it has in the background, for as long as a shutdown may take;
    /// what a queue on disk still has then goes on with the output that has its place. The page of the
    /// [module](super#when-the-configuration-changes) tells what that means for order and acknowledgements.
    ///
    /// # Errors
    ///
    /// [`RelayError`], which names what cannot be started; what ran before goes on then. Only where an input
    /// had to give up its address for one that cannot be started, its connections have ended.
    pub fn reload(&self, config: RelayConfig) -> Result<(), RelayError> {
        config
            .check()
            .map_err(|error| RelayError::new("the configuration cannot be used").caused_by(error))?;
        let Some(runtime) = &self.runtime else { return Ok(()) };
        if let Some(text) = open_files::provide(&config) {
            self.problems().tell("open files", &text);
        }
        let mut state = self.state();
        let _in_runtime = runtime.enter();
        let outputs = state.next_outputs(&config)?;
        let problems = self.view.problems();
        let timeout = config.shutdown_timeout;
        let end = |state: &mut State, inputs: Named<Input>, outputs: Named<Output>| {
            state.leaving.retain(|leaving| !leaving.is_finished());
            if !inputs.is_empty() || !outputs.is_empty() {
                let leftovers = Leftovers::new(&state.config);
                state.leaving.push(runtime.spawn(leave(
                    inputs,
                    outputs,
                    timeout,
                    leftovers,
                    Arc::clone(problems),
                )));
            }
        };
        let next = self
            .next_web(runtime, config.metrics)
            .and_then(|web| Ok((runtime.block_on(state.next_inputs(&config, &self.router, problems))?, web)));
        let (inputs, web) = match next {
            Ok(next) => next,
            Err(error) => {
                self.restore_web(runtime, state.config.metrics);
                let is_complete = state.inputs.len() == state.config.inputs.len();
                self.view.show(state.inputs.clone(), state.outputs.clone(), is_complete);
                let unused = without(&outputs, &state.outputs);
                end(&mut state, Named::new(), unused);
                return Err(error);
            }
        };
        // From here on nothing can fail.
        if let Some(next) = web
            && let Some(before) = std::mem::replace(&mut *self.web(), next)
        {
            runtime.block_on(before.stop());
        }
        let gone_inputs = without(&state.inputs, &inputs);
        let gone_outputs = without(&state.outputs, &outputs);
        for input in gone_inputs.values() {
            input.tell_to_stop();
        }
        self.router.replace(&config.routes, outputs.clone());
        for input in inputs.values() {
            // One that is damaged leaves the one from before in force.
            if let Err(error) = input.renew_certificate() {
                problems.answer("reload", &error_chain(&error));
            }
            input.run();
        }
        self.view.show(inputs.clone(), outputs.clone(), true);
        (state.config, state.inputs, state.outputs) = (config, inputs, outputs);
        end(&mut state, gone_inputs, gone_outputs);
        Ok(())
    }

    /// The page with state and figures at another address, or none; nothing if it is to stay as it is.
    fn next_web(
        &self,
        runtime: &Runtime,
        wanted: Option<SocketAddr>,
    ) -> Result<Option<Option<Web>>, RelayError> {
        let mut web = self.web();
        if web.as_ref().map(Web::wanted) == wanted {
            return Ok(None);
        }
        let Some(wanted) = wanted else { return Ok(Some(None)) };
        let start = || runtime.block_on(Web::start(wanted, &self.view));
        let mut next = start();
        if next.as_ref().is_err_and(RelayError::is_address_in_use)
            && let Some(before) = web.take_if(|before| before.address().port() == wanted.port())
        {
            // By the page itself, perhaps.
            runtime.block_on(before.stop());
            next = start();
        }
        next.map(|next| Some(Some(next)))
    }

    /// Shows the page where it was, if it had to make room for one that is not to be.
    fn restore_web(&self, runtime: &Runtime, before: Option<SocketAddr>) {
        let mut web = self.web();
        if let (Some(before), None) = (before, &*web) {
            match runtime.block_on(Web::start(before, &self.view)) {
                Ok(restored) => *web = Some(restored),
                Err(error) => self.problems().answer("reload", &error_chain(&error)),
            }
        }
    }

    fn web(&self) -> MutexGuard<'_, Option<Web>> {
        self.web.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where state and figures are shown, with the port that the system chose.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.web().as_ref().map(Web::address)
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
        let State { inputs, outputs, leaving, .. } = std::mem::take(&mut *self.state());
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
        let (reports, replaced_ended) = runtime.block_on(async {
            let mut reports = BTreeMap::new();
            for (name, ending) in shutdown(&outputs, left) {
                reports.extend(ending.await.ok().flatten().map(|report| (name, report)));
            }
            if !inputs_ended {
                // What had no room is turned away now, and counted.
                stop_inputs(LAST_WORDS).await;
            }
            let all = async {
                for (number, leaving) in leaving.into_iter().enumerate() {
                    let replaced = leaving.await.unwrap_or_default().into_iter();
                    reports.extend(
                        replaced.map(|(name, report)| (format!("{name}, replaced {}", number + 1), report)),
                    );
                }
            };
            let left = time.saturating_sub(started.elapsed());
            let replaced_ended = timeout(left, all).await.is_ok();
            (reports, replaced_ended)
        });
        // A task that goes on ends with the event that it has in hand.
        self.router.close();
        runtime.shutdown_timeout(GRACE);
        let amend = |(name, report): (String, Report)| {
            let amended = outputs.get(&name).map(|output| output.amend(&report));
            (name, amended.unwrap_or(report))
        };
        let outputs = reports.into_iter().map(amend).collect();
        let inputs = inputs.iter().map(|(name, input)| (name.clone(), input.stats())).collect();
        RelayReport { inputs_ended, replaced_ended, inputs, outputs }
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
    /// The outputs of another configuration: those that stay the same, and new ones.
    fn next_outputs(&self, config: &RelayConfig) -> Result<BTreeMap<String, Arc<Output>>, RelayError> {
        let queues = config.queue.as_deref();
        let is_same = |name: &String| {
            config.queue == self.config.queue && self.config.outputs.get(name) == config.outputs.get(name)
        };
        let mut outputs = BTreeMap::new();
        for (name, wanted) in &config.outputs {
            let output = match self.outputs.get(name).filter(|_| is_same(name)) {
                Some(same) => Arc::clone(same),
                None => Output::start(name, wanted, queues)?,
            };
            outputs.insert(name.clone(), output);
        }
        Ok(outputs)
    }

    /// The inputs of another configuration: those that stay the same, and new ones, which do not take anything
    /// yet. Where it fails, this has the inputs that it had.
    async fn next_inputs(
        &mut self,
        config: &RelayConfig,
        router: &Arc<Router>,
        problems: &Arc<Problems>,
    ) -> Result<BTreeMap<String, Arc<Input>>, RelayError> {
        let mut inputs = BTreeMap::new();
        let mut postponed = Vec::new();
        for (name, wanted) in &config.inputs {
            let same = self.inputs.get(name).filter(|input| input.config() == wanted);
            if let Some(same) = same {
                inputs.insert(name.clone(), Arc::clone(same));
                continue;
            }
            match Input::bind(name, wanted, router, problems).await {
                Ok(input) => drop(inputs.insert(name.clone(), Arc::new(input))),
                // By an input that is to go, perhaps.
                Err(error) if error.is_address_in_use() => postponed.push((name, wanted)),
                Err(error) => return Err(error),
            }
        }
        let mut gone = without(&self.inputs, &inputs);
        gone.retain(|_, input| postponed.iter().any(|(_, wanted)| input.may_have(&wanted.listen)));
        for input in gone.values() {
            input.stop_listening().await;
        }
        for (name, wanted) in postponed {
            match Input::bind(name, wanted, router, problems).await {
                Ok(input) => drop(inputs.insert(name.clone(), Arc::new(input))),
                Err(error) => {
                    // Their addresses are wanted again.
                    drop(inputs);
                    self.restart(gone, router, problems).await;
                    return Err(error);
                }
            }
        }
        Ok(inputs)
    }

    /// Starts inputs again that have stopped to listen.
    async fn restart(
        &mut self,
        stopped: BTreeMap<String, Arc<Input>>,
        router: &Arc<Router>,
        problems: &Arc<Problems>,
    ) {
        for (name, input) in stopped {
            match Input::bind(&name, input.config(), router, problems).await {
                Ok(input) => {
                    input.run();
                    self.inputs.insert(name, Arc::new(input));
                }
                Err(error) => {
                    problems.answer("reload", &error_chain(&error));
                    self.inputs.remove(&name);
                }
            }
        }
    }
}

/// Those of some that are not among others.
fn without<T>(some: &Named<T>, others: &Named<T>) -> Named<T> {
    let is_among =
        |name: &String, one: &Arc<T>| others.get(name).is_some_and(|other| Arc::ptr_eq(one, other));
    let rest = some.iter().filter(|(name, one)| !is_among(name, one));
    rest.map(|(name, one)| (name.clone(), Arc::clone(one))).collect()
}

/// Ends what a new configuration does not have any more: inputs and then outputs, each within `time`.
async fn leave(
    inputs: Named<Input>,
    outputs: Named<Output>,
    time: Duration,
    leftovers: Leftovers,
    problems: Arc<Problems>,
) -> BTreeMap<String, Report> {
    let all = async {
        for input in inputs.values() {
            input.stop().await;
        }
    };
    if timeout(time, all).await.is_err() {
        problems.answer("reload", "connections of inputs that are gone wait for an output without room");
    }
    let mut reports = BTreeMap::new();
    for (name, ending) in shutdown(&outputs, time) {
        let Some(report) = ending.await.ok().flatten() else { continue };
        if !report.complete {
            problems.tell(&format!("output {name}"), &format!("not all was delivered: {report}"));
        }
        reports.insert(name, report);
    }
    // It reads from disk; one that panicked has told nothing.
    let _ = spawn_blocking(move || leftovers.tell(&problems)).await;
    reports
}

/// Ends outputs, all at once.
fn shutdown(outputs: &Named<Output>, time: Duration) -> Vec<(String, JoinHandle<Option<Report>>)> {
    let end = |(name, output): (&String, &Arc<Output>)| {
        let output = Arc::clone(output);
        (name.clone(), spawn_blocking(move || output.shutdown(time)))
    };
    outputs.iter().map(end).collect()
}

/// What became of all events, as a shutdown leaves it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RelayReport {
    /// Whether all connections had ended in time.
    pub inputs_ended: bool,
    /// Whether outputs that a new configuration had replaced had ended in time.
    pub replaced_ended: bool,
    /// Figures of inputs, by name.
    pub inputs: BTreeMap<String, InputStats>,
    /// Of the outputs, by name; those that were replaced not long ago are named so.
    pub outputs: BTreeMap<String, Report>,
}

impl RelayReport {
    /// Whether everything had ended in time, and what waited then is delivered or stored. What was dropped
    /// before, and why, is in the reports of the outputs.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.inputs_ended && self.replaced_ended && self.outputs.values().all(|report| report.complete)
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
