use super::config::{Source, TlsConfig, TlsVersion, Verification};
use super::error::{TlsError, TlsErrorKind, advice, reason};
use super::{file, fingerprint, identity, presented};
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::stream::{Socket, deadline};
use native_tls::{Certificate, HandshakeError, Identity, Protocol, TlsConnector, TlsStream};
use std::error::Error;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

/// A configuration at work: reads its files, and again when they change, and shakes hands.
#[derive(Clone)]
pub(crate) struct TlsContext {
    config: TlsConfig,
    built: Option<Built>,
    /// Authorities that were found by their fingerprint, in DER.
    found: Vec<Vec<u8>>,
}

impl TlsContext {
    pub(crate) const fn new(config: TlsConfig) -> Self {
        Self { config, built: None, found: Vec::new() }
    }

    /// The connector for the files as they are now. Where they are damaged, but were not before, the one
    /// from before.
    pub(crate) fn connector(&mut self) -> Result<TlsConnector, TlsError> {
        let material = Material::read(&self.config);
        if let (Ok(material), Some(built)) = (&material, &self.built)
            && *material == built.material
        {
            return Ok(built.connector.clone());
        }
        match (material.and_then(|material| self.build(material)), &self.built) {
            (Ok(built), _) => Ok(self.built.insert(built).connector.clone()),
            (Err(_), Some(built)) => Ok(built.connector.clone()),
            (Err(error), None) => Err(error),
        }
    }

    /// Whether the files as they are now fit together.
    pub(crate) fn check(&self) -> Result<(), TlsError> {
        Material::read(&self.config).and_then(|material| self.build(material)).map(drop)
    }

    /// The name that the certificate of `host` must hold.
    pub(crate) fn server_name<'a>(&'a self, host: &'a str) -> &'a str {
        let name = self.config.server_name.as_deref().unwrap_or(host);
        name.strip_suffix('.').unwrap_or(name)
    }

    /// Whether authorities are known by their fingerprints only; [`find_authority`](Self::find_authority)
    /// mends it.
    pub(crate) fn lacks_authority(&self) -> bool {
        let TlsConfig { fingerprints, authorities, .. } = &self.config;
        !fingerprints.is_empty() && authorities.is_empty() && self.found.is_empty()
    }

    /// Looks for the authority in what the peer presents; uses the connection up.
    pub(crate) fn find_authority(
        &mut self,
        socket: Socket,
        host: &str,
        timeout: Duration,
        interrupt: &Interrupt,
    ) -> Result<(), TransportError> {
        let wanted = self.fingerprints()?;
        let name = self.server_name(host).to_owned();
        let chain = presented::chain(socket, &name, self.config.sni, timeout, &|| interrupt.is_raised());
        let chain = chain.map_err(|error| {
            let text = format!("cannot see which certificates {host} presents");
            let error = TransportError::new(ErrorKind::Unavailable, text).caused_by(error);
            error.advise("see whether the peer speaks TLS on this port, and is not overloaded")
        })?;
        let seen: Vec<_> = chain.iter().map(|der| fingerprint::of(der)).collect();
        self.found = chain
            .into_iter()
            .zip(&seen)
            .filter(|(_, seen)| wanted.contains(seen))
            .map(|(der, _)| der)
            .collect();
        self.built = None;
        if self.found.is_empty() {
            let seen = seen.iter().map(fingerprint::print).collect::<Vec<_>>().join(", ");
            let text = format!("{host} presents no certificate with the fingerprint wanted, but {seen}");
            let advice = "compare ca_fingerprint with that of the authority; the peer must present \
                          the authority's certificate in its chain, otherwise give it with ca_file";
            return Err(TransportError::new(ErrorKind::Misconfigured, text).advise(advice));
        }
        Ok(())
    }

