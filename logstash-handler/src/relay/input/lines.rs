//! Streams of messages: lines and JSON documents.

use super::connection::End;
use super::pace::{LARGEST_STEP, Pace};
use super::{Shared, stopped};
use crate::relay::config::Protocol;
use crate::relay::framing::{Extent, Framer, FramerOptions, Framing};
use crate::relay::record::Tags;
use crate::relay::router::{Dispatcher, Held};
use crate::relay::source::Source;
use bytes::BytesMut;
use std::future::pending;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

/// Reads messages until the stream ends; reads nothing while an output that is to be waited for has no room.
pub(super) async fn serve<S: AsyncRead + Unpin>(mut stream: S, source: Source, shared: &Shared) -> End {
    let mut messages = Messages::new(shared, source);
    let mut stop = shared.stop.clone();
    let idle = shared.config.idle_timeout();
    let mut is_silent = true;
    loop {
        messages.make_room();
        let read = tokio::select! {
            biased;
            () = stopped(&mut stop) => return messages.drain(stream).await,
            read = stream.read_buf(&mut messages.input) => read,
            () = idle_for(idle) => {
                messages.finish().await;
                return End::Idle;
            }
        };
        match read {
            Ok(0) => {
                messages.finish().await;
                return End::Closed;
            }
            Ok(length) => {
                is_silent = false;
                messages.take(length).await;
            }
            Err(error) => {
                messages.finish().await;
                return End::of(error, is_silent);
            }
        }
    }
}

async fn idle_for(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => sleep(timeout).await,
        None => pending().await,
    }
}

/// The messages of a stream, on their way to the outputs.
struct Messages<'s> {
    shared: &'s Shared,
    framer: Framer,
    dispatcher: Dispatcher,
    input: BytesMut,
    pace: Pace,
    held: Vec<Held>,
    /// Messages since others had their turn.
    turn: usize,
    /// Bytes that the framer has skipped, as far as they are counted.
    skipped: u64,
}

impl<'s> Messages<'s> {
    fn new(shared: &'s Shared, source: Source) -> Self {
        let framing = match shared.config.listen.protocol() {
            Protocol::Syslog => Framing::Syslog,
            Protocol::Python => Framing::LengthPrefixed,
            Protocol::Beats | Protocol::Json | Protocol::Lines => Framing::Lines,
        };
        let options = FramerOptions::new(framing).max_length(shared.config.max_length());
        Self {
            shared,
            framer: Framer::new(options),
            dispatcher: shared.dispatcher(source),
            input: BytesMut::new(),
            pace: Pace::new(),
            held: Vec::new(),
            turn: 0,
            skipped: 0,
        }
    }

    fn make_room(&mut self) {
        if self.input.is_empty() && self.input.try_reclaim(2 * LARGEST_STEP + 1) {
            // What one long message took is not needed any more.
            self.input = BytesMut::new();
        }
        self.input.reserve(self.pace.step());
    }

    /// Hands on what is complete, now that so many bytes more are there.
    async fn take(&mut self, length: usize) {
        self.shared.counters.bytes.add(length as u64);
        self.pace.read(length);
        self.dispatcher.refresh();
        let received = SystemTime::now();
        loop {
            let Some(frame) = self.framer.next(&mut self.input) else { break };
            self.send(&frame.content, frame.extent, received).await;
        }
        self.count_skipped();
    }

    /// Hands on what is left at the end.
    async fn finish(&mut self) {
        let received = SystemTime::now();
        while let Some(frame) = self.framer.finish(&mut self.input) {
            self.send(&frame.content, frame.extent, received).await;
        }
        self.count_skipped();
    }

    /// Reads what is there already, because the peer counts it as delivered.
    async fn drain<S: AsyncRead + Unpin>(mut self, mut stream: S) -> End {
        for _ in 0..DRAIN_READS {
            self.make_room();
            match timeout(DRAIN_PAUSE, stream.read_buf(&mut self.input)).await {
                Ok(Ok(length)) if length > 0 => self.take(length).await,
                _ => break,
            }
        }
        self.finish().await;
        End::Closed
    }

    async fn send(&mut self, content: &[u8], extent: Extent, received: SystemTime) {
        let mut tags = Tags::default();
        if let Some(tag) = extent.tag() {
            self.shared.counters.truncated.add(1);
            tags.add(tag);
        }
        self.shared.send(&mut self.dispatcher, content, received, tags, Some(&mut self.held));
        self.dispatcher.deliver(&mut self.held).await;
        self.turn += 1;
        if self.turn >= TURN {
            self.turn = 0;
            yield_now().await;
        }
    }

    fn count_skipped(&mut self) {
        let skipped = self.framer.skipped();
        self.shared.counters.truncated_bytes.add(skipped - self.skipped);
        self.skipped = skipped;
    }
}

/// Messages after which others get their turn: the runtime counts reads, and one may bring thousands.
const TURN: usize = 256;

/// How long an input that stops waits for what is on its way, and how often.
const DRAIN_PAUSE: Duration = Duration::from_millis(20);
const DRAIN_READS: usize = 64;
