//! [`BeatsTransport`] over TLS.

use crate::switch::Switch;
use crate::tls_matrix::{Rig, tls_matrix};
use bytes::Bytes;
use logstash_transport::testing::Receiver;
use logstash_transport::{
    Batch, BeatsTransport, ConnectionOptions, Endpoint, Interrupt, Scheme, Transport, error_chain,
};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

struct Beats(Receiver);

impl Rig for Beats {
    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn transport(&self, host: &str, port: u16, tls: TlsConfig) -> Box<dyn Transport> {
        let options = ConnectionOptions::new().tls(tls).handshake_timeout(Duration::from_secs(2));
        Box::new(BeatsTransport::to(Endpoint::new(Scheme::Beats, host, port)).connection(options))
    }

    fn events(&self, count: usize) -> Vec<Bytes> {
        assert!(self.0.wait_for(count as u64, Duration::from_secs(5)));
        self.0.events()
    }
}

tls_matrix!(Beats(Receiver::start().unwrap()));

#[test]
fn an_authority_is_found_by_its_fingerprint() {
    let (rig, ca) = (Beats(Receiver::start().unwrap()), Authority::new("ca"));
    let leaf = ca.server(&["localhost"]);
    let front = TlsServer::new(&leaf).with_authority(&ca).in_front_of(rig.address());
    let pinned = |authority: &Authority| TlsConfig::new().ca_fingerprint(authority.fingerprint());
    if cfg!(any(target_os = "windows", target_vendor = "apple")) {
        send(&rig, &front, "localhost", pinned(&ca).ca_bytes(ca.pem())).unwrap();
        return;
    }
    refuse(&rig, &front, "localhost", pinned(&Authority::new("other")), &["ca_fingerprint"]);
    // The name counts too.
    refuse(&rig, &front, "127.0.0.1", pinned(&ca), &["mismatch"]);
    send(&rig, &front, "localhost", pinned(&ca)).unwrap();
}

#[test]
fn a_fingerprint_leaves_out_other_authorities_that_are_given() {
    let (rig, ca) = (Beats(Receiver::start().unwrap()), Authority::new("ca"));
    let front = front(&rig, &ca.server(&["localhost"]));
    let other = Authority::new("other");
    let both = TlsConfig::new().ca_bytes(ca.pem() + &other.pem());
    refuse(&rig, &front, "localhost", both.clone().ca_fingerprint(other.fingerprint()), &["ca_file"]);
    send(&rig, &front, "localhost", both.ca_fingerprint(ca.fingerprint())).unwrap();
}

