use super::TOO_LONG;
use crate::relay::input::connection::hang_up;
use crate::relay::tls_peer::TlsPeer;
use logstash_transport::{PeerCertificate, TlsError, TlsServerConfig};
use openssl::ssl::{self, Ssl, SslAcceptor, SslCipherRef, SslRef};
use openssl::x509::{X509Ref, X509VerifyResult};
use std::pin::Pin;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_openssl::SslStream;

#[derive(Clone)]
pub(super) struct Acceptor(SslAcceptor);

pub(in super::super) type Stream = SslStream<TcpStream>;

impl Acceptor {
    pub(super) fn new(config: &TlsServerConfig) -> Result<Self, TlsError> {
        config.openssl_acceptor().map(Self)
    }

    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        limit: Duration,
    ) -> Result<(Stream, TlsPeer), String> {
        let stream = Ssl::new(self.0.context()).and_then(|ssl| SslStream::new(ssl, stream));
        let mut stream = stream.map_err(|error| error.to_string())?;
        match timeout(limit, Pin::new(&mut stream).accept()).await {
            Ok(Ok(())) => {
                let peer = peer(stream.ssl());
                Ok((stream, peer))
            }
            Ok(Err(error)) => {
                // The client is told, and may be in the middle of a request already.
                hang_up(stream.get_mut()).await;
                Err(reason(stream.ssl(), &error))
            }
            Err(_) => Err(TOO_LONG.to_owned()),
        }
    }
}

fn peer(ssl: &SslRef) -> TlsPeer {
    let cipher = ssl.current_cipher().and_then(SslCipherRef::standard_name);
    let presented = ssl.peer_certificate();
    let certificate = presented.as_ref().and_then(|certificate| read(certificate));
    TlsPeer::new(Some(ssl.version_str()), cipher, presented.is_some(), certificate)
}

fn read(certificate: &X509Ref) -> Option<PeerCertificate> {
    PeerCertificate::from_der(&certificate.to_der().ok()?)
}

/// Why there is no connection, and what to do about it.
fn reason(ssl: &SslRef, error: &ssl::Error) -> String {
    let verdict = ssl.verify_result();
    let what = if verdict == X509VerifyResult::OK {
        let first = error.ssl_error().and_then(|stack| stack.errors().first());
        match (first.and_then(openssl::error::Error::reason), error.io_error()) {
            (Some(reason), _) => reason.to_owned(),
            (None, Some(error)) => error.to_string(),
            (None, None) => "unexpected eof".to_owned(),
        }
    } else {
        let chain = ssl.verified_chain();
        let subject =
            chain.and_then(|chain| chain.get(0)).and_then(read).map(|certificate| certificate.subject);
        let whose = subject.map(|subject| format!(" {subject:?}")).unwrap_or_default();
        if verdict == X509VerifyResult::APPLICATION_VERIFICATION {
            return format!("its certificate{whose} holds none of the names in tls_client_names");
        }
        format!("its certificate{whose} is refused: {verdict}")
    };
    match ADVICE.iter().find(|(sign, _)| what.contains(sign)) {
        Some((_, advice)) => format!("{what}; {advice}"),
        None => what,
    }
}

const ADVICE: [(&str, &str); 16] = [
    ("did not return a certificate", "give it one that an authority in tls_client_ca has issued"),
    ("has expired", "renew it, or that of its authority; also look at the clock of this machine"),
    ("not yet valid", "look at the clocks of the machine that issued it and of this one"),
    ("issuer certificate", ISSUER),
    ("self-signed", ISSUER),
    ("self signed", ISSUER),
    ("unable to verify", ISSUER),
    ("chain too long", "have it issued with fewer certificates in between"),
    ("purpose", "have it issued for clients (extended key usage clientAuth)"),
    ("http request", "it speaks HTTP"),
    ("wrong version number", NO_TLS),
    ("packet length too long", NO_TLS),
    ("alert unknown ca", "it does not know the authority of the certificate of this input"),
    ("alert bad certificate", "it does not accept the certificate of this input"),
    ("unsupported protocol", "it speaks older versions of TLS only than tls_minimum_version"),
    ("unexpected eof", "it hung up during the handshake: see its log for why"),
];

const ISSUER: &str = "no authority in tls_client_ca has issued it; where one in between has, the client must send \
                      the certificate of that one too";

const NO_TLS: &str = "it does not speak TLS: let it encrypt, or give it an input without";
