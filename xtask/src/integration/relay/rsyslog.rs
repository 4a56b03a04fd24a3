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
    Way { name: "UDP", carrier: "udp", options: "protocol=\"udp\"", has_lines: false },
    Way { name: "TCP, lines", carrier: "tcp", options: "protocol=\"tcp\"", has_lines: true },
    Way {
        name: "TCP, octet counting",
        carrier: "tcp",
        options: "protocol=\"tcp\" tcp_framing=\"octet-counted\"",
        has_lines: false,
    },
    Way { name: "TLS, lines", carrier: "tls", options: TLS, has_lines: true },
    Way { name: "TLS, octet counting", carrier: "tls", options: TLS_COUNTED, has_lines: false },
];

const TLS: &str = "protocol=\"tcp\" streamDriver=\"ossl\" streamDriverMode=\"1\" \
                   streamDriverAuthMode=\"x509/name\" streamDriverPermittedPeers=\"localhost\"";
const TLS_COUNTED: &str = "protocol=\"tcp\" streamDriver=\"ossl\" streamDriverMode=\"1\" \
                           streamDriverAuthMode=\"x509/name\" streamDriverPermittedPeers=\"localhost\" \
                           tcp_framing=\"octet-counted\"";

/// How its messages get to the relay.
#[derive(Debug)]
struct Way {
    name: &'static str,
    carrier: &'static str,
    options: &'static str,
    /// Whether a line feed ends a message.
    has_lines: bool,
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
        let feed = Feed::new(self.way.carrier == "udp", !self.way.has_lines)?;
        let relay = Rig::listening(&self.program, &self.folder, &format!("syslog+{}", self.way.carrier))?;
        let mut daemon = self.rsyslog.start(&self.folder, &self.config(relay.address()?))?;
        let _stream = feed.send(self.listens(&mut daemon)?)?;
        same(&feed.expected(self.format.kept, Some("127.0.0.1")), &relay.finish(feed.len())?)?;
        Ok(format!("{} events, each with all that this format carries", feed.len()))
    }

    /// It takes messages over TCP on a port that the system chooses, and passes them on, but not its own.
    fn config(&self, relay: SocketAddr) -> String {
        let (folder, port) = (self.folder.display(), relay.port());
        let trust = match self.way.carrier {
            "tls" => format!("defaultNetstreamDriverCAFile=\"{folder}/server.pem\""),
            _ => String::new(),
        };
        let (options, format) = (self.way.options, self.format.name);
        format!(
            "global(maxMessageSize=\"64k\" parser.escapeControlCharactersOnReceive=\"off\" {trust})
module(load=\"imtcp\")
input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" listenPortFileName=\"{folder}/port\")
if $inputname == \"imtcp\" then {{
    action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{port}\" template=\"{format}\" {options})
}}
"
        )
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
