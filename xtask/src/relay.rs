//! The program `logstash-relay`, as tasks build, start and watch it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::failure::{Failure, Trying, fail};
use crate::process::{self, Running};
use crate::test::BUILD;
use crate::workspace::Workspace;

/// The program, built.
#[derive(Debug)]
pub(crate) struct Program(PathBuf);

impl Program {
    /// Builds it in a fraction of the time that a release takes, with all checks in it.
    pub(crate) fn debug(workspace: &Workspace) -> Result<Self, Failure> {
        Self::build(workspace, "debug", &[])
    }

    /// Builds it as users have it.
    pub(crate) fn release(workspace: &Workspace) -> Result<Self, Failure> {
        Self::build(workspace, "release", &["--release"])
    }

    fn build(workspace: &Workspace, folder: &str, profile: &[&str]) -> Result<Self, Failure> {
        let mut cargo = process::cargo();
        cargo.args(["build", "--quiet", "--package", "logstash-handler", "--features", "relay"]);
        process::run(cargo.args(["--bin", NAME]).args(profile), BUILD)?;
        Ok(Self(workspace.target.join(folder).join(format!("{NAME}{}", std::env::consts::EXE_SUFFIX))))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Starts it with a configuration, which it gets as a file in `folder`, and waits until it listens with these
    /// inputs.
    pub(crate) fn start(&self, folder: &Path, config: &str, inputs: &[&str]) -> Result<Relay, Failure> {
        let mut relay = self.launch(folder, config)?;
        while relay.addresses.len() < inputs.len() {
            let line = relay.next_line(PROMPT)?;
            if let Some((name, address)) = line.split_once(" listens on ")
                && let Ok(address) = address.parse()
            {
                relay.addresses.insert(name.to_owned(), address);
            }
        }
        if config.contains("metrics = ") {
            let line = relay.process.expect_line(&format!("{NAME}: figures and state are on"), PROMPT)?;
            relay.figures = line.trim_start_matches("http://").trim_end_matches('/').parse().ok();
        }
        Ok(relay)
    }

    /// Starts it, in universal time, and waits for nothing.
    pub(crate) fn launch(&self, folder: &Path, config: &str) -> Result<Relay, Failure> {
        let file = folder.join("relay.toml");
        fs::create_dir_all(folder).trying(format_args!("cannot make {}", folder.display()))?;
        fs::write(&file, config).trying(format_args!("cannot write {}", file.display()))?;
        let process =
            Running::overheard(Command::new(&self.0).args(["run", "--config"]).arg(file).env("TZ", "UTC"))?;
        Ok(Relay { process, addresses: BTreeMap::new(), figures: None })
    }
}

/// A relay that runs.
#[derive(Debug)]
pub(crate) struct Relay {
    process: Running,
    /// Where its inputs listen, by name.
    addresses: BTreeMap<String, SocketAddr>,
    figures: Option<SocketAddr>,
}

impl Relay {
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where an input listens.
    pub(crate) fn address(&self, input: &str) -> Result<SocketAddr, Failure> {
        let address = self.addresses.get(input).copied();
        address.ok_or_else(|| Failure::Failed(format!("the relay has no input {input}")))
    }

    /// The next thing that it says, without its name.
    pub(crate) fn next_line(&mut self, patience: Duration) -> Result<String, Failure> {
        match self.process.next_line(patience)? {
            Some(line) => Ok(line.trim_start_matches(NAME).trim_start_matches(": ").to_owned()),
            None => Err(self.process.fault("has ended")),
        }
    }

    /// Where it shows its figures, with `metrics` in its configuration.
    pub(crate) const fn figures(&self) -> Option<SocketAddr> {
        self.figures
    }

    /// What it shows at a path of its figures; with `metrics` in its configuration.
    pub(crate) fn show(&self, path: &str) -> Result<String, Failure> {
        let Some(address) = self.figures else { fail!("the relay shows no figures") };
        let answer = || {
            let mut stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(PROMPT))?;
            write!(stream, "GET {path} HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        answer().trying(format_args!("the relay does not show {path}"))
    }

    /// Its state.
    pub(crate) fn status(&self) -> Result<Value, Failure> {
        let answer = self.show("/status.json")?;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        serde_json::from_str(body)
            .map_err(|error| Failure::because("the state of the relay is no JSON", error))
    }

    /// Waits until its state says something.
    pub(crate) fn wait_until(
        &self,
        patience: Duration,
        mut condition: impl FnMut(&Value) -> bool,
    ) -> Result<Value, Failure> {
        let deadline = Instant::now() + patience;
        loop {
            let status = self.status()?;
            if condition(&status) {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                fail!("not within {} s: {status}", patience.as_secs());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// A failure with the last of what it says.
    pub(crate) fn fault(&mut self, what: &str) -> Failure {
        self.process.fault(what)
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Ends it with SIGTERM; it has to end in order, with everything delivered or stored.
    pub(crate) fn end(&mut self, patience: Duration) -> Result<(), Failure> {
        let id = self.id().to_string();
        process::output(Command::new("kill").args(["-TERM", &id]), PROMPT)?;
        self.process.succeed(patience)
    }
}

const NAME: &str = "logstash-relay";

/// What needs no work has to be done within this time.
const PROMPT: Duration = Duration::from_secs(30);

const LOOK: Duration = Duration::from_millis(20);
