use super::error::ConfigError;
use super::listen::{Carrier, Listen, Protocol};
use super::names::some_names;
use super::networks::Networks;
use crate::relay::syslog::{SyslogParser, SyslogZone};
use logstash_transport::human::{Size, Time, TimeOrNone};
use logstash_transport::{ClientAuth, TlsServerConfig, TlsVersion};
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Where events come in.
///
/// | key | value | default |
/// | --- | --- | --- |
/// | `listen` | a [`Listen`] | |
/// | `tls_cert`, `tls_key`, `tls_key_password` | certificate chain and key, PEM, and what the key is decrypted with | |
/// | `tls_minimum_version` | `"1.2"` or `"1.3"` | `"1.2"` |
/// | `tls_client_ca` | file with the authorities that issue the certificates of clients, PEM; needs OpenSSL, which macOS and Windows do not have | clients present none |
/// | `tls_client_auth` | `"required"` or `"optional"`: whether a client without certificate is refused; one with a wrong one always is | `"required"` |
/// | `tls_client_names` | names of clients, one of which the certificate must hold, `*.` for one label, or SHA-256 fingerprints | any |
/// | `allow` | addresses and networks, such as `"10.0.0.0/8"`; others are closed at once or dropped, and counted; behind `proxy_protocol` those of clients count, and that of the proxy where it tells none | all |
/// | `type` | the field `type` of documents for Logstash that are not JSON already | `"logstash-relay"` |
/// | `proxy_protocol` | addresses and networks of load balancers; their connections begin with a header of the PROXY protocol, version 1 or 2, that tells whose they are, and is due within `handshake_timeout` | none |
/// | `tags` | added to events that are not JSON already | none |
/// | `max_length` | bytes of one message; the rest is cut, counted, and the event tagged | `"64 KiB"`, Python `"1 MiB"`, Beats `"16 MiB"` |
/// | `max_memory` | bytes that all connections together may hold of windows of Beats that no output has yet; beyond it one of them at a time is read, for 30 s at most, until its window is with all outputs; one that waits for room there longer than that keeps the others waiting, which is told as a problem | `"256 MiB"` |
/// | `max_connections` | connections at a time; more are closed at once and counted | 1000 |
/// | `max_connections_per_peer` | those of one address, so that none takes all places; more for a proxy or a gateway | 250 |
/// | `handshake_timeout` | time for a TLS handshake | `"10 s"` |
/// | `idle_timeout` | time without a byte after which a connection is closed, or `"none"` | `"none"`, Beats `"60 s"` |
/// | `receive_buffer` | bytes that the system may hold for UDP; Linux grants at most `net.core.rmem_max` | that of the system |
/// | `time_zone` | of syslog timestamps that do not tell theirs: `"local"`, `"UTC"`, `"+02:00"`, `"Europe/Berlin"` | `"local"` |
/// | `infer_time_zone` | whether it is guessed where `time_zone` makes them more than five minutes early or late, see [`SyslogParser::infer_zone`] | `false` |
/// | `acknowledge` | `"stored"` or `"delivered"`, for Beats | `"stored"` |
///
/// A key that means nothing to the input is refused.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct InputConfig {
    /// Where to listen.
    pub listen: Listen,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    tls_key_password: Option<Password>,
    tls_minimum_version: Option<TlsVersion>,
    tls_client_ca: Option<PathBuf>,
    tls_client_auth: Option<ClientAuth>,
    #[serde(default, deserialize_with = "some_names")]
    tls_client_names: Vec<String>,
    #[serde(default)]
    allow: Networks,
    #[serde(default)]
    proxy_protocol: Networks,
    #[serde(rename = "type")]
    message_type: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    max_length: Option<Size>,
    max_memory: Option<Size>,
    max_connections: Option<usize>,
    max_connections_per_peer: Option<usize>,
    handshake_timeout: Option<Time>,
    idle_timeout: Option<TimeOrNone>,
    receive_buffer: Option<Size>,
    time_zone: Option<SyslogZone>,
    #[serde(default)]
    infer_time_zone: bool,
    acknowledge: Option<Acknowledge>,
}

impl InputConfig {
    /// An input with the defaults.
    #[must_use]
    pub const fn new(listen: Listen) -> Self {
        Self {
            listen,
            tls_cert: None,
            tls_key: None,
            tls_key_password: None,
            tls_minimum_version: None,
            tls_client_ca: None,
            tls_client_auth: None,
            tls_client_names: Vec::new(),
            allow: Networks::new(),
            proxy_protocol: Networks::new(),
            message_type: None,
            tags: Vec::new(),
            max_length: None,
            max_memory: None,
            max_connections: None,
            max_connections_per_peer: None,
            handshake_timeout: None,
            idle_timeout: None,
            receive_buffer: None,
            time_zone: None,
            infer_time_zone: false,
            acknowledge: None,
        }
    }

