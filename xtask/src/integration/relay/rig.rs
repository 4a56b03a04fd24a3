use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use logstash_transport::testing::Receiver;
use serde_json::Value;

use crate::failure::{Failure, Trying, fail};
use crate::peers::Openssl;
use crate::relay::{Program, Relay};

/// The relay at work, which sends everything to a receiver.
pub(super) struct Rig {
    relay: Relay,
    receiver: Receiver,
}

impl Rig {
    /// Starts it with the input `in`, which listens there and has more settings, in TOML, as its output has. The folder
    /// is made.
    pub(super) fn start(
        program: &Program,
        folder: &Path,
        listen: &str,
        settings: &str,
        output: &str,
    ) -> Result<Self, Failure> {
        let receiver = Receiver::start().trying("our receiver cannot listen")?;
        // With figures it says when everything listens; for sockets of the file system it says nothing else.
        let config = format!(
            "metrics = \"127.0.0.1:0\"
[outputs.all]
endpoint = \"beats://{}\"
{output}
[inputs.in]
listen = \"{listen}\"
{settings}
",
            receiver.address()
        );
        let inputs: &[&str] = if listen.contains("://") { &["in"] } else { &[] };
        let relay = program.start(folder, &config, inputs)?;
        Ok(Self { relay, receiver })
    }

    /// Starts it with an input that listens on a port of its own choice, or on `socket` in the folder. If the scheme
    /// says TLS, the folder then holds `server.pem`, with which it is trusted.
    pub(super) fn listening(program: &Program, folder: &Path, scheme: &str) -> Result<Self, Failure> {
        Self::listening_with(program, folder, scheme, "")
    }

    /// The same with more settings of the input.
    pub(super) fn listening_with(
        program: &Program,
        folder: &Path,
        scheme: &str,
        settings: &str,
    ) -> Result<Self, Failure> {
        fs::create_dir_all(folder).trying(format_args!("cannot make {}", folder.display()))?;
        let mut settings = settings.to_owned();
        if scheme.ends_with("+tls") {
            Openssl::make_certificate(folder)?;
            let folder = folder.display();
            settings.push_str(&format!(
                "\ntls_cert = \"{folder}/server.pem\"\ntls_key = \"{folder}/server.key\""
            ));
        }
        let listen = match scheme.strip_suffix("+unix") {
            Some(_) => format!("{scheme}:{}", folder.join("socket").display()),
            None => format!("{scheme}://127.0.0.1:0"),
        };
        Self::start(program, folder, &listen, &settings, "")
    }

    /// Where its input listens.
    pub(super) fn address(&self) -> Result<SocketAddr, Failure> {
        self.relay.address("in")
    }

    /// Waits until something went wrong; the last of it.
    pub(super) fn problem(&self, patience: Duration) -> Result<String, Failure> {
        let last = |status: &Value| Some(status["problems"].as_array()?.last()?["text"].as_str()?.to_owned());
        let status = self.relay.wait_until(patience, |status| last(status).is_some())?;
        Ok(last(&status).unwrap_or_default())
    }

    /// Waits until its state says something.
    pub(super) fn wait_until(&self, condition: impl FnMut(&Value) -> bool) -> Result<Value, Failure> {
        self.relay.wait_until(PATIENCE, condition)
    }

    /// Waits until that many events came out of it.
    pub(super) fn wait_for(&mut self, events: usize) -> Result<(), Failure> {
        if self.receiver.wait_for(events as u64, PATIENCE) {
            return Ok(());
        }
        let came = self.receiver.received();
        Err(self.relay.fault(&format!("delivered {came} of {events} events")))
    }

    pub(super) const fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// Waits until that many events came out of it, ends it, which sends what is left, and returns them if they are no
    /// more.
    pub(super) fn finish(self, events: usize) -> Result<Vec<Value>, Failure> {
        let parse = |event: &Bytes| {
            serde_json::from_slice(event)
                .map_err(|error| Failure::because("what the relay sent is not JSON", error))
        };
        self.finish_exact(events)?.iter().map(parse).collect()
    }

    /// The same with the events as they came.
    pub(super) fn finish_exact(mut self, events: usize) -> Result<Vec<Bytes>, Failure> {
        self.wait_for(events)?;
        self.relay.end(PATIENCE)?;
        let arrived = self.receiver.events();
        if arrived.len() != events {
            let last = arrived.last().map(|event| String::from_utf8_lossy(event));
            fail!("{} events arrived instead of {events}; the last one: {last:?}", arrived.len());
        }
        Ok(arrived)
    }
}

/// What a step may take at most.
const PATIENCE: Duration = Duration::from_secs(60);
