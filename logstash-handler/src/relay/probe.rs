//! Whether a configuration would work.

use super::config::{Carrier, InputConfig, OutputConfig, RelayConfig};
use super::output::folder;
use crate::queue::inspect;
use logstash_transport::{ProbeStep, TransportError, error_chain};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process;

/// What was found about one part of a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// Which part: `input net`, `output archive`, `queue of output archive`.
    pub place: String,
    /// Whether it would work.
    pub is_right: bool,
    /// What was found, or what is wrong; may have several lines.
    pub text: String,
    /// The steps on the way to an output that succeeded, in their order.
    pub steps: Vec<ProbeStep>,
    /// What to do about what is wrong, where that is known.
    pub advice: Option<String>,
}

/// Tries every part of a configuration, and hands on what it finds at once. Sends nothing, and is done with
/// each output within the timeouts of its transport.
///
/// A port that is in use is no fault: it is so while the relay runs. Nor is a queue that another process uses:
/// the relay gets a part of its own then.
///
/// ```
/// use logstash_handler::relay::{RelayConfig, probe};
///
/// let config = RelayConfig::new().listen("lines+tcp://127.0.0.1:0")?.send_to("discard:")?;
/// let mut wrong = 0;
/// probe(&config, |finding| wrong += u32::from(!finding.is_right));
/// assert_eq!(wrong, 0);
/// # Ok::<(), logstash_handler::relay::ConfigError>(())
/// ```
pub fn probe(config: &RelayConfig, mut found: impl FnMut(&Finding)) {
    let mut tell = |place: String, result: Result<Found, Found>| {
        let is_right = result.is_ok();
        let Found { text, steps, advice } = result.unwrap_or_else(|fault| fault);
        found(&Finding { place, is_right, text, steps, advice });
    };
    for (name, input) in &config.inputs {
        tell(format!("input {name}"), probe_input(input));
    }
    if let Some(address) = config.metrics {
        tell("metrics".to_owned(), bound(TcpListener::bind(address).map(drop), &address.to_string()));
    }
    for (name, output) in &config.outputs {
        let of_all =
            || config.queue.as_ref().filter(|_| !output.has_queue()).map(|all| all.join(folder(name)));
        if let Some(directory) = output.queue_directory().map(PathBuf::from).or_else(of_all) {
            tell(format!("queue of output {name}"), probe_queue(&directory));
        }
        tell(format!("output {name}"), probe_output(output));
    }
}

/// What was found, or what is wrong.
#[derive(Default)]
struct Found {
    text: String,
    steps: Vec<ProbeStep>,
    advice: Option<String>,
}

impl Found {
    fn advise(mut self, advice: &str) -> Self {
        self.advice = Some(advice.to_owned());
        self
    }
}

