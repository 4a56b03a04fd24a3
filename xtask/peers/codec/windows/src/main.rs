//! Encodes and decodes windows of 2,048 events, and the same bytes with flate2 alone, in one process, in alternation.
//!
//! `codec-windows-peer MILLISECONDS` writes, in MB of payloads per second:
//! `encode BYTES LEVEL OURS BARE`, likewise `session` and `payloads`. At level 0 the bare work is one copy of the
//! same bytes. Which zlib implementation is at work was decided when this was built.

#[path = "../../documents.rs"]
mod documents;

use std::env;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use documents::documents;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use lumberjack_codec::{
    EncodedWindow, ServerConfig, ServerEvent, ServerSession, Version, WindowEncoder, encode,
};

fn main() {
    let argument = env::args().nth(1).and_then(|argument| argument.parse().ok());
    let Some(milliseconds) = argument else {
        eprintln!("usage: codec-windows-peer MILLISECONDS");
        std::process::exit(2);
    };
    let time = Duration::from_millis(milliseconds);
    for size in [300, 1000] {
        let payloads = documents(EVENTS, size);
        for level in [0, 1, 3, 6] {
            let sample = Sample::new(&payloads, level);
            for (name, [ours, bare]) in [
                ("encode", sample.encode(time)),
                ("session", sample.session(time)),
                ("payloads", sample.payloads(time)),
            ] {
                println!("{name} {size} {level} {ours:.2} {bare:.2}");
            }
        }
    }
}

/// The events of one window.
struct Sample<'a> {
    payloads: &'a [Vec<u8>],
    level: u32,
    /// What is deflated: their frames.
    frames: Vec<u8>,
    window: EncodedWindow,
}

impl<'a> Sample<'a> {
    fn new(payloads: &'a [Vec<u8>], level: u32) -> Self {
        let mut frames = Vec::new();
        for (sequence, payload) in (1..).zip(payloads) {
            encode::json(Version::V2, sequence, payload, &mut frames);
        }
        let window = WindowEncoder::new(level).encode(payloads).expect("a valid window");
        Self { payloads, level, frames, window }
    }

    /// Payloads to an encoded window.
    fn encode(&self, time: Duration) -> [f64; 2] {
        let mut encoder = WindowEncoder::new(self.level);
        let mut deflate = Compress::new(Compression::new(self.level), true);
        let mut output = vec![0; self.frames.len() + self.frames.len() / 8 + 64];
        self.alternate(
            time,
            || {
                let window = encoder.encode(black_box(self.payloads)).expect("a valid window");
                assert_eq!(window.events() as usize, EVENTS);
                black_box(&window);
            },
            || {
                if self.level == 0 {
                    return copy(&self.frames, &mut output);
                }
                deflate.reset();
                let status = deflate.compress(black_box(&self.frames), &mut output, FlushCompress::Finish);
                assert_eq!(status.expect("it compresses"), Status::StreamEnd);
                black_box(&output);
            },
        )
    }

    /// Bytes from the wire to events, through a session that lives as long as its connection.
    fn session(&self, time: Duration) -> [f64; 2] {
        let now = Instant::now();
        let mut session = ServerSession::new(ServerConfig::new(), now);
        let mut wire = BytesMut::new();
        self.window.write_to(&mut wire);
        let mut inflate = self.bare_inflate();
        let (mut input, mut answer) = (BytesMut::new(), BytesMut::new());
        self.alternate(
            time,
            || {
                // As from a socket: into a buffer that has room.
                input.extend_from_slice(&wire);
                session.receive(&mut input, now);
                let mut events = 0;
                while let Some(event) = session.poll_event() {
                    match &event {
                        ServerEvent::Event { payload, .. } => {
                            black_box(payload);
                            events += 1;
                        }
                        ServerEvent::WindowComplete { window, .. } => {
                            session.acknowledge(*window, now);
                        }
                        _ => {}
                    }
                }
                assert_eq!(events, EVENTS);
                answer.clear();
                assert!(session.poll_transmit(&mut answer));
            },
            &mut inflate,
        )
    }

    /// A stored window to its payloads.
    fn payloads(&self, time: Duration) -> [f64; 2] {
        self.alternate(
            time,
            || {
                let payloads = black_box(&self.window).payloads().expect("a valid window");
                assert_eq!(payloads.len(), EVENTS);
                black_box(&payloads);
            },
            self.bare_inflate(),
        )
    }

    /// All at once into a buffer that is there.
    fn bare_inflate(&self) -> impl FnMut() {
        let mut inflate = Decompress::new(true);
        let mut output = vec![0; self.frames.len()];
        move || {
            if self.level == 0 {
                return copy(self.window.bytes(), &mut output);
            }
            inflate.reset(true);
            let status =
                inflate.decompress(black_box(self.window.bytes()), &mut output, FlushDecompress::Finish);
            assert_eq!(status.expect("it inflates"), Status::StreamEnd);
            black_box(&output);
        }
    }

    /// Ours and the bare implementation in turn until the time is over for both; MB of payloads per second in the
    /// fastest round of each, which is the one that nothing else on the machine had a part in.
    fn alternate(&self, time: Duration, mut ours: impl FnMut(), mut bare: impl FnMut()) -> [f64; 2] {
        // The first round warms up.
        ours();
        bare();
        let (started, mut fastest) = (Instant::now(), [Duration::MAX; 2]);
        while started.elapsed() < time {
            fastest[0] = fastest[0].min(clock(&mut ours));
            fastest[1] = fastest[1].min(clock(&mut bare));
        }
        let bytes = self.window.payload_len() as f64;
        fastest.map(|spent| bytes / spent.as_secs_f64() / 1e6)
    }
}

fn copy(from: &[u8], to: &mut [u8]) {
    to[..from.len()].copy_from_slice(black_box(from));
    black_box(to);
}

fn clock(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

/// Filebeat's default, and ours.
const EVENTS: usize = 2048;
