use std::borrow::Cow;

/// Which parts of a request are secrets that no log may hold; each is replaced by `REDACTED`.
///
/// By default these are the headers `authorization`, `proxy-authorization`, `cookie`, `set-cookie`,
/// `x-api-key`, `x-auth-token`, `x-amz-security-token`, `x-csrf-token` and `x-xsrf-token`, the user
/// and the password in URLs, and query parameters that are called like a password, a token, a key, a
/// code or a signature:
///
/// ```
/// use logstash_format::Redaction;
///
/// let redaction = Redaction::new().parameter("pin");
/// assert_eq!(redaction.query("id=7&access_token=c2VjcmV0"), "id=7&access_token=REDACTED");
/// assert_eq!(redaction.query("user[PIN]=1234&pinned=1"), "user[PIN]=REDACTED&pinned=1");
/// assert_eq!(redaction.url("https://zoe:secret@shop.example/"), "https://REDACTED@shop.example/");
/// ```
///
/// Names of parameters are compared after percent-decoding, without regard to case, `-`, `_` and spaces. In
/// names with brackets or dots each part counts. A value that is a percent-encoded URL with such a
/// parameter is a secret as a whole.
#[derive(Clone, Debug)]
pub struct Redaction {
    defaults: bool,
    parameters: Vec<String>,
    headers: Vec<String>,
}

impl Redaction {
    /// The secrets listed above.
    pub const fn new() -> Self {
        Self { defaults: true, parameters: Vec::new(), headers: Vec::new() }
    }

    /// No secrets at all, to start a list of one's own with. Passwords and tokens get into the log.
    pub const fn danger_none() -> Self {
        Self { defaults: false, parameters: Vec::new(), headers: Vec::new() }
    }

    /// Adds a query parameter.
    pub fn parameter(mut self, name: &str) -> Self {
        self.parameters.push(name.to_owned());
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &str) -> Self {
        self.headers.push(name.to_owned());
        self
    }

    /// Whether a header holds a secret.
    pub fn redacts_header(&self, name: &str) -> bool {
        self.secrets(&self.headers, &HEADERS).any(|secret| secret.eq_ignore_ascii_case(name))
    }

    /// A query without its secrets; borrowed if it has none.
    pub fn query<'q>(&self, query: &'q str) -> Cow<'q, str> {
        let mut redacted = String::new();
        let mut copied = 0;
        let mut start = 0;
        // Fragments are written like queries where they carry tokens.
        for part in query.split_inclusive(['&', ';', '?', '#']) {
            let end = start + part.len();
            let pair = part.trim_end_matches(['&', ';', '?', '#']);
            if let Some((name, value)) = pair.split_once('=')
                && !value.is_empty()
                && (self.redacts_parameter(name) || self.redacts_inside(value))
            {
                redacted.push_str(&query[copied..start + name.len() + 1]);
                redacted.push_str(REDACTED);
                copied = start + pair.len();
            }
            start = end;
        }
        if copied == 0 {
            return Cow::Borrowed(query);
        }
        redacted.push_str(&query[copied..]);
        Cow::Owned(redacted)
    }

    /// A URL without user, password and the secrets of its query and fragment; borrowed if it has
    /// none.
    pub fn url<'u>(&self, url: &'u str) -> Cow<'u, str> {
        let (before_query, query) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
        let query = self.query(query);
        let authority = before_query.find("//").map_or(0..0, |slashes| {
            let rest = &before_query[slashes + 2..];
            slashes + 2..slashes + 2 + rest.find(['/', '\\']).unwrap_or(rest.len())
        });
        let userinfo_end = before_query[authority.clone()].rfind('@').filter(|_| self.defaults);
        match (userinfo_end, query) {
            (None, Cow::Borrowed(_)) => Cow::Borrowed(url),
            (None, Cow::Owned(query)) => Cow::Owned(format!("{before_query}{query}")),
            (Some(at), query) => {
                let (scheme, rest) =
                    (&before_query[..authority.start], &before_query[authority.start + at..]);
                Cow::Owned(format!("{scheme}{REDACTED}{rest}{query}"))
            }
        }
    }

    /// Whether a value is, percent-encoded, a URL or a query with secrets.
    fn redacts_inside(&self, value: &str) -> bool {
        let separators = |byte: u8| matches!(byte, b'&' | b';' | b'?' | b'#');
        value.contains('%') && {
            let inner: Vec<_> = decoded(value).collect();
            inner.split(|&byte| separators(byte)).any(|pair| {
                let (name, value) = pair.split_at(pair.iter().position(|&byte| byte == b'=').unwrap_or(0));
                value.len() > 1 && self.redacts_parameter(&String::from_utf8_lossy(name))
            })
        }
    }

    fn redacts_parameter(&self, name: &str) -> bool {
        self.secrets(&self.parameters, &PARAMETERS).any(|secret| has_part(name, secret))
    }

    fn secrets<'s>(
        &'s self,
        own: &'s [String],
        defaults: &'static [&'static str],
    ) -> impl Iterator<Item = &'s str> {
        let defaults = if self.defaults { defaults } else { &[] };
        own.iter().map(String::as_str).chain(defaults.iter().copied())
    }
}

impl Default for Redaction {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether `secret` is one of the parts of `name`.
fn has_part(name: &str, secret: &str) -> bool {
    let mut wanted = letters(secret.bytes());
    let mut is_equal = true;
    for byte in decoded(name) {
        if matches!(byte, b'[' | b']' | b'.') {
            if is_equal && wanted.next().is_none() {
                return true;
            }
            wanted = letters(secret.bytes());
            is_equal = true;
        } else if is_equal && !is_filler(&byte) {
            is_equal = wanted.next() == Some(byte.to_ascii_lowercase());
        }
    }
    is_equal && wanted.next().is_none()
}

fn letters<'n>(name: impl Iterator<Item = u8> + 'n) -> impl Iterator<Item = u8> + 'n {
    name.filter(|byte| !is_filler(byte)).map(|byte| byte.to_ascii_lowercase())
}