    /// Whether events from that address are taken.
    pub(crate) fn allows(&self, peer: Option<IpAddr>) -> bool {
        self.allow.is_empty() || peer.is_some_and(|peer| self.allow.contain(peer))
    }

    /// Whether connections from that address tell first whose they are.
    pub(crate) fn is_proxy(&self, peer: IpAddr) -> bool {
        self.proxy_protocol.contain(peer)
    }

    pub(crate) fn message_type(&self) -> &str {
        self.message_type.as_deref().unwrap_or(DEFAULT_TYPE)
    }

    pub(crate) fn tags(&self) -> &[String] {
        &self.tags
    }

    pub(crate) fn max_length(&self) -> usize {
        let default = match self.listen.protocol() {
            Protocol::Beats => 16 * 1024 * 1024,
            Protocol::Python => 1024 * 1024,
            Protocol::Json | Protocol::Lines | Protocol::Syslog => 64 * 1024,
        };
        self.max_length.map_or(default, Size::in_memory)
    }

    pub(crate) fn max_memory(&self) -> usize {
        self.max_memory.map_or(MAX_MEMORY, Size::in_memory)
    }

    pub(crate) fn max_connections(&self) -> usize {
        self.max_connections.unwrap_or(MANY)
    }

    pub(crate) fn max_connections_per_peer(&self) -> usize {
        self.max_connections_per_peer.unwrap_or(MANY_OF_ONE)
    }

    pub(crate) fn handshake_timeout(&self) -> Duration {
        self.handshake_timeout.map_or(Duration::from_secs(10), Time::duration)
    }

    pub(crate) fn idle_timeout(&self) -> Option<Duration> {
        let default = self.is_beats().then_some(Duration::from_secs(60));
        self.idle_timeout.map_or(default, TimeOrNone::duration)
    }

    pub(crate) fn receive_buffer(&self) -> Option<usize> {
        self.receive_buffer.map(Size::in_memory)
    }

    /// What reads syslog that comes in.
    pub(crate) fn syslog(&self) -> SyslogParser {
        SyslogParser::new().zone(self.time_zone.clone().unwrap_or_default()).infer_zone(self.infer_time_zone)
    }

    pub(crate) fn acknowledge(&self) -> Acknowledge {
        self.acknowledge.unwrap_or_default()
    }

    /// Certificate and key, where there are any.
    pub(crate) fn tls(&self) -> Option<TlsServerConfig> {
        let (in_address, key_in_address) = self.listen.tls_files();
        let (cert, key) = (self.tls_cert.as_ref().or(in_address)?, self.tls_key.as_ref().or(key_in_address)?);
        let mut tls = TlsServerConfig::new(cert, key);
        if let Some(Password(password)) = &self.tls_key_password {
            tls = tls.key_password(password);
        }
        if let Some(version) = self.tls_minimum_version {
            tls = tls.minimum_version(version);
        }
        if let Some(file) = self.client_ca() {
            tls = tls.client_ca_file(file).client_auth(self.tls_client_auth.unwrap_or_default());
        }
        Some(self.tls_client_names.iter().fold(tls, TlsServerConfig::client_name))
    }

    /// Where the authorities of clients are, if certificates are asked of clients.
    pub(super) fn client_ca(&self) -> Option<&PathBuf> {
        self.tls_client_ca.as_ref().or_else(|| self.listen.tls_client_ca())
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |text: &str| Err(ConfigError::new(text));
        let (in_address, key_in_address) = self.listen.tls_files();
        let has_cert = self.tls_cert.is_some() || in_address.is_some();
        let has_key = self.tls_key.is_some() || key_in_address.is_some();
        let is_tls = self.listen.carrier() == Carrier::Tls;
        match (is_tls, has_cert, has_key) {
            (true, false, false) => return wrong("TLS needs tls_cert and tls_key"),
            (_, true, false) => return wrong("tls_cert without tls_key: name the file with its key too"),
            (_, false, true) => {
                return wrong("tls_key without tls_cert: name the file with the certificate too");
            }
            (false, true, true) => {
                return wrong(
                    "there is a certificate, but the address asks for no TLS: write +tls in its scheme",
                );
            }
            (true, true, true) | (false, false, false) => {}
        }
        let asks_clients = self.tls_client_auth.is_some() || !self.tls_client_names.is_empty();
        if asks_clients && self.client_ca().is_none() {
            return wrong(
                "tls_client_auth and tls_client_names need tls_client_ca: name the file with the authorities",
            );
        }
        let wrong_at = |key: &str, text: &str| Err(ConfigError::new(text).at(key));
        if self.max_length() == 0 || self.max_length() > MAX_LENGTH {
            return wrong_at("max_length", "it is from 1 byte to 64 MiB");
        }
        if !self.allow.is_empty() && self.listen.carrier() == Carrier::Unix {
            let text = "a socket of the file system knows no addresses that could be allowed: leave it out";
            return wrong_at("allow", text);
        }
        if !(1..=MAX_CONNECTIONS).contains(&self.max_connections()) {
            return wrong_at("max_connections", "it is from 1 to 1000000");
        }
        if self.max_connections_per_peer() == 0 {
            return wrong_at("max_connections_per_peer", "it is 1 at least");
        }
        if self.handshake_timeout().is_zero() {
            return wrong_at("handshake_timeout", "without any time nobody gets in: leave it out for 10 s");
        }
        if self.idle_timeout() == Some(Duration::ZERO) {
            return wrong_at(
                "idle_timeout",
                "every connection would be closed at once; \"none\" is no limit",
            );
        }
        self.check_use()
    }

