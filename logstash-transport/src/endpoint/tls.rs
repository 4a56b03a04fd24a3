//! What an address says about TLS.

use super::Endpoint;
use crate::tls::{TlsConfig, Verification};

impl Endpoint {
    /// The configuration with what the address says in the place of what it said.
    pub(crate) fn refine(&self, mut tls: TlsConfig) -> TlsConfig {
        if let Some(file) = self.option("tls_ca") {
            tls = tls.ca_file(file);
        }
        if let Some(file) = self.option("tls_cert") {
            tls = tls.client_certificate_file(file);
        }
        if let Some(file) = self.option("tls_key") {
            tls = tls.client_key_file(file);
        }
        if let Some(name) = self.option("tls_server_name") {
            tls = tls.server_name(name);
        }
        if let Some(sha256) = self.option("tls_fingerprint") {
            tls = tls.ca_fingerprint(sha256);
        }
        match self.option("tls_verify") {
            Some("full") => tls.verification(Verification::Full),
            Some("certificate") => tls.verification(Verification::Certificate),
            Some("danger_none") => tls.verification(Verification::DangerNone),
            _ => tls,
        }
    }
}
