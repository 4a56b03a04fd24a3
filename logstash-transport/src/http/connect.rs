//! Sets the library up for the options of a transport.

use super::client::Client;
use super::options::{self, Options};
use super::resolver::Resolver;
use crate::endpoint::Endpoint;
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::stream::Connector;
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, Proxy, Url};
use std::net::IpAddr;
use std::sync::Arc;

/// A client for the endpoint of `connector`; it has no connection yet.
pub(super) fn client(
    connector: &mut Connector,
    options: &Options,
    interrupt: &Interrupt,
) -> Result<Client, TransportError> {
    connector.prepare(interrupt)?;
    let (builder, certified) = encrypt(builder(connector, options)?, connector)?;
    let scheme = if certified.is_some() { "https" } else { "http" };
    let endpoint = connector.endpoint();
    let host = endpoint.host();
    let proxied = options.proxy.is_some() || connector.options().proxy.is_some();
    let wanted = match certified {
        None if proxied => host.to_owned(),
        None => endpoint.name().trim_end_matches('.').to_owned(),
        Some(name) => name,
    };
    let differs = !wanted.eq_ignore_ascii_case(host.trim_end_matches('.'));
    let alias = differs.then(|| (wanted, host.to_owned()));
    if let Some((wanted, _)) = &alias {
        // The library takes the name for the certificate from the URL.
        if proxied || wanted.parse::<IpAddr>().is_ok() {
            let text = format!("cannot ask {endpoint} for the certificate of {wanted:?}");
            let error = TransportError::new(ErrorKind::Misconfigured, text);
            return Err(
                error.advise("over HTTP, TlsConfig::server_name must be a name, and there can be no proxy")
            );
        }
    }
    let real = authority(endpoint.name(), endpoint);
    let (host, url_authority) = match &alias {
        Some((wanted, _)) => (HeaderValue::from_str(&real).ok(), authority(wanted, endpoint)),
        None => (None, authority(host, endpoint)),
    };
    let path = options::join(endpoint.path(), &options.path);
    let query = endpoint.query().map(|query| format!("?{query}")).unwrap_or_default();
    let url = Url::parse(&format!("{scheme}://{url_authority}{path}{query}"))
        .map_err(|error| misconfigured(format!("{endpoint} makes no valid URL")).caused_by(error))?;
    let http = builder
        .dns_resolver(Arc::new(Resolver::new(alias)))
        .build()
        .map_err(|error| misconfigured(format!("cannot set up HTTP for {endpoint}")).caused_by(error))?;
    Client::new(http, url, host).map_err(|error| {
        TransportError::new(ErrorKind::Unavailable, "cannot start the HTTP client").caused_by(error)
    })
}

/// Everything but TLS.
fn builder(connector: &Connector, options: &Options) -> Result<ClientBuilder, TransportError> {
    let connection = connector.options();
    // The library counts the steps of making a connection together.
    let connect = connection.connect_timeout.saturating_mul(2).saturating_add(connection.handshake_timeout);
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .http1_only()
        .connect_timeout(connect)
        .timeout(options.request_timeout)
        .pool_idle_timeout(options.idle_timeout)
        .pool_max_idle_per_host(1)
        .tcp_keepalive(connection.keepalive);
    #[cfg(any(target_os = "android", target_os = "linux"))]
    let builder = builder.tcp_user_timeout(connection.user_timeout);
    match (&options.proxy, &connection.proxy) {
        (Some(proxy), _) => {
            let url = format!("http://{}", authority(proxy.host(), proxy));
            let credentials = proxy.user().map(|user| (user, proxy.password().unwrap_or_default()));
            Ok(builder.proxy(hop(&url, credentials)?))
        }
        (None, Some(proxy)) => {
            let scheme = if proxy.local_resolution { "socks5" } else { "socks5h" };
            let url = format!("{scheme}://{}:{}", bracketed(&proxy.host), proxy.port);
            let credentials = proxy.credentials.as_ref();
            let credentials = credentials.map(|(user, password)| (user.as_str(), password.as_str()));
            Ok(builder.proxy(hop(&url, credentials)?))
        }
        (None, None) => Ok(builder),
    }
}

fn hop(url: &str, credentials: Option<(&str, &str)>) -> Result<Proxy, TransportError> {
    let proxy = Proxy::all(url)
        .map_err(|error| misconfigured(format!("cannot use the proxy {url}")).caused_by(error))?;
    Ok(match credentials {
        Some((user, password)) => proxy.basic_auth(user, password),
        None => proxy,
    })
}

/// Encrypts where the connector does; tells for which name a certificate is wanted then.
#[cfg(feature = "tls")]
fn encrypt(
    builder: ClientBuilder,
    connector: &mut Connector,
) -> Result<(ClientBuilder, Option<String>), TransportError> {
    Ok(match connector.tls()? {
        Some((tls, name)) => (builder.tls_backend_preconfigured(tls), Some(name)),
        None => (builder, None),
    })
}

#[cfg(not(feature = "tls"))]
#[allow(clippy::unnecessary_wraps, reason = "the form of the one with TLS")]
fn encrypt(
    builder: ClientBuilder,
    _: &mut Connector,
) -> Result<(ClientBuilder, Option<String>), TransportError> {
    Ok((builder, None))
}

/// Host and port as they stand in a URL.
fn authority(host: &str, endpoint: &Endpoint) -> String {
    format!("{}:{}", bracketed(host), endpoint.port())
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn misconfigured(text: String) -> TransportError {
    TransportError::new(ErrorKind::Misconfigured, text)
}
