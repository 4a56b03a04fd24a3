//! TLS with certificates that are made for the test.

use crate::support::{LONG, Rig, lines, parse};
use logstash_handler::relay::{Relay, RelayConfig};
use logstash_transport::{Batch, Endpoint, Transport, TransportOptions};
use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use tempfile::TempDir;

const CONFIG: &str = r#"
    [inputs.in]
    listen = "lines+tls://127.0.0.1:0"
    tls_cert = "FOLDER/cert.pem"
    tls_key = "FOLDER/key.pem"
    handshake_timeout = "10 m"
    [outputs.out]
    endpoint = "file:FOLDER/out"
    format = "raw"
"#;

/// Writes a certificate of the relay and its key.
pub(crate) fn certificate(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path());
    folder
}

/// A client that trusts what stands in the folder right now.
fn client(address: SocketAddr, folder: &Path) -> Box<dyn Transport> {
    let ca = folder.join("ca.pem");
    fs::copy(folder.join("cert.pem"), &ca).unwrap();
    let endpoint: Endpoint = format!("tcp+tls://{address}?tls_ca={}", ca.display()).parse().unwrap();
    endpoint.into_transport(&TransportOptions::new()).unwrap()
}

#[test]
fn lines_come_over_tls() {
    let rig = Rig::start_in(folder(), CONFIG);
    let mut client = client(rig.address("in"), rig.folder.path());
    client.send(&mut Batch::from_events(["secret"])).unwrap();
    assert_eq!(lines(&rig.path("out"), 1), ["secret"]);
}

#[test]
fn peers_that_never_shake_hands_hold_nobody_up() {
    let rig = Rig::start_in(folder(), CONFIG);
    let silent: Vec<TcpStream> = (0..50).map(|_| rig.connect("in")).collect();
    rig.eventually(|stats| stats.inputs["in"].open_connections == 50);
    let mut client = client(rig.address("in"), rig.folder.path());
    client.send(&mut Batch::from_events(["heard"])).unwrap();
    assert_eq!(lines(&rig.path("out"), 1), ["heard"]);
    drop(silent);
    // They have said nothing that could be wrong.
    let stats = rig.eventually(|stats| stats.inputs["in"].open_connections == 1);
    assert_eq!(stats.inputs["in"].failed_handshakes, 0);
}

#[test]
fn a_handshake_has_its_time_and_plain_text_is_refused() {
    let rig = Rig::start_in(folder(), &CONFIG.replace("10 m", "50 ms"));
    let mut silent = rig.connect("in");
    silent.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    rig.send("in", b"<13>plain text\n");
    let stats = rig.eventually(|stats| stats.inputs["in"].failed_handshakes == 2);
    assert_eq!(stats.inputs["in"].received, 0);
    assert!(stats.problems.iter().any(|problem| problem.text.contains("took too long")), "{stats:?}");
}

#[test]
fn a_renewed_certificate_is_for_new_connections_and_old_ones_stay() {
    let rig = Rig::start_in(folder(), CONFIG);
    let mut old = client(rig.address("in"), rig.folder.path());
    old.send(&mut Batch::from_events(["1"])).unwrap();
    certificate(rig.folder.path());
    rig.reload(CONFIG);
    old.send(&mut Batch::from_events(["2"])).unwrap();
    let mut new = client(rig.address("in"), rig.folder.path());
    new.send(&mut Batch::from_events(["3"])).unwrap();
    let mut found = lines(&rig.path("out"), 3);
    found.sort_unstable();
    assert_eq!(found, ["1", "2", "3"]);
    assert_eq!(rig.relay.stats().inputs["in"].connections, 2);
}

#[test]
fn a_damaged_certificate_leaves_the_one_before_in_force_and_is_told() {
    let rig = Rig::start_in(folder(), CONFIG);
    let mut client = client(rig.address("in"), rig.folder.path());
    fs::write(rig.path("cert.pem"), "damaged").unwrap();
    rig.reload(CONFIG);
    client.send(&mut Batch::from_events(["still"])).unwrap();
    assert_eq!(lines(&rig.path("out"), 1), ["still"]);
    assert!(rig.relay.stats().problems.iter().any(|problem| problem.text.contains("cert.pem")));
}

#[test]
fn half_of_the_files_or_files_that_do_not_fit_start_nothing() {
    let folder = folder();
    for key in ["tls_cert", "tls_key"] {
        let lines = CONFIG.lines().filter(|line| !line.contains(key)).collect::<Vec<_>>().join("\n");
        let error = RelayConfig::parse(&lines).unwrap_err().to_string();
        assert!(error.contains(": inputs.in: ") && error.contains("without"), "{error}");
    }
    let other = tempfile::tempdir().unwrap();
    certificate(other.path());
    fs::copy(other.path().join("key.pem"), folder.path().join("key.pem")).unwrap();
    let error = Relay::start(parse(CONFIG, folder.path())).unwrap_err();
    let text = logstash_transport::error_chain(&error);
    assert!(text.contains("input \"in\"") && text.contains("do not belong together"), "{text}");
}
