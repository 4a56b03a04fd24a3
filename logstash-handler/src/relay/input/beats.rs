//! Beats: windows are acknowledged when their events are safe, and not before.

use super::connection::{End, hang_up};
use super::{Shared, stopped};
use crate::offer::Settled;
use crate::relay::config::Acknowledge;
use crate::relay::output::Output;
use crate::relay::router::Dispatcher;
use crate::relay::source::Source;
use bytes::{Bytes, BytesMut};
use logstash_transport::error_chain;
use lumberjack_codec::{
    CloseReason, CollectedWindow, EncodedWindow, Limits, Pair, Payload, ServerConfig, ServerEvent,
    ServerSession, WindowCollector, WindowEncoder, WindowId, window_prefix,
};
use std::collections::VecDeque;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};

/// Serves a client until it or the input ends.
pub(super) async fn serve<S>(stream: S, source: Source, shared: &Shared) -> End
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let (finished, outcomes) = mpsc::unbounded_channel();
    let connection = Connection {
        shared,
        dispatcher: shared.dispatcher(source),
        session: ServerSession::new(config(shared), Instant::now()),
        collector: WindowCollector::new().max_bytes(4 * shared.config.max_length()),
        complete: VecDeque::new(),
        handing_over: None,
        finished,
        end: None,
    };
    connection.run(stream, outcomes).await
}

struct Connection<'s> {
    shared: &'s Shared,
    dispatcher: Dispatcher,
    session: ServerSession,
    collector: WindowCollector,
    /// Windows that are to be handed over, in order.
    complete: VecDeque<CollectedWindow>,
    /// The window that is handed over right now.
    handing_over: Option<HandOver>,
    finished: mpsc::UnboundedSender<Outcome>,
    end: Option<End>,
}

/// Hands a window to the outputs, as soon as they have room for it.
type HandOver = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What became of a window.
struct Outcome {
    window: WindowId,
    /// How many events are not safe; 0 when all are.
    unsafe_events: u64,
}

impl Connection<'_> {
    async fn run<S>(mut self, mut stream: S, mut outcomes: mpsc::UnboundedReceiver<Outcome>) -> End
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let mut stop = self.shared.stop.clone();
        let mut is_stopping = false;
        let (mut input, mut wire) = (BytesMut::new(), BytesMut::new());
        loop {
            self.take_events();
            if self.session.poll_transmit(&mut wire) {
                match timeout(WRITE_TIMEOUT, stream.write_all(&wire)).await {
                    Ok(Ok(())) => wire.clear(),
                    Ok(Err(error)) => return error.into(),
                    Err(_) => return End::Failed("the peer does not read acknowledgements".to_owned()),
                }
            }
            if self.session.is_closed() {
                hang_up(&mut stream).await;
                return self.end.unwrap_or(End::Closed);
            }
            self.begin_hand_over();
            if input.capacity() - input.len() < STEP {
                input.reserve(STEP);
            }
            let deadline = self.session.poll_timeout();
            tokio::select! {
                read = stream.read_buf(&mut input), if self.session.wants_read() => match read {
                    Ok(0) => self.session.receive_eof(Instant::now()),
                    Ok(length) => {
                        self.shared.counters.bytes.add(length as u64);
                        self.session.receive(&mut input, Instant::now());
                    }
                    Err(error) => {
                        self.session.receive_eof(Instant::now());
                        self.end.get_or_insert_with(|| error.into());
                    }
                },
                () = until(deadline) => self.session.handle_timeout(Instant::now()),
                Some(outcome) = outcomes.recv() => self.settle(&outcome),
                () = run(&mut self.handing_over) => self.handing_over = None,
                () = stopped(&mut stop), if !is_stopping => {
                    is_stopping = true;
                    self.session.shutdown(Instant::now());
                }
            }
        }
    }

    /// Takes what the session has understood.
    fn take_events(&mut self) {
        while let Some(event) = self.session.poll_event() {
            if let ServerEvent::Closed { reason } | ServerEvent::Draining { reason } = &event
                && self.end.is_none()
            {
                self.end = end(reason);
            }
            match self.collector.push(event) {
                Ok(Some(window)) => self.complete.push_back(window),
                Ok(None) => {}
                Err(error) => {
                    self.end.get_or_insert_with(|| End::Failed(error.to_string()));
                    self.session.shutdown(Instant::now());
                }
            }
        }
    }

    /// Starts with the next window, if none is on its way.
    fn begin_hand_over(&mut self) {
        if self.handing_over.is_some() {
            return;
        }
        let Some(window) = self.complete.pop_front() else { return };
        let (id, events) = (window.id, window.events.len() as u64);
        self.shared.counters.received.add(events);
        self.dispatcher.refresh();
        let outputs = self.dispatcher.outputs();
        if outputs.is_empty() {
            self.shared.counters.unrouted.add(events);
        }
        let windows = match windows(window) {
            Ok(windows) => windows,
            Err(text) => {
                // As for a window that cannot be kept: the peer has it still.
                self.shared.problem(&format!("a window was refused: {text}"));
                return self.settle(&Outcome { window: id, unsafe_events: events });
            }
        };
        let when = match self.shared.config.acknowledge() {
            Acknowledge::Delivered => Settled::Delivered,
            Acknowledge::Stored => Settled::Stored,
        };
        let finished = self.finished.clone();
        self.handing_over = Some(Box::pin(hand_over(id, events, windows, outputs, when, finished)));
    }

    fn settle(&mut self, outcome: &Outcome) {
        let now = Instant::now();
        if outcome.unsafe_events == 0 {
            self.session.acknowledge(outcome.window, now);
        } else {
            self.shared.counters.unacknowledged.add(outcome.unsafe_events);
            self.session.shutdown(now);
        }
    }
}

