use super::RedisTransport;
use super::connection::Waits;
use crate::endpoint::Endpoint;
use crate::interrupt::Interrupt;
use std::fmt;
use std::time::Duration;

impl RedisTransport {
    /// Key of the list or stream, or name of the channel. Default: `logstash`, or that of the address.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        key.clone_into(&mut self.options.key);
        self
    }

    /// What stands behind the key. Default: a list, or what the address says.
    #[must_use]
    pub fn data_type(mut self, of_type: RedisType) -> Self {
        self.options.of_type = of_type;
        self
    }

    /// Logs in with a user of the server's ACL, or with a password alone, in place of the credentials of
    /// the address.
    #[must_use]
    pub fn credentials(mut self, user: Option<&str>, password: &str) -> Self {
        self.options.user = user.map(ToOwned::to_owned);
        self.options.password = Some(password.to_owned());
        self
    }

    /// Number of the database. Default: 0, or that of the address.
    #[must_use]
    pub const fn database(mut self, number: u16) -> Self {
        self.options.database = number;
        self
    }

    /// Events that the list or stream may hold. Default: any number, or what the address says.
    ///
    /// A *list* takes no more when it has so many: sending is then
    /// [`Throttled`](crate::ErrorKind::Throttled) until its reader has made room, so that a reader that
    /// fails does not fill the memory of the server. Each further producer can exceed the limit by one
    /// round trip. A *stream* is trimmed instead, to about so many of its newest entries (`MAXLEN ~`):
    /// **the oldest are lost**, read or not. A channel holds nothing.
    #[must_use]
    pub const fn max_length(mut self, events: u64) -> Self {
        self.options.max_length = Some(events);
        self
    }

    /// Whether an event counts that is published in a channel to which nobody listens, and which is
    /// lost thereby. Default: no, it is an error.
    #[must_use]
    pub const fn zero_receivers(mut self, count: bool) -> Self {
        self.options.zero_receivers = count;
        self
    }

    /// Field of a stream's entries that holds the event. Default: `message`.
    #[must_use]
    pub fn stream_field(mut self, name: &str) -> Self {
        name.clone_into(&mut self.options.stream_field);
        self
    }

    /// Events of one round trip, at least 1. Default: 2,048.
    #[must_use]
    pub fn max_round_trip_events(mut self, events: usize) -> Self {
        self.options.max_events = events.max(1);
        self
    }

    /// Bytes of the events of one round trip; a larger event goes alone. Default: 8 MiB.
    #[must_use]
    pub const fn max_round_trip_bytes(mut self, bytes: usize) -> Self {
        self.options.max_bytes = bytes;
        self
    }

    /// Time for which the server may answer nothing. Default: 30 s.
    #[must_use]
    pub const fn reply_timeout(mut self, timeout: Duration) -> Self {
        self.options.reply_timeout = timeout;
        self
    }
}

/// What stands behind the key of a [`RedisTransport`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RedisType {
    /// A channel: events reach those who listen at that moment (`PUBLISH`).
    Channel,
    /// A list: each event waits for one reader (`RPUSH`, read by `BLPOP`).
    List,
    /// A stream: events stay, for any number of readers (`XADD`).
    Stream,
}

#[derive(Clone)]
pub(super) struct Options {
    pub(super) key: String,
    pub(super) of_type: RedisType,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: u16,
    pub(super) max_length: Option<u64>,
    pub(super) zero_receivers: bool,
    stream_field: String,
    pub(super) max_events: usize,
    pub(super) max_bytes: usize,
    reply_timeout: Duration,
}

impl Options {
    /// The defaults, and what the address says.
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        Self {
            key: endpoint.option("key").unwrap_or("logstash").to_owned(),
            of_type: match endpoint.option("type") {
                Some("channel") => RedisType::Channel,
                Some("stream") => RedisType::Stream,
                _ => RedisType::List,
            },
            user: endpoint.user().filter(|user| !user.is_empty()).map(ToOwned::to_owned),
            password: endpoint.password().map(ToOwned::to_owned),
            database: endpoint.database(),
            max_length: endpoint.number("max_length"),
            zero_receivers: false,
            stream_field: "message".to_owned(),
            max_events: 2048,
            max_bytes: 8 * 1024 * 1024,
            reply_timeout: Duration::from_secs(30),
        }
    }

    /// The words of a command that adds one event, which follows them.
    pub(super) fn words(&self) -> Vec<String> {
        let key = self.key.clone();
        match (self.of_type, self.max_length) {
            (RedisType::Channel, _) => vec!["PUBLISH".into(), key],
            (RedisType::List, _) => vec!["RPUSH".into(), key],
            (RedisType::Stream, None) => vec!["XADD".into(), key, "*".into(), self.stream_field.clone()],
            (RedisType::Stream, Some(most)) => {
                let most = most.to_string();
                let field = self.stream_field.clone();
                vec!["XADD".into(), key, "MAXLEN".into(), "~".into(), most, "*".into(), field]
            }
        }
    }

    pub(super) fn waits(&self, write_timeout: Duration, interrupt: &Interrupt) -> Waits {
        Waits { write: write_timeout, reply: self.reply_timeout, interrupt: interrupt.clone() }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("key", &self.key)
            .field("of_type", &self.of_type)
            .field("user", &self.user)
            .field("database", &self.database)
            .field("max_length", &self.max_length)
            .finish_non_exhaustive()
    }
}