fn is_filler(byte: &u8) -> bool {
    matches!(byte, b'-' | b'_' | b' ' | b'+' | b'\0')
}

/// Bytes of percent-encoded text; what is not properly encoded stays as it is.
fn decoded(text: &str) -> impl Iterator<Item = u8> + '_ {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (byte, length) = match *rest {
            [] => return None,
            [b'%', high, low, ..] => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (b'%', 1),
            },
            [byte, ..] => (byte, 1),
        };
        rest = &rest[length..];
        Some(byte)
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

/// Stands in place of a secret; it can stand in a URL as it is.
pub(crate) const REDACTED: &str = "REDACTED";

const HEADERS: [&str; 9] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-amz-security-token",
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
    "x-xsrf-token",
];

const PARAMETERS: [&str; 63] = [
    "access_key",
    "access_token",
    "api_key",
    "api_secret",
    "api_token",
    "app_secret",
    "assertion",
    "auth",
    "auth_code",
    "auth_token",
    "authorization",
    "awsaccesskeyid",
    "bearer",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "credential",
    "csrf",
    "csrf_token",
    "current_password",
    "hmac",
    "id_token",
    "jsessionid",
    "jwt",
    "key",
    "new_password",
    "oauth_token",
    "oauth_verifier",
    "old_password",
    "otp",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "password_confirmation",
    "phpsessid",
    "private_key",
    "pw",
    "pwd",
    "refresh_token",
    "saml_request",
    "saml_response",
    "secret",
    "secret_key",
    "security_token",
    "session",
    "session_id",
    "session_token",
    "shared_secret",
    "sid",
    "sig",
    "signature",
    "ticket",
    "token",
    "user_password",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
    "x-api-key",
    "x-goog-credential",
    "x-goog-signature",
    "xsrf_token",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_query(query: &str, expected: &str) {
        let redacted = Redaction::new().query(query);
        assert_eq!(redacted, expected);
        assert_eq!(matches!(redacted, Cow::Borrowed(_)), query == expected);
    }

    #[test]
    fn queries() {
        check_query("", "");
        check_query("a=1&b=2", "a=1&b=2");
        check_query("token=1", "token=REDACTED");
        check_query("a=1&TOKEN=x=y&b", "a=1&TOKEN=REDACTED&b");
        check_query("api-key=1;apiKey=2&API_KEY=3", "api-key=REDACTED;apiKey=REDACTED&API_KEY=REDACTED");
        check_query("%70assword=1&p%61ss%5Fwd=2", "%70assword=REDACTED&p%61ss%5Fwd=REDACTED");
        check_query(
            "user[password]=1&user.pwd=2&u%5Bpw%5D=3",
            "user[password]=REDACTED&user.pwd=REDACTED&u%5Bpw%5D=REDACTED",
        );
        check_query("token&token=&tokens=1&keyword=2&%=3&%7=4", "token&token=&tokens=1&keyword=2&%=3&%7=4");
        check_query("é=ü&key=é&ö=1", "é=ü&key=REDACTED&ö=1");
        check_query("a=?token=1", "a=?token=REDACTED");
        check_query("=1&&=&[]=2&.=3", "=1&&=&[]=2&.=3");
        check_query(
            "+token=1&%20Token%00=2&tok en=3",
            "+token=REDACTED&%20Token%00=REDACTED&tok en=REDACTED",
        );
        check_query(
            "X-Amz-Security-Token=1&sid=2&side=3",
            "X-Amz-Security-Token=REDACTED&sid=REDACTED&side=3",
        );
    }

    #[test]
    fn urls_within_queries() {
        check_query("to=https%3A%2F%2Fh%2F%3Fa%3D1%26token%3D2&b=3", "to=REDACTED&b=3");
        check_query("to=%2Fa%3Fkey%3D&b=%2Fa%3Fb%3D1&c=100%", "to=%2Fa%3Fkey%3D&b=%2Fa%3Fb%3D1&c=100%");
    }

    #[test]
    fn a_redacted_query_stays_as_it_is() {
        let once = Redaction::new().query("x=1&key=2").into_owned();
        assert_eq!(Redaction::new().query(&once), once);
    }

    #[track_caller]
    fn check_url(url: &str, expected: &str) {
        assert_eq!(Redaction::new().url(url), expected);
    }

    #[test]
    fn urls() {
        check_url("https://shop.example/a@b?c=d@e", "https://shop.example/a@b?c=d@e");
        check_url("https://u:p@shop.example/?x=1", "https://REDACTED@shop.example/?x=1");
        check_url("https://u@p@shop.example?key=1", "https://REDACTED@shop.example?key=REDACTED");
        check_url("//u:p@h/", "//REDACTED@h/");
        check_url("https://h/#access_token=1&x=2", "https://h/#access_token=REDACTED&x=2");
        check_url("/path?key=1#pw=2", "/path?key=REDACTED#pw=REDACTED");
        check_url("about:blank", "about:blank");
    }

    #[test]
    fn lists_of_ones_own() {
        let own = Redaction::danger_none().parameter("pin").header("X-Pin");
        assert_eq!(own.query("pin=1&token=2"), "pin=REDACTED&token=2");
        assert!(own.redacts_header("x-pin"));
        assert!(!own.redacts_header("authorization"));
        assert_eq!(own.url("http://u:p@h/"), "http://u:p@h/");
        assert!(Redaction::new().redacts_header("Authorization"));
        assert!(Redaction::new().header("X-Pin").redacts_header("cookie"));
    }
}
