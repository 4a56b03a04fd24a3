//! Clients that are asked for certificates (T-20, from the other side).

use crate::authority::{Authority, Leaf};
use crate::support::{LONG, Rig, documents, each, lines};
use logstash_handler::relay::RelayConfig;
use logstash_transport::{
    Batch, ConnectionOptions, ErrorKind, PeerCertificate, TcpTransport, TlsConfig, TlsVersion, Transport,
    TransportError, error_chain,
};
use openssl::ssl::{HandshakeError, SslConnector, SslMethod, SslSessionCacheMode};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const CONFIG: &str = r#"
    [inputs.in]
    listen = "lines+tls://127.0.0.1:0"
    tls_cert = "FOLDER/server.pem"
    tls_key = "FOLDER/server.key"
    tls_client_ca = "FOLDER/clients.pem"
    [outputs.out]
    endpoint = "file:FOLDER/out"
"#;

/// A relay that asks, and the authorities of both sides.
struct Asking {
    rig: Rig,
    authority: Authority,
    clients: Authority,
}

impl Asking {
    /// With some lines more in the configuration of the input.
    fn start(more: &str) -> Self {
        Self::start_with(&config(more))
    }

    fn start_with(config: &str) -> Self {
        let (authority, clients) = (Authority::new("servers"), Authority::new("clients"));
        let folder = tempfile::tempdir().unwrap();
        authority.server(&["127.0.0.1"]).write(folder.path(), "server");
        fs::write(folder.path().join("clients.pem"), clients.pem()).unwrap();
        Self { rig: Rig::start_in(folder, config), authority, clients }
    }

    fn tls(&self) -> TlsConfig {
        TlsConfig::new().ca_bytes(self.authority.pem())
    }

    fn client(&self, tls: TlsConfig) -> TcpTransport {
        let address = self.rig.address("in").to_string();
        TcpTransport::new(&address).unwrap().connection(ConnectionOptions::new().tls(tls))
    }

    fn send(&self, line: &str, tls: TlsConfig) -> Result<(), TransportError> {
        // What is asserted is what the relay makes of it.
        let mut client = self.client(tls).settle_time(Duration::ZERO);
        let result = client.send(&mut Batch::from_events([line.to_owned()]));
        client.close();
        result
    }

    /// Sends a line that arrives.
    fn accepted(&self, line: &str, tls: TlsConfig) {
        let before = self.rig.relay.stats().inputs["in"].received;
        self.send(line, tls).unwrap_or_else(|error| panic!("{line}: {}", error_chain(&error)));
        self.rig.eventually(|stats| stats.inputs["in"].received == before + 1);
    }

    /// Sends a line that does not arrive, for a reason.
    fn refused(&self, line: &str, tls: TlsConfig, sign: &str) {
        let before = self.rig.relay.stats().inputs["in"];
        // TLS 1.3 lets a client write before it is judged: it may have ended before it heard.
        let _ = self.send(line, tls);
        let stats =
            self.rig.eventually(|stats| stats.inputs["in"].failed_handshakes == before.failed_handshakes + 1);
        assert_eq!(stats.inputs["in"].received, before.received, "{line}");
        let problem = &stats.problems.last().unwrap().text;
        assert!(problem.contains("TLS with 127.0.0.1:") && problem.contains(sign), "{line}: {problem}");
    }
}

fn config(more: &str) -> String {
    CONFIG.replace("    [outputs", &format!("{more}\n    [outputs"))
}

fn with(tls: TlsConfig, leaf: &Leaf) -> TlsConfig {
    tls.client_certificate_bytes(leaf.pem.clone()).client_key_bytes(leaf.key_pem())
}

/// Presents the certificates of the authorities in between, too.
fn with_chain(tls: TlsConfig, leaf: &Leaf, between: &[&Authority]) -> TlsConfig {
    let chain: String = between.iter().map(|authority| authority.pem()).collect();
    tls.client_certificate_bytes(leaf.pem.clone() + &chain).client_key_bytes(leaf.key_pem())
}

const VERSIONS: [TlsVersion; 2] = [TlsVersion::Tls12, TlsVersion::Tls13];

