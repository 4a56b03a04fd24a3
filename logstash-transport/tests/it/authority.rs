//! Authorities and the certificates that they issue, made anew for each test.

#![allow(dead_code, reason = "not every combination of features needs all of it")]

use logstash_transport::PeerCertificate;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use std::fs;
use std::path::{Path, PathBuf};

/// An authority.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let issuer =
            CertifiedIssuer::self_signed(authority_params(name), KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    /// As Elasticsearch prints it.
    pub(crate) fn fingerprint(&self) -> String {
        PeerCertificate::from_der(self.issuer.der()).unwrap().fingerprint
    }

    /// A certificate for a server with these names or addresses.
    pub(crate) fn server(&self, names: &[&str]) -> Leaf {
        self.sign(server_params(names))
    }

    /// As [`server`](Self::server), but no longer valid.
    pub(crate) fn expired_server(&self, names: &[&str]) -> Leaf {
        let mut params = server_params(names);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.sign(params)
    }

    /// A certificate for a client with this common name.
    pub(crate) fn client(&self, name: &str) -> Leaf {
        self.sign(client_params(name, &[]))
    }

    /// As [`client`](Self::client), also with these names or addresses.
    pub(crate) fn client_of(&self, name: &str, names: &[&str]) -> Leaf {
        self.sign(client_params(name, names))
    }

    /// As [`client`](Self::client), but valid from one year's beginning to that of the next.
    pub(crate) fn client_of_year(&self, name: &str, year: i32) -> Leaf {
        let mut params = client_params(name, &[]);
        params.not_before = date_time_ymd(year, 1, 1);
        params.not_after = date_time_ymd(year + 1, 1, 1);
        self.sign(params)
    }

    /// An authority by the grace of this one.
    pub(crate) fn intermediate(&self, name: &str) -> Self {
        let issuer =
            CertifiedIssuer::signed_by(authority_params(name), KeyPair::generate().unwrap(), &self.issuer);
        Self { issuer: issuer.unwrap() }
    }

    fn sign(&self, params: CertificateParams) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Leaf { pem: certificate.pem(), der: certificate.der().to_vec(), key }
    }
}

/// A certificate that issues none, and its key.
pub(crate) struct Leaf {
    pub(crate) pem: String,
    pub(crate) der: Vec<u8>,
    pub(crate) key: KeyPair,
}

impl Leaf {
    /// A server's certificate that no authority has signed.
    pub(crate) fn self_signed(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = server_params(names).self_signed(&key).unwrap();
        Self { pem: certificate.pem(), der: certificate.der().to_vec(), key }
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// Writes certificate and key to `NAME.pem` and `NAME.key`.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        fs::write(&certificate, &self.pem).unwrap();
        fs::write(&key, self.key_pem()).unwrap();
        (certificate, key)
    }
}

fn server_params(names: &[&str]) -> CertificateParams {
    let mut params = params("test server", names);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn client_params(name: &str, names: &[&str]) -> CertificateParams {
    let mut params = params(name, names);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = params(name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn params(name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    params.use_authority_key_identifier_extension = true;
    params
}
