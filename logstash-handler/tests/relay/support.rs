//! What several tests need.

use logstash_handler::relay::{Relay, RelayConfig, RelayReport, RelayStats};
use logstash_transport::testing::Receiver;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A relay, and a folder for what it writes.
pub(crate) struct Rig {
    pub(crate) relay: Relay,
    pub(crate) folder: TempDir,
}

impl Rig {
    /// Starts with a configuration in which `FOLDER` stands for the folder.
    pub(crate) fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, config)
    }

    pub(crate) fn start_in(folder: TempDir, config: &str) -> Self {
        let relay = Relay::start(parse(config, folder.path())).unwrap();
        Self { relay, folder }
    }

    pub(crate) fn reload(&self, config: &str) {
        self.relay.reload(parse(config, self.folder.path())).unwrap();
    }

    pub(crate) fn address(&self, input: &str) -> SocketAddr {
        self.relay.addresses()[input]
    }

    pub(crate) fn connect(&self, input: &str) -> TcpStream {
        TcpStream::connect(self.address(input)).unwrap()
    }

    /// Sends bytes over a connection of its own.
    pub(crate) fn send(&self, input: &str, bytes: &[u8]) {
        self.connect(input).write_all(bytes).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits until the figures say something; fails the test if they never do.
    pub(crate) fn eventually(&self, mut condition: impl FnMut(&RelayStats) -> bool) -> RelayStats {
        let deadline = Instant::now() + LONG;
        loop {
            let stats = self.relay.stats();
            for (name, output) in &stats.outputs {
                assert!(output.is_balanced(), "{name}: {output:?}");
            }
            if condition(&stats) {
                return stats;
            }
            assert!(Instant::now() < deadline, "not in time: {stats:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn shutdown(self) -> (RelayReport, TempDir) {
        (self.relay.shutdown(LONG), self.folder)
    }
}

pub(crate) fn parse(config: &str, folder: &Path) -> RelayConfig {
    RelayConfig::parse(&config.replace("FOLDER", folder.to_str().unwrap())).unwrap()
}

/// Waits until an output has written so many lines to its file; returns all of them.
pub(crate) fn lines(path: &Path, count: usize) -> Vec<String> {
    let deadline = Instant::now() + LONG;
    loop {
        let text = String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        if text.lines().count() >= count && text.ends_with('\n') || count == 0 {
            return text.lines().map(str::to_owned).collect();
        }
        assert!(Instant::now() < deadline, "not in time: {text}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The same as JSON.
pub(crate) fn documents(path: &Path, count: usize) -> Vec<Value> {
    lines(path, count).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The value of a member in each of some documents.
pub(crate) fn each(documents: &[Value], member: &str) -> Vec<String> {
    let text = |document: &Value| match &document[member] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    documents.iter().map(text).collect()
}

/// The events that a receiver got.
pub(crate) fn received(receiver: &Receiver) -> Vec<Value> {
    receiver.events().iter().map(|event| serde_json::from_slice(event).unwrap()).collect()
}
