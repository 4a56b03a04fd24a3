//! Encodes and decodes single J frames with three crates in one process, in alternation.
//!
//! `codec-frames-peer RUNS MILLISECONDS` writes a line per run and case, in ns per frame:
//! `encode BYTES OURS FERRO LUMBERJACK`, likewise `append`, `head`, `decode` and `borrow`. Where the
//! others have one way only, it stands against each of ours. Each side of a case runs for so many milliseconds.

#[path = "../../documents.rs"]
mod documents;

use std::env;
use std::hint::black_box;
use std::io::IoSlice;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use documents::documents;
use ferro_lumberjack::frame as ferro;
use lumberjack::Frame as Lumberjack;
use lumberjack_codec::{FrameDecoder, Limits, Role, Version, encode};

fn main() {
    let arguments: Vec<u64> = env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let &[runs, milliseconds] = &arguments[..] else {
        eprintln!("usage: codec-frames-peer RUNS MILLISECONDS");
        std::process::exit(2);
    };
    let time = Duration::from_millis(milliseconds);
    let mut samples = [300, 1000].map(Sample::new);
    // The first round warms up.
    for round in 0..=runs {
        for sample in &mut samples {
            let cases = [
                ("encode", sample.encode(round, time)),
                ("append", sample.append(round, time)),
                ("head", sample.head(round, time)),
                ("decode", sample.decode(round, time)),
                ("borrow", sample.borrow(round, time)),
            ];
            if round > 0 {
                for (name, [ours, ferro, lumberjack]) in cases {
                    println!("{name} {} {ours:.3} {ferro:.3} {lumberjack:.3}", sample.size);
                }
            }
        }
    }
}

/// The events of one size.
struct Sample {
    size: usize,
    payloads: Vec<Vec<u8>>,
    /// The same as lumberjack-protocol wants them; making these is not counted.
    frames: Vec<Lumberjack>,
    /// The same, encoded.
    wire: Vec<u8>,
    ours: FrameDecoder,
    ferro: ferro::FrameDecoder,
}

impl Sample {
    fn new(size: usize) -> Self {
        let payloads = documents(FRAMES, size);
        let mut wire = Vec::new();
        for (sequence, payload) in (1..).zip(&payloads) {
            encode::json(Version::V2, sequence, payload, &mut wire);
        }
        let frames = (1..)
            .zip(&payloads)
            .map(|(seq, payload)| Lumberjack::Json { seq, data: Bytes::copy_from_slice(payload) })
            .collect();
        let (ours, ferro) = (FrameDecoder::new(Role::Server, Limits::new()), ferro::FrameDecoder::new());
        Self { size, payloads, frames, wire, ours, ferro }
    }

    /// Each frame alone: into an empty buffer that has room, or into the `Vec` that ferro makes.
    fn encode(&self, round: u64, time: Duration) -> [f64; 3] {
        self.encode_as(round, time, &mut || {
            let mut out = BytesMut::with_capacity(ROOM);
            clock(|| {
                for (sequence, payload) in (1..).zip(&self.payloads) {
                    out.clear();
                    encode::json(Version::V2, sequence, black_box(payload), &mut out);
                    black_box(&mut out);
                }
            })
        })
    }

    /// Each frame alone, ours as a head and the payload where it lies, ready for a vectored write.
    fn head(&self, round: u64, time: Duration) -> [f64; 3] {
        self.encode_as(round, time, &mut || {
            clock(|| {
                for (sequence, payload) in (1..).zip(&self.payloads) {
                    let payload = black_box(&payload[..]);
                    let head = encode::json_head(Version::V2, sequence, payload.len() as u32);
                    black_box([IoSlice::new(&head), IoSlice::new(payload)]);
                }
            })
        })
    }

    fn encode_as(&self, round: u64, time: Duration, ours: &mut dyn FnMut() -> Duration) -> [f64; 3] {
        let Self { payloads, frames, .. } = self;
        alternate(
            round,
            time,
            [
                ours,
                &mut || {
                    clock(|| {
                        for (sequence, payload) in (1..).zip(payloads) {
                            black_box(&ferro::encode_json_frame(sequence, black_box(payload)));
                        }
                    })
                },
                &mut || {
                    let mut out = BytesMut::with_capacity(ROOM);
                    clock(|| {
                        for frame in frames {
                            out.clear();
                            black_box(frame).encode(&mut out);
                            black_box(&mut out);
                        }
                    })
                },
            ],
        )
    }

