mod environment;

mod error;
pub use error::ConfigError;

mod format;
pub use format::FormatName;

mod input;
pub(crate) use input::DEFAULT_TYPE;
pub use input::{Acknowledge, InputConfig};

mod line;

mod listen;
pub use listen::{Carrier, Listen, ListenError, Protocol};

mod names;
mod networks;

mod output;
pub use output::{OutputConfig, WhenFull};

mod route;
pub use route::{RouteConfig, Severity};

use logstash_transport::human::Time;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Table;

/// What a relay does: where it listens, where events go, and which go where.
///
/// ```toml
/// metrics = "127.0.0.1:9600"
/// queue = "/var/lib/logstash-relay"
///
/// [inputs.network]
/// listen = "syslog+tls://0.0.0.0:6514"
/// tls_cert = "/etc/relay/server.pem"
/// tls_key = "/etc/relay/server.key"
///
/// [outputs.logstash]
/// endpoint = ["beats://logstash-1.example", "beats://logstash-2.example"]
///
/// [outputs.archive]
/// endpoint = "file:/var/log/archive.log?rotate=100MB"
/// format = "raw"
///
/// [[routes]]
/// inputs = ["network"]
/// peers = ["10.0.0.0/8"]
/// outputs = ["logstash", "archive"]
/// ```
///
/// | key | value | default |
/// | --- | --- | --- |
/// | `inputs.NAME` | [`InputConfig`] | |
/// | `outputs.NAME` | [`OutputConfig`] | |
/// | `routes` | a list of [`RouteConfig`] | everything goes to all outputs |
/// | `queue` | directory in which each output keeps its queue | queues are in memory |
/// | `metrics` | address on which state and figures are shown | none |
/// | `shutdown_timeout` | how long a shutdown may take | `"10 s"` |
///
/// Other keys are refused. `${NAME}` in a text stands for the variable of the environment, `${NAME:-VALUE}` for it
/// or, where it is not set or empty, for the value, and `$${` for `${`. It stands as it is: in an address, a
/// password needs `%2F` for `/`, `%3F` for `?`, `%23` for `#` and `%25` for `%`.
///
/// ```
/// use logstash_handler::relay::RelayConfig;
///
/// let config = RelayConfig::parse(
///     r#"
///     inputs.network.listen = "syslog+udp://127.0.0.1:5514"
///     outputs.archive = { endpoint = "file:archive.log", format = "raw" }
///     "#,
/// )?;
/// config.check()?;
/// assert_eq!(config.shutdown_timeout.as_secs(), 10);
/// # Ok::<(), logstash_handler::relay::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RelayConfig {
    /// Inputs by name.
    pub inputs: BTreeMap<String, InputConfig>,
    /// Outputs by name.
    pub outputs: BTreeMap<String, OutputConfig>,
    /// Which events go where.
    pub routes: Vec<RouteConfig>,
    /// Directory of the queues; none: they are in memory.
    pub queue: Option<PathBuf>,
    /// Where state and figures are shown.
    pub metrics: Option<SocketAddr>,
    /// How long a shutdown may take.
    pub shutdown_timeout: Duration,
}

impl RelayConfig {
    /// A configuration without inputs and outputs.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            inputs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            routes: Vec::new(),
            queue: None,
            metrics: None,
            shutdown_timeout: Duration::from_secs(10),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names the file, and the key that is wrong.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |error| ConfigError::new("cannot read the configuration").caused_by(error);
        let text = fs::read_to_string(path).map_err(|error| unreadable(error).in_file(path))?;
        Self::parse(&text).map_err(|error| error.in_file(path))
    }

    /// Reads TOML.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names the line and the key that is wrong.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let table: Table = toml::from_str(text).map_err(|error| ConfigError::of_toml(&error))?;
        Self::of_table(table).map_err(|error| error.in_text(text))
    }

    fn of_table(mut table: Table) -> Result<Self, ConfigError> {
        environment::fill(&mut table, &|name| std::env::var(name).ok())?;
        let File { inputs, outputs, routes, queue, metrics, shutdown_timeout } = read_table(table)?;
        let mut config = Self { queue, metrics, ..Self::new() };
        if let Some(time) = shutdown_timeout {
            config.shutdown_timeout = time.duration();
        }
        for (name, table) in inputs {
            let input = read_table(table).map_err(|error| error.at(&name).at("inputs"))?;
            config.inputs.insert(name, input);
        }
        for (name, table) in outputs {
            let output = OutputConfig::read(table).map_err(|error| error.at(&name).at("outputs"))?;
            config.outputs.insert(name, output);
        }
        for (index, table) in routes.into_iter().enumerate() {
            let route = read_table(table).map_err(|error| error.at(index + 1).at("routes"))?;
            config.routes.push(route);
        }
        config.check()?;
        Ok(config)
    }

    /// Adds an input named after its address.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which tells what is wrong with the address.
    pub fn listen(mut self, address: &str) -> Result<Self, ConfigError> {
        let input = InputConfig::new(address.parse()?);
        self.inputs.insert(input.listen.to_string(), input);
        Ok(self)
    }

    /// Adds an output named after its address.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which tells what is wrong with the address.
    pub fn send_to(mut self, endpoint: &str) -> Result<Self, ConfigError> {
        let output = OutputConfig::to(endpoint)?;
        self.outputs.insert(output.name(), output);
        Ok(self)
    }

    /// Sees whether everything fits together.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which names what does not.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.inputs.is_empty() {
            return Err(ConfigError::new(
                "there is no input: name one, as in [inputs.NAME] listen = \"ADDRESS\"",
            ));
        }
        if self.outputs.is_empty() {
            return Err(ConfigError::new(
                "there is no output: name one, as in [outputs.NAME] endpoint = \"ADDRESS\"",
            ));
        }
        for (name, input) in &self.inputs {
            check_name("input", name)?;
            input.check().map_err(|error| error.at(name).at("inputs"))?;
        }
        let mut directories = BTreeMap::new();
        for (name, output) in &self.outputs {
            check_name("output", name)?;
            if let Some(directory) = output.queue_directory()
                && let Some(other) = directories.insert(directory, name)
            {
                let text = format!(
                    "outputs {other:?} and {name:?} have the queue {directory}: the one would deliver what the other \
                     left there; name another directory"
                );
                return Err(ConfigError::new(text));
            }
        }
        for (index, route) in self.routes.iter().enumerate() {
            let known = route.check(&self.inputs, &self.outputs);
            known.map_err(|error| error.at(index + 1).at("routes"))?;
        }
        Ok(())
    }
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// What stands in a file, before inputs and outputs are looked into.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    inputs: BTreeMap<String, Table>,
    #[serde(default)]
    outputs: BTreeMap<String, Table>,
    #[serde(default)]
    routes: Vec<Table>,
    queue: Option<PathBuf>,
    metrics: Option<SocketAddr>,
    shutdown_timeout: Option<Time>,
}

fn read_table<T: for<'de> Deserialize<'de>>(table: Table) -> Result<T, ConfigError> {
    T::deserialize(table).map_err(|error| ConfigError::of_toml(&error))
}

/// Names become folders and labels.
fn check_name(what: &str, name: &str) -> Result<(), ConfigError> {
    if name.is_empty() || name.len() > 200 || name.contains(char::is_control) {
        let text = format!(
            "{name:?} is no name for an {what}: 1 to 200 characters, none of them a control character"
        );
        return Err(ConfigError::new(text));
    }
    Ok(())
}
