mod connection;
use connection::{Connection, Failure};

mod options;
use options::Options;
pub use options::RedisType;

mod reply;
use reply::{unexpected, wants_new_connection};

mod resp;
use resp::Reply;

use crate::batch::Batch;
use crate::endpoint::{Endpoint, EndpointError, Scheme};
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::probe::ProbeReport;
use crate::stream::{ConnectionOptions, Connector};
use crate::transport::Transport;
use bytes::Bytes;
use lumberjack_codec::window_prefix;
use std::time::Instant;

/// Delivers into a Redis server: an event counts when the server has answered the command with it.
///
/// Reader: Logstash's redis input with `data_type` `list` or `channel`, its default codec `json`, and the
/// same key; or whatever reads a Redis stream. Servers: Redis from 5 on, Valkey, KeyDB, one that is no
/// cluster or the node of a cluster that holds the key.
///
/// | type | command | round trip |
/// | --- | --- | --- |
/// | [`RedisType::List`] | `RPUSH key event event …` | one command, which the server takes as a whole or not at all |
/// | [`RedisType::Stream`] | `XADD key * message event` | a command for each event, all under way together |
/// | [`RedisType::Channel`] | `PUBLISH key event` | a command for each event, all under way together |
///
/// # What acknowledged means, and what can be lost
///
/// The server has answered: the event is in its memory, and in a list or stream stays there until somebody
/// takes it. Whether it survives the server is the server's business: with `appendonly yes` and
/// `appendfsync always` it is on its disk; otherwise a crash can lose the last second (`everysec`) or
/// everything since the last snapshot; a failover loses what the replica did not have yet. In a channel an
/// event is with those who listened at that moment, or with nobody; see
/// [`zero_receivers`](Self::zero_receivers). A stream with a [`max_length`](Self::max_length) loses its
/// oldest entries, read or not.
///
/// Nothing is lost on the way. Delivery is at least once: when the connection ends, what it had under way,
/// at most one round trip, is repeated, and comes twice if the server had executed it. When one command of
/// a round trip to a stream or channel fails, those behind it may have succeeded, and are repeated too.
///
/// # Error replies
///
/// | reply | [`ErrorKind`] |
/// | --- | --- |
/// | `OOM`, `BUSY`, `LOADING`, `TRYAGAIN`, too many clients; the list is full | `Throttled` |
/// | `READONLY`, `MASTERDOWN`, `CLUSTERDOWN`, `MISCONF`, `NOREPLICAS`; over a new connection, as the name may lead to another server then | `Unavailable` |
/// | `NOAUTH`, `WRONGPASS`, `NOPERM`, `WRONGTYPE`, `MOVED`, `DENIED`, any other | `Misconfigured` |
/// | an event that is longer than the server's `proto-max-bulk-len` | `Rejected` |
/// | the connection fails or ends, a timeout, no reply of Redis | `Unavailable` |
/// | nobody listens to the channel | `Unavailable` |
///
/// ```no_run
/// use logstash_transport::{Batch, RedisTransport, Transport};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut transport = RedisTransport::new("redis://user:secret@cache.example/0?key=logstash")?.max_length(1_000_000);
/// transport.send(&mut Batch::from_events([r#"{"message":"one"}"#]))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RedisTransport {
    connector: Connector,
    options: Options,
    interrupt: Interrupt,
    connection: Option<Connection>,
}

impl RedisTransport {
    /// A transport to `host`, `host:port`, `redis://USER:PASSWORD@HOST:PORT/DATABASE?key=KEY` or, encrypted,
    /// `rediss://…`; the default port is 6379.
    ///
    /// The address may also hold `type=list|stream|channel` and `max_length=EVENTS`. Does not connect.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] when the address cannot be read, or wants TLS without the feature `tls`.
    pub fn new(address: &str) -> Result<Self, EndpointError> {
        let endpoint = Endpoint::parse_as_one_of(address, Scheme::Redis, &[Scheme::RedisTls])?;
        endpoint.check_encryption()?;
        Ok(Self::to(endpoint))
    }

    /// A transport to an endpoint.
    #[must_use]
    pub fn to(endpoint: Endpoint) -> Self {
        Self {
            options: Options::of(&endpoint),
            connector: Connector::new(endpoint),
            interrupt: Interrupt::new(),
            connection: None,
        }
    }