    /// All frames into one buffer, as it is written to a socket.
    fn append(&self, round: u64, time: Duration) -> [f64; 3] {
        let Self { payloads, frames, wire, .. } = self;
        alternate(
            round,
            time,
            [
                &mut || {
                    let mut out = BytesMut::with_capacity(wire.len());
                    let spent = clock(|| {
                        for (sequence, payload) in (1..).zip(payloads) {
                            encode::json(Version::V2, sequence, black_box(payload), &mut out);
                        }
                        black_box(&mut out);
                    });
                    assert_eq!(out, wire);
                    spent
                },
                &mut || {
                    let mut out = BytesMut::with_capacity(wire.len());
                    let spent = clock(|| {
                        for (sequence, payload) in (1..).zip(payloads) {
                            out.extend_from_slice(&ferro::encode_json_frame(sequence, black_box(payload)));
                        }
                        black_box(&mut out);
                    });
                    assert_eq!(out, wire);
                    spent
                },
                &mut || {
                    let mut out = BytesMut::with_capacity(wire.len());
                    let spent = clock(|| {
                        for frame in frames {
                            black_box(frame).encode(&mut out);
                        }
                        black_box(&mut out);
                    });
                    assert_eq!(out, wire);
                    spent
                },
            ],
        )
    }

    /// From a full buffer to nothing; filling it is not counted. The frames are looked at where they are: moving
    /// them would cost every side more than decoding does.
    fn decode(&mut self, round: u64, time: Duration) -> [f64; 3] {
        let Self { wire, ours, ferro, .. } = self;
        decode_as(round, time, wire, ferro, &mut || {
            let mut input = BytesMut::from(&wire[..]);
            clock(|| {
                take_all(|| matches!(black_box(&ours.decode(black_box(&mut input))), Ok(Some(_))));
            })
        })
    }

    /// The same, ours with payloads that stay in the buffer.
    fn borrow(&mut self, round: u64, time: Duration) -> [f64; 3] {
        let Self { wire, ours, ferro, .. } = self;
        decode_as(round, time, wire, ferro, &mut || {
            let mut input = &wire[..];
            clock(|| {
                take_all(|| matches!(black_box(&ours.decode_borrowed(black_box(&mut input))), Ok(Some(_))));
            })
        })
    }
}

fn decode_as(
    round: u64,
    time: Duration,
    wire: &[u8],
    ferro: &mut ferro::FrameDecoder,
    ours: &mut dyn FnMut() -> Duration,
) -> [f64; 3] {
    alternate(
        round,
        time,
        [
            ours,
            &mut || {
                ferro.feed(wire);
                clock(|| take_all(|| matches!(black_box(&black_box(&mut *ferro).next_frame()), Ok(Some(_)))))
            },
            &mut || {
                let mut input = BytesMut::from(wire);
                clock(|| {
                    take_all(|| matches!(black_box(&Lumberjack::decode(black_box(&mut input))), Ok(Some(_))));
                })
            },
        ],
    )
}

/// Each side for that time, in an order that turns around with every round; ns per frame.
fn alternate(round: u64, time: Duration, sides: [&mut dyn FnMut() -> Duration; 3]) -> [f64; 3] {
    let mut figures = [0.0; 3];
    for turn in 0..3 {
        let side = if round.is_multiple_of(2) { turn } else { 2 - turn };
        let (mut spent, mut batches) = (Duration::ZERO, 0);
        while spent < time {
            spent += sides[side]();
            batches += 1;
        }
        figures[side] = spent.as_nanos() as f64 / (batches * FRAMES) as f64;
    }
    figures
}

fn clock(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

#[inline(always)]
fn take_all(mut next: impl FnMut() -> bool) {
    let mut frames = 0;
    while next() {
        frames += 1;
    }
    assert_eq!(frames, FRAMES, "frames were lost");
}

/// Frames of one buffer.
const FRAMES: usize = 64;

/// Room for one frame.
const ROOM: usize = 2048;
