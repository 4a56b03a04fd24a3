//! What the tests of several transports need.

#![allow(dead_code, reason = "not every combination of features needs all of it")]

use bytes::Bytes;
use logstash_transport::{Batch, ErrorKind, Interrupt, ProbeReport, Transport, TransportError};
use std::collections::VecDeque;
#[cfg(target_os = "linux")]
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// Documents that sort as they are numbered, below a million.
pub(crate) fn numbered(range: std::ops::Range<usize>) -> Vec<Bytes> {
    range.map(|number| Bytes::from(format!("{{\"n\":{number:06}}}"))).collect()
}

/// The number of such a document.
pub(crate) fn number(event: &Bytes) -> usize {
    std::str::from_utf8(&event[5..event.len() - 1]).unwrap().parse().unwrap()
}

/// A listener whose queue is full: it answers no more connection requests.
#[cfg(target_os = "linux")]
pub(crate) fn black_hole() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        waiting.push(stream);
        assert!(waiting.len() < 10_000, "the queue of the listener never fills");
    }
    (listener, waiting)
}

/// Says that it is over when it goes away, also where that is for a panic: who waits for it must not
/// wait for ever.
pub(crate) struct Last<'a>(pub(crate) &'a AtomicBool);

impl Drop for Last<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A transport that answers as it is told; without an answer it delivers. Clones are the same one.
///
/// For what real peers cannot be made to say on demand.
#[derive(Clone, Default)]
pub(crate) struct Scripted {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) answers: VecDeque<Answer>,
    pub(crate) events: Vec<Bytes>,
    pub(crate) sends: usize,
    pub(crate) closes: usize,
    pub(crate) interrupt: Option<Interrupt>,
}

/// Delivers this many events, after this time, and then fails.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) delivered: u64,
    pub(crate) after: Duration,
    pub(crate) failure: Option<ErrorKind>,
}

impl Scripted {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Fails the next time, having delivered some events.
    pub(crate) fn fail(&self, kind: ErrorKind, delivered: u64) -> &Self {
        let answer = Answer { delivered, after: Duration::ZERO, failure: Some(kind) };
        self.state().answers.push_back(answer);
        self
    }

    /// Takes its time the next time.
    pub(crate) fn delay(&self, after: Duration) -> &Self {
        self.state().answers.push_back(Answer { delivered: u64::MAX, after, failure: None });
        self
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Transport for Scripted {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        let mut state = self.state();
        state.sends += 1;
        let answer = state.answers.pop_front();
        let answer = answer.unwrap_or(Answer { delivered: u64::MAX, after: Duration::ZERO, failure: None });
        // The time that it takes is what is tested.
        std::thread::sleep(answer.after);
        let events = batch.remaining()?;
        let delivered = answer.delivered.min(events.len() as u64);
        state.events.extend_from_slice(&events[..usize::try_from(delivered).unwrap()]);
        batch.acknowledge(delivered);
        answer.failure.map_or(Ok(()), |kind| Err(TransportError::new(kind, "as it was told")))
    }

    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        let mut report = ProbeReport::new();
        match self.state().answers.pop_front().and_then(|answer| answer.failure) {
            Some(kind) => Err(TransportError::new(kind, "as it was told")),
            None => {
                report.push("protocol", "fine", Duration::ZERO);
                Ok(report)
            }
        }
    }

    fn close(&mut self) {
        self.state().closes += 1;
    }

    fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.state().interrupt = Some(interrupt);
    }
}
