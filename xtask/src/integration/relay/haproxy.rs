//! HAProxy in front of the relay: it says by the PROXY protocol who is behind it, and looks all the time whether
//! somebody listens.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use logstash_handler::BeatsTransport;
use logstash_transport::{Batch, Transport};
use serde_json::{Value, json};

use super::documents::{same, texts};
use super::feed::{Feed, Kept};
use super::rig::Rig;
use crate::failure::{Failure, Trying, fail};
use crate::integration::case::Case;
use crate::integration::events::{documents, parsed};
use crate::peers::{Balancer, Haproxy, Openssl};
use crate::relay::Program;

pub(in super::super) fn cases(
    haproxy: &Arc<Haproxy>,
    openssl: &Arc<Openssl>,
    program: &Arc<Program>,
    scratch: &Path,
) -> Vec<Case> {
    let mut cases = Vec::new();
    for scheme in ["lines+tcp", "lines+tls", "syslog+tcp", "beats"] {
        let trial = |number| Trial {
            haproxy: Arc::clone(haproxy),
            openssl: Arc::clone(openssl),
            program: Arc::clone(program),
            folder: scratch.join(format!("haproxy-{number}")),
            scheme,
        };
        for (name, options) in HEADERS {
            let trial = trial(cases.len());
            let name = format!("in front of our relay, {scheme}, PROXY protocol {name}");
            cases.push(Case::new(name, move || trial.pass(options)));
        }
        for check in CHECKS {
            let trial = trial(cases.len());
            let name = format!("looks whether our relay listens, {scheme}, {}", check.name);
            cases.push(Case::new(name, move || trial.look(check)));
        }
    }
    cases
}

/// With the options of a server that HAProxy writes them for.
const HEADERS: &[(&str, &str)] = &[
    ("version 1", "send-proxy"),
    ("version 2", "send-proxy-v2"),
    ("version 2 with a checksum", "send-proxy-v2 proxy-v2-options crc32c"),
];

const CHECKS: &[Check] = &[
    // Without more words it breaks off in the middle of the handshake of TCP, so that nobody hears of it.
    Check {
        name: "and goes in order",
        options: "check inter 20ms fall 10000\n option tcp-check\n tcp-check connect linger",
        settings: "",
    },
    Check {
        name: "with a header of version 1",
        options: "send-proxy check inter 20ms fall 10000",
        settings: "proxy_protocol = [\"127.0.0.9\"]",
    },
    Check {
        name: "with a header of version 2",
        options: "send-proxy-v2 check inter 20ms fall 10000",
        settings: "proxy_protocol = [\"127.0.0.9\"]",
    },
    Check {
        name: "with a header of version 2, and is not allowed itself",
        options: "send-proxy-v2 check inter 20ms fall 10000",
        settings: "proxy_protocol = [\"127.0.0.9\"]\nallow = [\"127.0.0.1\"]",
    },
];

/// How it looks whether somebody listens.
#[derive(Debug)]
struct Check {
    name: &'static str,
    /// Of a server of HAProxy, which is not to be taken for gone because the machine is busy; then more lines of its
    /// configuration.
    options: &'static str,
    /// Of an input of the relay.
    settings: &'static str,
}

/// Where it comes from, as the relay sees it, and where clients come from, as it sees them.
const BALANCER: &str = "127.0.0.9";
const CLIENT: &str = "127.0.0.1";

struct Trial {
    haproxy: Arc<Haproxy>,
    openssl: Arc<Openssl>,
    program: Arc<Program>,
    folder: PathBuf,
    scheme: &'static str,
}

impl Trial {
    /// What clients send comes from them, and nobody else is allowed.
    fn pass(self, options: &str) -> Result<String, Failure> {
        let settings = format!("proxy_protocol = [\"{BALANCER}\"]\nallow = [\"{CLIENT}\"]");
        let rig = Rig::listening_with(&self.program, &self.folder, self.scheme, &settings)?;
        let balancer = self.balancer(&rig, options)?;
        let (expected, _stream) = self.send(balancer.address, true)?;
        let arrived = finish_in_silence(rig, expected.len())?;
        same(&expected, &arrived)?;
        Ok(format!("{} events of the client that HAProxy named", arrived.len()))
    }

