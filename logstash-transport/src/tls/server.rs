use super::config::Secret;
use super::config::TlsVersion;
use super::context::protocol;
use super::error::{TlsError, TlsErrorKind};
use super::identity;
use native_tls::TlsAcceptor;
use std::fs;
use std::path::{Path, PathBuf};

/// How a server shows who it is: for receivers of events, which the relay has.
///
/// Nothing is asked of clients: the libraries that native-tls stands for cannot demand a certificate.
///
/// ```
/// use logstash_transport::{TlsErrorKind, TlsServerConfig};
///
/// let tls = TlsServerConfig::new("/etc/relay/server.pem", "/etc/relay/server.key");
/// let error = tls.acceptor().err().unwrap(); // there is no such file
/// assert_eq!(error.kind(), TlsErrorKind::Unreadable);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a configuration does nothing until its acceptor is used"]
pub struct TlsServerConfig {
    certificate: PathBuf,
    key: PathBuf,
    key_password: Option<Secret>,
    minimum_version: TlsVersion,
}

impl TlsServerConfig {
    /// The certificate, followed by intermediate ones if there are any, and its key, both PEM; they may be
    /// one file. TLS 1.2 at least.
    pub fn new(certificate_file: impl Into<PathBuf>, key_file: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate_file.into(),
            key: key_file.into(),
            key_password: None,
            minimum_version: TlsVersion::Tls12,
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

    /// Reads the files and makes what accepts connections.
    ///
    /// # Errors
    ///
    /// [`TlsError`], which names the file at fault.
    pub fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let (certificate, key) = (read(&self.certificate)?, read(&self.key)?);
        let names = (&*self.certificate.to_string_lossy(), &*self.key.to_string_lossy());
        let password = self.key_password.as_ref().map(|secret| secret.0.as_str());
        let identity = identity::from_pem(&certificate, &key, password, names)?;
        let mut builder = TlsAcceptor::builder(identity);
        builder.min_protocol_version(Some(protocol(self.minimum_version)));
        builder.build().map_err(|error| {
            let what = format!("the TLS library of this system refuses the certificate in {}", names.0);
            TlsError::new(TlsErrorKind::Unsupported, what).caused_by(error)
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| {
        let what = format!("cannot read {}", path.display());
        TlsError::new(TlsErrorKind::Unreadable, what).caused_by(error)
    })
}