#[test]
fn certificates_that_changed_on_disk_take_effect_with_the_next_connection() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().unwrap();
    let (ca, next) = (Authority::new("ca"), Authority::new("next"));
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, ca.pem()).unwrap();
    let old = TlsServer::new(&ca.server(&["localhost"])).in_front_of(receiver.address());
    let new = TlsServer::new(&next.server(&["localhost"])).in_front_of(receiver.address());
    let options = ConnectionOptions::new().tls(TlsConfig::new().ca_file(&file));
    // Both through one proxy of ports, so that it is one transport to one address.
    let switch = Switch::start(old.address());
    let endpoint = Endpoint::new(Scheme::BeatsTls, "localhost", switch.address().port());
    let mut transport = BeatsTransport::to(endpoint).connection(options);
    transport.send(&mut Batch::from_events(["1"])).unwrap();
    transport.close();

    switch.point_to(new.address());
    let error = transport.send(&mut Batch::from_events(["2"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    std::fs::write(&file, next.pem()).unwrap();
    transport.send(&mut Batch::from_events(["2"])).unwrap();
    transport.close();
    // What is damaged leaves in force what was read before.
    std::fs::write(&file, "half a cert").unwrap();
    transport.send(&mut Batch::from_events(["3"])).unwrap();
    assert_eq!(receiver.events(), ["1", "2", "3"]);
}

#[test]
fn a_probe_tells_whose_certificate_it_is_and_when_it_expires() {
    let (rig, ca) = (Beats(Receiver::start().unwrap()), Authority::new("ca"));
    let front = front(&rig, &ca.server(&["localhost", "127.0.0.1"]));
    let report = rig.transport("localhost", front.address().port(), trusting(&ca)).probe().unwrap();
    let names: Vec<_> = report.steps.iter().map(|step| step.name).collect();
    assert_eq!(names, ["resolve", "connect", "tls", "protocol"]);
    let certificate = report.certificate.unwrap();
    assert_eq!(certificate.names, ["localhost", "127.0.0.1"]);
    assert!(certificate.subject.contains("test server") && certificate.issuer.contains("ca"));
    // It is valid until 2049-01-01.
    let end = std::time::UNIX_EPOCH + Duration::from_secs(2_493_072_000);
    assert_eq!(certificate.not_after, end);
    assert_eq!(certificate.days_left(end - Duration::from_secs(86_400 * 3 + 5)), 3);
    assert_eq!(certificate.days_left(end + Duration::from_secs(5)), -1);
}

#[cfg(target_os = "linux")]
#[test]
fn pkcs12_and_older_forms_of_keys_are_taken() {
    use openssl::pkcs12::Pkcs12;
    use openssl::pkey::PKey;
    use openssl::symm::Cipher;
    use openssl::x509::X509;

    let (rig, ca) = (Beats(Receiver::start().unwrap()), Authority::new("ca"));
    let server = TlsServer::new(&ca.server(&["localhost"])).demanding(&ca);
    let (front, client) = (server.in_front_of(rig.address()), ca.client("shipper"));
    let key = PKey::private_key_from_pem(client.key_pem().as_bytes()).unwrap();
    let certificate = X509::from_pem(client.pem.as_bytes()).unwrap();
    let pkcs12 = Pkcs12::builder().name("x").pkey(&key).cert(&certificate).build2("hush").unwrap();
    let sec1 = key.ec_key().unwrap().private_key_to_pem().unwrap();
    let encrypted = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"hush").unwrap();
    let tls = || trusting(&ca).client_certificate_bytes(client.pem.clone());

    let transport = |tls| {
        let mut transport = rig.transport("localhost", front.address().port(), tls);
        transport.send(&mut Batch::from_events(["{}"])).map_err(|error| error_chain(&error))
    };
    transport(trusting(&ca).client_pkcs12_bytes(pkcs12.to_der().unwrap(), "hush")).unwrap();
    transport(tls().client_key_bytes(sec1)).unwrap();
    transport(tls().client_key_bytes(encrypted.clone()).client_key_password("hush")).unwrap();
    for wrong in [
        trusting(&ca).client_pkcs12_bytes(pkcs12.to_der().unwrap(), "loud"),
        tls().client_key_bytes(encrypted.clone()).client_key_password("loud"),
        tls().client_key_bytes(encrypted),
    ] {
        let text = transport(wrong).unwrap_err();
        assert!(text.contains("password"), "{text}");
    }
}

/// A record that the system does not take as a whole is repeated in parts; nothing may be lost or come twice.
#[test]
fn windows_of_many_megabytes_arrive_whole_although_the_peer_is_slow() {
    let (rig, ca) = (Beats(Receiver::start().unwrap()), Authority::new("ca"));
    let front = front(&rig, &ca.server(&["localhost"]));
    let options = ConnectionOptions::new().tls(trusting(&ca));
    let endpoint = Endpoint::new(Scheme::BeatsTls, "localhost", front.address().port());
    let mut transport = BeatsTransport::to(endpoint).connection(options);
    transport = transport.compression_level(0).max_window_events(4).max_in_flight(10);
    let mut random = fastrand::Rng::with_seed(20);
    let events: Vec<Bytes> =
        (0..40).map(|number| Bytes::from(vec![b'a' + number % 26; random.usize(1..400_000)])).collect();
    transport.send(&mut Batch::from_events(events.clone())).unwrap();
    transport.close();
    assert!(rig.events(40) == events);
}

#[test]
fn a_handshake_that_is_not_answered_ends_with_its_timeout() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint::new(Scheme::BeatsTls, "127.0.0.1", silent.local_addr().unwrap().port());
    for tls in [TlsConfig::new(), TlsConfig::new().ca_fingerprint("0".repeat(64))] {
        let options = ConnectionOptions::new().tls(tls).handshake_timeout(Duration::from_millis(300));
        let mut transport = BeatsTransport::to(endpoint.clone()).connection(options);
        let started = Instant::now();
        let error = transport.send(&mut Batch::from_events(["{}"])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error_chain(&error));
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(20), "{took:?}");
    }
}

#[test]
fn an_interrupt_ends_a_handshake() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint::new(Scheme::BeatsTls, "127.0.0.1", silent.local_addr().unwrap().port());
    let mut transport = BeatsTransport::to(endpoint);
    let interrupt = Interrupt::new();
    transport.interrupt_by(interrupt.clone());
    let sender = std::thread::spawn(move || transport.send(&mut Batch::from_events(["{}"])).unwrap_err());
    let (_peer, _) = silent.accept().unwrap();
    interrupt.raise();
    let raised = Instant::now();
    let error = sender.join().unwrap();
    assert!(error_chain(&error).contains("interrupted"), "{}", error_chain(&error));
    assert!(raised.elapsed() < Duration::from_secs(8), "{:?}", raised.elapsed());
}
