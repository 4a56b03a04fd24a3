use std::error::Error;
use std::fmt;
use std::io;

/// A [`TlsConfig`](crate::TlsConfig) that cannot be used.
#[derive(Debug)]
pub struct TlsError {
    kind: TlsErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl TlsError {
    pub(super) fn new(kind: TlsErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(super) fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn kind(&self) -> TlsErrorKind {
        self.kind
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// What is wrong with a [`TlsConfig`](crate::TlsConfig).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TlsErrorKind {
    /// What should be a certificate is none.
    Certificate,
    /// Two settings exclude each other.
    Contradiction,
    /// What should be a fingerprint is none, or no certificate has it.
    Fingerprint,
    /// A certificate without its key, or a key without its certificate.
    Incomplete,
    /// What should be a key is none, or it belongs to another certificate, or the password is wrong.
    Key,
    /// The TLS library of this system refuses the settings or lacks something.
    Unsupported,
    /// A file cannot be read.
    Unreadable,
}

/// Whether an error in the stream is the peer's refusal to go on, rather than the end of a connection.
///
/// With TLS 1.3 a server judges the client's certificate only when the client takes the handshake for
/// done, so that the verdict arrives with the first read.
pub(crate) fn is_refusal(error: &io::Error) -> bool {
    let text = error.to_string();
    text.contains(" alert ") && !text.contains("internal error") && !text.contains("close notify")
}

/// What OpenSSL says, without the numbers and places that it adds for those who work on it; other libraries have
/// none.
///
/// Its texts are `error:NUMBER:LIBRARY:FUNCTION:REASON:FILE:LINE:DATA`, several with commas between them, and
/// behind that in parentheses what is wrong with a certificate.
pub(crate) fn reason(text: &str) -> String {
    let first = text.strip_prefix("error:").and_then(|error| error.split(':').nth(3));
    let Some(reason) = first.filter(|reason| !reason.is_empty()) else { return text.to_owned() };
    match text.rfind(" (").map(|at| &text[at..]).filter(|detail| detail.ends_with(')')) {
        Some(detail) => format!("{reason}{detail}"),
        None => reason.to_owned(),
    }
}

/// One sentence on what to do about a handshake that failed with this text.
pub(crate) fn advice(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    let rules: [(&[&str], &str); 8] = [
        (
            &["expired"],
            "renew the certificate of the peer, or of its authority; also look at the clock of this machine",
        ),
        (
            &["hostname mismatch", "ip address mismatch", "cn name", "host name"],
            "connect to a name that the peer's certificate holds, or name one with server_name (tls_server_name in an address)",
        ),
        (
            &["issuer certificate", "self-signed", "self signed", "unable to verify", "not trusted"],
            "give the certificate of the authority that issued the peer's with ca_file (tls_ca in an address), or its \
             fingerprint with ca_fingerprint",
        ),
        (
            &["wrong version number", "packet length too long", "http request"],
            "the peer does not speak TLS on this port: use the scheme without TLS, or another port",
        ),
        (
            &["certificate required", "alert handshake failure"],
            "the peer wants a client certificate: give one with client_certificate_file and client_key_file (tls_cert and \
             tls_key in an address)",
        ),
        (
            &["alert unknown ca", "alert bad certificate", "alert certificate", "decrypt error"],
            "the peer does not accept the client certificate: give one that an authority of the peer has issued",
        ),
        (
            &["protocol version", "unsupported protocol"],
            "the two sides have no version of TLS in common: look at minimum_version and at the peer's",
        ),
        (
            &["unexpected eof", "eof while reading"],
            "the peer hung up during the handshake: see its log; perhaps it does not speak TLS on this port",
        ),
    ];
    rules.iter().find(|(signs, _)| signs.iter().any(|sign| text.contains(sign))).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_told_without_numbers_and_places() {
        let refused = "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed:\
                       ../ssl/statem/statem_clnt.c:1889: (unable to get local issuer certificate)";
        let cases = [
            (refused, "certificate verify failed (unable to get local issuer certificate)"),
            (
                "error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/x.c:354:",
                "wrong version number",
            ),
            ("error:1:lib:f:first:a.c:1:, error:2:lib:f:second:b.c:2:", "first"),
            ("error:0A000086:lib:f", "error:0A000086:lib:f"),
            ("unexpected EOF", "unexpected EOF"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(reason(text), expected);
        }
    }
}
