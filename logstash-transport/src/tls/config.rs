use super::context::TlsContext;
use super::error::TlsError;
use std::fmt;
use std::path::PathBuf;

/// How a connection is encrypted, and who may be at its other end.
///
/// One value for all transports. Without further ado the peer needs a certificate that an authority
/// known to the system has issued for the name that is connected to.
///
/// Files are read when a connection is made, and again for a later connection when they have changed,
/// so that renewed certificates take effect without a restart. Files that turn out damaged then leave
/// what was read before in force; [`check`](Self::check) and `probe` report them.
///
/// The library is the system's: OpenSSL, or on macOS Secure Transport, which does not speak TLS 1.3, or
/// on Windows SChannel. Its policies apply.
///
/// ```
/// use logstash_transport::{TlsConfig, TlsErrorKind};
///
/// let tls = TlsConfig::new().ca_file("/etc/logstash/ca.pem").client_certificate_file("/etc/logstash/client.pem");
/// assert_eq!(tls.check().unwrap_err().kind(), TlsErrorKind::Incomplete); // a certificate without its key
/// ```
///
/// With the feature `serde` it can be read from configuration files, under the names of the methods.
/// `ca_file` and `ca_fingerprint` take one or a list; what ends in `_bytes` is PEM there;
/// `client_pkcs12_password` stands beside `client_pkcs12_file`; versions are `"1.2"` and `"1.3"`.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(try_from = "crate::config::TlsFields"))]
#[must_use = "a configuration does nothing until a transport gets it"]
pub struct TlsConfig {
    pub(super) authorities: Vec<Source>,
    pub(super) fingerprints: Vec<String>,
    pub(super) system_roots: Option<bool>,
    pub(super) certificate: Option<Source>,
    pub(super) key: Option<Source>,
    pub(super) key_password: Option<Secret>,
    pub(super) pkcs12: Option<(Source, Secret)>,
    pub(super) server_name: Option<String>,
    pub(super) sni: bool,
    pub(super) verification: Verification,
    pub(super) minimum_version: TlsVersion,
    pub(super) maximum_version: Option<TlsVersion>,
}

impl TlsConfig {
    /// The authorities of the system, full verification, TLS 1.2 at least.
    pub const fn new() -> Self {
        Self {
            authorities: Vec::new(),
            fingerprints: Vec::new(),
            system_roots: None,
            certificate: None,
            key: None,
            key_password: None,
            pkcs12: None,
            server_name: None,
            sni: true,
            verification: Verification::Full,
            minimum_version: TlsVersion::Tls12,
            maximum_version: None,
        }
    }