#[test]
fn t20_clients_that_are_right_come_in() {
    let asking = Asking::start("");
    let leaf = asking.clients.client("web-1");
    let between = asking.clients.intermediate("between");
    for version in VERSIONS {
        let tls = || asking.tls().minimum_version(version).maximum_version(version);
        asking.accepted("of the authority", with(tls(), &leaf));
        asking.accepted("of one in between", with_chain(tls(), &between.client("web-2"), &[&between]));
    }
}

#[test]
fn t20_clients_that_are_not_right_are_refused_and_the_reason_is_told_with_tls_1_2() {
    refuses(TlsVersion::Tls12);
}

#[test]
fn t20_clients_that_are_not_right_are_refused_and_the_reason_is_told_with_tls_1_3() {
    refuses(TlsVersion::Tls13);
}

fn refuses(version: TlsVersion) {
    let asking = Asking::start("");
    let (ca, other) = (&asking.clients, Authority::new("others"));
    let between = ca.intermediate("between");
    let mut long = vec![ca.intermediate("0")];
    for number in 1..6 {
        let next = long.last().unwrap().intermediate(&number.to_string());
        long.push(next);
    }
    let leaf_of_long = long.last().unwrap().client("web");
    let long: Vec<&Authority> = long.iter().rev().collect();
    let tls = || asking.tls().minimum_version(version).maximum_version(version);
    asking.refused("none", tls(), "peer did not return a certificate; give it one");
    asking.refused("of another authority", with(tls(), &other.client("web")), "\"CN=web\" is refused");
    asking.refused("of another authority", with(tls(), &other.client("web")), "tls_client_ca has issued it");
    asking.refused("of itself", with(tls(), &Leaf::self_signed(&["web"])), "self-signed certificate");
    asking.refused("too late", with(tls(), &ca.client_of_year("web", 2020)), "has expired; renew it");
    asking.refused("too early", with(tls(), &ca.client_of_year("web", 2048)), "not yet valid");
    asking.refused("of a server", with(tls(), &ca.server(&["web"])), "clientAuth");
    asking.refused("without the one in between", with(tls(), &between.client("web")), "must send");
    asking.refused("too long", with_chain(tls(), &leaf_of_long, &long), "chain too long");
    asking.rig.eventually(|stats| stats.inputs["in"].open_connections == 0);
}

#[test]
fn a_client_without_certificate_is_told_that_it_needs_one() {
    let asking = Asking::start("");
    for version in VERSIONS {
        let tls = asking.tls().minimum_version(version).maximum_version(version);
        // With TLS 1.3 the first events may be under way before the client hears of it.
        let mut client = asking.client(tls);
        let error = (0..100)
            .find_map(|number| client.send(&mut Batch::from_events([format!("{number}")])).err())
            .unwrap();
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{}", error_chain(&error));
        assert!(error.advice().unwrap().contains("client certificate"), "{:?}", error.advice());
    }
    assert_eq!(asking.rig.relay.stats().inputs["in"].received, 0);
}

#[test]
fn certificates_may_be_optional() {
    let asking = Asking::start("tls_client_auth = \"optional\"");
    asking.accepted("none", asking.tls());
    asking.accepted("right", with(asking.tls(), &asking.clients.client("web-1")));
    asking.refused("wrong", with(asking.tls(), &Authority::new("others").client("web")), "is refused");
    let found = documents(&asking.rig.path("out"), 2);
    let states: Vec<&Value> = found.iter().map(|document| &document["tls_peer"]["status"]).collect();
    assert_eq!(states, ["unverified", "verified"]);
}

