use super::fingerprint;
use std::fmt;
use std::time::{Duration, SystemTime};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The certificate that a peer presented.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PeerCertificate {
    /// Whom it is for.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// Host names and addresses that it holds.
    pub names: Vec<String>,
    /// Until when it is valid.
    pub not_after: SystemTime,
    /// SHA-256 of the whole, 64 hexadecimal digits.
    pub fingerprint: String,
}

impl PeerCertificate {
    /// `None` when it cannot be read.
    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let content = certificate.tbs_certificate();
        let alternatives = content.get_extension::<SubjectAltName>().ok().flatten();
        let names = alternatives.into_iter().flat_map(|(_, names)| names.0).filter_map(|name| printed(&name));
        Some(Self {
            subject: content.subject().to_string(),
            issuer: content.issuer().to_string(),
            names: names.collect(),
            not_after: content.validity().not_after.to_system_time(),
            fingerprint: fingerprint::print(&fingerprint::of(der)),
        })
    }

    /// Whole days until it expires; negative when it has.
    #[must_use]
    pub fn days_left(&self, now: SystemTime) -> i64 {
        let days = |duration: Duration| i64::try_from(duration.as_secs() / DAY).unwrap_or(i64::MAX);
        match self.not_after.duration_since(now) {
            Ok(left) => days(left),
            Err(error) => -1 - days(error.duration()),
        }
    }
}

impl fmt::Display for PeerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, issuer, names, fingerprint, .. } = self;
        let days = self.days_left(SystemTime::now());
        write!(f, "{subject:?} for {}, issued by {issuer:?}, ", names.join(", "))?;
        if days < 0 {
            write!(f, "expired {} days ago", -days)?;
        } else {
            write!(f, "expires in {days} days")?;
        }
        write!(f, ", sha256 {fingerprint}")
    }
}

fn printed(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(octets) => {
            let octets = octets.as_bytes();
            let v4 = <[u8; 4]>::try_from(octets).map(|octets| std::net::IpAddr::from(octets).to_string());
            v4.or_else(|_| {
                <[u8; 16]>::try_from(octets).map(|octets| std::net::IpAddr::from(octets).to_string())
            })
            .ok()
        }
        _ => None,
    }
}

/// Seconds.
const DAY: u64 = 24 * 60 * 60;
