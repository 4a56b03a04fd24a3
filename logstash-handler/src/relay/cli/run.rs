use super::exit::{Outcome, Trouble, tell};
use crate::relay::{ConfigError, Relay, RelayConfig};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// SIGTERM ends it: it stops to listen, delivers for a while, stores the rest, and says what became of the
/// events. SIGHUP makes it read the file and the certificates again; connections of what stays the same
/// stay.
#[derive(Args, Debug)]
#[command(
    override_usage = "logstash-relay run --config <FILE>\n       logstash-relay run --input <URL> --output <URL> [OPTIONS]"
)]
pub(super) struct Run {
    #[command(flatten)]
    configuration: Configuration,
}

impl Run {
    pub(super) fn run(self) -> Result<Outcome, Trouble> {
        serve(self.configuration.load()?, || self.configuration.read())
    }
}

/// Runs a relay until it is told to end; `reread` is its configuration after SIGHUP.
pub(super) fn serve(
    config: RelayConfig,
    reread: impl FnMut() -> Result<RelayConfig, ConfigError>,
) -> Result<Outcome, Trouble> {
    let timeout = config.shutdown_timeout;
    let failed = |error| Trouble::new("cannot start").because(error);
    let relay = Relay::start(config).map_err(failed)?;
    let ready = |relay: &Relay| {
        for (name, address) in relay.addresses() {
            tell(format_args!("{name} listens on {address}"));
        }
        if let Some(address) = relay.metrics_address() {
            tell(format_args!("figures and state are on http://{address}/"));
        }
    };
    let report = relay.run(timeout, ready, reread);
    let report = report.map_err(|error| Trouble::new("cannot hear of signals").because(error))?;
    for line in report.to_string().lines() {
        tell(line);
    }
    Ok(if report.is_complete() { Outcome::Done } else { Outcome::Incomplete })
}

/// What a relay is to do: a file, or all that is needed on the command line.
#[derive(Args, Debug)]
pub(super) struct Configuration {
    /// The configuration
    #[arg(long, short, value_name = "FILE", conflicts_with_all = ["input", "output", "queue", "metrics"])]
    config: Option<PathBuf>,
    /// Where to listen: syslog+tcp://HOST:PORT, lines+tls://…, json+udp://…, beats://…; may be given several
    /// times
    #[arg(long, value_name = "URL", required_unless_present = "config")]
    input: Vec<String>,
    /// Where all of it goes: beats://HOST, redis://HOST, file:PATH, stdout:, discard:, and more; may be given
    /// several times
    #[arg(long, value_name = "URL", required_unless_present = "config")]
    output: Vec<String>,
    /// Keeps events on disk, in this directory, until they are delivered
    #[arg(long, value_name = "DIR")]
    queue: Option<PathBuf>,
    /// Shows figures and state on this address, such as 127.0.0.1:9600
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
}

impl Configuration {
    pub(super) fn load(&self) -> Result<RelayConfig, Trouble> {
        self.read().map_err(|error| Trouble::new("the configuration cannot be used").because(error))
    }

    fn read(&self) -> Result<RelayConfig, ConfigError> {
        if let Some(file) = &self.config {
            return RelayConfig::read(file);
        }
        let mut config = RelayConfig::new();
        for address in &self.input {
            config = config.listen(address)?;
        }
        for endpoint in &self.output {
            config = config.send_to(endpoint)?;
        }
        config.queue.clone_from(&self.queue);
        config.metrics = self.metrics;
        config.check()?;
        Ok(config)
    }
}
