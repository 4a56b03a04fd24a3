//! [`HttpTransport`] over TLS.

use crate::http_proxy::Proxy;
use crate::http_server::HttpServer;
use crate::tls_matrix::{Rig, tls_matrix};
use bytes::Bytes;
use logstash_transport::{
    Batch, ConnectionOptions, Endpoint, HttpBody, HttpTransport, Scheme, Socks5Proxy, Transport,
};
use std::net::SocketAddr;
use std::time::Duration;

struct Http(HttpServer);

impl Rig for Http {
    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn transport(&self, host: &str, port: u16, tls: TlsConfig) -> Box<dyn Transport> {
        let options = ConnectionOptions::new().tls(tls);
        let options =
            options.connect_timeout(Duration::from_secs(1)).handshake_timeout(Duration::from_secs(2));
        let transport = HttpTransport::to(Endpoint::new(Scheme::Https, host, port));
        Box::new(transport.body(HttpBody::Single).connection(options))
    }

    fn events(&self, count: usize) -> Vec<Bytes> {
        self.0.wait_for_requests(count);
        self.0.requests().into_iter().map(|request| Bytes::from(request.body)).collect()
    }
}

tls_matrix!(Http(HttpServer::start()));

#[test]
fn an_authority_is_found_by_its_fingerprint() {
    let (rig, ca) = (Http(HttpServer::start()), Authority::new("ca"));
    let front = TlsServer::new(&ca.server(&["localhost"])).with_authority(&ca).in_front_of(rig.address());
    let pinned = |authority: &Authority| TlsConfig::new().ca_fingerprint(authority.fingerprint());
    if cfg!(any(target_os = "windows", target_vendor = "apple")) {
        send(&rig, &front, "localhost", pinned(&ca).ca_bytes(ca.pem())).unwrap();
        return;
    }
    refuse(&rig, &front, "localhost", pinned(&Authority::new("other")), &["ca_fingerprint"]);
    send(&rig, &front, "localhost", pinned(&ca)).unwrap();
}

#[test]
fn the_host_header_stays_when_another_name_is_wanted() {
    let (rig, ca) = (Http(HttpServer::start()), Authority::new("ca"));
    let front = front(&rig, &ca.server(&["logstash.example"]));
    let tls = || trusting(&ca).server_name("logstash.example");
    send(&rig, &front, "127.0.0.1", tls()).unwrap();
    let host = format!("127.0.0.1:{}", front.address().port());
    assert_eq!(rig.0.requests()[0].header("host"), Some(host.as_str()));

    let transport = HttpTransport::to(Endpoint::new(Scheme::Https, "127.0.0.1", front.address().port()));
    let transport = transport.connection(ConnectionOptions::new().tls(tls()));
    let error =
        transport.proxy("http://127.0.0.1:1").unwrap().send(&mut Batch::from_events(["{}"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.advice().unwrap().contains("there can be no proxy"));
}

#[test]
fn certificates_that_changed_on_disk_take_effect_with_the_next_connection() {
    let folder = tempfile::tempdir().unwrap();
    let (rig, ca) = (Http(HttpServer::start()), Authority::new("ca"));
    let front = front(&rig, &ca.server(&["localhost"]));
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, Authority::new("other").pem()).unwrap();
    let mut transport = rig.transport("localhost", front.address().port(), TlsConfig::new().ca_file(&file));
    let error = transport.send(&mut Batch::from_events(["1"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    std::fs::write(&file, ca.pem()).unwrap();
    transport.send(&mut Batch::from_events(["1"])).unwrap();
}

#[test]
fn a_probe_tells_of_the_certificate() {
    let (rig, ca) = (Http(HttpServer::start()), Authority::new("ca"));
    let front = front(&rig, &ca.server(&["localhost"]));
    let report = rig.transport("localhost", front.address().port(), trusting(&ca)).probe().unwrap();
    let steps: Vec<&str> = report.steps.iter().map(|step| step.name).collect();
    assert_eq!(steps, ["resolve", "connect", "tls", "protocol"]);
    assert!(report.certificate.unwrap().days_left(std::time::SystemTime::now()) > 0);
}

/// The proxy sees where the connection goes, and nothing of what goes over it.
#[test]
fn t29_https_goes_through_a_proxy() {
    let (rig, ca) = (Http(HttpServer::start()), Authority::new("ca"));
    let front = front(&rig, &ca.server(&["logstash.invalid"]));
    let transport = || {
        let transport = HttpTransport::new("https://logstash.invalid:8443/in").unwrap();
        transport.connection(ConnectionOptions::new().tls(trusting(&ca)))
    };
    let proxy = Proxy::http(front.address());
    let through =
        |credentials: &str| transport().proxy(&format!("http://{credentials}{}", proxy.address())).unwrap();
    through("user:secret@").send(&mut Batch::from_events(["1"])).unwrap();
    assert_eq!(proxy.asked(), ["CONNECT logstash.invalid:8443 HTTP/1.1"]);
    let error = through("user:wrong@").send(&mut Batch::from_events(["2"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.advice().unwrap().contains("those of the proxy"));

    let proxy = Proxy::socks5(front.address());
    let socks = Socks5Proxy::new("127.0.0.1", proxy.address().port());
    let options = ConnectionOptions::new().tls(trusting(&ca)).proxy(socks);
    let mut transport = transport().connection(options);
    transport.send(&mut Batch::from_events(["3"])).unwrap();
    let report = transport.probe().unwrap();
    assert_eq!(proxy.asked(), ["logstash.invalid"; 2]);
    let steps: Vec<&str> = report.steps.iter().map(|step| step.name).collect();
    assert_eq!(steps, ["resolve", "connect", "proxy", "tls", "protocol"]);
    assert_eq!(rig.events(3)[..2], ["[1]", "[3]"]);
}
