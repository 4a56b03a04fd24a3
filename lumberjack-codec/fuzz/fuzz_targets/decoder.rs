//! Any bytes, cut in any way: no panic, the same frames and the same error as in one piece, owned or
//! borrowed, and plain frames are what the encoders write.
//!
//! Input: role and limits (and whether the stream is to be compressed), the seed of the cuts, then the bytes of the stream.

#![cfg_attr(fuzzing, no_main)]

use bytes::BytesMut;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use lumberjack_codec::{DecodeError, Frame, FrameDecoder, Limits, Role, Version, encode};
use std::io::Write;

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
    let [setup, seed, stream @ ..] = input else { return };
    let role = match setup % 4 {
        0 | 1 => Role::Server,
        2 => Role::Client(Version::V1),
        _ => Role::Client(Version::V2),
    };
    // Small limits are reached by small inputs.
    let small = Limits::new().max_json_payload(100).max_data_frame(100).max_key(10).max_pairs(3);
    let limits = if setup & 4 == 0 { Limits::untrusted() } else { small.max_decompressed(1000) };
    let limits = limits.accept_v1(setup & 8 == 0);
    let stream = if setup & 16 == 0 { stream.to_vec() } else { compress(stream) };
    let whole = decode(role, limits, &[&stream]);
    let pieces = cut(&stream, *seed);
    assert_eq!(decode(role, limits, &pieces), whole);
    assert_eq!(decode_borrowed(role, limits, &[&stream]), whole);
    assert_eq!(decode_borrowed(role, limits, &pieces), whole);
}

/// A compressed frame with this content: the fuzzer does not find its checksums.
fn compress(content: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(content).expect("it goes to memory");
    let mut frame = Vec::new();
    encode::compressed(Version::V2, &zlib.finish().expect("it goes to memory"), &mut frame);
    frame
}

type Decoded = (Vec<Frame>, Result<(bool, u64), DecodeError>);

fn decode(role: Role, limits: Limits, pieces: &[&[u8]]) -> Decoded {
    let stream = pieces.concat();
    let mut decoder = FrameDecoder::new(role, limits).keep_compressed(4096);
    let (mut input, mut frames) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            let compressed = decoder.in_compressed();
            match decoder.decode(&mut input) {
                Ok(Some(frame)) => {
                    let range = at(decoder.frame_offset())..at(decoder.offset());
                    check_frame(&frame, compressed, &stream[range], &mut decoder);
                    frames.push(frame);
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut input), Err(error.clone()));
                    assert!(at(error.offset()) <= stream.len());
                    return (frames, Err(error));
                }
            }
        }
    }
    assert_eq!(at(decoder.offset()) + input.len(), stream.len());
    (frames, Ok((decoder.at_boundary(), decoder.offset())))
}

fn decode_borrowed(role: Role, limits: Limits, pieces: &[&[u8]]) -> Decoded {
    let mut decoder = FrameDecoder::new(role, limits);
    let (mut buffer, mut frames) = (Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        let mut rest = &buffer[..];
        loop {
            match decoder.decode_borrowed(&mut rest) {
                Ok(Some(frame)) => frames.push(frame.to_frame()),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
        buffer = rest.to_vec();
    }
    (frames, Ok((decoder.at_boundary(), decoder.offset())))
}

fn check_frame(frame: &Frame, compressed: bool, bytes: &[u8], decoder: &mut FrameDecoder) {
    if compressed && !matches!(frame, Frame::CompressedEnd { .. }) {
        return;
    }
    let mut again = BytesMut::new();
    match frame {
        Frame::Ack { version, sequence } => encode::ack(*version, *sequence, &mut again),
        Frame::Data { version, sequence, pairs } => encode::data(*version, *sequence, pairs, &mut again),
        Frame::Json { version, sequence, payload } => encode::json(*version, *sequence, payload, &mut again),
        Frame::Window { version, size } => encode::window(*version, *size, &mut again),
        Frame::CompressedBegin { .. } => return,
        Frame::CompressedEnd { .. } => {
            let Some(zlib) = decoder.take_compressed() else { return };
            let version = Version::from_byte(bytes[0]).expect("it was accepted");
            encode::compressed(version, &zlib, &mut again);
        }
    }
    assert_eq!(&again[..], bytes);
}

fn cut(mut stream: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut state = u32::from(seed) + 1;
    let mut pieces = Vec::new();
    while !stream.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (piece, rest) = stream.split_at((1 + (state >> 24) as usize % 40).min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces
}

fn at(offset: u64) -> usize {
    usize::try_from(offset).expect("an offset in the input")
}
