//! What must hold of TLS (T-20), for every transport: `tls_matrix!(Rig::start)` makes a test of each row.
//!
//! Each row has real certificates and a real server; what is asserted is whether the event arrived, what
//! the server saw, and what the error says.

#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "not every combination of features needs all of it"
)]

use crate::authority::{Authority, Leaf};
use crate::tls_server::{TlsFront, TlsServer};
use bytes::Bytes;
use logstash_transport::{Batch, ErrorKind, TlsConfig, Transport, TransportError, Verification, error_chain};
use std::net::SocketAddr;

/// A receiver without TLS, and how a transport gets there.
pub(crate) trait Rig {
    fn address(&self) -> SocketAddr;

    /// A transport with TLS to `host`, a name or an address.
    fn transport(&self, host: &str, port: u16, tls: TlsConfig) -> Box<dyn Transport>;

    /// Waits for this many events, and returns all.
    fn events(&self, count: usize) -> Vec<Bytes>;
}

pub(crate) const EVENT: &str = r#"{"message":"over TLS"}"#;

/// Sends one event through a server with `leaf`.
pub(crate) fn send(
    rig: &dyn Rig,
    front: &TlsFront,
    host: &str,
    tls: TlsConfig,
) -> Result<(), TransportError> {
    let mut transport = rig.transport(host, front.address().port(), tls);
    let result = transport.send(&mut Batch::from_events([EVENT]));
    transport.close();
    if result.is_ok() {
        assert_eq!(rig.events(1), [EVENT]);
    } else {
        assert_eq!(rig.events(0), [EVENT; 0]);
    }
    result
}

/// Sends one event that must not arrive; checks the error.
pub(crate) fn refuse(rig: &dyn Rig, front: &TlsFront, host: &str, tls: TlsConfig, signs: &[&str]) {
    let error = send(rig, front, host, tls).unwrap_err();
    let text = format!("{} {}", error_chain(&error), error.advice().unwrap_or_default());
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{text}");
    assert!(signs.iter().any(|sign| text.contains(sign)), "{text}");
    assert!(error.advice().is_some(), "{text}");
}

pub(crate) fn front(rig: &dyn Rig, leaf: &Leaf) -> TlsFront {
    TlsServer::new(leaf).in_front_of(rig.address())
}

pub(crate) fn with_client(tls: TlsConfig, client: &Leaf) -> TlsConfig {
    tls.client_certificate_bytes(client.pem.clone()).client_key_bytes(client.key_pem())
}

pub(crate) fn trusting(authority: &Authority) -> TlsConfig {
    TlsConfig::new().ca_bytes(authority.pem())
}

pub(crate) fn unverified() -> TlsConfig {
    TlsConfig::new().verification(Verification::DangerNone)
}