    /// That it looks makes no noise, and clients get through all the same.
    fn look(self, check: &Check) -> Result<String, Failure> {
        let rig = Rig::listening_with(&self.program, &self.folder, self.scheme, check.settings)?;
        let balancer = self.balancer(&rig, check.options)?;
        let status = rig.wait_until(|status| figure(status, "connections") >= LOOKS)?;
        let (expected, _stream) = self.send(balancer.address, !check.settings.is_empty())?;
        let arrived = finish_in_silence(rig, expected.len())?;
        same(&expected, &arrived)?;
        Ok(format!("{} looks without a word about them", figure(&status, "connections")))
    }

    fn balancer(&self, rig: &Rig, options: &str) -> Result<Balancer, Failure> {
        self.haproxy.start(&self.folder, &format!("{} source {BALANCER} {options}", rig.address()?))
    }

    /// Sends as a client to the balancer; tells what has to come of it, with a connection that is to stay until it has.
    fn send(&self, balancer: SocketAddr, is_named: bool) -> Result<(Vec<Value>, Option<TcpStream>), Failure> {
        let host = if is_named { CLIENT } else { BALANCER };
        match self.scheme {
            "beats" => Ok((send_windows(balancer)?, None)),
            "lines+tls" => {
                let file = self.folder.join("lines");
                let (lines, expected) = lines(host);
                fs::write(&file, lines).trying(format_args!("cannot write {}", file.display()))?;
                self.openssl.send(&file, balancer, &self.folder.join("server.pem"), "-tls1_3")?;
                Ok((expected, None))
            }
            scheme => {
                let (stream, mut expected) = if scheme == "lines+tcp" {
                    let (lines, expected) = lines(host);
                    let mut stream = TcpStream::connect(balancer).trying("cannot connect to HAProxy")?;
                    stream.write_all(lines.as_bytes()).trying("cannot write to HAProxy")?;
                    (stream, expected)
                } else {
                    let feed = Feed::new(false, true)?;
                    let kept = Kept { structured: true, fraction: true };
                    (feed.send(balancer)?, feed.expected(kept, Some(host)))
                };
                if is_named {
                    let port = stream.local_addr().trying("a connection without an address")?.port();
                    expected.iter_mut().for_each(|event| event["port"] = port.into());
                }
                Ok((expected, Some(stream)))
            }
        }
    }
}

/// Lines, and what has to come of them.
fn lines(host: &str) -> (String, Vec<Value>) {
    let lines =
        texts().into_iter().map(|(_, text)| (format!("{text}\n"), json!({"message": text, "host": host})));
    lines.unzip()
}

/// Windows are passed on as they came, so that nothing in them tells whose they are.
fn send_windows(balancer: SocketAddr) -> Result<Vec<Value>, Failure> {
    let documents = documents(EVENTS)?;
    let expected = parsed(&documents)?;
    let mut client = BeatsTransport::new(&balancer.to_string())
        .map_err(|error| Failure::because("no transport", error))?;
    let mut batch = Batch::from_events(documents);
    client.send(&mut batch).map_err(|error| Failure::because("the windows do not get through", error))?;
    if batch.acknowledged() != EVENTS as u64 {
        fail!("{} of {EVENTS} events were acknowledged", batch.acknowledged());
    }
    Ok(expected)
}

/// Waits until that many events came out of the relay, which must have had nothing to complain of.
fn finish_in_silence(rig: Rig, events: usize) -> Result<Vec<Value>, Failure> {
    let status = rig.wait_until(|status| figure(status, "received") >= events as u64)?;
    let failed = ["failed_connections", "failed_handshakes", "refused_connections"];
    let is_silent = status["problems"] == json!([]) && failed.iter().all(|name| figure(&status, name) == 0);
    if !is_silent {
        fail!("the relay complains: {}, {}", status["problems"], status["inputs"][0]["figures"]);
    }
    rig.finish(events)
}

fn figure(status: &Value, name: &str) -> u64 {
    status["inputs"][0]["figures"][name].as_u64().unwrap_or_default()
}

const EVENTS: usize = 1000;

/// How often it looks at least.
const LOOKS: u64 = 20;