#[test]
fn only_clients_with_certain_names_may_come_in() {
    let clients = Authority::new("clients");
    let known = clients.client("by its fingerprint");
    let fingerprint = PeerCertificate::from_der(&known.der).unwrap().fingerprint;
    let names = format!("tls_client_names = [\"*.edge.example\", \"10.1.2.3\", \"Web\", \"{fingerprint}\"]");
    let asking = Asking::start(&names);
    fs::write(asking.rig.path("clients.pem"), clients.pem()).unwrap();
    asking.rig.reload(&config(&names));
    let right = [
        clients.client_of("x", &["a.example", "b.edge.example"]),
        clients.client_of("x", &["10.1.2.3"]),
        clients.client("web"),
        known,
    ];
    for leaf in &right {
        asking.accepted("known", with(asking.tls(), leaf));
    }
    for leaf in [clients.client("other"), clients.client_of("x", &["edge.example", "10.1.2.4"])] {
        asking.refused("unknown", with(asking.tls(), &leaf), "holds none of the names in tls_client_names");
    }
}

#[test]
fn events_tell_who_sent_them_in_both_formats() {
    let asking = Asking::start_with(&format!(
        "{CONFIG}\n[outputs.ecs]\nendpoint = \"file:FOLDER/ecs\"\nformat = \"ecs\""
    ));
    let leaf = asking.clients.client("web-1");
    let fingerprint = PeerCertificate::from_der(&leaf.der).unwrap().fingerprint;
    let tls = || with(asking.tls(), &leaf);
    asking.accepted("1.2", tls().maximum_version(TlsVersion::Tls12));
    asking.accepted("1.3", tls().minimum_version(TlsVersion::Tls13));

    let found = documents(&asking.rig.path("out"), 2);
    assert_eq!(each(&found, "tls"), ["true", "true"]);
    assert_eq!(found[0]["tls_peer"]["protocol"], "TLSv1.2");
    let cipher = found[1]["tls_peer"]["cipher_suite"].as_str().unwrap();
    assert!(cipher.starts_with("TLS_AES_"), "{cipher}");
    let expected = json!({
        "status": "verified", "protocol": "TLSv1.3", "cipher_suite": cipher, "subject": "CN=web-1",
        "issuer": "CN=clients", "sha256": fingerprint,
    });
    assert_eq!(found[1]["tls_peer"], expected);

    let ecs = documents(&asking.rig.path("ecs"), 2);
    let expected = json!({
        "established": true, "version": "1.3", "version_protocol": "tls", "cipher": cipher,
        "client": {
            "subject": "CN=web-1", "issuer": "CN=clients", "not_after": "2049-01-01T00:00:00.000000000Z",
            "hash": {"sha256": fingerprint.to_uppercase()},
        },
    });
    assert_eq!(ecs[1]["tls"], expected);
    assert_eq!(ecs[0]["tls"]["version"], "1.2");
}

#[test]
fn routes_go_by_the_names_of_clients() {
    let routed = config("tls_client_auth = \"optional\"")
        + r#"
        [outputs.web]
        endpoint = "file:FOLDER/web"
        format = "raw"
        [[routes]]
        tls_client_names = ["*.web.example"]
        outputs = ["web"]
        [[routes]]
        outputs = ["out"]
    "#;
    let asking = Asking::start_with(&routed);
    asking.accepted("nobody", asking.tls());
    asking.accepted("other", with(asking.tls(), &asking.clients.client("other")));
    asking.accepted("web", with(asking.tls(), &asking.clients.client_of("w", &["1.web.example"])));
    assert_eq!(lines(&asking.rig.path("web"), 1), ["web"]);
    assert_eq!(documents(&asking.rig.path("out"), 3).len(), 3);

    let error = RelayConfig::parse(&routed.replace("tls_client_ca", "#").replace("tls_client_auth", "#"));
    let text = error.unwrap_err().to_string();
    assert!(text.contains("routes.1.tls_client_names") && text.contains("tls_client_ca"), "{text}");
}

#[test]
fn authorities_are_read_anew_with_the_configuration_and_old_connections_stay() {
    let asking = Asking::start("");
    let old = asking.clients.client("old");
    let mut connected = asking.client(with(asking.tls(), &old));
    connected.send(&mut Batch::from_events(["1"])).unwrap();
    let successor = Authority::new("successor");
    fs::write(asking.rig.path("clients.pem"), successor.pem()).unwrap();
    asking.rig.reload(&config(""));
    connected.send(&mut Batch::from_events(["2"])).unwrap();
    asking.rig.eventually(|stats| stats.inputs["in"].received == 2);
    asking.refused("3", with(asking.tls(), &old), "is refused");
    asking.accepted("4", with(asking.tls(), &successor.client("new")));

    fs::write(asking.rig.path("clients.pem"), "damaged").unwrap();
    asking.rig.reload(&config(""));
    asking.accepted("5", with(asking.tls(), &successor.client("new")));
    let stats = asking.rig.relay.stats();
    assert!(stats.problems.iter().any(|problem| problem.text.contains("clients.pem holds no certificate")));
}

