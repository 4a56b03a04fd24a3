//! rsyslog in all its framings and formats.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::documents::same;
use super::feed::{Feed, Kept};
use super::rig::Rig;
use crate::failure::Failure;
use crate::integration::case::Case;
use crate::peers::Rsyslog;
use crate::process::Running;
use crate::relay::Program;

pub(in super::super) fn cases(rsyslog: &Arc<Rsyslog>, program: &Arc<Program>, scratch: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for way in WAYS {
        for format in FORMATS {
            let (rsyslog, program) = (Arc::clone(rsyslog), Arc::clone(program));
            let folder = scratch.join(format!("rsyslog-{}", cases.len()));
            cases.push(Case::new(format!("to our relay, {}, {}", way.name, format.name), move || {
                Trial { rsyslog, program, folder, way, format }.run()
            }));
        }
    }
    cases
}

const WAYS: &[Way] = &[
    Way { name: "UDP", carrier: "udp", driver: "", is_counted: false },
    Way { name: "TCP, lines", carrier: "tcp", driver: "", is_counted: false },
    Way { name: "TCP, octet counting", carrier: "tcp", driver: "", is_counted: true },
    Way { name: "TLS by OpenSSL, lines", carrier: "tls", driver: "ossl", is_counted: false },
    Way { name: "TLS by OpenSSL, octet counting", carrier: "tls", driver: "ossl", is_counted: true },
    Way { name: "TLS by GnuTLS, lines", carrier: "tls", driver: "gtls", is_counted: false },
    Way { name: "TLS by GnuTLS, octet counting", carrier: "tls", driver: "gtls", is_counted: true },
    Way { name: "unix socket", carrier: "unix", driver: "", is_counted: false },
];

/// How its messages get to the relay.
#[derive(Debug)]
struct Way {
    name: &'static str,
    carrier: &'static str,
    /// Its driver for TLS.
    driver: &'static str,
    is_counted: bool,
}

impl Way {
    fn is_datagrams(&self) -> bool {
        matches!(self.carrier, "udp" | "unix")
    }
}

const FORMATS: &[Format] = &[
    Format { name: "RSYSLOG_SyslogProtocol23Format", kept: Kept { structured: true, fraction: true } },
    Format { name: "RSYSLOG_ForwardFormat", kept: Kept { structured: false, fraction: true } },
    Format { name: "RSYSLOG_TraditionalForwardFormat", kept: Kept { structured: false, fraction: false } },
];

/// A template of rsyslog.
#[derive(Debug)]
struct Format {
    name: &'static str,
    kept: Kept,
}

struct Trial {
    rsyslog: Arc<Rsyslog>,
    program: Arc<Program>,
    folder: PathBuf,
    way: &'static Way,
    format: &'static Format,
}

impl Trial {
    fn run(self) -> Result<String, Failure> {
        let is_datagrams = self.way.is_datagrams();
        let feed = Feed::new(is_datagrams, is_datagrams || self.way.is_counted)?;
        let relay = Rig::listening(&self.program, &self.folder, &format!("syslog+{}", self.way.carrier))?;
        let mut daemon = self.rsyslog.start(&self.folder, &self.config(&relay)?)?;
        let _stream = feed.send(self.listens(&mut daemon)?)?;
        let peer = (self.way.carrier != "unix").then_some("127.0.0.1");
        same(&feed.expected(self.format.kept, peer), &relay.finish(feed.len())?)?;
        Ok(format!("{} events, each with all that this format carries", feed.len()))
    }

    /// It takes messages over TCP on a port that the system chooses, and passes them on, but not its own.
    fn config(&self, relay: &Rig) -> Result<String, Failure> {
        let folder = self.folder.display();
        let trust = match self.way.carrier {
            "tls" => format!("defaultNetstreamDriverCAFile=\"{folder}/server.pem\""),
            _ => String::new(),
        };
        let (setting, action) = self.action(relay)?;
        Ok(format!(
            "global(maxMessageSize=\"64k\" parser.escapeControlCharactersOnReceive=\"off\" {trust})
module(load=\"imtcp\")
{setting}
input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" listenPortFileName=\"{folder}/port\")
if $inputname == \"imtcp\" then {{
    {action}
}}
"
        ))
    }

    /// By which it passes messages on, and what has to be said before.
    fn action(&self, relay: &Rig) -> Result<(String, String), Failure> {
        let (folder, format) = (self.folder.display(), self.format.name);
        if self.way.carrier == "unix" {
            let setting = format!("module(load=\"omuxsock\")\n$OMUxSockSocket {folder}/socket");
            return Ok((setting, format!(":omuxsock:;{format}")));
        }
        let (port, driver) = (relay.address()?.port(), self.way.driver);
        let protocol = if self.way.carrier == "udp" { "udp" } else { "tcp" };
        let mut action = format!(
            "action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{port}\" template=\"{format}\" protocol=\"{protocol}\""
        );
        if self.way.is_counted {
            action.push_str(" tcp_framing=\"octet-counted\"");
        }
        if self.way.carrier == "tls" {
            action.push_str(&format!(
                " streamDriver=\"{driver}\" streamDriverMode=\"1\" streamDriverAuthMode=\"x509/name\" \
                 streamDriverPermittedPeers=\"localhost\""
            ));
        }
        Ok((String::new(), action + ")"))
    }

    /// Where it says that it listens.
    fn listens(&self, daemon: &mut Running) -> Result<SocketAddr, Failure> {
        let file = self.folder.join("port");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(port) = fs::read_to_string(&file).unwrap_or_default().trim().parse() {
                return Ok((Ipv4Addr::LOCALHOST, port).into());
            }
            if Instant::now() > deadline {
                return Err(daemon.fault("does not listen"));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
