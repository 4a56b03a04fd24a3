//! The certificate that is presented, with its key.

use super::error::{TlsError, TlsErrorKind};
use native_tls::Identity;

/// A certificate, with its intermediate ones, and its key, all PEM.
pub(super) fn from_pem(
    certificate: &[u8],
    key: &[u8],
    password: Option<&str>,
    names: (&str, &str),
) -> Result<Identity, TlsError> {
    let key = key_of(certificate, key, password, names)?;
    Identity::from_pkcs8(certificate, &key).map_err(|error| no_certificate(names.0).caused_by(error))
}

/// The key of a certificate, as unencrypted PKCS#8 in PEM form.
pub(super) fn key_of(
    certificate: &[u8],
    key: &[u8],
    password: Option<&str>,
    names: (&str, &str),
) -> Result<Vec<u8>, TlsError> {
    let key = pkcs8(key, password, names.1)?;
    if !belong_together(certificate, &key) {
        let what =
            format!("the certificate in {} and the key in {} do not belong together", names.0, names.1);
        return Err(TlsError::new(TlsErrorKind::Key, what));
    }
    Ok(key)
}

pub(super) fn no_certificate(name: &str) -> TlsError {
    let what = format!("{name} holds no certificate in PEM form that could be presented");
    TlsError::new(TlsErrorKind::Certificate, what)
}

pub(super) fn from_pkcs12(der: &[u8], password: &str, name: &str) -> Result<Identity, TlsError> {
    Identity::from_pkcs12(der, password).map_err(|error| {
        let what = format!("{name} is no PKCS#12 file with certificate and key, or the password is wrong");
        TlsError::new(TlsErrorKind::Key, what).caused_by(error)
    })
}

/// The key as unencrypted PKCS#8, which is all that native-tls reads.
#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
fn pkcs8(key: &[u8], password: Option<&str>, name: &str) -> Result<Vec<u8>, TlsError> {
    use openssl::pkey::PKey;

    // Without a password OpenSSL would ask for one on the terminal.
    let password = password.unwrap_or_default().as_bytes();
    PKey::private_key_from_pem_passphrase(key, password)
        .and_then(|key| key.private_key_to_pem_pkcs8())
        .map_err(|error| {
            let what =
                format!("{name} holds no private key in PEM form, or the password is wrong or missing");
            TlsError::new(TlsErrorKind::Key, what).caused_by(error)
        })
}

/// Whether the key is that of the first certificate; OpenSSL does not tell before a handshake fails.
#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
fn belong_together(certificate: &[u8], key: &[u8]) -> bool {
    use openssl::pkey::PKey;
    use openssl::x509::X509;

    let public = X509::from_pem(certificate).and_then(|certificate| certificate.public_key());
    // What cannot be compared is not refused here.
    let (Ok(public), Ok(key)) = (public, PKey::private_key_from_pem(key)) else { return true };
    public.public_eq(&key)
}

#[cfg(any(target_os = "windows", target_vendor = "apple"))]
const fn belong_together(_: &[u8], _: &[u8]) -> bool {
    // Their own libraries compare them.
    true
}

#[cfg(any(target_os = "windows", target_vendor = "apple"))]
fn pkcs8(key: &[u8], password: Option<&str>, name: &str) -> Result<Vec<u8>, TlsError> {
    const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
    let wrong = |what| TlsError::new(TlsErrorKind::Key, format!("{name} {what}"));
    if password.is_some() {
        return Err(wrong("cannot be decrypted by the library of this system: use PKCS#12"));
    }
    let text = String::from_utf8_lossy(key);
    match text.find(BEGIN) {
        Some(at) => Ok(text[at..].as_bytes().to_vec()),
        None => Err(wrong("holds no unencrypted PKCS#8 key: convert it with openssl pkcs8 -topk8 -nocrypt")),
    }
}