impl From<String> for Found {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl From<&TransportError> for Found {
    fn from(error: &TransportError) -> Self {
        Self {
            text: error_chain(error),
            steps: error.passed().to_vec(),
            advice: error.advice().map(str::to_owned),
        }
    }
}

fn probe_input(input: &InputConfig) -> Result<Found, Found> {
    let mut text = String::new();
    if let Some(tls) = input.tls() {
        tls.check().map_err(|error| Found::from(error_chain(&error)))?;
        text.push_str("certificate and key fit; ");
    }
    let listen = &input.listen;
    let address = (listen.host(), listen.port());
    let attempt = match listen.carrier() {
        Carrier::Tcp | Carrier::Tls => TcpListener::bind(address).map(drop),
        Carrier::Udp => UdpSocket::bind(address).map(drop),
        Carrier::Unix => writable(listen.path().parent().unwrap_or_else(|| Path::new("/"))),
    };
    let mut found = bound(attempt, &listen.to_string())?;
    found.text.insert_str(0, &text);
    Ok(found)
}

fn bound(attempt: io::Result<()>, address: &str) -> Result<Found, Found> {
    let error = match attempt {
        Ok(()) => return Ok(format!("{address} is free").into()),
        Err(error) => error,
    };
    let fault = Found::from(format!("cannot listen on {address}: {error}"));
    match error.kind() {
        ErrorKind::AddrInUse => {
            let text = format!("{address} is in use: by this relay, if it runs; another one cannot have it");
            Ok(text.into())
        }
        ErrorKind::AddrNotAvailable => {
            Err(fault.advise("use an address of this machine, or 0.0.0.0 or [::] for all of them"))
        }
        ErrorKind::PermissionDenied => Err(fault.advise(
            "ports below 1024 need the capability CAP_NET_BIND_SERVICE, and paths a folder that can be written",
        )),
        _ => Err(fault),
    }
}

fn probe_queue(directory: &Path) -> Result<Found, Found> {
    let shown = directory.display();
    let cannot = |error: io::Error| {
        let fault = Found::from(format!("{shown} cannot be written: {error}"));
        match error.kind() {
            ErrorKind::StorageFull => fault.advise("make room on its disk, or name another directory"),
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
                fault.advise("a file is in its way: name another directory")
            }
            _ => fault.advise("give it to the user that the relay runs as, or name another directory"),
        }
    };
    // What a start would do too, but as its own user: where another one checks, folders of his would be in its way.
    let mut made = Vec::new();
    let attempt = make(directory, &mut made).and_then(|()| writable(directory)).map_err(cannot);
    let inspection =
        attempt.and_then(|()| inspect(directory).map_err(|error| Found::from(error_chain(&error))));
    for folder in made.into_iter().rev() {
        let _ = fs::remove_dir(folder);
    }
    let inspection = inspection?;
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
    Ok(text.into())
}

fn probe_output(output: &OutputConfig) -> Result<Found, Found> {
    let mut transport = output.transport().transport().map_err(|error| Found::from(error_chain(&error)))?;
    let result = transport.probe();
    transport.close();
    let report = result.map_err(|error| Found::from(&error))?;
    let mut text = "takes events".to_owned();
    if let Some(certificate) = &report.certificate {
        text.push_str(&format!("\n{certificate}"));
    }
    Ok(Found { text, steps: report.steps, advice: None })
}

/// Makes the folders that are missing, and tells which: others may make some of them at the same time.
fn make<'a>(directory: &'a Path, made: &mut Vec<&'a Path>) -> io::Result<()> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.is_dir();
    let missing: Vec<&Path> = directory.ancestors().take_while(is_missing).collect();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(folder) {
            Ok(()) => made.push(folder),
            Err(_) if folder.is_dir() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether files can be made in a folder.
fn writable(folder: &Path) -> io::Result<()> {
    let mut result = Ok(());
    // A name may be taken by another check, by one that crashed, or by somebody's link.
    for attempt in 0..ATTEMPTS {
        let file = folder.join(format!(".logstash-relay-check-{}-{attempt}", process::id()));
        result = OpenOptions::new().write(true).create_new(true).open(&file).map(drop);
        match &result {
            Ok(()) => return fs::remove_file(&file),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(_) => break,
        }
    }
    result
}

/// How many names are tried.
const ATTEMPTS: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_others_made_are_not_told() {
        let root = tempfile::tempdir().unwrap();
        let (theirs, ours) = (root.path().join("a"), root.path().join("a/b"));
        let deep = ours.join("c");
        fs::create_dir(&theirs).unwrap();
        let mut made = Vec::new();
        make(&deep, &mut made).unwrap();
        assert_eq!(made, [ours.as_path(), deep.as_path()]);
        let mut again = Vec::new();
        make(&deep, &mut again).unwrap();
        assert!(again.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_check_neither_follows_links_nor_removes_them() {
        let root = tempfile::tempdir().unwrap();
        let precious = root.path().join("precious");
        fs::write(&precious, "precious").unwrap();
        let folder = root.path().join("folder");
        fs::create_dir(&folder).unwrap();
        let link = folder.join(format!(".logstash-relay-check-{}-0", process::id()));
        std::os::unix::fs::symlink(&precious, &link).unwrap();
        writable(&folder).unwrap();
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
        assert!(link.is_symlink());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }
}
