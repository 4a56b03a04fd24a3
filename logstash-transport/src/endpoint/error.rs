use super::option;
use super::scheme::Scheme;
use std::error::Error;
use std::fmt;

/// An address that cannot be read.
///
/// The message holds the address, without its password.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EndpointError {
    part: EndpointPart,
    position: usize,
    /// Counted in characters, from 1, for the message.
    character: usize,
    /// Without secrets.
    text: String,
    cause: String,
}

impl EndpointError {
    pub(super) fn new(part: EndpointPart, text: &str, position: usize, cause: impl Into<String>) -> Self {
        let before = text.get(..position).unwrap_or(text);
        Self {
            part,
            position,
            character: before.chars().count() + 1,
            text: without_secrets(text),
            cause: cause.into(),
        }
    }

    /// The part that is wrong.
    #[must_use]
    pub const fn part(&self) -> EndpointPart {
        self.part
    }

    /// Where what is wrong begins: a byte offset into the text that was read.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, character, text, cause, .. } = self;
        write!(f, "cannot read the {part} of address {text:?} at character {character}: {cause}")
    }
}

impl Error for EndpointError {}

/// A part of an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EndpointPart {
    /// Host name or address.
    Host,
    /// What follows the port, or the name of a file.
    Path,
    /// Port.
    Port,
    /// What follows `?`.
    Query,
    /// What stands before `://`.
    Scheme,
    /// User name and password.
    UserInfo,
}

impl fmt::Display for EndpointPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::Path => "path",
            Self::Port => "port",
            Self::Query => "query",
            Self::Scheme => "scheme",
            Self::UserInfo => "user name and password",
        })
    }
}

/// Hides what is, or in a broken address might be, a password or a token.
fn without_secrets(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = text.split_at(start);
    let known = Scheme::from_name(scheme.trim_end_matches("://"));
    // The last '@', because a password may hold characters that should have been escaped.
    if let Some((before, host)) = rest.rsplit_once('@') {
        // It may also stand in a query, behind anything that is secret.
        if known.is_some_and(Scheme::is_http) && before.contains('?') {
            let shown = before.split([':', '?']).next().unwrap_or_default();
            return format!("{scheme}{shown}***");
        }
        let user = before.split_once(':').map(|(user, _)| user);
        return match user {
            Some(user) => format!("{scheme}{user}:***@{}", without_query(host, known)),
            None => format!("{scheme}{before}@{}", without_query(host, known)),
        };
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    // Without '@', what should be a port may be a password.
    if known.is_some_and(Scheme::takes_credentials)
        && !authority.contains(']')
        && let Some((host, port)) = authority.split_once(':')
        && !port.bytes().all(|byte| byte.is_ascii_digit())
    {
        return format!("{scheme}{host}:***");
    }
    format!("{scheme}{}", without_query(rest, known))
}

/// What a scheme does not take may be anything, also a password.
fn without_query(rest: &str, scheme: Option<Scheme>) -> String {
    let Some((before, query)) = rest.split_once('?') else { return rest.to_owned() };
    if scheme.is_some_and(Scheme::is_http) {
        return format!("{before}?***");
    }
    let known = scheme.map(option::of).unwrap_or_default();
    let shown = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if known.iter().all(|option| option.name != name) => format!("{name}=***"),
        _ => pair.to_owned(),
    });
    format!("{before}?{}", shown.collect::<Vec<_>>().join("&"))
}
