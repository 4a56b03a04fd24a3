//! The use cases of the relay from end to end: every example of a configuration with real peers on both sides, and
//! the commands that the README shows.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::case::Case;
use crate::failure::{Failure, Trying};
use crate::peers::{GoLumber, Logger, Missing, Openssl, Redis, Rsyslog, StandardPython};
use crate::process::Running;
use crate::relay::Program;
use crate::workspace::Workspace;

mod beats;
mod example;
mod pystash;
mod readme;
mod syslog;
mod unit;

/// What the chains are made of.
struct Links {
    root: PathBuf,
    program: Arc<Program>,
    go: GoLumber,
    python: StandardPython,
    rsyslog: Rsyslog,
    scratch: PathBuf,
}

impl Links {
    fn prepare(workspace: &Workspace, program: &Arc<Program>, scratch: &Path) -> Result<Self, Missing> {
        Logger::prepare()?;
        Openssl::prepare()?;
        Redis::prepare()?;
        Ok(Self {
            root: workspace.root.clone(),
            program: Arc::clone(program),
            go: GoLumber::prepare(workspace)?,
            python: StandardPython::prepare(workspace)?,
            rsyslog: Rsyslog::prepare(workspace)?,
            scratch: scratch.to_owned(),
        })
    }

    /// An empty folder for the files of one chain.
    fn folder(&self, chain: &str) -> Result<PathBuf, Failure> {
        let folder = self.scratch.join(format!("chain-{chain}"));
        std::fs::create_dir_all(&folder).trying(format_args!("cannot make {}", folder.display()))?;
        Ok(folder)
    }
}

type Chain = fn(&Links) -> Result<String, Failure>;

/// By the examples that they are of.
const CHAINS: &[(&str, Chain)] = &[
    ("beats-to-redis.toml: a Beat, the relay, Redis with a password, Logstash", beats::to_redis),
    ("development.toml: a Beat, the relay, a terminal", beats::to_terminal),
    ("pystash.toml: Python's handlers, the relay, Redis, Logstash", pystash::run),
    ("pysyslog.toml: rsyslog over TLS, the relay, a file for each peer", syslog::to_files),
    ("syslog-to-beats.toml: syslog in three ways, the relay, two Logstashes", syslog::to_beats),
    ("README.md: its commands", readme::run),
];

pub(super) fn cases(
    workspace: &Workspace,
    program: &Arc<Program>,
    scratch: &Path,
) -> Result<(String, Vec<Case>), Missing> {
    let links = Arc::new(Links::prepare(workspace, program, scratch)?);
    let cases = CHAINS.iter().map(|&(name, run)| {
        let links = Arc::clone(&links);
        Case::new(name, move || run(&links))
    });
    let mut cases: Vec<Case> = cases.collect();
    cases.push(Case::new("logstash-relay.service: as systemd reads it", move || unit::verify(&links)));
    // All crates have one version.
    Ok((env!("CARGO_PKG_VERSION").to_owned(), cases))
}

/// Ends a relay as a service manager does; it must have delivered everything.
fn end(mut relay: Running) -> Result<(), Failure> {
    relay.signal("TERM")?;
    relay.succeed(PATIENCE)
}

/// Addresses where nobody listens, all different.
fn free_addresses<const N: usize>() -> Result<[SocketAddr; N], Failure> {
    let mut listeners = Vec::new();
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for address in &mut addresses {
        let listener = TcpListener::bind(*address).trying("cannot bind")?;
        *address = listener.local_addr().trying("cannot bind")?;
        // Until all are known: none is given twice.
        listeners.push(listener);
    }
    Ok(addresses)
}

/// What a step may take at most.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::process;

    #[test]
    fn every_example_is_used() {
        let folder = Workspace::load().unwrap().root.join(example::FOLDER);
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let examples =
            names.filter_map(|name| Some(name.into_string().ok()?).filter(|name| name.ends_with(".toml")));
        let mut examples: Vec<String> = examples.collect();
        examples.sort_unstable();
        let used = CHAINS.iter().filter_map(|(name, _)| Some(name.split_once(": ")?.0));
        let used: Vec<&str> = used.filter(|name| name.ends_with(".toml")).collect();
        assert_eq!(used, examples);
    }

    #[test]
    fn what_the_dockerfile_names_is_there() {
        let workspace = Workspace::load().unwrap();
        let path = format!("{}/Dockerfile", example::FOLDER);
        let text = std::fs::read_to_string(workspace.root.join(&path)).unwrap();
        assert!(text.contains(&format!("docker build --file {path} ")), "it is found as it says itself");

        let build = text.lines().find(|line| line.contains("cargo build")).unwrap();
        let named = |flag: &str| build.split_once(flag).unwrap().1.split_whitespace().next().unwrap();
        let (package, feature, program) = (named("--package "), named("--features "), named("--bin "));
        let mut ask = process::cargo();
        let answer = process::output(ask.args(["metadata", "--no-deps", "--format-version", "1"]), PATIENCE);
        let metadata: Value = serde_json::from_str(&answer.unwrap()).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let found = packages.iter().find(|found| found["name"] == package).unwrap();
        assert!(found["features"][feature].is_array(), "{package} has no feature {feature}");
        let targets = found["targets"].as_array().unwrap();
        assert!(
            targets.iter().any(|target| target["kind"][0] == "bin" && target["name"] == program),
            "{program}"
        );

        for part in [
            "WORKDIR /source\nCOPY . .\n".to_owned(),
            format!("strip --output-file=/{program} target/release/{program}"),
            format!("COPY --from=build /{program} /usr/bin/{program}\n"),
            format!("ENTRYPOINT [\"/usr/bin/{program}\"]\n"),
        ] {
            assert!(text.contains(&part), "{part}");
        }
    }
}