    /// How connections are made, in place of what was set before.
    #[must_use]
    pub fn connection(mut self, options: ConnectionOptions) -> Self {
        self.connector.set_options(options);
        self
    }

    /// Where the peer is.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        self.connector.endpoint()
    }

    /// Sends over the connection that is there, or a new one.
    ///
    /// A connection that was kept and turns out to be closed, before a byte came over it, was idle for
    /// too long: that is no failure of the server, and the next one follows at once.
    fn send_over(&mut self, events: &[Bytes], batch: &mut Batch<'_>) -> Result<(), TransportError> {
        if let Some(mut kept) = self.connection.take().and_then(Connection::if_alive) {
            let result = self.deliver(&mut kept, events, batch);
            if !matches!(result, Err(Failure::Ended(_))) || kept.has_heard() {
                return self.keep(kept, result);
            }
        }
        let mut fresh = self.connect()?.0;
        let result = self.deliver(&mut fresh, events, batch);
        self.keep(fresh, result)
    }

    /// Keeps the connection if it is still good.
    fn keep(&mut self, connection: Connection, result: Result<(), Failure>) -> Result<(), TransportError> {
        let (good, result) = match result {
            Ok(()) => (true, Ok(())),
            Err(Failure::Ended(error) | Failure::GivenUp(error)) => (false, Err(error)),
            Err(Failure::Refused(error)) => (!wants_new_connection(error.kind()), Err(error)),
        };
        if good {
            self.connection = Some(connection);
        }
        result.map_err(|error| error.within(format!("cannot deliver to {}", self.endpoint())))
    }

    fn connect(&mut self) -> Result<(Connection, ProbeReport), TransportError> {
        let connected = self.connector.connect(&self.interrupt)?;
        let waits = self.options.waits(self.connector.options().write_timeout, &self.interrupt);
        let mut connection = Connection::new(connected.stream, waits);
        connection.log_in(&self.options).map_err(|failure| {
            let error =
                failure.into_error().within(format!("cannot log in to {}", self.connector.endpoint()));
            error.after(&connected.report)
        })?;
        Ok((connection, connected.report))
    }

    /// Sends the events of the batch that are not acknowledged; `events` are all that were not when it
    /// began.
    fn deliver(
        &self,
        connection: &mut Connection,
        events: &[Bytes],
        batch: &mut Batch<'_>,
    ) -> Result<(), Failure> {
        connection.begin();
        let list = self.options.of_type == RedisType::List;
        let mut room = if list { self.room(connection)? } else { u64::MAX };
        while !batch.is_done() {
            let rest =
                &events[events.len() - usize::try_from(batch.remaining_events()).unwrap_or_default()..];
            let Options { max_events, max_bytes, .. } = self.options;
            let count = window_prefix(rest.iter().map(Bytes::len), max_events, max_bytes);
            if list {
                room = self.push(connection, &rest[..count], room, batch)?;
            } else {
                self.add_each(connection, &rest[..count], batch)?;
            }
        }
        Ok(())
    }

    /// How many events the list may take.
    fn room(&self, connection: &mut Connection) -> Result<u64, Failure> {
        let Some(most) = self.options.max_length else { return Ok(u64::MAX) };
        match connection.ask(&[b"LLEN", self.options.key.as_bytes()])? {
            Reply::Integer(length) => Ok(most.saturating_sub(length.unsigned_abs())),
            reply => Err(Failure::Refused(unexpected("LLEN", &reply))),
        }
    }

    /// Appends to the list, in one command; tells how much room is left.
    fn push(
        &self,
        connection: &mut Connection,
        events: &[Bytes],
        room: u64,
        batch: &mut Batch<'_>,
    ) -> Result<u64, Failure> {
        let Options { key, max_length, .. } = &self.options;
        let events = &events[..events.len().min(usize::try_from(room).unwrap_or(usize::MAX))];
        if events.is_empty() {
            let text =
                format!("the list {key:?} has {} events or more already", max_length.unwrap_or_default());
            let error = TransportError::new(ErrorKind::Throttled { retry_after: None }, text);
            return Err(Failure::Refused(error.advise("see whether its reader runs and is fast enough")));
        }
        connection.write(&[b"RPUSH", key.as_bytes()], events.iter().map(Bytes::as_ref))?;
        match connection.reply()? {
            Reply::Integer(length) => {
                batch.acknowledge(events.len() as u64);
                Ok(max_length.map_or(u64::MAX, |most| most.saturating_sub(length.unsigned_abs())))
            }
            reply => Err(Failure::Refused(unexpected("RPUSH", &reply))),
        }
    }

    /// Appends to the stream or publishes in the channel, a command for each event.
    fn add_each(
        &self,
        connection: &mut Connection,
        events: &[Bytes],
        batch: &mut Batch<'_>,
    ) -> Result<(), Failure> {
        let words = self.options.words();
        let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
        for event in events {
            connection.append(&words, std::iter::once(event.as_ref()));
        }
        connection.flush()?;
        let mut failed = None;
        for _ in events {
            // All replies are read, so that the next command gets its own.
            let reply = connection.reply()?;
            match (&failed, self.verdict(&reply)) {
                (None, Ok(())) => batch.acknowledge(1),
                (None, Err(error)) => failed = Some(error),
                (Some(_), _) => {}
            }
        }
        failed.map_or(Ok(()), |error| Err(Failure::Refused(error)))
    }

    /// What a reply says of its event.
    fn verdict(&self, reply: &Reply) -> Result<(), TransportError> {
        match (self.options.of_type, reply) {
            (RedisType::Stream, Reply::Bulk(Some(_))) => Ok(()),
            (RedisType::Channel, Reply::Integer(receivers))
                if *receivers > 0 || self.options.zero_receivers =>
            {
                Ok(())
            }
            (RedisType::Channel, Reply::Integer(_)) => {
                let text = format!("nobody listens to the channel {:?}", self.options.key);
                let error = TransportError::new(ErrorKind::Unavailable, text);
                Err(error.advise("start the reader, use a list, or accept the loss with zero_receivers"))
            }
            _ => Err(unexpected(&self.options.words()[0], reply)),
        }
    }

    /// Asks what the key is, and whether it is what is wanted.
    fn look(&self, connection: &mut Connection) -> Result<String, Failure> {
        let key = &self.options.key;
        if self.options.of_type == RedisType::Channel {
            return match connection.ask(&[b"PUBSUB", b"NUMSUB", key.as_bytes()])? {
                Reply::Array(pair) => match pair.get(1) {
                    Some(Reply::Integer(count)) => Ok(format!("PONG; {count} listen to channel {key:?}")),
                    _ => Ok(format!("PONG; nothing is known of channel {key:?}")),
                },
                reply => Err(Failure::Refused(unexpected("PUBSUB", &reply))),
            };
        }
        let wanted = if self.options.of_type == RedisType::List { "list" } else { "stream" };
        match connection.ask(&[b"TYPE", key.as_bytes()])? {
            Reply::Status(found) if found == "none" => {
                Ok(format!("PONG; {key:?} is not there yet and will be a {wanted}"))
            }
            Reply::Status(found) if found == wanted => Ok(format!("PONG; {key:?} is a {wanted}")),
            Reply::Status(found) => {
                let text = format!("{key:?} is a {found}, where a {wanted} is wanted");
                let error = TransportError::new(ErrorKind::Misconfigured, text);
                Err(Failure::Refused(error.advise("use another key, or delete this one")))
            }
            reply => Err(Failure::Refused(unexpected("TYPE", &reply))),
        }
    }
}

impl Transport for RedisTransport {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        if batch.is_done() {
            return Ok(());
        }
        let events = batch.remaining().map_err(|error| {
            TransportError::new(ErrorKind::Rejected, "window cannot be read back").caused_by(error)
        })?;
        self.send_over(&events, batch)
    }

    /// Resolves, connects, encrypts, logs in, and asks for a `PING` and for the type of the key, over a
    /// connection of its own.
    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        let (mut connection, mut report) = self.connect()?;
        let started = Instant::now();
        let passed = report.clone();
        let failed = |failure: Failure| {
            let text = format!("{} was reached, but the protocol step failed", self.endpoint());
            let error = failure.into_error().within(text).after(&passed);
            error.or_advise("see the log of the server, and whether this is the port of a Redis server, without TLS or with")
        };
        match connection.ask(&[b"PING"]).map_err(failed)? {
            Reply::Status(pong) if pong == "PONG" => {}
            reply => return Err(failed(Failure::Refused(unexpected("PING", &reply)))),
        }
        let found = self.look(&mut connection).map_err(failed)?;
        report.push("protocol", found, started.elapsed());
        Ok(report)
    }

    fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close();
        }
    }

    fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.connection = None;
        self.interrupt = interrupt;
    }
}
