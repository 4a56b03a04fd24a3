//! One connection to a Redis server.

use super::options::Options;
use super::reply::unexpected;
use super::resp::{self, Reply};
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::stream::{Stream, is_pause, is_refusal, refused};
use bytes::BytesMut;
use std::io::{self, ErrorKind as IoErrorKind, Read, Write};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    waits: Waits,
    /// Commands to be written.
    output: Vec<u8>,
    /// Replies that have arrived.
    input: BytesMut,
    /// Whether anything came over the connection since the batch began.
    heard: bool,
}

/// How long is waited, and what ends a wait before.
#[derive(Clone, Debug)]
pub(super) struct Waits {
    pub(super) write: Duration,
    pub(super) reply: Duration,
    pub(super) interrupt: Interrupt,
}

/// Why a command did not do what it should.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection ended.
    Ended(TransportError),
    /// Nothing more is waited for, and the connection cannot be used any more.
    GivenUp(TransportError),
    /// The server says no, over a connection that can be used.
    Refused(TransportError),
}

impl Failure {
    pub(super) fn into_error(self) -> TransportError {
        match self {
            Self::Ended(error) | Self::GivenUp(error) | Self::Refused(error) => error,
        }
    }
}

impl Connection {
    pub(super) fn new(stream: Stream, waits: Waits) -> Self {
        Self { stream, waits, output: Vec::new(), input: BytesMut::new(), heard: false }
    }

    /// Says who we are and which database is meant.
    pub(super) fn log_in(&mut self, options: &Options) -> Result<(), Failure> {
        if let Some(password) = &options.password {
            let words: Vec<&[u8]> = match &options.user {
                Some(user) => vec![b"AUTH", user.as_bytes(), password.as_bytes()],
                None => vec![b"AUTH", password.as_bytes()],
            };
            self.ask_for_ok("AUTH", &words)?;
        }
        if options.database != 0 {
            self.ask_for_ok("SELECT", &[b"SELECT", options.database.to_string().as_bytes()])?;
        }
        Ok(())
    }

    fn ask_for_ok(&mut self, name: &str, words: &[&[u8]]) -> Result<(), Failure> {
        match self.ask(words)? {
            Reply::Status(_) => Ok(()),
            reply => Err(Failure::Refused(unexpected(name, &reply))),
        }
    }

    /// Looks at an idle connection; `None` if the server has closed it or said something unasked.
    pub(super) fn if_alive(mut self) -> Option<Self> {
        match self.stream.read_ready(&mut [0; 1]) {
            Err(error) if is_pause(&error) => Some(self),
            _ => None,
        }
    }

    /// Notes that a batch begins.
    pub(super) fn begin(&mut self) {
        self.heard = false;
    }

    /// Whether anything came over the connection since the batch began.
    pub(super) const fn has_heard(&self) -> bool {
        self.heard
    }

    /// One command and its reply.
    pub(super) fn ask(&mut self, words: &[&[u8]]) -> Result<Reply, Failure> {
        self.write(words, std::iter::empty())?;
        self.reply()
    }

    /// Sends one command.
    pub(super) fn write<'a>(
        &mut self,
        words: &[&'a [u8]],
        values: impl ExactSizeIterator<Item = &'a [u8]>,
    ) -> Result<(), Failure> {
        self.append(words, values);
        self.flush()
    }

    /// Adds a command to those that [`flush`](Self::flush) sends.
    pub(super) fn append<'a>(&mut self, words: &[&'a [u8]], values: impl ExactSizeIterator<Item = &'a [u8]>) {
        resp::command(words, values, &mut self.output);
    }

    /// Writes what there is to write.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let mut written = 0;
        let mut last_progress = Instant::now();
        while written < self.output.len() {
            self.check_interrupt()?;
            match self.stream.write(&self.output[written..]) {
                Ok(0) => return Err(lost(IoErrorKind::WriteZero.into())),
                Ok(length) => {
                    written += length;
                    last_progress = Instant::now();
                }
                Err(error) if is_pause(&error) => {
                    if last_progress.elapsed() >= self.waits.write {
                        return Err(timed_out("the server takes nothing of what is written"));
                    }
                }
                Err(error) => {
                    // The server may have said why before it closed.
                    return Err(self.last_words().unwrap_or_else(|| lost(error)));
                }
            }
        }
        self.output.clear();
        self.output.shrink_to(KEPT);
        Ok(())
    }

    /// Waits for the next reply.
    pub(super) fn reply(&mut self) -> Result<Reply, Failure> {
        let started = Instant::now();
        loop {
            if let Some(reply) = resp::decode(&mut self.input).map_err(|error| {
                let error =
                    TransportError::new(ErrorKind::Unavailable, "the peer does not speak as Redis does")
                        .caused_by(error)
                        .advise(
                            "connect to the port of a Redis server, and with TLS (rediss) where it has TLS",
                        );
                Failure::GivenUp(error)
            })? {
                return Ok(reply);
            }
            self.check_interrupt()?;
            match self.read() {
                Ok(0) => {
                    let text = "the server closed the connection";
                    return Err(lost(io::Error::new(IoErrorKind::UnexpectedEof, text)));
                }
                Ok(_) => self.heard = true,
                Err(error) if is_pause(&error) => {
                    if started.elapsed() >= self.waits.reply {
                        return Err(timed_out("the server does not answer"));
                    }
                }
                Err(error) => return Err(lost(error)),
            }
        }
    }

    pub(super) fn close(self) {
        self.stream.close(CLOSING, &self.waits.interrupt);
    }

    fn read(&mut self) -> io::Result<usize> {
        let mut buffer = [0; READ];
        let length = self.stream.read(&mut buffer)?;
        self.input.extend_from_slice(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }

    /// The error reply, or the refusal of TLS, with which the server has closed, if it has.
    fn last_words(&mut self) -> Option<Failure> {
        let mut buffer = [0; READ];
        let length = match self.stream.read_ready(&mut buffer) {
            Ok(length) => length,
            Err(error) => return is_refusal(&error).then(|| lost(error)),
        };
        self.input.extend_from_slice(buffer.get(..length)?);
        match resp::decode(&mut self.input) {
            Ok(Some(reply @ Reply::Error(_))) => {
                self.heard = true;
                Some(Failure::Ended(unexpected("a command", &reply)))
            }
            _ => None,
        }
    }

    fn check_interrupt(&self) -> Result<(), Failure> {
        if self.waits.interrupt.is_raised() {
            let text = "interrupted while waiting for the server";
            return Err(Failure::GivenUp(TransportError::new(ErrorKind::Unavailable, text)));
        }
        Ok(())
    }
}

fn lost(error: io::Error) -> Failure {
    Failure::Ended(if is_refusal(&error) {
        refused(error)
    } else {
        TransportError::new(ErrorKind::Unavailable, "connection failed").caused_by(error)
    })
}

fn timed_out(what: &str) -> Failure {
    Failure::GivenUp(TransportError::new(ErrorKind::Unavailable, format!("{what}, within the timeout")))
}

/// Bytes of replies that are read at once.
const READ: usize = 8192;

/// Bytes of room for commands that are kept for the next ones.
const KEPT: usize = 1024 * 1024;

/// Time for an orderly end; nothing is under way then.
const CLOSING: Duration = Duration::from_millis(500);
