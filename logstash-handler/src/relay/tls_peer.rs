use logstash_format::Value;
use logstash_transport::PeerCertificate;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// The other end of a connection over TLS.
///
/// As JSON it has the member names that the Beats input of Logstash uses, and some more.
#[derive(Debug, Default)]
pub(crate) struct TlsPeer {
    /// `TLSv1.3`, where the library tells.
    protocol: Option<String>,
    /// By the name that IANA gave it, where the library tells.
    cipher: Option<String>,
    /// Whether it presented a certificate, which was verified.
    is_verified: bool,
    /// What that says, if it can be read.
    certificate: Option<PeerCertificate>,
    /// SHA-256 of that, in upper case as ECS wants it.
    sha256: String,
}

impl TlsPeer {
    pub(crate) fn new(
        protocol: Option<&str>,
        cipher: Option<&str>,
        is_verified: bool,
        certificate: Option<PeerCertificate>,
    ) -> Self {
        let sha256 = certificate.as_ref().map(|certificate| certificate.fingerprint.to_uppercase());
        Self {
            protocol: protocol.map(str::to_owned),
            cipher: cipher.map(str::to_owned),
            is_verified,
            certificate,
            sha256: sha256.unwrap_or_default(),
        }
    }

    pub(crate) const fn certificate(&self) -> Option<&PeerCertificate> {
        self.certificate.as_ref()
    }

    /// Visits what is known, under the names of ECS.
    pub(crate) fn ecs(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        visit("tls.established", Value::Bool(true));
        if let Some(protocol) = &self.protocol {
            let version = protocol.strip_prefix("TLSv").unwrap_or(protocol);
            visit("tls.version", version.into());
            visit("tls.version_protocol", "tls".into());
        }
        if let Some(cipher) = &self.cipher {
            visit("tls.cipher", (&**cipher).into());
        }
        if let Some(certificate) = &self.certificate {
            visit("tls.client.subject", (&*certificate.subject).into());
            visit("tls.client.issuer", (&*certificate.issuer).into());
            visit("tls.client.not_after", Value::Time(certificate.not_after));
            visit("tls.client.hash.sha256", (&*self.sha256).into());
        }
    }

    /// Visits what is known, under the names of Logstash.
    pub(crate) fn logstash(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
        visit("tls", Value::Bool(true));
        if self.protocol.is_some() || self.certificate.is_some() {
            visit("tls_peer", Value::serialize(self));
        }
    }
}

impl Serialize for TlsPeer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let status = if self.is_verified { "verified" } else { "unverified" };
        map.serialize_entry("status", status)?;
        if let Some(protocol) = &self.protocol {
            map.serialize_entry("protocol", protocol)?;
        }
        if let Some(cipher) = &self.cipher {
            map.serialize_entry("cipher_suite", cipher)?;
        }
        if let Some(PeerCertificate { subject, issuer, fingerprint, .. }) = &self.certificate {
            map.serialize_entry("subject", subject)?;
            map.serialize_entry("issuer", issuer)?;
            map.serialize_entry("sha256", fingerprint)?;
        }
        map.end()
    }
}
