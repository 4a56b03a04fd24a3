//! Whether a configuration would work.

use super::config::{Carrier, InputConfig, OutputConfig, RelayConfig};
use super::output::folder;
use crate::queue::inspect;
use logstash_transport::{ProbeReport, TransportError, error_chain};
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process;

/// What was found about one part of a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// Which part: `input net`, `output archive`, `queue of output archive`.
    pub place: String,
    /// Whether it would work.
    pub is_right: bool,
    /// What was found, or what is wrong and what to do; may have several lines.
    pub text: String,
}

/// Tries every part of a configuration, and hands on what it finds at once. Sends nothing, and is done with
/// each output within the timeouts of its transport.
///
/// A port that is in use is no fault: it is so while the relay runs.
pub fn probe(config: &RelayConfig, mut found: impl FnMut(&Finding)) {
    let mut tell = |place: String, result: Result<String, String>| {
        let is_right = result.is_ok();
        let text = result.unwrap_or_else(|text| text);
        found(&Finding { place, is_right, text });
    };
    for (name, input) in &config.inputs {
        tell(format!("input {name}"), probe_input(input));
    }
    if let Some(address) = config.metrics {
        tell("metrics".to_owned(), bound(TcpListener::bind(address).map(drop), &address.to_string()));
    }
    for (name, output) in &config.outputs {
        if let Some(queues) = config.queue.as_deref().filter(|_| !output.has_queue()) {
            tell(format!("queue of output {name}"), probe_queue(&queues.join(folder(name))));
        }
        tell(format!("output {name}"), probe_output(output));
    }
}

fn probe_input(input: &InputConfig) -> Result<String, String> {
    let mut text = String::new();
    if let Some(tls) = input.tls() {
        tls.check().map_err(|error| error_chain(&error))?;
        text.push_str("certificate and key fit; ");
    }
    let listen = &input.listen;
    let address = (listen.host(), listen.port());
    let attempt = match listen.carrier() {
        Carrier::Tcp | Carrier::Tls => TcpListener::bind(address).map(drop),
        Carrier::Udp => UdpSocket::bind(address).map(drop),
        Carrier::Unix => writable(listen.path().parent().unwrap_or_else(|| Path::new("/"))),
    };
    bound(attempt, &listen.to_string()).map(|found| text + &found)
}

fn bound(attempt: io::Result<()>, address: &str) -> Result<String, String> {
    match attempt {
        Ok(()) => Ok(format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            Ok(format!("{address} is in use: by this relay, if it runs; another one cannot have it"))
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let advice = "ports below 1024 need the capability CAP_NET_BIND_SERVICE, and paths a folder that \
                          can be written";
            Err(format!("cannot listen on {address}: {error}; {advice}"))
        }
        Err(error) => Err(format!("cannot listen on {address}: {error}")),
    }
}

fn probe_queue(directory: &Path) -> Result<String, String> {
    let shown = directory.display();
    let cannot = |error: io::Error| {
        format!("{shown} cannot be written: {error}; give it to the user that the relay runs as")
    };
    // What a start would do too.
    fs::create_dir_all(directory).and_then(|()| writable(directory)).map_err(cannot)?;
    let inspection = inspect(directory).map_err(|error| error_chain(&error))?;
    let waiting = inspection.events();
    let mut text = format!("{shown} can be written, {waiting} events wait in it");
    for lane in &inspection.lanes {
        if let Some(process) = lane.process {
            text.push_str(&format!(
                "\nprocess {process} uses a part of it; another one gets a part of its own"
            ));
        }
    }
    for damaged in &inspection.damaged {
        text.push_str(&format!("\ndamaged, and set aside: {} ({})", damaged.path.display(), damaged.reason));
    }
    Ok(text)
}

fn probe_output(output: &OutputConfig) -> Result<String, String> {
    let transport = output.transport().transport();
    let mut transport = transport.map_err(|error| error_chain(&error))?;
    let result = transport.probe();
    transport.close();
    result.map(|report| steps(&report)).map_err(|error| explained(&error))
}

fn steps(report: &ProbeReport) -> String {
    let mut text = format!("takes events\n{}", report.to_string().trim_end());
    if let Some(certificate) = &report.certificate {
        text.push_str(&format!("\n{certificate}"));
    }
    text
}

fn explained(error: &TransportError) -> String {
    match error.advice() {
        Some(advice) => format!("{}\n{advice}", error_chain(error)),
        None => error_chain(error),
    }
}

/// Whether files can be made in a folder.
fn writable(folder: &Path) -> io::Result<()> {
    let file = folder.join(format!(".logstash-relay-check-{}", process::id()));
    fs::write(&file, b"")?;
    fs::remove_file(&file)
}
