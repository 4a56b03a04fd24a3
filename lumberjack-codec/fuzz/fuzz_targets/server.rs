//! Any order of bytes, application calls and time: no panic, no loop, events in order, and exactly
//! the acknowledgements that the application gave, in the order of the windows.
//!
//! Input: settings, then operations: a byte that names one, and what it needs.

#![cfg_attr(fuzzing, no_main)]

use arbitrary::Unstructured;
use bytes::BytesMut;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use lumberjack_codec::{
    Limits, Payload, SequencePolicy, ServerConfig, ServerEvent, ServerSession, Version, WindowId, encode,
};
use std::collections::VecDeque;
use std::io::Write;
use std::time::{Duration, Instant};

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| run(input));

/// Runs the files that are named, such as what the fuzzer found.
#[cfg(not(fuzzing))]
#[allow(dead_code, reason = "the tests call run themselves")]
fn main() -> std::io::Result<()> {
    for file in std::env::args_os().skip(1) {
        run(&std::fs::read(file)?);
    }
    Ok(())
}

pub(crate) fn run(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let Ok(settings) = input.arbitrary() else { return };
    let mut world = World::new(settings);
    while !input.is_empty() && world.operate(&mut input).is_ok() {
        world.drain();
    }
    world.finish();
}

const MAX_PENDING: usize = 3;

struct World {
    session: ServerSession,
    now: Instant,
    partial_acks: bool,
    open: Option<Window>,
    /// Full windows of a compressed frame that has not ended.
    full: VecDeque<Window>,
    complete: VecDeque<Window>,
    /// Final acknowledgements that must be on the wire now.
    due: VecDeque<(Version, u32)>,
    closed: bool,
}

struct Window {
    id: WindowId,
    version: Version,
    size: u32,
    payloads: Vec<Payload>,
    last_sequence: u32,
    acknowledged: bool,
}

impl World {
    fn new(settings: u8) -> Self {
        let now = Instant::now();
        let partial_acks = settings & 1 != 0;
        let policy = if settings & 2 == 0 { SequencePolicy::Ignore } else { SequencePolicy::Strict };
        let limits = Limits::untrusted().accept_v1(true).max_pending_windows(MAX_PENDING);
        let config = ServerConfig::new()
            .limits(limits)
            .partial_acks(partial_acks)
            .sequence_policy(policy)
            .windows_of_one(settings & 16 != 0)
            .keep_encoded(if settings & 4 == 0 { 0 } else { 2000 })
            .pending_timeout((settings & 8 != 0).then_some(Duration::from_secs(20)));
        Self {
            session: ServerSession::new(config, now),
            now,
            partial_acks,
            open: None,
            full: VecDeque::new(),
            complete: VecDeque::new(),
            due: VecDeque::new(),
            closed: false,
        }
    }

    fn operate(&mut self, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        match input.arbitrary::<u8>()? % 8 {
            operation @ (0 | 1) => {
                let length = input.arbitrary::<u8>()? as usize;
                let bytes = input.bytes(length.min(input.len()))?;
                let bytes = if operation == 0 { bytes.to_vec() } else { compress(bytes) };
                self.session.receive(&mut BytesMut::from(&bytes[..]), self.now);
            }
            2 => {
                let index = input.arbitrary::<u8>()? as usize;
                self.acknowledge(index);
            }
            3 => {
                let (index, events) = (input.arbitrary::<u8>()? as usize, input.arbitrary::<u8>()?);
                if let Some(window) = self.complete.get(index) {
                    if u32::from(events) >= window.size {
                        self.acknowledge(index);
                    } else {
                        let taken = self.session.acknowledge_prefix(window.id, events.into(), self.now);
                        assert_eq!(taken, !window.acknowledged);
                    }
                }
            }
            4 => self.pass(Duration::from_millis(u64::from(input.arbitrary::<u8>()?) * 200)),
            5 => {
                // To the next deadline, exactly.
                if let Some(deadline) = self.session.poll_timeout() {
                    self.pass(deadline.saturating_duration_since(self.now));
                }
            }
            6 => self.session.receive_eof(self.now),
            _ => self.session.shutdown(self.now),
        }
        Ok(())
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.session.handle_timeout(self.now);
        assert!(self.session.poll_timeout().is_none_or(|deadline| deadline > self.now), "a timer stays due");
    }

