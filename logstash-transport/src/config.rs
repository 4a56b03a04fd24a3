mod one_or_many;

#[cfg(feature = "_stream")]
mod proxy;
#[cfg(feature = "_stream")]
pub(crate) use proxy::ProxyFields;

#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
pub(crate) use tls::TlsFields;

use crate::{Balance, Endpoint, EndpointError, Failover, Strategy, Transport, TransportOptions};
use one_or_many::OneOrMany;
use serde::Deserialize;

/// A way to Logstash, as a configuration file has it.
///
/// | key | value |
/// | --- | --- |
/// | `endpoint` | an [`Endpoint`], or a list of them |
/// | `several` | how a list is used: `"failover"`, in this order, the default; `"round_robin"` or `"least_latency"`, as [`Strategy`] |
/// | `connection` | a table, [`ConnectionOptions`](crate::ConnectionOptions), for all of them |
/// | `http_proxy` | an [`Endpoint`], the proxy of those over HTTP |
///
/// Other keys are refused. Beware of errors of the crate `toml` that are shown as they are: they quote the
/// line, with a password if there is one in it; their `message` does not.
///
/// ```
/// # #[cfg(all(feature = "beats", feature = "tls"))] {
/// use logstash_transport::{Transport, TransportConfig};
///
/// let config: TransportConfig = toml::from_str(r#"
///     endpoint = ["beats+tls://logstash-1.example", "beats+tls://logstash-2.example:5045"]
///     several = "round_robin"
///
///     [connection]
///     connect_timeout = "3 s"
///
///     [connection.tls]
///     ca_file = "/etc/ssl/logstash-ca.pem"
/// "#).unwrap();
/// let transport: Box<dyn Transport> = config.transport().unwrap();
/// # let _ = transport;
/// # }
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Fields")]
#[must_use = "a configuration does nothing until its transport is used"]
pub struct TransportConfig {
    /// At least one.
    endpoints: Vec<Endpoint>,
    several: Several,
    options: TransportOptions,
}

impl TransportConfig {
    /// Where it leads, in order.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The transport that it describes. Connects to nothing.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] when an address needs a feature of this crate that is switched off, or when the proxy
    /// for HTTP is none.
    pub fn transport(&self) -> Result<Box<dyn Transport>, EndpointError> {
        let mut members = Vec::with_capacity(self.endpoints.len());
        for endpoint in &self.endpoints {
            members.push(endpoint.clone().into_transport(&self.options)?);
        }
        // There is a first one by construction.
        let first = members.remove(0);
        Ok(match self.several {
            _ if members.is_empty() => first,
            Several::Failover => Box::new(members.into_iter().fold(Failover::new(first), Failover::or)),
            Several::LeastLatency => Box::new(balance(first, members).strategy(Strategy::LeastLatency)),
            Several::RoundRobin => Box::new(balance(first, members).strategy(Strategy::RoundRobin)),
        })
    }
}

fn balance(first: Box<dyn Transport>, others: Vec<Box<dyn Transport>>) -> Balance {
    others.into_iter().fold(Balance::new(first), Balance::and)
}

/// What several endpoints are for.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Several {
    #[default]
    Failover,
    LeastLatency,
    RoundRobin,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    endpoint: OneOrMany<Endpoint>,
    #[serde(default)]
    several: Several,
    #[cfg(feature = "_stream")]
    #[serde(default)]
    connection: crate::ConnectionOptions,
    #[cfg(feature = "http")]
    http_proxy: Option<Endpoint>,
}

impl TryFrom<Fields> for TransportConfig {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let endpoints = fields.endpoint.0;
        if endpoints.is_empty() {
            return Err("endpoint is an empty list, there must be one to send to");
        }
        let options = TransportOptions::new();
        #[cfg(feature = "_stream")]
        let options = options.connection(fields.connection);
        #[cfg(feature = "http")]
        let options = fields.http_proxy.into_iter().fold(options, TransportOptions::http_proxy);
        Ok(Self { endpoints, several: fields.several, options })
    }
}
