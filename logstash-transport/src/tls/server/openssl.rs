//! What native-tls does not do: to ask clients for certificates.

use super::{ClientAuth, Own, TlsServerConfig};
use crate::tls::config::TlsVersion;
use crate::tls::error::{TlsError, TlsErrorKind};
use crate::tls::peer::PeerCertificate;
use crate::tls::{file, identity};
use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{
    SslAcceptor, SslAcceptorBuilder, SslMethod, SslOptions, SslSessionCacheMode, SslVerifyMode, SslVersion,
};
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{X509, X509Name, X509StoreContextRef, X509VerifyResult};
use std::path::Path;

impl TlsServerConfig {
    /// Reads the files and makes what accepts connections with OpenSSL, and asks clients for certificates
    /// if that is wanted.
    ///
    /// Sessions are not resumed: each connection is verified anew. Nor are there tickets for that, which
    /// would arrive unasked at clients that only write, and turn the end of their connections into a reset.
    ///
    /// # Errors
    ///
    /// [`TlsError`], which names the file or the setting at fault.
    pub fn openssl_acceptor(&self) -> Result<SslAcceptor, TlsError> {
        self.check_settings()?;
        let own = Own::read(self)?;
        let names = own.names();
        let key = identity::key_of(&own.certificate, &own.key, self.password(), names)?;
        let mut chain = X509::stack_from_pem(&own.certificate)
            .map_err(|error| identity::no_certificate(names.0).caused_by(error))?
            .into_iter();
        let certificate = chain.next().ok_or_else(|| identity::no_certificate(names.0))?;
        let clients = self.client_authorities.as_deref().map(Clients::read).transpose()?;
        let unsupported = |error: ErrorStack| {
            let what = format!("the TLS library of this system refuses the certificate in {}", names.0);
            TlsError::new(TlsErrorKind::Unsupported, what).caused_by(error)
        };
        let mut builder = self.builder().map_err(unsupported)?;
        builder.set_certificate(&certificate).map_err(unsupported)?;
        chain.try_for_each(|next| builder.add_extra_chain_cert(next)).map_err(unsupported)?;
        let key = PKey::private_key_from_pem(&key).map_err(unsupported)?;
        builder.set_private_key(&key).map_err(unsupported)?;
        if let Some(clients) = clients {
            self.ask(&mut builder, clients);
        }
        Ok(builder.build())
    }

    fn builder(&self) -> Result<SslAcceptorBuilder, ErrorStack> {
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls())?;
        builder.set_min_proto_version(Some(match self.minimum_version {
            TlsVersion::Tls12 => SslVersion::TLS1_2,
            TlsVersion::Tls13 => SslVersion::TLS1_3,
        }))?;
        builder.set_options(SslOptions::NO_RENEGOTIATION | SslOptions::NO_TICKET);
        builder.set_session_cache_mode(SslSessionCacheMode::OFF);
        builder.set_num_tickets(0)?;
        Ok(builder)
    }

    /// Asks clients for their certificates.
    fn ask(&self, builder: &mut SslAcceptorBuilder, clients: Clients) {
        builder.set_cert_store(clients.trusted);
        builder.set_client_ca_list(clients.names);
        builder.set_verify_depth(LONGEST_CHAIN);
        let mode = match self.client_auth {
            ClientAuth::Required => SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT,
            ClientAuth::Optional => SslVerifyMode::PEER,
        };
        let names = self.client_names.clone();
        builder.set_verify_callback(mode, move |is_valid, context| {
            let is_meant = context.error_depth() > 0 || names.is_empty() || is_meant(context, &names);
            if is_valid && !is_meant {
                context.set_error(X509VerifyResult::APPLICATION_VERIFICATION);
            }
            is_valid && is_meant
        });
    }
}

/// Whom to trust about clients.
struct Clients {
    trusted: X509Store,
    /// Of the authorities, for clients that have to choose from several certificates.
    names: Stack<X509Name>,
}

impl Clients {
    fn read(path: &Path) -> Result<Self, TlsError> {
        let content = file::read(path)?;
        let wrong = || file::no_authority(&path.display().to_string());
        let found = if file::is_der(&content) {
            X509::from_der(&content).map(|certificate| vec![certificate])
        } else {
            X509::stack_from_pem(&content)
        };
        let found = found.map_err(|error| wrong().caused_by(error))?;
        if found.is_empty() {
            return Err(wrong());
        }
        Self::new(&found).map_err(|error| wrong().caused_by(error))
    }

    fn new(authorities: &[X509]) -> Result<Self, ErrorStack> {
        let (mut trusted, mut names) = (X509StoreBuilder::new()?, Stack::new()?);
        trusted.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        for authority in authorities {
            trusted.add_cert(authority.clone())?;
            names.push(authority.subject_name().to_owned()?)?;
        }
        Ok(Self { trusted: trusted.build(), names })
    }
}

/// Whether the certificate at hand is one of those that are wanted.
fn is_meant(context: &X509StoreContextRef, names: &[String]) -> bool {
    let certificate = context.current_cert().and_then(|certificate| certificate.to_der().ok());
    certificate
        .and_then(|der| PeerCertificate::from_der(&der))
        .is_some_and(|certificate| names.iter().any(|name| certificate.is_meant_by(name)))
}

/// Certificates between that of a client and that of an authority.
const LONGEST_CHAIN: u32 = 4;
