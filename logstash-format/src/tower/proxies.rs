use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ::http::HeaderMap;
use ::http::header::FORWARDED;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::http::request::{X_FORWARDED_FOR, X_FORWARDED_PROTO, list};

/// The peers that are believed what they say about where a request came from.
///
/// Anybody can send a header. So the chain of addresses is followed from the peer backwards, as long
/// as each address is one of a trusted proxy; the first that is not is the client. What is no
/// address ends the way too.
///
/// ```
/// use logstash_format::TrustedProxies;
///
/// let proxies = TrustedProxies::parse(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"])?;
/// assert!(TrustedProxies::parse(["10.0.0.0/33"]).is_err());
/// # Ok::<(), logstash_format::InvalidNetwork>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: ForwardingHeader,
}

/// The header in which proxies tell where a request came from.
///
/// Only one of them is read, because a proxy that writes one lets the other pass as the client sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`, with `X-Forwarded-Proto` for the scheme.
    #[default]
    XForwardedFor,
    /// `Forwarded`, as RFC 7239 has it.
    Forwarded,
}

/// A text that is neither an IP address nor a network.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidNetwork {
    /// That text.
    pub text: String,
}

impl TrustedProxies {
    /// Nobody is believed.
    pub const fn none() -> Self {
        Self { networks: Vec::new(), header: ForwardingHeader::XForwardedFor }
    }

    /// Addresses and networks, as `192.0.2.1` and `10.0.0.0/8`.
    ///
    /// # Errors
    ///
    /// [`InvalidNetwork`] with the first that is neither.
    pub fn parse<'n>(networks: impl IntoIterator<Item = &'n str>) -> Result<Self, InvalidNetwork> {
        let networks = networks.into_iter().map(network).collect::<Result<_, _>>()?;
        Ok(Self { networks, ..Self::none() })
    }

    /// Sets the header that the proxies write. Default: [`ForwardingHeader::XForwardedFor`].
    pub fn header(mut self, header: ForwardingHeader) -> Self {
        self.header = header;
        self
    }

    pub(super) fn source_of(&self, peer: IpAddr, headers: &HeaderMap) -> Source {
        let mut source = Source { address: peer.to_canonical(), scheme: None };
        if !self.trusts(source.address) {
            return source;
        }
        match self.header {
            ForwardingHeader::XForwardedFor => {
                let proto = list(headers.get_all(X_FORWARDED_PROTO).iter()).last();
                source.scheme = proto.as_deref().and_then(scheme);
                let addresses: Vec<_> = list(headers.get_all(X_FORWARDED_FOR).iter()).collect();
                for text in addresses.iter().rev() {
                    let Some(address) = address(text) else { break };
                    source.address = address;
                    if !self.trusts(address) {
                        break;
                    }
                }
            }
            ForwardingHeader::Forwarded => {
                let elements: Vec<_> = headers.get_all(FORWARDED).iter().collect();
                // One that cannot be read is an element that is no address, so that it ends the way.
                let texts = elements.iter().rev().map(|value| value.to_str().unwrap_or_default());
                for element in texts.flat_map(|text| elements_of(text).into_iter().rev()) {
                    let Some(address) = parameter(element, "for").as_deref().and_then(address) else {
                        break;
                    };
                    source.address = address;
                    source.scheme = parameter(element, "proto").as_deref().and_then(scheme).or(source.scheme);
                    if !self.trusts(address) {
                        break;
                    }
                }
            }
        }
        source
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is neither an ip address nor a network such as 10.0.0.0/8", self.text)
    }
}

impl Error for InvalidNetwork {}

/// Where a request came from.
#[derive(Debug, PartialEq)]
pub(super) struct Source {
    pub(super) address: IpAddr,
    /// As far as trusted proxies told it.
    pub(super) scheme: Option<Cow<'static, str>>,
}

fn network(text: &str) -> Result<IpNet, InvalidNetwork> {
    let network = match text.parse() {
        Ok(IpNet::V6(network)) => Some(canonical(network)),
        Ok(network) => Some(network),
        Err(_) => text.parse().ok().map(|address: IpAddr| IpNet::from(address.to_canonical())),
    };
    network.ok_or_else(|| InvalidNetwork { text: text.to_owned() })
}

/// A network of IPv4 addresses written as IPv6 ones as what it is, because addresses are compared so.
fn canonical(network: Ipv6Net) -> IpNet {
    let of_v4 = network.prefix_len().checked_sub(96).zip(network.addr().to_ipv4_mapped());
    let of_v4 = of_v4.and_then(|(prefix_len, address)| Ipv4Net::new(address, prefix_len).ok());
    of_v4.map_or(IpNet::V6(network), IpNet::V4)
}

/// An address with or without port, an IPv6 address with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address| address.to_canonical())
}

fn scheme(text: &str) -> Option<Cow<'static, str>> {
    let known = ["http", "https"].into_iter().find(|known| known.eq_ignore_ascii_case(text));
    known.map(Cow::Borrowed)
}

/// The value of a parameter of an element of `Forwarded`, without quotes.
fn parameter(element: &str, name: &str) -> Option<String> {
    let pairs = outside_quotes(element, ';')?;
    let value = pairs.into_iter().find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })?;
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        // What may be escaped is no part of an address or a scheme.
        Some(quoted) => Some(quoted.replace('\\', "")),
        None => Some(value.to_owned()),
    }
}

/// The elements of a line of `Forwarded`; a single one that tells nothing where a quoted string has no end,
/// with which a client could hide what a proxy adds behind it.
fn elements_of(line: &str) -> Vec<&str> {
    outside_quotes(line, ',').unwrap_or_else(|| vec![""])
}

