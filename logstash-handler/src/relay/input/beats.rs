//! Beats: windows are acknowledged when their events are safe, and not before.

#[cfg(test)]
mod tests;

use super::budget::{Share, TURN};
use super::connection::{End, hang_up};
use super::pace::Pace;
use super::windows::{Complete, Windows};
use super::{Shared, stopped};
use crate::DropReason;
use crate::offer::Settled;
use crate::relay::config::Acknowledge;
use crate::relay::counters::Counters;
use crate::relay::output::{Output, Settling};
use crate::relay::router::Dispatcher;
use crate::relay::source::Source;
use bytes::{BufMut, Bytes, BytesMut};
use logstash_transport::error_chain;
use lumberjack_codec::{
    CloseReason, EncodedWindow, Limits, Pair, Payload, ServerConfig, ServerEvent, ServerSession, WindowId,
};
use std::collections::VecDeque;
use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant as TokioInstant, sleep_until, timeout};

/// Serves a client until it or the input ends.
pub(super) async fn serve<S>(stream: S, source: Source, shared: &Shared) -> End
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let connection = Connection {
        shared,
        dispatcher: shared.dispatcher(source),
        session: ServerSession::new(config(shared), now()),
        windows: Windows::new(4 * shared.config.max_length(), Arc::clone(&shared.buffers)),
        share: shared.budget.share(),
        complete: VecDeque::new(),
        waiting_bytes: 0,
        handing_over: None,
        told_of: None,
        handed_over: VecDeque::new(),
        end: None,
    };
    connection.run(stream).await
}

struct Connection<'s> {
    shared: &'s Shared,
    dispatcher: Dispatcher,
    session: ServerSession,
    windows: Windows,
    /// What the connection holds, of what all of them may.
    share: Share,
    /// Windows that are to be handed over, in order.
    complete: VecDeque<Complete>,
    /// Bytes of those, and of the one that is handed over.
    waiting_bytes: usize,
    /// The window that is handed over right now.
    handing_over: Option<HandOver>,
    /// The end of the turn for which it was told that an output keeps the others waiting.
    told_of: Option<TokioInstant>,
    /// Windows that all outputs have, in order, and that are to be safe.
    handed_over: VecDeque<HandedOver>,
    end: Option<End>,
}

/// Hands a window to the outputs, as soon as they have room for it.
struct HandOver {
    work: Pin<Box<dyn Future<Output = (HandedOver, usize)> + Send>>,
    waits_for: WaitsFor,
}

/// The output that has no room for a window, if there is one.
type WaitsFor = Arc<Mutex<Option<Arc<Output>>>>;

/// A window that all outputs have.
struct HandedOver {
    window: WindowId,
    events: u64,
    /// What is still to be heard of it, and whether that may be that it was dropped.
    waits: Vec<(Settling, bool)>,
    /// Whether an output could not keep it.
    is_lost: bool,
}