    /// Trusts the authorities in a file: one or more certificates as PEM, or one as DER. May be repeated.
    ///
    /// The authorities of the system are not trusted any more then; see [`system_roots`](Self::system_roots).
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.authorities.push(Source::File(path.into()));
        self
    }

    /// As [`ca_file`](Self::ca_file), with the content instead of the file.
    pub fn ca_bytes(mut self, certificates: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(Source::Bytes(certificates.into()));
        self
    }

    /// Trusts the authority whose certificate has this SHA-256 fingerprint: 64 hexadecimal digits as
    /// Elasticsearch prints them, or with colons as `openssl x509 -fingerprint` does. May be repeated.
    ///
    /// The peer must present that certificate in its chain; it is looked for over a connection of its
    /// own before the first real one. Where certificates are given too, only those with a fingerprint in
    /// the list are trusted, and nothing is looked for. Without OpenSSL, on macOS and Windows, they must be
    /// given. With [`Verification::DangerNone`], which trusts anybody, it is an error.
    pub fn ca_fingerprint(mut self, sha256: impl Into<String>) -> Self {
        self.fingerprints.push(sha256.into());
        self
    }

    /// Whether the authorities of the system are trusted. Default: yes, unless others are named.
    pub const fn system_roots(mut self, trusted: bool) -> Self {
        self.system_roots = Some(trusted);
        self
    }

    /// The certificate to present, as PEM, followed by intermediate ones if there are any.
    ///
    /// Needs a key.
    pub fn client_certificate_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.certificate = Some(Source::File(path.into()));
        self
    }

    /// As [`client_certificate_file`](Self::client_certificate_file), with the content instead of the file.
    pub fn client_certificate_bytes(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificate = Some(Source::Bytes(pem.into()));
        self
    }

    /// The key of the certificate to present, as PEM: PKCS#8, and with OpenSSL also PKCS#1, SEC 1 and
    /// encrypted forms.
    pub fn client_key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.key = Some(Source::File(path.into()));
        self
    }

    /// As [`client_key_file`](Self::client_key_file), with the content instead of the file.
    pub fn client_key_bytes(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.key = Some(Source::Bytes(pem.into()));
        self
    }

    /// What an encrypted key is decrypted with. Needs OpenSSL.
    pub fn client_key_password(mut self, password: impl Into<String>) -> Self {
        self.key_password = Some(Secret(password.into()));
        self
    }

    /// Certificate, key and intermediate certificates in one PKCS#12 file.
    ///
    /// OpenSSL 3 does not read the old ciphers (RC2, 3DES) that some tools still write.
    pub fn client_pkcs12_file(mut self, path: impl Into<PathBuf>, password: impl Into<String>) -> Self {
        self.pkcs12 = Some((Source::File(path.into()), Secret(password.into())));
        self
    }

    /// As [`client_pkcs12_file`](Self::client_pkcs12_file), with the content instead of the file.
    pub fn client_pkcs12_bytes(mut self, der: impl Into<Vec<u8>>, password: impl Into<String>) -> Self {
        self.pkcs12 = Some((Source::Bytes(der.into()), Secret(password.into())));
        self
    }

    /// The name or address that the peer's certificate must hold, and that the peer is told. Default: the
    /// host that is connected to.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Whether the peer is told which name is wanted (SNI; names only, never addresses). Default: yes.
    pub const fn sni(mut self, tell: bool) -> Self {
        self.sni = tell;
        self
    }

    /// What of the peer's certificate is verified. Default: everything.
    pub const fn verification(mut self, verification: Verification) -> Self {
        self.verification = verification;
        self
    }

    /// The lowest version of the protocol. Default: 1.2.
    pub const fn minimum_version(mut self, version: TlsVersion) -> Self {
        self.minimum_version = version;
        self
    }

    /// The highest version of the protocol. Default: what the library has.
    pub const fn maximum_version(mut self, version: TlsVersion) -> Self {
        self.maximum_version = Some(version);
        self
    }

    /// Reads all files and tries whether they fit together. Connects to nobody.
    ///
    /// # Errors
    ///
    /// [`TlsError`], which names the file or the setting at fault.
    pub fn check(&self) -> Result<(), TlsError> {
        TlsContext::new(self.clone()).check()
    }
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// What of a peer's certificate is verified.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Verification {
    /// That it is valid, issued by a trusted authority, and for the name that is connected to.
    #[default]
    Full,
    /// As `Full`, without the name: everybody with a certificate of the authority can pose as the peer.
    Certificate,
    /// Nothing: everybody between here and the peer can read and change what is sent.
    DangerNone,
}

/// A version of the protocol.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[non_exhaustive]
pub enum TlsVersion {
    /// 1.2, of 2008.
    #[cfg_attr(feature = "serde", serde(rename = "1.2"))]
    Tls12,
    /// 1.3, of 2018. Not with the library of macOS.
    #[cfg_attr(feature = "serde", serde(rename = "1.3"))]
    Tls13,
}

/// Where bytes come from.
#[derive(Clone)]
pub(super) enum Source {
    Bytes(Vec<u8>),
    File(PathBuf),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // They may be a key.
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::File(path) => path.fmt(f),
        }
    }
}

/// A password, which nothing prints.
#[derive(Clone)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}
