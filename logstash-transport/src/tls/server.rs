#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
mod openssl;

use super::config::Secret;
use super::config::TlsVersion;
use super::context::protocol;
use super::error::{TlsError, TlsErrorKind};
use super::{file, identity};
use native_tls::TlsAcceptor;
use std::path::{Path, PathBuf};

/// How a server shows who it is, and what it wants to know of its clients: for receivers of events, which
/// the relay has.
///
/// Clients are asked for certificates with OpenSSL only, not on macOS and Windows.
///
/// ```
/// use logstash_transport::{TlsErrorKind, TlsServerConfig};
///
/// let tls = TlsServerConfig::new("/etc/relay/server.pem", "/etc/relay/server.key");
/// let error = tls.check().unwrap_err(); // there is no such file
/// assert_eq!(error.kind(), TlsErrorKind::Unreadable);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a configuration does nothing until its acceptor is used"]
pub struct TlsServerConfig {
    certificate: PathBuf,
    key: PathBuf,
    key_password: Option<Secret>,
    minimum_version: TlsVersion,
    client_authorities: Option<PathBuf>,
    client_auth: ClientAuth,
    client_names: Vec<String>,
}

impl TlsServerConfig {
    /// The certificate, followed by intermediate ones if there are any, and its key, both PEM; they may be
    /// one file. TLS 1.2 at least; nothing is asked of clients.
    pub fn new(certificate_file: impl Into<PathBuf>, key_file: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate_file.into(),
            key: key_file.into(),
            key_password: None,
            minimum_version: TlsVersion::Tls12,
            client_authorities: None,
            client_auth: ClientAuth::Required,
            client_names: Vec::new(),
        }
    }

    /// What an encrypted key is decrypted with. Needs OpenSSL.
    pub fn key_password(mut self, password: impl Into<String>) -> Self {
        self.key_password = Some(Secret(password.into()));
        self
    }

    /// The lowest version of the protocol. Default: 1.2.
    pub const fn minimum_version(mut self, version: TlsVersion) -> Self {
        self.minimum_version = version;
        self
    }

    /// Demands of clients a certificate which an authority in this file has issued: one or more
    /// certificates as PEM, or one as DER. Needs OpenSSL.
    ///
    /// Verified are the chain, of at most four certificates between that of the client and the authority,
    /// the time for which each is valid, and that the certificate is for clients, where it says for what it
    /// is. What stands in the file is trusted, be it a root, an intermediate authority or the certificate
    /// of a client. Whether a certificate was revoked is not looked up.
    pub fn client_ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.client_authorities = Some(path.into());
        self
    }

    /// Whether clients may do without a certificate. Default: they may not, if there is a
    /// [`client_ca_file`](Self::client_ca_file).
    pub const fn client_auth(mut self, auth: ClientAuth) -> Self {
        self.client_auth = auth;
        self
    }

    /// Accepts only certificates that are [meant by](crate::PeerCertificate::is_meant_by) this name or
    /// fingerprint, or another one that is given. May be repeated.
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.client_names.push(name.into());
        self
    }

    /// Reads the files and tries whether they fit together.
    ///
    /// # Errors
    ///
    /// [`TlsError`], which names the file or the setting at fault.
    pub fn check(&self) -> Result<(), TlsError> {
        #[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
        return self.openssl_acceptor().map(drop);
        #[cfg(any(target_os = "windows", target_vendor = "apple"))]
        self.acceptor().map(drop)
    }

    /// Reads the files and makes what accepts connections with the library of the system.
    ///
    /// It cannot ask for certificates.
    ///
    /// # Errors
    ///
    /// [`TlsError`], which names the file at fault; [`TlsErrorKind::Unsupported`] if clients are to present
    /// certificates.
    pub fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        self.check_settings()?;
        if self.client_authorities.is_some() {
            let what = "native-tls, and with it the TLS library of this system, cannot ask clients for certificates: \
                        leave out TlsServerConfig::client_ca_file, or use OpenSSL";
            return Err(TlsError::new(TlsErrorKind::Unsupported, what));
        }
        let own = Own::read(self)?;
        let identity = identity::from_pem(&own.certificate, &own.key, self.password(), own.names())?;
        let mut builder = TlsAcceptor::builder(identity);
        builder.min_protocol_version(Some(protocol(self.minimum_version)));
        builder.build().map_err(|error| {
            let what = format!("the TLS library of this system refuses the certificate in {}", own.names().0);
            TlsError::new(TlsErrorKind::Unsupported, what).caused_by(error)
        })
    }

    fn password(&self) -> Option<&str> {
        self.key_password.as_ref().map(|secret| secret.0.as_str())
    }

    fn check_settings(&self) -> Result<(), TlsError> {
        let wrong = |kind, what: &str| Err(TlsError::new(kind, what));
        if self.client_authorities.is_none()
            && (self.client_auth == ClientAuth::Optional || !self.client_names.is_empty())
        {
            let what = "certificates of clients need an authority that issues them: give it with \
                        TlsServerConfig::client_ca_file";
            return wrong(TlsErrorKind::Incomplete, what);
        }
        if self.client_names.iter().any(String::is_empty) {
            return wrong(TlsErrorKind::Contradiction, "the name of a client is empty");
        }
        Ok(())
    }
}

/// Whether clients must present a certificate.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ClientAuth {
    /// They must.
    #[default]
    Required,
    /// They may; one that is not right is refused.
    Optional,
}

/// What a server presents.
struct Own {
    certificate: Vec<u8>,
    key: Vec<u8>,
    names: (String, String),
}

impl Own {
    fn read(config: &TlsServerConfig) -> Result<Self, TlsError> {
        let name = |path: &Path| path.display().to_string();
        Ok(Self {
            certificate: file::read(&config.certificate)?,
            key: file::read(&config.key)?,
            names: (name(&config.certificate), name(&config.key)),
        })
    }

    fn names(&self) -> (&str, &str) {
        (&self.names.0, &self.names.1)
    }
}
