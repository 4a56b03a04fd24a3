use super::fingerprint;
use std::fmt;
use std::net::IpAddr;
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
    /// The common name in the subject.
    pub common_name: Option<String>,
    /// Host names and addresses that it holds, also of mail, and URIs.
    pub names: Vec<String>,
    /// Until when it is valid.
    pub not_after: SystemTime,
    /// SHA-256 of the whole, 64 hexadecimal digits.
    pub fingerprint: String,
}

impl PeerCertificate {
    /// Reads a certificate in DER; `None` when it cannot be read.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let content = certificate.tbs_certificate();
        let alternatives = content.get_extension::<SubjectAltName>().ok().flatten();
        let names = alternatives.into_iter().flat_map(|(_, names)| names.0).filter_map(|name| printed(&name));
        Some(Self {
            subject: content.subject().to_string(),
            issuer: content.issuer().to_string(),
            common_name: content.subject().common_name().ok().flatten().map(|name| name.value().into_owned()),
            names: names.collect(),
            not_after: content.validity().not_after.to_system_time(),
            fingerprint: fingerprint::print(&fingerprint::of(der)),
        })
    }

    /// Whether it is one that is meant by `wanted`: a SHA-256 fingerprint, or a name that stands among its
    /// names or is its common name.
    ///
    /// Case does not count, and `*.` at the beginning stands for one label: `*.example.com` means
    /// `a.example.com`, but neither `example.com` nor `a.b.example.com`.
    #[must_use]
    pub fn is_meant_by(&self, wanted: &str) -> bool {
        if let Ok(fingerprint) = fingerprint::parse(wanted) {
            return self.fingerprint == fingerprint::print(&fingerprint);
        }
        if let Ok(address) = wanted.parse::<IpAddr>() {
            return self.holds(|name| **name == address.to_string());
        }
        self.holds(|name| match wanted.strip_prefix("*.") {
            Some(domain) => name
                .split_once('.')
                .is_some_and(|(label, rest)| is_label(label) && rest.eq_ignore_ascii_case(domain)),
            None => name.eq_ignore_ascii_case(wanted),
        })
    }

    fn holds(&self, is_wanted: impl FnMut(&&String) -> bool) -> bool {
        self.names.iter().chain(&self.common_name).find(is_wanted).is_some()
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
        GeneralName::DnsName(name)
        | GeneralName::Rfc822Name(name)
        | GeneralName::UniformResourceIdentifier(name) => Some(name.to_string()),
        GeneralName::IpAddress(octets) => {
            let octets = octets.as_bytes();
            let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
            address.map(|address| address.to_string()).ok()
        }
        _ => None,
    }
}

/// Whether it is one label of a name of a host, and not the beginning of an address of mail or of a URI.
fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte))
}

/// Seconds.
const DAY: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_meant_by_its_names_and_its_fingerprint() {
        let certificate = PeerCertificate {
            subject: String::new(),
            issuer: String::new(),
            common_name: Some("Shipper 7".to_owned()),
            names: [
                "web.Example.com",
                "192.0.2.7",
                "2001:db8::7",
                "spiffe://example.com/web",
                "mallory@mail.example.org",
                "spiffe://prod.example.org",
            ]
            .map(str::to_owned)
            .to_vec(),
            not_after: SystemTime::UNIX_EPOCH,
            fingerprint: "ab".repeat(32),
        };
        let fingerprint = ["AB"; 32].join(":");
        let meant = [
            "web.example.com",
            "*.example.com",
            "shipper 7",
            "192.0.2.7",
            "2001:DB8:0::7",
            "spiffe://example.com/web",
            &fingerprint,
        ];
        for name in meant {
            assert!(certificate.is_meant_by(name), "{name}");
        }
        let not_meant =
            ["", "*", "*.com", "*.example.org", "example.com", "*.web.example.com", "192.0.2.8", "shipper"];
        for name in not_meant {
            assert!(!certificate.is_meant_by(name), "{name}");
        }
    }
}
