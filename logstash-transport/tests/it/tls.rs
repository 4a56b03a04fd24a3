//! [`TlsConfig`] by itself: what it takes, and what it says of what it does not take.

use crate::authority::Authority;
use logstash_transport::{
    ClientAuth, TlsConfig, TlsError, TlsErrorKind, TlsServerConfig, Verification, error_chain,
};
use std::path::Path;

fn refused(tls: &TlsConfig) -> (TlsErrorKind, String) {
    let error: TlsError = tls.check().unwrap_err();
    (error.kind(), error_chain(&error))
}

#[test]
fn files_and_bytes_in_every_form_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new("ca");
    let (certificate, key) = ca.client("shipper").write(folder.path(), "client");
    let (pem, der) = (folder.path().join("ca.pem"), folder.path().join("ca.der"));
    std::fs::write(&pem, ca.pem() + &Authority::new("second").pem()).unwrap();
    std::fs::write(&der, ca.der()).unwrap();
    let tls = TlsConfig::new().ca_file(&pem).ca_file(&der).ca_bytes(ca.pem()).ca_bytes(ca.der());
    tls.client_certificate_file(certificate).client_key_file(key).check().unwrap();
}

#[test]
fn a_fingerprint_that_nobody_would_look_at_is_refused() {
    let tls = TlsConfig::new().ca_fingerprint("ab".repeat(32)).verification(Verification::DangerNone);
    let (kind, text) = refused(&tls);
    assert_eq!(kind, TlsErrorKind::Contradiction);
    assert!(text.contains("DangerNone"), "{text}");
}

#[test]
fn what_is_wrong_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let client = Authority::new("ca").client("shipper");
    let missing = folder.path().join("missing.pem");
    let (kind, text) = refused(&TlsConfig::new().ca_file(&missing));
    assert_eq!(kind, TlsErrorKind::Unreadable);
    assert!(text.contains("missing.pem"), "{text}");
    let (kind, text) = refused(&TlsConfig::new().ca_bytes("no certificate"));
    assert_eq!(kind, TlsErrorKind::Certificate, "{text}");
    let (kind, text) = refused(&TlsConfig::new().ca_fingerprint("abc"));
    assert_eq!(kind, TlsErrorKind::Fingerprint, "{text}");
    let half = TlsConfig::new().client_certificate_bytes(client.pem.clone());
    assert_eq!(refused(&half).0, TlsErrorKind::Incomplete);
    let no_key = half.client_key_bytes("no key");
    assert_eq!(refused(&no_key).0, TlsErrorKind::Key);
    let no_certificate = TlsConfig::new().client_certificate_bytes("none").client_key_bytes(client.key_pem());
    assert_eq!(refused(&no_certificate).0, TlsErrorKind::Certificate);
}

#[test]
fn secrets_are_not_printed() {
    let client = Authority::new("ca").client("shipper");
    let tls = TlsConfig::new()
        .client_key_bytes(client.key_pem())
        .client_key_password("hush")
        .client_pkcs12_bytes([1, 2, 3], "hush");
    let text = format!("{tls:?}");
    assert!(!text.contains("hush") && !text.contains("PRIVATE"), "{text}");
}

fn server(folder: &Path) -> TlsServerConfig {
    let (certificate, key) = Authority::new("ca").server(&["localhost"]).write(folder, "server");
    TlsServerConfig::new(certificate, key)
}

fn refused_server(tls: &TlsServerConfig) -> (TlsErrorKind, String) {
    let error = tls.check().unwrap_err();
    (error.kind(), error_chain(&error))
}

#[test]
fn servers_read_their_files_and_say_what_is_wrong_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let tls = server(folder.path());
    tls.check().unwrap();
    tls.acceptor().unwrap();
    std::fs::write(folder.path().join("server.pem"), "no certificate").unwrap();
    let (kind, text) = refused_server(&tls);
    assert!(kind == TlsErrorKind::Certificate && text.contains("server.pem"), "{text}");
    Authority::new("ca").server(&["localhost"]).write(folder.path(), "other");
    let mixed = TlsServerConfig::new(folder.path().join("other.pem"), folder.path().join("server.key"));
    let (kind, text) = refused_server(&mixed);
    assert!(kind == TlsErrorKind::Key && text.contains("do not belong together"), "{text}");
    let (kind, text) = refused_server(&TlsServerConfig::new("missing.pem", "missing.key"));
    assert!(kind == TlsErrorKind::Unreadable && text.contains("missing.pem"), "{text}");
}

#[test]
fn what_servers_want_of_clients_needs_an_authority_that_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let tls = server(folder.path());
    let (kind, text) = refused_server(&tls.clone().client_auth(ClientAuth::Optional));
    assert!(kind == TlsErrorKind::Incomplete && text.contains("client_ca_file"), "{text}");
    assert_eq!(refused_server(&tls.clone().client_name("web")).0, TlsErrorKind::Incomplete);
    let clients = folder.path().join("clients.pem");
    let asking = tls.client_ca_file(&clients);
    assert_eq!(asking.acceptor().err().unwrap().kind(), TlsErrorKind::Unsupported);
    if cfg!(any(target_os = "windows", target_vendor = "apple")) {
        return assert_eq!(refused_server(&asking).0, TlsErrorKind::Unsupported);
    }
    assert_eq!(refused_server(&asking).0, TlsErrorKind::Unreadable);
    for (content, is_right) in [
        (b"".to_vec(), false),
        (b"no certificate".to_vec(), false),
        (Authority::new("a").der(), true),
        ((Authority::new("a").pem() + &Authority::new("b").pem()).into_bytes(), true),
    ] {
        std::fs::write(&clients, content).unwrap();
        let kind = asking.check().map_err(|error| error.kind());
        assert_eq!(kind, if is_right { Ok(()) } else { Err(TlsErrorKind::Certificate) });
    }
    assert_eq!(refused_server(&asking.client_name("")).0, TlsErrorKind::Contradiction);
}
