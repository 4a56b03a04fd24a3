use super::exit::{Outcome, Trouble};
use super::run;
use crate::relay::{ConfigError, RelayConfig};
use clap::Args;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use url::form_urlencoded::byte_serialize;

/// The short form, as pysyslog had it: receives lines over TCP, and writes them out.
#[derive(Args, Debug)]
pub(super) struct Lines {
    /// Without a command: receives lines on this address
    #[arg(value_name = "HOST", default_value = "127.0.0.1", value_parser = host)]
    host: IpAddr,
    /// Without a command: receives lines on this port
    #[arg(value_name = "PORT", default_value_t = 514)]
    port: u16,
    /// Without a command: a certificate chain, PEM; lines come over TLS then
    #[arg(long, short, value_name = "FILE", requires = "key")]
    cert: Option<String>,
    /// Without a command: the key of the certificate, PEM; may be in the same file
    #[arg(long, short, value_name = "FILE", requires = "cert")]
    key: Option<String>,
    /// Without a command: where lines go, as events
    #[arg(long, short, value_name = "URL", default_value = "stdout:")]
    output: String,
}

impl Lines {
    pub(super) fn run(self) -> Result<Outcome, Trouble> {
        let config = || self.config();
        let first = config().map_err(|error| Trouble::new("cannot start").because(error))?;
        run::serve(first, config)
    }

    fn config(&self) -> Result<RelayConfig, ConfigError> {
        let address = SocketAddr::new(self.host, self.port);
        let in_query = |file: &str| byte_serialize(file.as_bytes()).collect::<String>();
        let listen = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                format!("lines+tls://{address}?tls_cert={}&tls_key={}", in_query(cert), in_query(key))
            }
            _ => format!("lines+tcp://{address}"),
        };
        RelayConfig::new().listen(&listen)?.send_to(&self.output)
    }
}

/// An address; what is none may well be a command that was mistyped.
fn host(text: &str) -> Result<IpAddr, String> {
    if text == "localhost" {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    text.parse().map_err(|_| "it is neither a command (see --help) nor an address of this machine".to_owned())
}
