//! Deflates a window of 2,048 events in one call, at each level.
//!
//! `codec-deflate-peer MILLISECONDS [FILE]...` writes `deflate BYTES LEVEL SPEED RATIO`: the size of an event, MB of
//! frames per second, and how many times smaller they became; then the same as `text` for files with 2,048 documents,
//! one a line. Which implementation is at work was decided when this was built.

#[path = "../../documents.rs"]
mod documents;

use std::env;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use documents::documents;
use flate2::{Decompress, FlushDecompress, Status};

fn main() {
    let mut arguments = env::args().skip(1);
    let Some(milliseconds) = arguments.next().and_then(|argument| argument.parse().ok()) else {
        eprintln!("usage: codec-deflate-peer MILLISECONDS [FILE]...");
        std::process::exit(2);
    };
    let time = Duration::from_millis(milliseconds);
    for size in [300, 1000] {
        measure("deflate", &documents(EVENTS, size), time);
    }
    for file in arguments {
        let text = fs::read(&file).expect("a file that can be read");
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let lines: Vec<Vec<u8>> = lines.map(<[u8]>::to_vec).collect();
        assert_eq!(lines.len(), EVENTS, "documents in {file}");
        measure("text", &lines, time);
    }
}

fn measure(kind: &str, payloads: &[Vec<u8>], time: Duration) {
    let size = payloads.iter().map(Vec::len).sum::<usize>() / payloads.len();
    let frames = frames(payloads);
    let mut output = vec![0; frames.len() + frames.len() / 8 + 64];
    for level in LEVELS {
        let mut deflate = deflater(level);
        // The first round warms up, and shows that it can be read.
        let length = deflate(&frames, &mut output);
        assert_eq!(inflated(&output[..length], frames.len()), frames);
        // The fastest of many rounds is the one that nothing else on the machine had a part in.
        let (started, mut fastest) = (Instant::now(), Duration::MAX);
        while started.elapsed() < time {
            let round = Instant::now();
            black_box(deflate(black_box(&frames), &mut output));
            fastest = fastest.min(round.elapsed());
        }
        let speed = frames.len() as f64 / fastest.as_secs_f64() / 1e6;
        println!("{kind} {size} {level} {speed:.2} {:.4}", frames.len() as f64 / length as f64);
    }
}

/// Makes one zlib stream at the front of the output, with a state that is used again, and returns its length.
#[cfg(feature = "libdeflate")]
fn deflater(level: u32) -> impl FnMut(&[u8], &mut [u8]) -> usize {
    let level = libdeflater::CompressionLvl::new(level as i32).expect("a level that there is");
    let mut deflate = libdeflater::Compressor::new(level);
    move |frames, output| deflate.zlib_compress(frames, output).expect("it compresses")
}

#[cfg(not(feature = "libdeflate"))]
fn deflater(level: u32) -> impl FnMut(&[u8], &mut [u8]) -> usize {
    let mut deflate = flate2::Compress::new(flate2::Compression::new(level), true);
    move |frames, output| {
        deflate.reset();
        let status = deflate.compress(frames, output, flate2::FlushCompress::Finish);
        assert_eq!(status.expect("it compresses"), Status::StreamEnd);
        deflate.total_out() as usize
    }
}

fn inflated(zlib: &[u8], length: usize) -> Vec<u8> {
    let mut output = vec![0; length];
    let mut inflate = Decompress::new(true);
    let status = inflate.decompress(zlib, &mut output, FlushDecompress::Finish);
    assert_eq!((status.expect("it inflates"), inflate.total_out()), (Status::StreamEnd, length as u64));
    output
}

fn frames(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut frames = Vec::new();
    for (sequence, payload) in (1_u32..).zip(payloads) {
        frames.extend_from_slice(b"2J");
        frames.extend_from_slice(&sequence.to_be_bytes());
        frames.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        frames.extend_from_slice(payload);
    }
    frames
}

const LEVELS: std::ops::RangeInclusive<u32> = 1..=9;

/// Filebeat's default, and ours.
const EVENTS: usize = 2048;