impl Connection<'_> {
    async fn run<S>(mut self, mut stream: S) -> End
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let mut stop = self.shared.stop.clone();
        let (mut is_stopping, mut is_silent) = (false, true);
        let (mut wire, mut pace) = (BytesMut::new(), Pace::new());
        loop {
            let is_paused = self.is_paused();
            let from = now();
            if !is_paused {
                self.take_events();
            }
            self.share.hold(self.session.held_bytes() + self.windows.bytes() + self.waiting_bytes);
            pace.work(from, now()).await;
            if self.session.poll_transmit(&mut wire) {
                match timeout(WRITE_TIMEOUT, stream.write_all(&wire)).await {
                    Ok(Ok(())) => wire.clear(),
                    Ok(Err(error)) => return error.into(),
                    Err(_) => return End::Failed("the peer does not read acknowledgements".to_owned()),
                }
            }
            if self.session.is_closed() {
                let end = self.end.take();
                // What it held is for the others.
                drop(self);
                hang_up(&mut stream).await;
                return end.unwrap_or(End::Closed);
            }
            self.begin_hand_over();
            let wants_read = self.session.wants_read() && !is_paused;
            let deadline = self.session.poll_timeout();
            let is_done = self.is_done();
            let turn_ends = self.share.turn_ends().filter(|end| !is_done || self.told_of != Some(*end));
            let most = self.most_to_read(pace.step());
            if wants_read {
                self.session.buffer().reserve(most);
            }
            let mut buffer = self.session.buffer().limit(most);
            tokio::select! {
                read = stream.read_buf(&mut buffer), if wants_read => match read {
                    Ok(0) => self.session.receive_eof(now()),
                    Ok(length) => {
                        is_silent = false;
                        self.shared.counters.bytes.add(length as u64);
                        self.session.received(now());
                        pace.read(length);
                    }
                    Err(error) => {
                        self.session.receive_eof(now());
                        self.end.get_or_insert_with(|| End::of(error, is_silent));
                    }
                },
                () = until(deadline) => self.session.handle_timeout(now()),
                () = until(turn_ends.map(TokioInstant::into_std)) => {
                    if is_done {
                        self.told_of = turn_ends;
                        self.tell_of_full_output();
                    } else {
                        self.overstay();
                    }
                }
                window = settled(&mut self.handed_over) => self.settle(&window),
                () = self.share.changed(is_done), if is_paused => {}
                (window, bytes) = run(&mut self.handing_over) => {
                    self.handing_over = None;
                    self.waiting_bytes -= bytes;
                    self.handed_over.push_back(window);
                    if self.waiting_bytes == 0 {
                        self.share.end_turn();
                    }
                }
                () = stopped(&mut stop), if !is_stopping => {
                    is_stopping = true;
                    self.session.shutdown(now());
                }
            }
        }
    }

    /// Whether nothing is read for now of what the peer has begun, because all connections hold more than they may. That
    /// is no silence of the peer, and the session is told so.
    fn is_paused(&mut self) -> bool {
        let is_inside = self.session.is_inside() && self.end.is_none();
        if !is_inside && self.waiting_bytes == 0 {
            self.share.end_turn();
        }
        let is_done = self.is_done();
        let is_paused = is_inside && !self.share.may_grow(is_done);
        if is_paused {
            self.session.pause(now());
        } else {
            self.session.resume(now());
        }
        is_paused
    }

    /// Whether the windows that are there have to go on before the next one can be read.
    fn is_done(&self) -> bool {
        self.waiting_bytes > 0 || self.session.is_full()
    }

    /// Bytes to read, of so many. Where there is no memory, little of a window is read before it is its turn: then it is
    /// known that somebody waits, and nobody has a turn who says nothing.
    fn most_to_read(&self, step: usize) -> usize {
        let may_begin = self.session.is_inside() || !self.shared.budget.is_exceeded();
        if may_begin { step } else { BEGINNING }
    }

    /// Ends what has not come to an end within its turn.
    fn overstay(&mut self) {
        let text = format!(
            "its window took longer than {} s while others waited for the memory: let it send smaller windows, or raise \
             max_memory",
            TURN.as_secs()
        );
        self.end.get_or_insert(End::Failed(text));
        self.session.shutdown(now());
    }

    /// Tells which output keeps all others waiting. The turn stays: if all that have a complete window for that output let
    /// the next one go on, they would hold a window each.
    fn tell_of_full_output(&self) {
        let Some(hand_over) = &self.handing_over else { return };
        let output = hand_over.waits_for.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(output) = output else { return };
        self.shared.problem(&format!(
            "output {:?} has had no room for a window for {} s, and as the connections hold more than max_memory, no other \
             is read until it has: see to that output, or raise max_memory",
            output.name(),
            TURN.as_secs()
        ));
    }

    /// Takes what the session has understood.
    fn take_events(&mut self) {
        let windows = &mut self.windows;
        loop {
            let event = self.session.poll_event_with(|window, document| windows.add(window, document));
            // Documents alone are no event.
            if let Some(text) = windows.overflow() {
                self.end.get_or_insert(End::Failed(text));
                self.session.shutdown(now());
            }
            match event {
                None => break,
                Some(ServerEvent::WindowStart { window, .. }) => windows.start(window),
                Some(ServerEvent::Event { window, payload, .. }) => windows.add(window, &document(payload)),
                Some(ServerEvent::WindowComplete { window, encoded, .. }) => {
                    let complete = windows.complete(window, encoded);
                    self.waiting_bytes += complete.as_ref().map_or(0, Complete::bytes);
                    self.complete.extend(complete);
                }
                Some(ServerEvent::WindowAborted { window }) => windows.abort(window),
                Some(ServerEvent::Closed { reason } | ServerEvent::Draining { reason })
                    if self.end.is_none() =>
                {
                    self.end = end(&reason);
                }
                Some(_) => {}
            }
        }
    }

    /// Starts with the next window, if none is on its way.
    fn begin_hand_over(&mut self) {
        if self.handing_over.is_some() {
            return;
        }
        let Some(window) = self.complete.pop_front() else { return };
        let bytes = window.bytes();
        self.dispatcher.refresh();
        let outputs = self.dispatcher.outputs();
        if outputs.is_empty() {
            self.shared.counters.received.add(window.events);
            self.shared.counters.unrouted.add(window.events);
        }
        let when = match self.shared.config.acknowledge() {
            Acknowledge::Delivered => Settled::Delivered,
            Acknowledge::Stored => Settled::Stored,
        };
        let counters = Arc::clone(&self.shared.counters);
        let waits_for = WaitsFor::default();
        let waiting = Arc::clone(&waits_for);
        let work = async move { (hand_over(window, outputs, counters, when, &waiting).await, bytes) };
        self.handing_over = Some(HandOver { work: Box::pin(work), waits_for });
    }

    fn settle(&mut self, handed_over: &HandedOver) {
        let now = now();
        if handed_over.is_lost {
            // The peer has it still.
            self.shared.counters.unacknowledged.add(handed_over.events);
            self.session.shutdown(now);
        } else {
            self.session.acknowledge(handed_over.window, now);
        }
    }
}

