//! What a reply means that is not the one hoped for.

use super::resp::Reply;
use crate::error::{ErrorKind, TransportError};

/// The error for an error reply, or for one that makes no sense as an answer to `command`.
pub(super) fn unexpected(command: &str, reply: &Reply) -> TransportError {
    let Reply::Error(text) = reply else {
        return TransportError::new(
            ErrorKind::Unavailable,
            format!("{command} is answered by {}", kind(reply)),
        );
    };
    let (kind, advice) = meaning(text);
    let mut excerpt = text.chars();
    let shown: String = excerpt.by_ref().take(MAX_SHOWN).collect();
    let more = if excerpt.next().is_some() { "..." } else { "" };
    let error = TransportError::new(kind, format!("{command} is answered by {shown:?}{more}"));
    match advice {
        Some(advice) => error.advise(advice),
        None => error,
    }
}

/// Whether another connection may find another server behind the name, or another state of this one.
pub(super) fn wants_new_connection(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable)
}

fn meaning(text: &str) -> (ErrorKind, Option<&'static str>) {
    let overloaded = ErrorKind::Throttled { retry_after: None };
    let rules: [(&[&str], ErrorKind, Option<&str>); 10] = [
        (
            &["OOM"],
            overloaded,
            Some("read the list faster, or give the server more memory or an eviction policy for other keys"),
        ),
        (&["BUSY", "LOADING", "TRYAGAIN", "ERR max number of clients"], overloaded, None),
        (
            &["READONLY", "MASTERDOWN", "CLUSTERDOWN"],
            ErrorKind::Unavailable,
            Some("unless a failover is under way: connect to the master, not to a replica"),
        ),
        (
            &["MISCONF", "NOREPLICAS"],
            ErrorKind::Unavailable,
            Some("see the log of the server: it takes no writes while it cannot save or replicate them"),
        ),
        (
            &["WRONGTYPE"],
            ErrorKind::Misconfigured,
            Some("use another key, or delete this one: it holds something that is no list or no stream"),
        ),
        (
            &["NOAUTH", "WRONGPASS", "ERR AUTH", "ERR Client sent AUTH"],
            ErrorKind::Misconfigured,
            Some("compare the user and the password with those of the server (ACL LIST, requirepass)"),
        ),
        (
            &["NOPERM"],
            ErrorKind::Misconfigured,
            Some("let the user run this command on this key or channel (ACL SETUSER)"),
        ),
        (
            &["MOVED", "ASK", "CROSSSLOT"],
            ErrorKind::Misconfigured,
            Some("the server is part of a cluster: connect to the node that it names for this key"),
        ),
        (
            &["DENIED"],
            ErrorKind::Misconfigured,
            Some("the server is in protected mode: set a password, or bind it to this network"),
        ),
        // It has read a length that it does not take: the event is too large for it.
        (&["ERR Protocol error: invalid bulk length"], ErrorKind::Rejected, None),
    ];
    let is_meant = |signs: &[&str]| {
        signs.iter().any(|sign| {
            text.strip_prefix(sign)
                .is_some_and(|rest| rest.is_empty() || !rest.starts_with(char::is_alphanumeric))
        })
    };
    // What is not known is nothing that the next events would not meet too, so that none is given up.
    let unknown = (ErrorKind::Misconfigured, None);
    rules.iter().find(|(signs, ..)| is_meant(signs)).map_or(unknown, |(_, kind, advice)| (*kind, *advice))
}

/// What a reply is that makes no sense; what is in it may be of any size, and anybody's.
fn kind(reply: &Reply) -> String {
    match reply {
        Reply::Array(replies) => format!("an array of {}", replies.len()),
        Reply::Bulk(None) => "null".to_owned(),
        Reply::Bulk(Some(bytes)) => format!("a text of {} bytes", bytes.len()),
        Reply::Error(_) => "an error".to_owned(),
        Reply::Integer(number) => format!("the number {number}"),
        Reply::Status(status) => format!("a status of {} bytes", status.len()),
    }
}

/// Characters of an error reply that are shown.
const MAX_SHOWN: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_reply_has_its_reaction() {
        let throttled = ErrorKind::Throttled { retry_after: None };
        for (text, kind) in [
            ("OOM command not allowed when used memory > 'maxmemory'.", throttled),
            ("BUSY Redis is busy running a script.", throttled),
            ("LOADING Redis is loading the dataset in memory", throttled),
            ("TRYAGAIN Multiple keys request during rehashing of slot", throttled),
            ("ERR max number of clients reached", throttled),
            ("READONLY You can't write against a read only replica.", ErrorKind::Unavailable),
            ("MASTERDOWN Link with MASTER is down", ErrorKind::Unavailable),
            ("CLUSTERDOWN The cluster is down", ErrorKind::Unavailable),
            ("MISCONF Redis is configured to save RDB snapshots", ErrorKind::Unavailable),
            ("NOREPLICAS Not enough good replicas to write.", ErrorKind::Unavailable),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", ErrorKind::Misconfigured),
            ("NOAUTH Authentication required.", ErrorKind::Misconfigured),
            ("WRONGPASS invalid username-password pair", ErrorKind::Misconfigured),
            ("NOPERM this user has no permissions", ErrorKind::Misconfigured),
            ("MOVED 3999 127.0.0.1:6381", ErrorKind::Misconfigured),
            ("DENIED Redis is running in protected mode", ErrorKind::Misconfigured),
            ("ERR unknown command 'RPUSH'", ErrorKind::Misconfigured),
            ("ERR Protocol error: invalid bulk length", ErrorKind::Rejected),
            ("BUSYGROUP Consumer Group name already exists", ErrorKind::Misconfigured),
            ("", ErrorKind::Misconfigured),
        ] {
            assert_eq!(unexpected("RPUSH", &Reply::Error(text.into())).kind(), kind, "{text}");
        }
        assert_eq!(unexpected("RPUSH", &Reply::Bulk(None)).kind(), ErrorKind::Unavailable);
    }
}