#[test]
fn a_client_that_keeps_its_certificate_to_itself_has_its_time() {
    let asking = Asking::start("handshake_timeout = \"200 ms\"");
    let connector = SslConnector::builder(SslMethod::tls()).unwrap().build();
    let stream = Hesitant { stream: asking.rig.connect("in"), writes: 1 };
    let configuration = connector.configure().unwrap().verify_hostname(false);
    let unverified = configuration.into_ssl("127.0.0.1").map(|mut ssl| {
        ssl.set_verify(openssl::ssl::SslVerifyMode::NONE);
        ssl
    });
    let Err(HandshakeError::WouldBlock(mut pending)) = unverified.unwrap().connect(stream) else {
        panic!("there was more than one message to write")
    };
    let stats = asking.rig.eventually(|stats| stats.inputs["in"].failed_handshakes == 1);
    assert!(stats.problems.last().unwrap().text.contains("the handshake took too long"));
    let stream = &mut pending.get_mut().stream;
    stream.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

/// Says only so much.
#[derive(Debug)]
struct Hesitant {
    stream: TcpStream,
    writes: usize,
}

impl Read for Hesitant {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Hesitant {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writes = self.writes.checked_sub(1).ok_or(io::ErrorKind::WouldBlock)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn clients_that_only_write_are_sent_no_tickets_that_would_reset_their_connections() {
    let asking = Asking::start("idle_timeout = \"100 ms\"\ntls_client_auth = \"optional\"");
    let tickets = Arc::new(AtomicUsize::new(0));
    let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
    connector.set_verify(openssl::ssl::SslVerifyMode::NONE);
    connector.set_session_cache_mode(SslSessionCacheMode::CLIENT);
    let counted = Arc::clone(&tickets);
    connector.set_new_session_callback(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let mut stream = connector.build().connect("127.0.0.1", asking.rig.connect("in")).unwrap();
    assert_eq!(stream.ssl().version_str(), "TLSv1.3");
    stream.write_all(b"a line\n").unwrap();
    // Nothing comes before the relay ends the connection, with or without a goodbye.
    assert_eq!(stream.read(&mut [0; 64]).unwrap_or_default(), 0);
    assert_eq!(tickets.load(Ordering::SeqCst), 0);
    asking.rig.eventually(|stats| stats.inputs["in"].received == 1);
}

#[test]
fn older_versions_than_the_lowest_are_refused() {
    let asking = Asking::start("tls_minimum_version = \"1.3\"");
    let leaf = asking.clients.client("web-1");
    asking.accepted("1.3", with(asking.tls(), &leaf));
    let old = with(asking.tls(), &leaf).maximum_version(TlsVersion::Tls12);
    asking.refused("1.2", old, "tls_minimum_version");
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    for (more, without, sign) in [
        ("tls_client_auth = \"optional\"", "tls_client_ca", "need tls_client_ca"),
        ("tls_client_names = [\"a\"]", "tls_client_ca", "need tls_client_ca"),
        ("tls_client_auth = \"perhaps\"", "#", "perhaps"),
    ] {
        let text = config(more).replace(without, "#");
        let error = RelayConfig::parse(&text).unwrap_err().to_string();
        assert!(error.contains("inputs.in") && error.contains(sign), "{error}");
    }
    let plain = CONFIG.replace("+tls:", "+tcp:").replace("tls_cert", "#").replace("tls_key", "#");
    let error = RelayConfig::parse(&plain).unwrap_err().to_string();
    assert!(error.contains("tls_client_ca: it is for TLS"), "{error}");
}
