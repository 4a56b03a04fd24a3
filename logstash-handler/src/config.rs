mod error;
pub use error::ConfigError;

mod queue;
pub use queue::QueueConfig;

#[cfg(feature = "relay")]
use crate::builder::StartError;
use crate::builder::{HandlerBuilder, Options};
use crate::dead_letter::DeadLetterFile;
use crate::overflow::Overflow;
use logstash_transport::human::{Size, Time, TimeOrNone};
use lumberjack_codec::Backoff;
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;
use std::time::Duration;

/// The options of a handler, as a configuration file has them; given to a builder with
/// [`HandlerBuilder::config`].
///
/// Keys have the names of the builder's methods. What a file does not say stays as the builder has it;
/// keys that are unknown are refused. Sizes are written as [`Size`], durations as [`Time`].
///
/// | key | value |
/// | --- | --- |
/// | `queue` | a table, [`QueueConfig`] |
/// | `dead_letters` | a table: `path` of a [`DeadLetterFile`], and `max_bytes`, a size |
/// | `overflow` | an [`Overflow`] |
/// | `arena_bytes`, `max_event_bytes` | sizes |
/// | `linger`, `shutdown_timeout` | durations |
/// | `window` | a table: `events`, `bytes`, a size |
/// | `compression_level`, `batch` | numbers |
/// | `retry` | a table: `base` and `max`, durations |
/// | `ttl` | a duration or `"none"` |
/// | `report_losses`, `stderr` | `true` or `false` |
///
/// ```
/// # #[cfg(all(feature = "sled", feature = "beats"))]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use logstash_format::FormatterConfig;
/// use logstash_handler::{Handler, HandlerConfig};
/// use logstash_transport::TransportConfig;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Logging {
///     format: FormatterConfig,
///     output: TransportConfig,
///     #[serde(default)]
///     handler: HandlerConfig,
/// }
///
/// # let directory = tempfile::tempdir()?;
/// let file = r#"
///     [format]
///     type = "ecs"
///     service_name = "shop"
///
///     [output]
///     endpoint = "beats://logstash.example:5044"
///
///     [handler]
///     linger = "50 ms"
///     overflow = { block = { timeout = "100 ms" } }
///     retry = { base = "500 ms", max = "1 m" }
///     ttl = "7 days"
///
///     [handler.queue]
///     type = "sled"
///     path = "log-queue"
///     max_bytes = "512 MiB"
///     durability = { interval = "1 s" }
///     persistence = "on_backlog"
/// "#;
/// # let file = file.replace("log-queue", directory.path().join("log-queue").to_str().unwrap());
/// # let file = file.as_str();
/// let logging: Logging = toml::from_str(file)?;
/// let (handler, guard) = Handler::builder(logging.format.formatter(), logging.output.transport()?)
///     .config(&logging.handler)?
///     .start()?;
/// # drop(handler);
/// # guard.shutdown(std::time::Duration::ZERO);
/// # Ok(())
/// # }
/// # #[cfg(not(all(feature = "sled", feature = "beats")))]
/// # fn main() {}
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
#[must_use = "a configuration does nothing until a builder gets it"]
pub struct HandlerConfig {
    queue: Option<QueueConfig>,
    dead_letters: Option<DeadLetterConfig>,
    overflow: Option<Overflow>,
    arena_bytes: Option<Size>,
    max_event_bytes: Option<Size>,
    linger: Option<Time>,
    window: WindowConfig,
    compression_level: Option<u32>,
    batch: Option<usize>,
    retry: Option<RetryConfig>,
    ttl: Option<TimeOrNone>,
    report_losses: Option<bool>,
    stderr: Option<bool>,
    shutdown_timeout: Option<Time>,
}

impl HandlerBuilder {
    /// Sets what a configuration file says, and leaves what it does not say. Opens the queue and the file
    /// for dead letters, if there are some.
    ///
    /// What is called before it are defaults of the program, what is called after it cannot be configured.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the queue or the file for dead letters cannot be opened.
    pub fn config(mut self, config: &HandlerConfig) -> Result<Self, ConfigError> {
        self.options = config.options(self.options);
        if let Some(letters) = &config.dead_letters {
            self = self.dead_letters(letters.open()?);
        }
        match &config.queue {
            Some(queue) => queue.open_for(self),
            None => Ok(self),
        }
    }
}

impl HandlerConfig {
    /// Sees whether a builder with no options of its own could start with these. Opens nothing.
    #[cfg(feature = "relay")]
    pub(crate) fn check(&self) -> Result<(), StartError> {
        self.options(Options::default()).check()
    }

    /// Those options, with what the file says.
    fn options(&self, mut options: Options) -> Options {
        let Self { overflow, compression_level, batch, report_losses, stderr, .. } = *self;
        let set = &mut options;
        set.overflow = overflow.unwrap_or(set.overflow);
        set.arena_bytes = self.arena_bytes.map_or(set.arena_bytes, Size::in_memory);
        set.max_event_bytes = self.max_event_bytes.map_or(set.max_event_bytes, Size::in_memory);
        set.linger = self.linger.map_or(set.linger, Time::duration);
        set.window_events = self.window.events.unwrap_or(set.window_events);
        set.window_bytes = self.window.bytes.map_or(set.window_bytes, Size::in_memory);
        set.compression_level = compression_level.unwrap_or(set.compression_level);
        set.batch_windows = batch.unwrap_or(set.batch_windows);
        set.ttl = self.ttl.map_or(set.ttl, TimeOrNone::duration);
        set.report_losses = report_losses.unwrap_or(set.report_losses);
        set.stderr = stderr.unwrap_or(set.stderr);
        set.shutdown_timeout = self.shutdown_timeout.map_or(set.shutdown_timeout, Time::duration);
        if let Some(retry) = &self.retry {
            options.retry = retry.backoff(options.retry);
        }
        options
    }
}

/// The options with a value, if there is one.
fn with<B, T>(options: B, value: Option<T>, set: impl FnOnce(B, T) -> B) -> B {
    match value {
        Some(value) => set(options, value),
        None => options,
    }
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct WindowConfig {
    events: Option<usize>,
    bytes: Option<Size>,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct RetryConfig {
    base: Option<Time>,
    max: Option<Time>,
}

impl RetryConfig {
    /// That backoff, with what the file says.
    fn backoff(&self, backoff: Backoff) -> Backoff {
        let backoff = with(backoff, self.base.map(Time::duration), Backoff::base);
        with(backoff, self.max.map(Time::duration), Backoff::max)
    }
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct DeadLetterConfig {
    path: PathBuf,
    max_bytes: Option<Size>,
}

impl DeadLetterConfig {
    fn open(&self) -> Result<DeadLetterFile, ConfigError> {
        let wrong = |error| ConfigError::DeadLetters { path: self.path.clone(), error };
        let file = DeadLetterFile::open(&self.path).map_err(wrong)?;
        Ok(with(file, self.max_bytes.map(Size::bytes), DeadLetterFile::max_bytes))
    }
}

/// For fields that are durations.
pub(crate) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Time::deserialize(deserializer).map(Time::duration)
}