    /// Shakes hands over a connected socket, whose reads and writes return within a slice.
    pub(crate) fn handshake(
        &mut self,
        mut socket: Socket,
        host: &str,
        timeout: Duration,
        interrupt: &Interrupt,
    ) -> Result<TlsStream<Socket>, TransportError> {
        let deadline = deadline(timeout);
        let connector = self.connector()?;
        let name = self.server_name(host);
        let failed = |kind, what: &str| {
            TransportError::new(kind, format!("cannot set up TLS with {host} as {name:?}{what}"))
        };
        socket.begin_slice();
        let mut attempt = connector.connect(name, socket);
        loop {
            match attempt {
                Ok(stream) => return Ok(stream),
                Err(HandshakeError::Failure(error)) => {
                    let text = error.to_string();
                    let advice = advice(&text);
                    let error = failed(kind(&error), "").caused_by(reason(&text));
                    return Err(error.advise(advice.unwrap_or(SEE_THE_LOG)));
                }
                Err(HandshakeError::WouldBlock(_)) if interrupt.is_raised() => {
                    return Err(failed(ErrorKind::Unavailable, ": interrupted"));
                }
                Err(HandshakeError::WouldBlock(_)) if Instant::now() >= deadline => {
                    let error = failed(ErrorKind::Unavailable, ": no answer within the handshake timeout");
                    return Err(
                        error.advise("see whether the peer speaks TLS on this port, and is not overloaded")
                    );
                }
                Err(HandshakeError::WouldBlock(mut unfinished)) => {
                    unfinished.get_mut().begin_slice();
                    attempt = unfinished.handshake();
                }
            }
        }
    }

    fn fingerprints(&self) -> Result<Vec<fingerprint::Fingerprint>, TlsError> {
        self.config.fingerprints.iter().map(|text| fingerprint::parse(text)).collect()
    }

    fn build(&self, material: Material) -> Result<Built, TlsError> {
        let config = &self.config;
        let unsupported = |error: native_tls::Error| {
            let what = "the TLS library of this system refuses the settings, or the client certificate and its key \
                        do not belong together";
            TlsError::new(TlsErrorKind::Unsupported, what).caused_by(error)
        };
        let mut builder = TlsConnector::builder();
        builder
            .use_sni(config.sni)
            .min_protocol_version(Some(protocol(config.minimum_version)))
            .max_protocol_version(config.maximum_version.map(protocol))
            .danger_accept_invalid_hostnames(config.verification != Verification::Full)
            .danger_accept_invalid_certs(config.verification == Verification::DangerNone);
        let only_named = !config.authorities.is_empty() || !config.fingerprints.is_empty();
        builder.disable_built_in_roots(!config.system_roots.unwrap_or(!only_named));
        for authority in self.authorities(&material)? {
            builder.add_root_certificate(authority);
        }
        if let Some(identity) = self.identity(&material)? {
            builder.identity(identity);
        }
        Ok(Built { connector: builder.build().map_err(unsupported)?, material })
    }

    fn authorities(&self, material: &Material) -> Result<Vec<Certificate>, TlsError> {
        let wanted = self.fingerprints()?;
        if !wanted.is_empty() && self.config.verification == Verification::DangerNone {
            let what = "a fingerprint is wanted with TlsConfig::ca_fingerprint, but with Verification::DangerNone \
                        nobody looks at it: leave out one of them";
            return Err(TlsError::new(TlsErrorKind::Contradiction, what));
        }
        let mut authorities = Vec::new();
        for (source, content) in self.config.authorities.iter().zip(&material.authorities) {
            authorities.extend(certificates(content, &name(source))?);
        }
        if wanted.is_empty() {
            return Ok(authorities);
        }
        let given = !authorities.is_empty();
        authorities
            .retain(|authority| authority.to_der().is_ok_and(|der| wanted.contains(&fingerprint::of(&der))));
        if given && authorities.is_empty() {
            let what = "none of the certificates given for authorities has a fingerprint that is wanted";
            return Err(TlsError::new(TlsErrorKind::Fingerprint, what));
        }
        for der in &self.found {
            authorities.extend(certificates(der, "the certificate that the peer presents")?);
        }
        Ok(authorities)
    }