macro_rules! tls_matrix {
    ($start:expr) => {
        use crate::authority::{Authority, Leaf};
        use crate::tls_matrix::{front, refuse, send, trusting, unverified, with_client};
        use crate::tls_server::TlsServer;
        use logstash_transport::{ErrorKind, TlsConfig, TlsVersion, Verification};

        #[test]
        fn t20_right_authority_and_right_name() {
            let (rig, ca) = ($start, Authority::new("ca"));
            let front = front(&rig, &ca.server(&["localhost"]));
            send(&rig, &front, "localhost", trusting(&ca)).unwrap();
        }

        #[test]
        fn t20_the_server_sees_the_name_that_is_wanted() {
            let (rig, ca) = ($start, Authority::new("ca"));
            let front = front(&rig, &ca.server(&["localhost"]));
            send(&rig, &front, "localhost", trusting(&ca)).unwrap();
            assert_eq!(front.first().unwrap().name.as_deref(), Some("localhost"));
        }

        #[test]
        fn t20_right_authority_and_wrong_name() {
            let (rig, ca) = ($start, Authority::new("ca"));
            let front = front(&rig, &ca.server(&["elsewhere.example"]));
            refuse(&rig, &front, "localhost", trusting(&ca), &["mismatch", "name"]);
        }

        #[test]
        fn t20_another_name_is_wanted_and_told() {
            let (rig, ca) = ($start, Authority::new("ca"));
            let front = front(&rig, &ca.server(&["logstash.example"]));
            send(&rig, &front, "localhost", trusting(&ca).server_name("logstash.example")).unwrap();
            assert_eq!(front.first().unwrap().name.as_deref(), Some("logstash.example"));
        }

        #[test]
        fn t20_wrong_authority() {
            let (rig, ca) = ($start, Authority::new("ca"));
            let front = front(&rig, &ca.server(&["localhost"]));
            refuse(&rig, &front, "localhost", trusting(&Authority::new("other")), &["ca_file"]);
        }

        #[test]
        fn t20_unknown_to_the_system() {
            let (rig, ca) = ($start, Authority::new("ca"));
            let front = front(&rig, &ca.server(&["localhost"]));
            refuse(&rig, &front, "localhost", TlsConfig::new(), &["ca_file"]);
        }

        #[test]
        fn t20_an_address_in_the_certificate() {
            let (rig, ca) = ($start, Authority::new("ca"));
            let front = front(&rig, &ca.server(&["127.0.0.1"]));
            send(&rig, &front, "127.0.0.1", trusting(&ca)).unwrap();
            assert_eq!(front.first().unwrap().name, None, "an address is no name");
        }

        #[test]
        fn t20_an_address_that_is_not_in_the_certificate() {
            let (rig, ca) = ($start, Authority::new("ca"));
            let front = front(&rig, &ca.server(&["localhost", "127.0.0.2"]));
            refuse(&rig, &front, "127.0.0.1", trusting(&ca), &["mismatch", "name"]);
        }

        #[test]
        fn t20_expired() {
            let (rig, ca) = ($start, Authority::new("ca"));
            let front = front(&rig, &ca.expired_server(&["localhost"]));
            refuse(&rig, &front, "localhost", trusting(&ca), &["expired"]);
        }

        #[test]
        fn t20_self_signed() {
            let (rig, leaf) = ($start, Leaf::self_signed(&["localhost"]));
            let front = front(&rig, &leaf);
            refuse(&rig, &front, "localhost", TlsConfig::new(), &["ca_file"]);
            send(&rig, &front, "localhost", TlsConfig::new().ca_bytes(leaf.pem.clone())).unwrap();
        }

        #[test]
        fn t20_without_verification_anybody_will_do() {
            let (rig, ca) = ($start, Authority::new("ca"));
            let front = front(&rig, &ca.expired_server(&["elsewhere.example"]));
            send(&rig, &front, "localhost", unverified()).unwrap();
        }

        #[test]
        fn t20_without_verification_a_given_authority_does_not_matter() {
            let rig = $start;
            let front = front(&rig, &Leaf::self_signed(&["elsewhere.example"]));
            let tls = trusting(&Authority::new("other")).verification(Verification::DangerNone);
            send(&rig, &front, "localhost", tls).unwrap();
        }

        #[test]
        fn t20_the_certificate_only_means_any_name_but_no_other_authority() {
            let (rig, ca) = ($start, Authority::new("ca"));
            let front = front(&rig, &ca.server(&["elsewhere.example"]));
            let wrong = trusting(&Authority::new("other")).verification(Verification::Certificate);
            refuse(&rig, &front, "localhost", wrong, &["ca_file"]);
            send(&rig, &front, "localhost", trusting(&ca).verification(Verification::Certificate)).unwrap();
        }

        #[test]
        fn t20_a_client_certificate_that_is_wanted() {
            let (rig, ca) = ($start, Authority::new("ca"));
            let server = TlsServer::new(&ca.server(&["localhost"])).demanding(&ca);
            let (front, client) = (server.in_front_of(rig.address()), ca.client("shipper"));
            send(&rig, &front, "localhost", with_client(trusting(&ca), &client)).unwrap();
            assert_eq!(front.first().unwrap().certificate, Some(client.der));
        }

        #[test]
        fn t20_a_client_certificate_that_is_missing() {
            for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
                let (rig, ca) = ($start, Authority::new("ca"));
                let server = TlsServer::new(&ca.server(&["localhost"])).demanding(&ca).only(version);
                let front = server.in_front_of(rig.address());
                refuse(&rig, &front, "localhost", trusting(&ca), &["client certificate"]);
                assert!(front.first().is_err());
            }
        }

        #[test]
        fn t20_a_client_certificate_of_the_wrong_authority() {
            for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
                let (rig, ca) = ($start, Authority::new("ca"));
                let server = TlsServer::new(&ca.server(&["localhost"])).demanding(&ca).only(version);
                let front = server.in_front_of(rig.address());
                let tls = with_client(trusting(&ca), &Authority::new("other").client("shipper"));
                refuse(&rig, &front, "localhost", tls, &["client certificate"]);
                assert!(front.first().is_err());
            }
        }

        #[test]
        fn t20_a_client_certificate_with_the_key_of_another() {
            let (rig, ca) = ($start, Authority::new("ca"));
            let server = TlsServer::new(&ca.server(&["localhost"])).demanding(&ca);
            let front = server.in_front_of(rig.address());
            let (one, other) = (ca.client("one"), ca.client("other"));
            let tls = trusting(&ca).client_certificate_bytes(one.pem).client_key_bytes(other.key_pem());
            let error = send(&rig, &front, "localhost", tls).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misconfigured);
        }

        #[test]
        fn t20_half_a_client_certificate() {
            let (rig, ca) = ($start, Authority::new("ca"));
            let front = front(&rig, &ca.server(&["localhost"]));
            let client = ca.client("shipper");
            let without_key = trusting(&ca).client_certificate_bytes(client.pem.clone());
            let without_certificate = trusting(&ca).client_key_bytes(client.key_pem());
            for half in [without_key, without_certificate] {
                let error = send(&rig, &front, "localhost", half).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Misconfigured);
                let text = logstash_transport::error_chain(&error);
                assert!(text.contains("has no key") || text.contains("has no certificate"), "{text}");
            }
        }

        #[test]
        fn t20_tls_1_2_only() {
            let (rig, ca) = ($start, Authority::new("ca"));
            let server = TlsServer::new(&ca.server(&["localhost"])).only(&rustls::version::TLS12);
            let front = server.in_front_of(rig.address());
            let too_new = trusting(&ca).minimum_version(TlsVersion::Tls13);
            refuse(&rig, &front, "localhost", too_new, &["version"]);
            send(&rig, &front, "localhost", trusting(&ca)).unwrap();
            assert_eq!(front.nth(1).unwrap().version, "TLSv1_2");
        }

        #[test]
        fn t20_a_plain_receiver_is_no_tls_server() {
            let rig = $start;
            let mut transport = rig.transport("127.0.0.1", rig.address().port(), unverified());
            let mut batch = logstash_transport::Batch::from_events([crate::tls_matrix::EVENT]);
            let error = transport.send(&mut batch).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Misconfigured | ErrorKind::Unavailable));
            // To a receiver of lines, the handshake is some.
            assert!(!rig.events(0).iter().any(|event| event == crate::tls_matrix::EVENT));
        }
    };
}
pub(crate) use tls_matrix;
