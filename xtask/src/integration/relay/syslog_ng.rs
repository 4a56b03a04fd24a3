//! syslog-ng with its drivers, framings and formats.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::documents::same;
use super::feed::{Feed, Kept};
use super::rig::Rig;
use crate::failure::Failure;
use crate::integration::case::Case;
use crate::peers::SyslogNg;
use crate::process::free_address;
use crate::relay::Program;

pub(in super::super) fn cases(
    syslog_ng: &Arc<SyslogNg>,
    program: &Arc<Program>,
    scratch: &Path,
) -> Vec<Case> {
    WAYS.iter()
        .enumerate()
        .map(|(number, way)| {
            let (syslog_ng, program) = (Arc::clone(syslog_ng), Arc::clone(program));
            let folder = scratch.join(format!("syslog-ng-{number}"));
            Case::new(format!("to our relay, {}", way.name), move || {
                Trial { syslog_ng, program, folder, way }.run()
            })
        })
        .collect()
}

const WAYS: &[Way] = &[
    Way {
        name: "UDP, BSD format, whole seconds",
        carrier: "udp",
        driver: "network",
        options: "frac-digits(0)",
        has_lines: false,
        kept: SECONDS,
    },
    Way { name: "UDP, RFC 5424", carrier: "udp", driver: "syslog", options: "", has_lines: false, kept: ALL },
    Way {
        name: "TCP, lines, BSD format",
        carrier: "tcp",
        driver: "network",
        options: "",
        has_lines: true,
        kept: MILLISECONDS,
    },
    Way {
        name: "TCP, lines, BSD format with ISO 8601",
        carrier: "tcp",
        driver: "network",
        options: "ts-format(iso)",
        has_lines: true,
        kept: MILLISECONDS,
    },
    Way {
        name: "TCP, lines, RFC 5424",
        carrier: "tcp",
        driver: "network",
        options: "flags(syslog-protocol)",
        has_lines: true,
        kept: ALL,
    },
    Way {
        name: "TCP, octet counting, RFC 5424",
        carrier: "tcp",
        driver: "syslog",
        options: "",
        has_lines: false,
        kept: ALL,
    },
    Way {
        name: "TLS, lines, BSD format",
        carrier: "tls",
        driver: "network",
        options: "",
        has_lines: true,
        kept: MILLISECONDS,
    },
    Way {
        name: "TLS, octet counting, RFC 5424",
        carrier: "tls",
        driver: "syslog",
        options: "",
        has_lines: false,
        kept: ALL,
    },
    Way {
        name: "unix socket, RFC 5424",
        carrier: "unix",
        driver: "unix-dgram",
        options: "flags(syslog-protocol)",
        has_lines: false,
        kept: ALL,
    },
];

/// How its messages get to the relay.
#[derive(Debug)]
struct Way {
    name: &'static str,
    carrier: &'static str,
    driver: &'static str,
    options: &'static str,
    /// Whether a line feed ends a message.
    has_lines: bool,
    kept: Kept,
}

const ALL: Kept = Kept { structured: true, fraction: true };
const MILLISECONDS: Kept = Kept { structured: false, fraction: true };
const SECONDS: Kept = Kept { structured: false, fraction: false };

struct Trial {
    syslog_ng: Arc<SyslogNg>,
    program: Arc<Program>,
    folder: PathBuf,
    way: &'static Way,
}

impl Trial {
    fn run(self) -> Result<String, Failure> {
        let feed = Feed::new(matches!(self.way.carrier, "udp" | "unix"), !self.way.has_lines)?;
        let relay = Rig::listening(&self.program, &self.folder, &format!("syslog+{}", self.way.carrier))?;
        // It tells nobody which port the system chose.
        let listen = free_address()?;
        let _daemon = self.syslog_ng.start(&self.folder, &self.config(listen, &relay)?)?;
        let _stream = feed.send(listen)?;
        let peer = (self.way.carrier != "unix").then_some("127.0.0.1");
        same(&feed.expected(self.way.kept, peer), &relay.finish(feed.len())?)?;
        Ok(format!("{} events, each with all that this format carries", feed.len()))
    }

    /// It takes messages over TCP and passes them on.
    fn config(&self, listen: SocketAddr, relay: &Rig) -> Result<String, Failure> {
        let Way { carrier, driver, options, .. } = self.way;
        let folder = self.folder.display();
        let to = match *carrier {
            "unix" => format!("\"{folder}/socket\""),
            _ => format!("\"127.0.0.1\" port({}) transport(\"{carrier}\")", relay.address()?.port()),
        };
        let trust = match *carrier {
            "tls" => format!("tls(ca-file(\"{folder}/server.pem\") peer-verify(yes))"),
            _ => String::new(),
        };
        Ok(format!(
            "options {{ keep-hostname(yes); frac-digits(3); log-msg-size(65536); stats-freq(0); use-dns(no); }};
source in {{ syslog(ip(\"127.0.0.1\") port({}) transport(\"tcp\")); }};
destination out {{ {driver}({to} {options} {trust}); }};
log {{ source(in); destination(out); }};
",
            listen.port()
        ))
    }
}