    fn identity(&self, material: &Material) -> Result<Option<Identity>, TlsError> {
        let TlsConfig { certificate, key, key_password, pkcs12, .. } = &self.config;
        match (certificate, key, pkcs12) {
            (Some(certificate), Some(key), _) => {
                let password = key_password.as_ref().map(|secret| secret.0.as_str());
                let names = (&*name(certificate), &*name(key));
                identity::from_pem(&material.certificate, &material.key, password, names).map(Some)
            }
            (_, _, Some((source, password))) => {
                identity::from_pkcs12(&material.pkcs12, &password.0, &name(source)).map(Some)
            }
            _ => Ok(None),
        }
    }
}

impl fmt::Debug for TlsContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsContext").field(&self.config).finish()
    }
}

impl From<TlsError> for TransportError {
    fn from(error: TlsError) -> Self {
        Self::new(ErrorKind::Misconfigured, "cannot use the TLS configuration").caused_by(error)
    }
}

#[derive(Clone)]
struct Built {
    /// What it was built of.
    material: Material,
    connector: TlsConnector,
}

/// What was read; empty where nothing is configured.
#[derive(Clone, Eq, PartialEq)]
struct Material {
    authorities: Vec<Vec<u8>>,
    certificate: Vec<u8>,
    key: Vec<u8>,
    pkcs12: Vec<u8>,
}

impl Material {
    fn read(config: &TlsConfig) -> Result<Self, TlsError> {
        check_completeness(config)?;
        let optional = |source: Option<&Source>| source.map_or_else(|| Ok(Vec::new()), read);
        Ok(Self {
            authorities: config.authorities.iter().map(read).collect::<Result<_, _>>()?,
            certificate: optional(config.certificate.as_ref())?,
            key: optional(config.key.as_ref())?,
            pkcs12: optional(config.pkcs12.as_ref().map(|(source, _)| source))?,
        })
    }
}

/// A certificate comes with its key, and a key with its certificate.
fn check_completeness(config: &TlsConfig) -> Result<(), TlsError> {
    let what = match (&config.certificate, &config.key, &config.pkcs12) {
        (None, None, _) | (Some(_), Some(_), None) => return Ok(()),
        (Some(certificate), None, None) => {
            format!("the client certificate in {} has no key: name it too", name(certificate))
        }
        (None, Some(key), None) => {
            format!("the client key in {} has no certificate: name it too", name(key))
        }
        (_, _, Some(_)) => "a PKCS#12 file beside a certificate or key: name one or the other".into(),
    };
    Err(TlsError::new(TlsErrorKind::Incomplete, what))
}

fn read(source: &Source) -> Result<Vec<u8>, TlsError> {
    match source {
        Source::Bytes(bytes) => Ok(bytes.clone()),
        Source::File(path) => file::read(path),
    }
}

fn name(source: &Source) -> String {
    match source {
        Source::Bytes(_) => "the bytes given".into(),
        Source::File(path) => path.display().to_string(),
    }
}

/// All certificates of a PEM text, or the one in DER.
fn certificates(content: &[u8], name: &str) -> Result<Vec<Certificate>, TlsError> {
    let found = if file::is_der(content) {
        Certificate::from_der(content).map(|certificate| vec![certificate])
    } else {
        Certificate::stack_from_pem(content)
    };
    let found = found.map_err(|error| file::no_authority(name).caused_by(error))?;
    if found.is_empty() { Err(file::no_authority(name)) } else { Ok(found) }
}

/// What a failed handshake means: a connection that broke is tried again, a verdict stands.
pub(crate) fn kind(error: &native_tls::Error) -> ErrorKind {
    let text = error.to_string().to_ascii_lowercase();
    let broke = error.source().is_some_and(<dyn Error>::is::<io::Error>)
        || text.contains("unexpected eof")
        || text.contains("alert internal error");
    if broke { ErrorKind::Unavailable } else { ErrorKind::Misconfigured }
}

pub(super) const fn protocol(version: TlsVersion) -> Protocol {
    match version {
        TlsVersion::Tls12 => Protocol::Tlsv12,
        TlsVersion::Tls13 => Protocol::Tlsv13,
    }
}

const SEE_THE_LOG: &str = "see the log of the peer, and whether it speaks TLS on this port";
