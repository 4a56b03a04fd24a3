//! Reads an address from left to right; every piece knows where it stands.

use super::option;
use super::{Endpoint, EndpointError, EndpointPart, Scheme};
use std::net::Ipv6Addr;

/// Reads an address. With `wanted`, a scheme may be missing, and only that and the `other` ones pass.
pub(super) fn endpoint(
    text: &str,
    wanted: Option<Scheme>,
    other: &[Scheme],
) -> Result<Endpoint, EndpointError> {
    let whole = Piece { text, at: 0 };
    parse(whole, wanted, other).map_err(|Fault { part, at, cause }| EndpointError::new(part, text, at, cause))
}

fn parse(whole: Piece<'_>, wanted: Option<Scheme>, other: &[Scheme]) -> Result<Endpoint, Fault> {
    let (scheme, rest) = match (scheme_of(whole)?, wanted) {
        (Some(found), _) => found,
        (None, Some(wanted)) => (wanted, whole),
        (None, None) => return Err(no_scheme(whole)),
    };
    if let Some(wanted) = wanted
        && scheme != wanted
        && !other.contains(&scheme)
    {
        let wanted = format!("{scheme}:// where {wanted}:// is wanted");
        return Err(whole.fault(EndpointPart::Scheme, wanted));
    }
    if let Some(character) = rest.text.find(|c: char| c.is_control()) {
        let part = if scheme.has_host() { EndpointPart::Host } else { EndpointPart::Path };
        return Err(rest.skip(character).fault(part, "control character"));
    }
    if let Some((before, fragment)) = rest.split_once('#') {
        let part = if before.text.contains('?') { EndpointPart::Query } else { EndpointPart::Path };
        let cause = "an address has no fragment; write %23 for the character #";
        return Err(Piece { at: fragment.at - 1, ..fragment }.fault(part, cause));
    }
    let (place, query) = match rest.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    let mut endpoint = match scheme {
        Scheme::File => file(place)?,
        Scheme::Discard | Scheme::Stdout => nothing_more(scheme, place)?,
        _ => host_and_path(scheme, place)?,
    };
    match query {
        Some(query) if scheme.is_http() => {
            query.without_white_space(EndpointPart::Query)?;
            endpoint.query = Some(query.text.to_owned());
        }
        Some(query) => endpoint.options = options(scheme, query)?,
        None => {}
    }
    Ok(endpoint)
}

/// The scheme, and what follows it; `None` where there is none.
fn scheme_of(whole: Piece<'_>) -> Result<Option<(Scheme, Piece<'_>)>, Fault> {
    let hostless = whole.split_once(':').and_then(|(name, rest)| {
        let scheme = Scheme::from_name(name.text).filter(|scheme| !scheme.has_host())?;
        Some((scheme, rest))
    });
    if hostless.is_some() {
        return Ok(hostless);
    }
    let Some(at) = whole.text.find("://") else { return Ok(None) };
    let name = whole.text.get(..at).unwrap_or_default();
    let Some(scheme) = Scheme::from_name(name) else {
        let known = Scheme::ALL.map(Scheme::name);
        let suggestion = option::suggestion(name, &known);
        let cause = format!("unknown scheme {name:?}, known are {}{suggestion}", known.join(", "));
        return Err(whole.fault(EndpointPart::Scheme, cause));
    };
    Ok(Some((scheme, whole.skip(at + 3))))
}

fn no_scheme(whole: Piece<'_>) -> Fault {
    let named = whole.split_once(':').and_then(|(name, _)| Scheme::from_name(name.text));
    let cause = match named {
        Some(scheme) => format!("{scheme}: is followed by //"),
        None => "no scheme, such as beats:// or file:".to_owned(),
    };
    whole.fault(EndpointPart::Scheme, cause)
}

fn file(place: Piece<'_>) -> Result<Endpoint, Fault> {
    let part = EndpointPart::Path;
    let path = match place.text.strip_prefix("//") {
        // file:///path is the long form of file:/path.
        Some(rest) if rest.starts_with('/') => place.skip(2),
        Some(_) => {
            let cause = "file: names no host; write file:PATH or file:/PATH";
            return Err(place.fault(EndpointPart::Host, cause));
        }
        None => place,
    };
    if path.text.is_empty() {
        return Err(path.fault(part, "the path is empty"));
    }
    let mut endpoint = Endpoint::new(Scheme::File, "", 0);
    endpoint.path = path.decoded(part)?;
    if endpoint.path.contains('\0') {
        return Err(path.fault(part, "a path has no NUL character"));
    }
    Ok(endpoint)
}

/// An address that is a scheme alone.
fn nothing_more(scheme: Scheme, place: Piece<'_>) -> Result<Endpoint, Fault> {
    if !matches!(place.text, "" | "//") {
        return Err(place.fault(EndpointPart::Path, format!("nothing follows {scheme}:")));
    }
    Ok(Endpoint::new(scheme, "", 0))
}

