//! [`TlsConfig`] by itself: what it takes, and what it says of what it does not take.

use crate::authority::Authority;
use logstash_transport::{TlsConfig, TlsError, TlsErrorKind, Verification, error_chain};

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