    fn acknowledge(&mut self, index: usize) {
        let Some(window) = self.complete.get_mut(index) else { return };
        let expected = !window.acknowledged;
        window.acknowledged = true;
        assert_eq!(self.session.acknowledge(window.id, self.now), expected);
        while self.complete.front().is_some_and(|head| head.acknowledged) {
            let head = self.complete.pop_front().expect("there is a head");
            self.due.push_back((head.version, head.last_sequence));
        }
    }

    fn drain(&mut self) {
        while let Some(event) = self.session.poll_event() {
            assert!(!self.closed, "{event:?} after the end");
            self.on_event(event);
        }
        assert_eq!(self.session.is_closed(), self.closed);
        assert!(self.session.pending() < 2 * MAX_PENDING);
        assert_eq!(self.session.pending(), self.complete.len());
        self.check_wire();
    }

    fn on_event(&mut self, event: ServerEvent) {
        match event {
            ServerEvent::WindowStart { window, version, events } => {
                assert!(events > 0);
                self.full.extend(self.open.take());
                let payloads = Vec::new();
                let window = Window {
                    id: window,
                    version,
                    size: events,
                    payloads,
                    last_sequence: 0,
                    acknowledged: false,
                };
                self.open = Some(window);
            }
            ServerEvent::Event { window, index, sequence, payload } => {
                let open = self.open.as_mut().expect("an open window");
                assert_eq!((window, index as usize), (open.id, open.payloads.len()));
                open.payloads.push(payload);
                open.last_sequence = sequence;
            }
            ServerEvent::WindowComplete { window, events, encoded } => {
                let full = self.full.pop_front().or_else(|| self.open.take()).expect("a full window");
                assert_eq!((window, events, events as usize), (full.id, full.size, full.payloads.len()));
                if let Some(encoded) = encoded {
                    let documents: Vec<_> =
                        full.payloads.iter().filter_map(Payload::as_json).cloned().collect();
                    assert_eq!(encoded.payloads().expect("it is verified"), documents);
                }
                self.complete.push_back(full);
            }
            ServerEvent::WindowAborted { window } => {
                let aborted = self.full.pop_front().or_else(|| self.open.take()).expect("a window");
                assert_eq!(window, aborted.id);
            }
            ServerEvent::WindowUnacknowledged { window } => {
                let left = self.complete.pop_front().expect("a complete window");
                assert_eq!(window, left.id);
            }
            ServerEvent::Closed { .. } => {
                self.closed = true;
                assert!(self.open.is_none() && self.full.is_empty() && self.complete.is_empty());
            }
            _ => {}
        }
    }

    /// The wire carries keepalives, partial acknowledgements where they are on, and what is due.
    fn check_wire(&mut self) {
        let mut wire = BytesMut::new();
        self.session.poll_transmit(&mut wire);
        assert!(wire.len().is_multiple_of(6));
        for ack in wire.chunks(6) {
            let is_due = self.due.front().is_some_and(|(version, sequence)| {
                let mut want = BytesMut::new();
                encode::ack(*version, *sequence, &mut want);
                want == ack
            });
            if is_due {
                self.due.pop_front();
            } else {
                assert!(self.partial_acks || ack[2..] == [0; 4], "{ack:?} is not due");
            }
        }
        assert!(self.due.is_empty(), "an acknowledgement is missing");
    }

    /// Whatever happened, the session comes to its end when time passes.
    fn finish(&mut self) {
        self.session.receive_eof(self.now);
        self.drain();
        for _ in 0..100 {
            while !self.complete.is_empty() {
                self.acknowledge(0);
                self.drain();
            }
            if self.closed {
                return;
            }
            self.pass(Duration::from_secs(100));
            self.drain();
        }
        panic!("the session does not end");
    }
}

/// A compressed frame with this content: the fuzzer does not find its checksums.
fn compress(content: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(content).expect("it goes to memory");
    let mut frame = Vec::new();
    encode::compressed(Version::V2, &zlib.finish().expect("it goes to memory"), &mut frame);
    frame
}