/// The parts between separators that are not within a quoted string; nothing if one has no end.
fn outside_quotes(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(|c| {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => (),
        }
        c == separator && !is_quoted
    });
    let parts = parts.collect();
    (!is_quoted).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs =
            pairs.iter().map(|(name, value)| (::http::HeaderName::from_static(name), value.parse().unwrap()));
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    }

    #[track_caller]
    fn check(
        header: ForwardingHeader,
        peer: &str,
        pairs: &[(&'static str, &str)],
        expected: (&str, Option<&str>),
    ) {
        let proxies = TrustedProxies::parse(["10.0.0.0/8", "::1", "2001:db8::/32"]).unwrap().header(header);
        let source = proxies.source_of(peer.parse().unwrap(), &headers(pairs));
        assert_eq!((source.address.to_string().as_str(), source.scheme.as_deref()), expected);
    }

    #[test]
    fn x_forwarded_for() {
        let check =
            |peer, pairs: &[_], expected| check(ForwardingHeader::XForwardedFor, peer, pairs, expected);
        let xff = "x-forwarded-for";
        check("192.0.2.1", &[(xff, "1.2.3.4"), ("x-forwarded-proto", "https")], ("192.0.2.1", None));
        check("10.0.0.1", &[], ("10.0.0.1", None));
        check("10.0.0.1", &[(xff, "1.2.3.4"), ("x-forwarded-proto", "HTTPS")], ("1.2.3.4", Some("https")));
        check("10.0.0.1", &[(xff, "6.6.6.6, 1.2.3.4, 10.9.9.9")], ("1.2.3.4", None));
        check("10.0.0.1", &[(xff, "6.6.6.6"), (xff, "1.2.3.4"), (xff, "10.1.1.1")], ("1.2.3.4", None));
        check("10.0.0.1", &[(xff, "10.0.0.3, 10.0.0.2")], ("10.0.0.3", None));
        check("10.0.0.1", &[(xff, "1.2.3.4, unknown, 10.0.0.2")], ("10.0.0.2", None));
        check("::ffff:10.0.0.1", &[(xff, "[2001:db9::1]:443")], ("2001:db9::1", None));
        check("::1", &[(xff, "1.2.3.4:5678")], ("1.2.3.4", None));
        check("::1", &[(xff, "::ffff:1.2.3.4")], ("1.2.3.4", None));
        check(
            "10.0.0.1",
            &[("forwarded", "for=1.2.3.4"), ("x-forwarded-proto", "gopher")],
            ("10.0.0.1", None),
        );
    }

    #[test]
    fn forwarded() {
        let check = |pairs: &[_], expected| check(ForwardingHeader::Forwarded, "10.0.0.1", pairs, expected);
        let name = "forwarded";
        check(&[(name, "for=192.0.2.43;proto=https;by=203.0.113.43")], ("192.0.2.43", Some("https")));
        check(
            &[(name, "for=6.6.6.6, For=\"[2001:db9::1]:4711\" ; Proto=http")],
            ("2001:db9::1", Some("http")),
        );
        check(&[(name, "for=1.2.3.4;x=\"a,b;for=6.6.6.6\\\"\", for=10.0.0.2")], ("1.2.3.4", None));
        check(&[(name, "for=1.2.3.4"), (name, "for=10.0.0.2;proto=https")], ("1.2.3.4", Some("https")));
        check(&[(name, "for=1.2.3.4, for=_hidden")], ("10.0.0.1", None));
        check(&[(name, "for=1.2.3.4, for=unknown, for=10.0.0.9")], ("10.0.0.9", None));
        check(&[(name, "for=\"1.2.3.4")], ("10.0.0.1", None));
        check(&[("x-forwarded-for", "1.2.3.4")], ("10.0.0.1", None));
    }

    #[test]
    fn what_a_client_sends_cannot_hide_what_a_proxy_adds() {
        let check = |pairs: &[_], expected| check(ForwardingHeader::Forwarded, "10.0.0.1", pairs, expected);
        let name = "forwarded";
        check(&[(name, "for=6.6.6.6;x=\", for=1.2.3.4")], ("10.0.0.1", None));
        check(&[(name, "for=6.6.6.6;x=\"\\, for=\"[2001:db9::1]\"")], ("10.0.0.1", None));
        check(&[(name, "for=6.6.6.6"), (name, "for=1.2.3.4;host=\"\u{e9}\"")], ("10.0.0.1", None));
    }

    #[test]
    fn networks_of_mapped_addresses() {
        let proxies = TrustedProxies::parse(["::ffff:10.0.0.0/104"]).unwrap();
        assert!(proxies.trusts(IpAddr::from([10, 1, 2, 3])) && !proxies.trusts(IpAddr::from([11, 1, 2, 3])));
        let all = TrustedProxies::parse(["::/0"]).unwrap();
        assert!(all.trusts("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn nobody_is_trusted_by_default() {
        let source = TrustedProxies::none()
            .source_of(IpAddr::from([127, 0, 0, 1]), &headers(&[("x-forwarded-for", "1.2.3.4")]));
        assert_eq!(source, Source { address: IpAddr::from([127, 0, 0, 1]), scheme: None });
    }

    #[test]
    fn networks_that_are_none() {
        for text in ["", "10.0.0.0/33", "shop.example", "10.0.0.0/8,::1", "10.0.0"] {
            let error = TrustedProxies::parse(["::1", text]).unwrap_err();
            assert_eq!(error.text, text);
            assert!(error.to_string().contains(&format!("`{text}`")));
        }
    }
}