/// Gives a window to all outputs: first to those that have room, then to those that are to be waited for.
async fn hand_over(
    window: Complete,
    outputs: Vec<Arc<Output>>,
    counters: Arc<Counters>,
    when: Settled,
    waits_for: &WaitsFor,
) -> HandedOver {
    let at = SystemTime::now();
    let mut handed_over =
        HandedOver { window: window.id, events: window.events, waits: Vec::new(), is_lost: false };
    let mut booking = Booking::new(window.events, &outputs, counters);
    let mut note = |output: &Arc<Output>, window: &EncodedWindow, taken| {
        booking.taken(output, window.events().into());
        match taken {
            Ok(range) => handed_over.waits.push((output.settled(range, when), output.drops())),
            // Nobody waits for an output that drops.
            Err(_) => handed_over.is_lost |= !output.drops(),
        }
    };
    let mut without_room = Vec::new();
    for output in &outputs {
        let mut windows = window.windows.iter();
        while let Some(window) = windows.as_slice().first()
            && let Some(taken) = output.try_take_window(window, at)
        {
            note(output, window, taken);
            windows.next();
        }
        without_room.push((output, windows));
    }
    for (output, windows) in without_room {
        for window in windows {
            *waits_for.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(output));
            let taken = output.take_window(window, at).await;
            note(output, window, taken);
        }
    }
    handed_over
}

/// Sees to it that a window is in the books of all outputs or of none, also where the connection ends while some of
/// them have it and others no room.
struct Booking {
    events: u64,
    /// How many events of it outputs do not have in their books yet.
    left: Vec<(Arc<Output>, u64)>,
    counters: Arc<Counters>,
    is_begun: bool,
}

impl Booking {
    fn new(events: u64, outputs: &[Arc<Output>], counters: Arc<Counters>) -> Self {
        let left = outputs.iter().map(|output| (Arc::clone(output), events)).collect();
        Self { events, left, counters, is_begun: false }
    }

    /// An output has taken over events of it, or dropped and counted them.
    fn taken(&mut self, by: &Arc<Output>, events: u64) {
        if !self.is_begun {
            self.is_begun = true;
            self.counters.received.add(self.events);
        }
        if let Some((_, left)) = self.left.iter_mut().find(|(output, _)| Arc::ptr_eq(output, by)) {
            *left = left.saturating_sub(events);
        }
    }
}

impl Drop for Booking {
    fn drop(&mut self) {
        if self.is_begun {
            for (output, left) in self.left.iter().filter(|(_, left)| *left > 0) {
                output.turn_away(DropReason::Overflow, *left);
            }
        }
    }
}

/// Waits until the oldest of these windows is safe, or lost; takes it off.
async fn settled(windows: &mut VecDeque<HandedOver>) -> HandedOver {
    while let Some(oldest) = windows.front_mut() {
        let Some((wait, may_drop)) = oldest.waits.last_mut() else { break };
        // An output that is gone without a word has not kept it.
        oldest.is_lost |= !matches!(wait.await, Ok(Ok(()))) && !*may_drop;
        oldest.waits.pop();
    }
    match windows.pop_front() {
        Some(window) => window,
        None => pending().await,
    }
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

/// The time of the runtime, so that tests can make it pass.
fn now() -> Instant {
    TokioInstant::now().into_std()
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

async fn run(future: &mut Option<HandOver>) -> (HandedOver, usize) {
    match future {
        Some(hand_over) => hand_over.work.as_mut().await,
        None => pending().await,
    }
}

/// Bytes of a window that are read where there is no memory.
const BEGINNING: usize = 1024;

const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