fn host_and_path(scheme: Scheme, place: Piece<'_>) -> Result<Endpoint, Fault> {
    let (authority, path) = match place.text.find('/') {
        Some(at) => (place.first(at), Some(place.skip(at))),
        None => (place, None),
    };
    let (credentials, address) = match authority.text.rfind('@') {
        Some(at) => (Some(authority.first(at)), authority.skip(at + 1)),
        None => (None, authority),
    };
    if let Some(credentials) = credentials
        && !scheme.takes_credentials()
    {
        return Err(
            credentials.fault(EndpointPart::UserInfo, format!("{scheme}:// takes no user name and password"))
        );
    }
    let (host, port) = host_and_port(scheme, address)?;
    let mut endpoint = Endpoint::new(scheme, host, port);
    if let Some(credentials) = credentials {
        (endpoint.user, endpoint.password) = user_and_password(credentials)?;
        if !scheme.is_http() && endpoint.password.is_none() {
            let cause =
                "a user name without a password; `:PASSWORD@` stands before the host, a user in front of it";
            return Err(credentials.fault(EndpointPart::UserInfo, cause));
        }
    }
    if let Some(path) = path {
        endpoint.path = checked_path(scheme, path)?;
    }
    Ok(endpoint)
}

fn user_and_password(credentials: Piece<'_>) -> Result<(Option<String>, Option<String>), Fault> {
    let part = EndpointPart::UserInfo;
    let (user, password) = match credentials.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (credentials, None),
    };
    let user = Some(user.decoded(part)?).filter(|user| !user.is_empty());
    if user.is_none() && password.is_none() {
        return Err(credentials.fault(part, "nothing stands before '@'"));
    }
    Ok((user, password.map(|password| password.decoded(part)).transpose()?))
}

fn host_and_port(scheme: Scheme, address: Piece<'_>) -> Result<(String, u16), Fault> {
    let (host, port) = if address.text.starts_with('[') {
        let Some(end) = address.text.find(']') else {
            return Err(address.fault(EndpointPart::Host, "'[' without ']'"));
        };
        let rest = address.skip(end + 1);
        let port = match rest.text.chars().next() {
            None => None,
            Some(':') => Some(rest.skip(1)),
            Some(_) => return Err(rest.fault(EndpointPart::Port, "something other than ':' behind ']'")),
        };
        (ipv6(address.first(end).skip(1))?, port)
    } else {
        match address.split_once(':') {
            Some((_, rest)) if rest.text.contains(':') => {
                let cause = "an IPv6 address stands in brackets, such as [::1]:5044";
                return Err(address.fault(EndpointPart::Host, cause));
            }
            Some((host, port)) => (host_name(host)?, Some(port)),
            None => (host_name(address)?, None),
        }
    };
    let port = match port {
        Some(port) => port_number(port)?,
        None => scheme.default_port().ok_or_else(|| {
            let end = address.skip(address.text.len());
            end.fault(EndpointPart::Port, format!("{scheme}:// has no default port; write HOST:PORT"))
        })?,
    };
    Ok((host, port))
}

fn ipv6(host: Piece<'_>) -> Result<String, Fault> {
    // A zone, such as that of fe80::1%eth0, is written with %25 in a URL; people type it without.
    let (address, zone) = match host.text.split_once('%') {
        Some((address, zone)) => (address, Some(zone.strip_prefix("25").unwrap_or(zone))),
        None => (host.text, None),
    };
    if address.parse::<Ipv6Addr>().is_err() {
        return Err(host.fault(EndpointPart::Host, "no IPv6 address between '[' and ']'"));
    }
    match zone {
        None => Ok(address.to_owned()),
        Some(zone) if !zone.is_empty() && zone.bytes().all(is_name_byte) => Ok(format!("{address}%{zone}")),
        Some(_) => {
            let at = host.skip(address.len());
            Err(at.fault(EndpointPart::Host, "behind '%' stands the name of a network interface"))
        }
    }
}

fn host_name(host: Piece<'_>) -> Result<String, Fault> {
    let part = EndpointPart::Host;
    if host.text.is_empty() {
        return Err(host.fault(part, "the host is empty"));
    }
    if let Some((at, character)) =
        host.text.char_indices().find(|(_, c)| !u8::try_from(*c).is_ok_and(is_name_byte))
    {
        let cause = match character {
            c if c.is_whitespace() => "white space in the host".to_owned(),
            c if !c.is_ascii() => format!("{c:?} in the host; write the name in its ASCII form (xn--…)"),
            c => format!("{c:?} in the host"),
        };
        return Err(host.skip(at).fault(part, cause));
    }
    if host.text.len() > MAX_HOST {
        return Err(host.fault(part, format!("a host name has at most {MAX_HOST} characters")));
    }
    Ok(host.text.to_owned())
}

