use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Missing;
use crate::failure::Failure;
use crate::process;

/// The command line of OpenSSL.
#[derive(Debug)]
pub(crate) struct Openssl {
    pub(crate) version: String,
}

impl Openssl {
    pub(crate) fn prepare() -> Result<Self, Missing> {
        let told = process::output(Command::new("openssl").arg("version"), PROMPT)
            .map_err(|failure| Missing::new(&failure, "install OpenSSL (Debian: apt-get install openssl)"))?;
        // `OpenSSL 3.0.17 1 Jul 2025 (…)`
        Ok(Self { version: told.split_whitespace().nth(1).unwrap_or("unknown").to_owned() })
    }

    /// Sends a file over TLS of a version, such as `-tls1_3`, and ends; the server must be what the authority says.
    pub(crate) fn send(
        &self,
        file: &Path,
        server: SocketAddr,
        authority: &Path,
        tls: &str,
    ) -> Result<(), Failure> {
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"exec openssl s_client "$@" <"$0""#])
            .arg(file)
            .args(["-connect", &server.to_string(), tls, "-quiet", "-no_ign_eof", "-nocommands"])
            .args(["-verify_return_error", "-verify_hostname", "localhost", "-CAfile"])
            .arg(authority);
        process::output(&mut command, PROMPT).map(drop)
    }

    /// Writes a certificate for the loopback interface that is its own authority, and its key, to `server.pem` and
    /// `server.key` in a folder.
    pub(crate) fn make_certificate(folder: &Path) -> Result<(), Failure> {
        let mut command = Command::new("openssl");
        command
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .arg("-keyout")
            .arg(folder.join("server.key"))
            .arg("-out")
            .arg(folder.join("server.pem"));
        process::output(&mut command, PROMPT).map(drop)
    }
}

const PROMPT: Duration = Duration::from_secs(30);
