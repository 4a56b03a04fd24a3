//! Any order of windows, answers and time: no panic, no loop, every window that was taken is settled
//! exactly once, nothing is credited that was not acknowledged, and what is on the wire is what was
//! sent.
//!
//! Input: settings, then operations: a byte that names one, and what it needs.

#![cfg_attr(fuzzing, no_main)]

use arbitrary::Unstructured;
use bytes::BytesMut;
use lumberjack_codec::{
    ClientConfig, ClientEvent, ClientSession, Frame, FrameDecoder, Limits, Role, SequenceMode, Version,
    WindowEncoder, encode,
};
use std::collections::VecDeque;
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

struct World {
    session: ClientSession,
    encoder: WindowEncoder,
    now: Instant,
    running: bool,
    max_in_flight: usize,
    next_token: u64,
    /// Token, events and acknowledged events of the windows that are not settled.
    in_flight: VecDeque<(u64, u32, u32)>,
    /// Windows that must still appear on the wire.
    unwritten: VecDeque<u32>,
    receiver: FrameDecoder,
    wire: BytesMut,
    /// Events that the window on the wire still lacks, and the sequence that is next.
    missing: u32,
    next_sequence: u32,
    closed: bool,
}

impl World {
    fn new(settings: u8) -> Self {
        let running = settings & 1 != 0;
        let max_in_flight = 1 + (settings >> 1) as usize % 4;
        let config = ClientConfig::new()
            .compression_level(u32::from(settings >> 3) % 4)
            .max_in_flight(max_in_flight)
            .max_events(200)
            .progress_timeout((settings & 64 != 0).then_some(Duration::from_secs(20)))
            .sequence_mode(if running { SequenceMode::Running } else { SequenceMode::PerWindow });
        Self {
            session: ClientSession::new(config),
            encoder: WindowEncoder::new(u32::from(settings >> 5) % 2),
            now: Instant::now(),
            running,
            max_in_flight,
            next_token: 0,
            in_flight: VecDeque::new(),
            unwritten: VecDeque::new(),
            receiver: FrameDecoder::new(Role::Server, Limits::new()),
            wire: BytesMut::new(),
            missing: 0,
            next_sequence: 1,
            closed: false,
        }
    }

    fn operate(&mut self, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
        match input.arbitrary::<u8>()? % 8 {
            0 => self.send(input.arbitrary()?, false),
            1 => self.send(input.arbitrary()?, true),
            2 => {
                let mut ack = BytesMut::new();
                encode::ack(Version::V2, input.arbitrary::<u8>()?.into(), &mut ack);
                self.session.receive(&mut ack, self.now);
            }
            3 => {
                let length = input.arbitrary::<u8>()? as usize;
                let bytes = input.bytes(length.min(input.len()))?;
                self.session.receive(&mut BytesMut::from(bytes), self.now);
            }
            4 => self.pass(Duration::from_millis(u64::from(input.arbitrary::<u8>()?) * 200)),
            5 => self.session.transmitted(self.now),
            6 => self.session.receive_eof(self.now),
            _ => self.session.close(self.now),
        }
        Ok(())
    }

    fn send(&mut self, events: u8, encoded: bool) {
        let payloads = (0..events).map(|n| format!("{{\"n\":{n}}}"));
        let could = self.session.can_send();
        let sent = if encoded {
            let window = self.encoder.encode(payloads).expect("a valid window");
            self.session.send_window(self.next_token, &window, self.now)
        } else {
            self.session.send(self.next_token, payloads, self.now)
        };
        match sent {
            Ok(()) => {
                assert!(events <= 200 && (could || events == 0));
                self.in_flight.push_back((self.next_token, events.into(), 0));
                self.unwritten.extend((events > 0).then_some(u32::from(events)));
                self.next_token += 1;
            }
            Err(error) => assert!(!could || events > 200, "{error}"),
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.session.handle_timeout(self.now);
        assert!(self.session.poll_timeout().is_none_or(|deadline| deadline > self.now), "a timer stays due");
    }

    fn drain(&mut self) {
        if self.session.poll_transmit(&mut self.wire) {
            self.check_wire();
        }
        while let Some(event) = self.session.poll_event() {
            assert!(!self.closed, "{event:?} after the end");
            self.on_event(&event);
        }
        assert_eq!(self.session.is_closed(), self.closed);
        assert!(self.session.in_flight() <= self.max_in_flight);
        assert_eq!(self.session.in_flight(), self.in_flight.len());
    }

    fn on_event(&mut self, event: &ClientEvent) {
        match *event {
            ClientEvent::Acknowledged { token, events } => {
                // An empty window is settled at once, whatever is in flight.
                let index = self.in_flight.iter().position(|(known, ..)| *known == token).expect("in flight");
                assert!(index == 0 || events == 0);
                assert_eq!(self.in_flight.remove(index).map(|(_, size, _)| size), Some(events));
            }
            ClientEvent::Failed { token, acknowledged, events } => {
                assert_eq!(self.in_flight.pop_front(), Some((token, events, acknowledged)));
                assert!(acknowledged < events);
            }
            ClientEvent::Progress { token, acknowledged } => {
                let head = self.in_flight.front_mut().expect("in flight");
                assert_eq!(head.0, token);
                assert!(acknowledged > head.2 && acknowledged < head.1);
                head.2 = acknowledged;
            }
            ClientEvent::StaleAck { token, .. } => {
                assert_eq!(self.in_flight.front().map(|head| head.0), Some(token));
            }
            ClientEvent::Closed { .. } => {
                self.closed = true;
                assert!(self.in_flight.is_empty());
            }
            _ => {}
        }
    }

    fn check_wire(&mut self) {
        while let Some(frame) = self.receiver.decode(&mut self.wire).expect("valid frames") {
            match frame {
                Frame::Window { size, .. } => {
                    assert_eq!(self.missing, 0);
                    assert_eq!(self.unwritten.pop_front(), Some(size));
                    self.missing = size;
                    self.next_sequence = if self.running { self.next_sequence } else { 1 };
                }
                Frame::Json { sequence, .. } => {
                    assert_eq!(sequence, self.next_sequence);
                    self.next_sequence += 1;
                    self.missing -= 1;
                }
                Frame::CompressedBegin { .. } | Frame::CompressedEnd { .. } => {}
                frame => panic!("{frame:?}"),
            }
        }
        assert_eq!(self.missing, 0);
        assert!(self.unwritten.is_empty() && self.wire.is_empty());
    }

    /// Whatever happened, the session comes to its end when time passes.
    fn finish(&mut self) {
        self.session.close(self.now);
        self.drain();
        self.pass(Duration::from_secs(100));
        self.drain();
        assert!(self.closed, "the session does not end");
    }
}