fn port_number(port: Piece<'_>) -> Result<u16, Fault> {
    let digits = port.text.bytes().all(|byte| byte.is_ascii_digit());
    match port.text.parse() {
        Ok(number) if number > 0 && digits => Ok(number),
        _ => Err(port.fault(EndpointPart::Port, "the port is a number from 1 to 65535")),
    }
}

fn checked_path(scheme: Scheme, path: Piece<'_>) -> Result<String, Fault> {
    let part = EndpointPart::Path;
    if scheme.is_http() {
        path.without_white_space(part)?;
        // Sent as it was typed, so it must be right as it was typed.
        path.decoded(part)?;
        return Ok(path.text.to_owned());
    }
    let inner = path.skip(1);
    if inner.text.is_empty() {
        return Ok(String::new());
    }
    if !matches!(scheme, Scheme::Redis | Scheme::RedisTls) {
        return Err(path.fault(part, format!("{scheme}:// takes no path")));
    }
    let digits = inner.text.bytes().all(|byte| byte.is_ascii_digit());
    match inner.text.parse::<u16>() {
        Ok(number) if digits => Ok(number.to_string()),
        _ => Err(inner.fault(part, "the path is the number of a database, such as /0")),
    }
}

fn options(scheme: Scheme, query: Piece<'_>) -> Result<Vec<(String, String)>, Fault> {
    let part = EndpointPart::Query;
    let known = option::of(scheme);
    let mut options: Vec<(String, String)> = Vec::new();
    let mut rest = Some(query);
    while let Some(current) = rest {
        let (pair, behind) = match current.split_once('&') {
            Some((pair, behind)) => (pair, Some(behind)),
            None => (current, None),
        };
        rest = behind;
        if pair.text.is_empty() {
            continue;
        }
        let (name, value) = match pair.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        };
        let names: Vec<&str> = known.iter().map(|option| option.name).collect();
        let Some(option) = known.iter().find(|option| option.name == name.text) else {
            let head = format!("{scheme}{}", scheme.separator());
            let cause = if names.is_empty() {
                format!("{head} takes no options")
            } else {
                let suggestion = option::suggestion(name.text, &names);
                format!("unknown option {:?}, {head} takes {}{suggestion}", name.text, names.join(", "))
            };
            return Err(name.fault(part, cause));
        };
        if options.iter().any(|(there, _)| there == name.text) {
            return Err(name.fault(part, format!("{} is given twice", name.text)));
        }
        let value = value.ok_or_else(|| name.fault(part, format!("{} has no value", name.text)))?;
        let decoded = value.decoded(part)?;
        option.check(&decoded).map_err(|cause| value.fault(part, cause))?;
        options.push((name.text.to_owned(), decoded));
    }
    Ok(options)
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// A part of the address, and where it begins.
#[derive(Clone, Copy)]
struct Piece<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Piece<'t> {
    fn first(self, length: usize) -> Self {
        Self { text: self.text.get(..length).unwrap_or_default(), at: self.at }
    }

    fn skip(self, length: usize) -> Self {
        Self { text: self.text.get(length..).unwrap_or_default(), at: self.at + length }
    }

    fn split_once(self, separator: char) -> Option<(Self, Self)> {
        let at = self.text.find(separator)?;
        Some((self.first(at), self.skip(at + separator.len_utf8())))
    }

    fn fault(self, part: EndpointPart, cause: impl Into<String>) -> Fault {
        Fault { part, at: self.at, cause: cause.into() }
    }

    fn without_white_space(self, part: EndpointPart) -> Result<(), Fault> {
        match self.text.find(char::is_whitespace) {
            Some(at) => Err(self.skip(at).fault(part, "white space; write %20 for a space")),
            None => Ok(()),
        }
    }

    /// With `%` and two hexadecimal digits replaced by the byte that they stand for.
    fn decoded(self, part: EndpointPart) -> Result<String, Fault> {
        let mut bytes = Vec::with_capacity(self.text.len());
        let mut rest = self;
        while let Some((before, behind)) = rest.split_once('%') {
            bytes.extend_from_slice(before.text.as_bytes());
            let byte = behind.text.get(..2).filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
            let Some(byte) = byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) else {
                let cause = "'%' without two hexadecimal digits; write %25 for the character itself";
                return Err(Piece { at: behind.at - 1, ..behind }.fault(part, cause));
            };
            bytes.push(byte);
            rest = behind.skip(2);
        }
        bytes.extend_from_slice(rest.text.as_bytes());
        String::from_utf8(bytes).map_err(|_| self.fault(part, "what the %-escapes stand for is not UTF-8"))
    }
}

/// What is wrong, and where.
struct Fault {
    part: EndpointPart,
    at: usize,
    cause: String,
}

/// The longest name that the domain name system has.
const MAX_HOST: usize = 253;
