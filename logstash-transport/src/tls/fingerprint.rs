//! SHA-256 fingerprints of certificates.

use super::error::{TlsError, TlsErrorKind};
use sha2::{Digest, Sha256};

/// SHA-256 of a certificate in DER.
pub(super) type Fingerprint = [u8; 32];

pub(super) fn of(der: &[u8]) -> Fingerprint {
    Sha256::digest(der).into()
}

/// Lower case, without colons.
pub(super) fn print(fingerprint: &Fingerprint) -> String {
    fingerprint.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn parse(text: &str) -> Result<Fingerprint, TlsError> {
    let digits: Vec<u32> =
        text.trim().chars().filter(|c| *c != ':').map_while(|digit| digit.to_digit(16)).collect();
    let bytes: Vec<u8> =
        digits.chunks(2).filter_map(|pair| u8::try_from(pair[0] << 4 | pair.get(1)?).ok()).collect();
    let is_whole = digits.len() == text.trim().chars().filter(|c| *c != ':').count();
    bytes.try_into().ok().filter(|_| is_whole && digits.len() == 64).ok_or_else(|| {
        let what = format!("{text:?} is no SHA-256 fingerprint: 64 hexadecimal digits are wanted");
        TlsError::new(TlsErrorKind::Fingerprint, what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_usual_forms_are_read() {
        let plain = print(&of(b""));
        assert_eq!(plain, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let pairs: Vec<String> =
            plain.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
        assert_eq!(parse(&plain).unwrap(), of(b""));
        assert_eq!(parse(&pairs.join(":")).unwrap(), of(b""));
    }

    #[test]
    fn anything_else_is_refused() {
        let plain = print(&of(b""));
        for wrong in ["", "e3b0", &plain[1..], &format!("{plain}0"), &plain.replace('e', "x")] {
            assert_eq!(parse(wrong).unwrap_err().kind(), TlsErrorKind::Fingerprint, "{wrong:?}");
        }
    }
}
