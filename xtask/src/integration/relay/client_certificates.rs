//! go-lumber's clients, on which Beats are built, to a relay that asks for their certificates.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::rig::Rig;
use crate::failure::{Failure, Trying, fail};
use crate::integration::case::Case;
use crate::integration::events::{documents, write_lines};
use crate::peers::{Client, ClientKind, GoLumber, Sent};
use crate::process::Running;
use crate::relay::Program;

pub(in super::super) fn cases(go: &Arc<GoLumber>, program: &Arc<Program>, scratch: &Path) -> Vec<Case> {
    let kinds = [("sync", ClientKind::Sync), ("async", ClientKind::Async { in_flight: 3 })];
    let mut cases = Vec::new();
    for (name, kind) in kinds {
        for (presents, with) in [(true, "with"), (false, "without")] {
            let (go, program) = (Arc::clone(go), Arc::clone(program));
            let trial =
                Trial { go, program, folder: scratch.join(format!("certificates-{name}-{with}")), kind };
            let name =
                format!("its {name} client to our relay, which demands a certificate, {with} a certificate");
            cases.push(Case::new(name, move || if presents { trial.with() } else { trial.without() }));
        }
    }
    cases
}

struct Trial {
    go: Arc<GoLumber>,
    program: Arc<Program>,
    folder: PathBuf,
    kind: ClientKind,
}

impl Trial {
    fn with(self) -> Result<String, Failure> {
        let sent = documents(EVENTS)?;
        let relay = self.relay()?;
        let mut client = self.send(&relay, &sent, true)?;
        let acked = Sent::expect(&mut client, PATIENCE)?.acked;
        let expected = sent.iter().map(|document| serde_json::from_slice(document));
        let expected: Result<Vec<Value>, _> = expected.collect();
        let expected = expected.map_err(|error| Failure::because("what is to be sent is no JSON", error))?;
        let arrived = relay.finish(EVENTS)?;
        if acked != EVENTS || arrived != expected {
            fail!("{acked} of {EVENTS} events acknowledged, and not all came as they were sent");
        }
        Ok(format!("{EVENTS} events, exact and in order"))
    }

    fn without(self) -> Result<String, Failure> {
        let relay = self.relay()?;
        let mut client = self.send(&relay, &documents(10)?, false)?;
        if client.wait(PATIENCE)?.success() {
            fail!("a client without certificate could send");
        }
        let problem = relay.problem(PATIENCE)?;
        if !problem.contains("did not return a certificate") {
            fail!("the relay gives another reason: {problem}");
        }
        relay.finish(0)?;
        Ok(format!("refused: {problem}"))
    }

    fn relay(&self) -> Result<Rig, Failure> {
        fs::create_dir_all(&self.folder).trying(format_args!("cannot make {}", self.folder.display()))?;
        self.go.make_certificates(&self.folder)?;
        let folder = self.folder.display();
        let settings = format!(
            "tls_cert = \"{folder}/server.pem\"\ntls_key = \"{folder}/server.key\"\n\
             tls_client_ca = \"{folder}/ca.pem\"\ntls_client_names = [\"client\"]"
        );
        Rig::start(&self.program, &self.folder, "beats+tls://127.0.0.1:0", &settings, "")
    }

    fn send(&self, relay: &Rig, sent: &[Vec<u8>], presents: bool) -> Result<Running, Failure> {
        let (events, authority) = (self.folder.join("events"), self.folder.join("ca.pem"));
        write_lines(&events, sent)?;
        let client = Client {
            kind: self.kind,
            address: relay.address()?,
            events: &events,
            window: 2048,
            level: 3,
            timeout: Duration::from_secs(30),
            retry: Duration::ZERO,
            authority: Some(&authority),
            encode: false,
        };
        if presents { self.go.send_with_certificate(&client, &self.folder) } else { self.go.send(&client) }
    }
}

const EVENTS: usize = 10_000;

/// What a step may take at most.
const PATIENCE: Duration = Duration::from_secs(60);
