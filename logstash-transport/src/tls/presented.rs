//! The certificates that a peer presents, whoever issued them.

use crate::stream::Socket;
#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
use crate::stream::deadline;
use std::time::Duration;
#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
use std::time::Instant;

/// Shakes hands without verifying anything, to see the chain in DER; the connection is of no other use.
///
/// What is found may be trusted only if it has a known fingerprint.
#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
pub(super) fn chain(
    mut socket: Socket,
    name: &str,
    sni: bool,
    timeout: Duration,
    is_interrupted: &dyn Fn() -> bool,
) -> Result<Vec<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
    use openssl::ssl::{HandshakeError, SslConnector, SslMethod, SslVerifyMode};

    let deadline = deadline(timeout);
    let mut connector = SslConnector::builder(SslMethod::tls())?;
    connector.set_verify(SslVerifyMode::NONE);
    let configuration = connector.build().configure()?.use_server_name_indication(sni).verify_hostname(false);
    socket.begin_slice();
    let mut attempt = configuration.connect(name, socket);
    loop {
        match attempt {
            Ok(stream) => {
                let chain = stream.ssl().peer_cert_chain().into_iter().flatten();
                return Ok(chain.filter_map(|certificate| certificate.to_der().ok()).collect());
            }
            // A server that demands a client certificate has presented its own by then.
            Err(HandshakeError::Failure(mid)) => {
                let chain = mid.ssl().peer_cert_chain().into_iter().flatten();
                let chain: Vec<_> = chain.filter_map(|certificate| certificate.to_der().ok()).collect();
                return if chain.is_empty() { Err(mid.into_error().into()) } else { Ok(chain) };
            }
            Err(HandshakeError::SetupFailure(error)) => return Err(error.into()),
            Err(HandshakeError::WouldBlock(_)) if is_interrupted() => return Err("interrupted".into()),
            Err(HandshakeError::WouldBlock(_)) if Instant::now() >= deadline => {
                return Err("no answer within the handshake timeout".into());
            }
            Err(HandshakeError::WouldBlock(mut mid)) => {
                mid.get_mut().begin_slice();
                attempt = mid.handshake();
            }
        }
    }
}

#[cfg(any(target_os = "windows", target_vendor = "apple"))]
pub(super) fn chain(
    _: Socket,
    _: &str,
    _: bool,
    _: Duration,
    _: &dyn Fn() -> bool,
) -> Result<Vec<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
    Err("the TLS library of this system does not show the chain: give the certificate with ca_file".into())
}
