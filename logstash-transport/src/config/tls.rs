use super::one_or_many::OneOrMany;
use crate::tls::{TlsConfig, TlsVersion, Verification};
use serde::Deserialize;
use std::path::PathBuf;

/// The configuration of TLS as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsFields {
    ca_file: OneOrMany<PathBuf>,
    ca_bytes: Option<String>,
    ca_fingerprint: OneOrMany<String>,
    system_roots: Option<bool>,
    client_certificate_file: Option<PathBuf>,
    client_certificate_bytes: Option<String>,
    client_key_file: Option<PathBuf>,
    client_key_bytes: Option<String>,
    client_key_password: Option<String>,
    client_pkcs12_file: Option<PathBuf>,
    client_pkcs12_password: Option<String>,
    server_name: Option<String>,
    sni: Option<bool>,
    verification: Option<Verification>,
    minimum_version: Option<TlsVersion>,
    maximum_version: Option<TlsVersion>,
}

impl TryFrom<TlsFields> for TlsConfig {
    type Error = &'static str;

    fn try_from(fields: TlsFields) -> Result<Self, Self::Error> {
        let TlsFields { client_certificate_file, client_certificate_bytes, .. } = &fields;
        if client_certificate_file.is_some() && client_certificate_bytes.is_some() {
            return Err("client_certificate_file and client_certificate_bytes exclude each other");
        }
        if fields.client_key_file.is_some() && fields.client_key_bytes.is_some() {
            return Err("client_key_file and client_key_bytes exclude each other");
        }
        if fields.client_pkcs12_password.is_some() && fields.client_pkcs12_file.is_none() {
            return Err("client_pkcs12_password without client_pkcs12_file");
        }
        let mut tls = Self::new();
        tls = fields.ca_file.0.into_iter().fold(tls, Self::ca_file);
        tls = with(tls, fields.ca_bytes, Self::ca_bytes);
        tls = fields.ca_fingerprint.0.into_iter().fold(tls, Self::ca_fingerprint);
        tls = with(tls, fields.system_roots, Self::system_roots);
        tls = with(tls, fields.client_certificate_file, Self::client_certificate_file);
        tls = with(tls, fields.client_certificate_bytes, Self::client_certificate_bytes);
        tls = with(tls, fields.client_key_file, Self::client_key_file);
        tls = with(tls, fields.client_key_bytes, Self::client_key_bytes);
        tls = with(tls, fields.client_key_password, Self::client_key_password);
        let password = fields.client_pkcs12_password.unwrap_or_default();
        tls = with(tls, fields.client_pkcs12_file, |tls, file| tls.client_pkcs12_file(file, password));
        tls = with(tls, fields.server_name, Self::server_name);
        tls = with(tls, fields.sni, Self::sni);
        tls = with(tls, fields.verification, Self::verification);
        tls = with(tls, fields.minimum_version, Self::minimum_version);
        Ok(with(tls, fields.maximum_version, Self::maximum_version))
    }
}

/// The configuration with a value, if there is one.
fn with<T>(tls: TlsConfig, value: Option<T>, set: impl FnOnce(TlsConfig, T) -> TlsConfig) -> TlsConfig {
    match value {
        Some(value) => set(tls, value),
        None => tls,
    }
}