    /// Sees whether there is a key that means nothing here.
    fn check_use(&self) -> Result<(), ConfigError> {
        let carrier = self.listen.carrier();
        let (connects, is_tls) = (matches!(carrier, Carrier::Tcp | Carrier::Tls), carrier == Carrier::Tls);
        let is_syslog = self.listen.protocol() == Protocol::Syslog;
        let has_proxies = !self.proxy_protocol.is_empty();
        let keys = [
            ("max_connections", self.max_connections.is_some(), connects, "connections"),
            ("max_connections_per_peer", self.max_connections_per_peer.is_some(), connects, "connections"),
            ("idle_timeout", self.idle_timeout.is_some(), connects, "connections"),
            ("proxy_protocol", has_proxies, connects, "connections"),
            ("handshake_timeout", self.handshake_timeout.is_some(), is_tls || has_proxies, "TLS"),
            ("tls_client_ca", self.client_ca().is_some(), is_tls, "TLS"),
            ("tls_key_password", self.tls_key_password.is_some(), is_tls, "TLS"),
            ("tls_minimum_version", self.tls_minimum_version.is_some(), is_tls, "TLS"),
            ("tags", !self.tags.is_empty(), !self.is_beats(), "events that are no JSON yet"),
            ("type", self.message_type.is_some(), !self.is_beats(), "events that are no JSON yet"),
            ("time_zone", self.time_zone.is_some(), is_syslog, "syslog"),
            ("infer_time_zone", self.infer_time_zone, is_syslog, "syslog"),
            ("receive_buffer", self.receive_buffer.is_some(), carrier == Carrier::Udp, "UDP"),
            ("acknowledge", self.acknowledge.is_some(), self.is_beats(), "Beats"),
            ("max_memory", self.max_memory.is_some(), self.is_beats(), "Beats"),
        ];
        match keys.iter().find(|(_, is_set, has_use, _)| *is_set && !has_use) {
            Some((key, .., of)) => {
                let listen = &self.listen;
                let text = format!("it is for {of}, and means nothing to {listen}: leave it out");
                Err(ConfigError::new(text).at(key))
            }
            None => Ok(()),
        }
    }

    fn is_beats(&self) -> bool {
        self.listen.protocol() == Protocol::Beats
    }
}

/// When a window of Beats is acknowledged.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Acknowledge {
    /// When all outputs that wait have stored it, as durably as their queues can.
    #[default]
    Stored,
    /// When all outputs that wait have delivered it.
    Delivered,
}

/// A text that is not shown.
#[derive(Clone, PartialEq)]
struct Password(String);

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The error of the library would show it.
        let text = String::deserialize(deserializer);
        text.map(Self).map_err(|_| serde::de::Error::custom("a password is a text: put it in quotes"))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The type of events whose input has none, and of what the relay says itself.
pub(crate) const DEFAULT_TYPE: &str = "logstash-relay";

const MANY: usize = 1000;
const MANY_OF_ONE: usize = 250;

/// What a frame of the protocols holds at most.
const MAX_LENGTH: usize = 64 * 1024 * 1024;

const MAX_MEMORY: usize = 256 * 1024 * 1024;

const MAX_CONNECTIONS: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn input(listen: &str) -> InputConfig {
        InputConfig::new(listen.parse().unwrap())
    }

    #[test]
    fn the_defaults_are_those_that_the_documentation_states() {
        let (beats, lines) = (input("beats://127.0.0.1"), input("lines+tcp://127.0.0.1:0"));
        assert_eq!((lines.max_length(), beats.max_length()), (64 << 10, 16 << 20));
        assert_eq!(input("python+tcp://127.0.0.1:0").max_length(), 1 << 20);
        assert_eq!((lines.idle_timeout(), beats.idle_timeout()), (None, Some(Duration::from_secs(60))));
        assert_eq!(beats.max_memory(), 256 << 20);
        assert_eq!((lines.max_connections(), lines.max_connections_per_peer()), (1_000, 250));
        assert_eq!((lines.handshake_timeout(), lines.receive_buffer()), (Duration::from_secs(10), None));
        assert_eq!((lines.message_type(), lines.tags().len()), ("logstash-relay", 0));
        assert!(matches!(beats.acknowledge(), Acknowledge::Stored));
    }
}
