//! Files with certificates and keys.

use super::error::{TlsError, TlsErrorKind};
use std::fs;
use std::path::Path;

pub(super) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| {
        let what = format!("cannot read {}", path.display());
        TlsError::new(TlsErrorKind::Unreadable, what).caused_by(error)
    })
}

/// Whether it is a certificate in DER, rather than some in PEM.
pub(super) fn is_der(content: &[u8]) -> bool {
    content.first() == Some(&DER_SEQUENCE)
}

/// What is said of a file without certificates of authorities.
pub(super) fn no_authority(name: &str) -> TlsError {
    TlsError::new(TlsErrorKind::Certificate, format!("{name} holds no certificate in PEM or DER form"))
}

const DER_SEQUENCE: u8 = 0x30;