/// Gives the windows to all outputs in turn, then sees to it that somebody waits for them to be safe.
async fn hand_over(
    window: WindowId,
    events: u64,
    windows: Vec<EncodedWindow>,
    outputs: Vec<Arc<Output>>,
    when: Settled,
    finished: mpsc::UnboundedSender<Outcome>,
) {
    let at = SystemTime::now();
    let mut is_lost = false;
    let mut positions = Vec::new();
    for output in outputs {
        for window in &windows {
            match output.take_window(window.clone(), at).await {
                Ok(range) => positions.push((Arc::clone(&output), range)),
                // Nobody waits for an output that drops.
                Err(_) if output.drops() => {}
                Err(_) => is_lost = true,
            }
        }
    }
    // A task of its own: the next window need not wait for it.
    tokio::spawn(async move {
        for (output, range) in positions {
            let outcome = output.settled(range, when).await;
            is_lost |= outcome.is_err() && !output.drops();
        }
        // Where the connection is gone, the peer sends the window again.
        let _ = finished.send(Outcome { window, unsafe_events: if is_lost { events } else { 0 } });
    });
}

/// A window as it came, or made anew where it came in another form.
fn windows(window: CollectedWindow) -> Result<Vec<EncodedWindow>, String> {
    if let Some(encoded) = window.encoded {
        return Ok(vec![encoded]);
    }
    let documents: Vec<Bytes> = window.events.into_iter().map(document).collect();
    let mut encoder = WindowEncoder::new(LEVEL);
    let mut windows = Vec::new();
    let mut rest = &*documents;
    while !rest.is_empty() {
        let count = window_prefix(rest.iter().map(Bytes::len), WINDOW_EVENTS, WINDOW_BYTES);
        let (these, behind) = rest.split_at(count.clamp(1, rest.len()));
        windows.push(encoder.encode(these).map_err(|error| error.to_string())?);
        rest = behind;
    }
    Ok(windows)
}

/// An event as one document; what is no JSON passes as it came, and the pairs of version 1 become an object
/// of texts.
fn document(payload: Payload) -> Bytes {
    match payload {
        Payload::Json(document) => document,
        Payload::Data(pairs) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let entry = |(key, value): &Pair| (text(key), serde_json::Value::from(text(value)));
            let object: serde_json::Map<_, _> = pairs.iter().map(entry).collect();
            serde_json::Value::from(object).to_string().into()
        }
    }
}

fn config(shared: &Shared) -> ServerConfig {
    let largest = u32::try_from(shared.config.max_length()).unwrap_or(u32::MAX);
    let limits = Limits::new().max_json_payload(largest).max_data_frame(largest);
    ServerConfig::new()
        .limits(limits)
        .idle_timeout(shared.config.idle_timeout())
        .keep_encoded(shared.config.max_length())
}

/// How a connection ended, if the session tells.
fn end(reason: &CloseReason) -> Option<End> {
    match reason {
        CloseReason::Error(error) => Some(End::Failed(error_chain(error))),
        CloseReason::IdleTimeout => Some(End::Idle),
        _ => None,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

async fn run(future: &mut Option<HandOver>) {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}

const STEP: usize = 16 * 1024;
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How windows are made that come in no form to be kept.
const LEVEL: u32 = 3;
const WINDOW_EVENTS: usize = 2048;
const WINDOW_BYTES: usize = 512 * 1024;
