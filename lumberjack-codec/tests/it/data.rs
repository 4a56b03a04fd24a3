//! The conformance suite under `tests/data`, and ways to cut bytes.

use bytes::BytesMut;
use lumberjack_codec::{DecodeError, Frame, FrameDecoder, Limits, Pair, Version};
use serde_json::{Value, json};

/// The cases of a file of the suite.
pub(crate) fn cases(file: &str) -> Vec<Value> {
    serde_json::from_str(file).unwrap()
}

pub(crate) fn text<'v>(case: &'v Value, key: &str) -> &'v str {
    case[key].as_str().unwrap_or_else(|| panic!("no {key} in {case}"))
}

pub(crate) fn list<'v>(case: &'v Value, key: &str) -> &'v [Value] {
    case[key].as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn unhex(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2), "{hex}");
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The limits that a case asks for, over the defaults.
pub(crate) fn limits(config: &Value) -> Limits {
    let mut limits = Limits::new();
    let number = |key: &str| config[key].as_u64();
    let small = |key: &str| number(key).map(|value| u32::try_from(value).unwrap());
    if let Some(bytes) = small("max_json_payload") {
        limits = limits.max_json_payload(bytes);
    }
    if let Some(bytes) = small("max_data_frame") {
        limits = limits.max_data_frame(bytes);
    }
    if let Some(pairs) = small("max_pairs") {
        limits = limits.max_pairs(pairs);
    }
    if let Some(bytes) = number("max_decompressed") {
        limits = limits.max_decompressed(bytes);
    }
    if let Some(events) = small("max_window") {
        limits = limits.max_window(events);
    }
    if let Some(windows) = number("max_pending_windows") {
        limits = limits.max_pending_windows(usize::try_from(windows).unwrap());
    }
    if let Some(accept) = config["accept_v1"].as_bool() {
        limits = limits.accept_v1(accept);
    }
    limits
}

/// The pieces in which `bytes` arrive: whole, one by one, and four seeded random cuts.
pub(crate) fn chunkings(bytes: &[u8]) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut all = vec![
        ("whole".to_owned(), vec![bytes.to_vec()]),
        ("one byte at a time".to_owned(), bytes.chunks(1).map(<[u8]>::to_vec).collect()),
    ];
    for seed in 1..=4 {
        all.push((format!("random cut {seed}"), cut(bytes, seed)));
    }
    all
}

/// Cuts `bytes` at random places: small pieces under odd seeds, larger ones under even seeds.
pub(crate) fn cut(bytes: &[u8], seed: u64) -> Vec<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let most = if seed.is_multiple_of(2) { 64 } else { 7 };
    let mut rest = bytes;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(random.usize(1..=most).min(rest.len()));
        pieces.push(piece.to_vec());
        rest = behind;
    }
    pieces
}

/// What comes out of a decoder: the frames, and the error that ended them or what is left of the input.
pub(crate) type Decoded = (Vec<Frame>, Result<Vec<u8>, DecodeError>);

pub(crate) fn decode_owned(decoder: &mut FrameDecoder, pieces: &[Vec<u8>]) -> Decoded {
    let (mut input, mut frames) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut input), Err(error.clone()), "an error stays");
                    return (frames, Err(error));
                }
            }
        }
    }
    (frames, Ok(input.to_vec()))
}

pub(crate) fn decode_borrowed(decoder: &mut FrameDecoder, pieces: &[Vec<u8>]) -> Decoded {
    let (mut buffer, mut frames) = (Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        let mut rest = &buffer[..];
        loop {
            match decoder.decode_borrowed(&mut rest) {
                Ok(Some(frame)) => frames.push(frame.to_frame()),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.decode_borrowed(&mut rest), Err(error.clone()), "an error stays");
                    return (frames, Err(error));
                }
            }
        }
        buffer = rest.to_vec();
    }
    (frames, Ok(buffer))
}

/// Frames owned and borrowed in turn, from one buffer.
pub(crate) fn decode_in_turn(decoder: &mut FrameDecoder, pieces: &[Vec<u8>]) -> Decoded {
    let (mut input, mut frames) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            let result = if frames.len() % 2 == 0 {
                decoder.decode(&mut input)
            } else {
                let mut rest = &input[..];
                let result =
                    decoder.decode_borrowed(&mut rest).map(|frame| frame.map(|frame| frame.to_frame()));
                let left = rest.len();
                let _ = input.split_to(input.len() - left);
                result
            };
            match result {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, Ok(input.to_vec()))
}

/// What a decoder makes of the pieces, which is the same in every way to ask it.
pub(crate) fn decode_all(new: impl Fn() -> FrameDecoder, pieces: &[Vec<u8>]) -> (FrameDecoder, Decoded) {
    let mut decoder = new();
    let decoded = decode_owned(&mut decoder, pieces);
    for other in [decode_borrowed, decode_in_turn] {
        let mut again = new();
        assert_eq!(other(&mut again, pieces), decoded);
        let state = |decoder: &FrameDecoder| {
            (decoder.offset(), decoder.frame_offset(), decoder.at_boundary(), decoder.in_compressed())
        };
        assert_eq!(state(&again), state(&decoder));
    }
    (decoder, decoded)
}

/// Frames in the form of the suite.
pub(crate) fn describe_all(frames: &[Frame]) -> Vec<Value> {
    let mut outer = None;
    let mut described = Vec::new();
    for frame in frames {
        described.push(describe(frame, outer));
        match frame {
            Frame::CompressedBegin { version, .. } => outer = Some(*version),
            Frame::CompressedEnd { .. } => outer = None,
            _ => {}
        }
    }
    described
}

/// A frame in the form of the suite; `outer` is the version of the compressed frame that holds it.
fn describe(frame: &Frame, outer: Option<Version>) -> Value {
    let mut described = match frame {
        Frame::Window { version, size } => {
            json!({"type": "window", "version": number(*version), "size": size})
        }
        Frame::Json { version, sequence, payload } => {
            let mut json = json!({
                "type": "json", "version": number(*version), "seq": sequence, "payload_hex": hex(payload),
            });
            if let Ok(text) = std::str::from_utf8(payload) {
                json["payload"] = text.into();
            }
            json
        }
        Frame::Data { version, sequence, pairs } => {
            let mut data = json!({
                "type": "data", "version": number(*version), "seq": sequence,
                "pairs_hex": each(pairs, |item| Some(hex(item))),
            });
            let text = each(pairs, |item| std::str::from_utf8(item).ok().map(str::to_owned));
            if text.is_some() {
                data["pairs"] = json!(text);
            }
            data
        }
        Frame::CompressedBegin { version, length } => {
            json!({"type": "compressed", "version": number(*version), "len": length})
        }
        Frame::CompressedEnd { inflated } => {
            let version = outer.expect("an end follows a begin");
            return json!({"type": "compressed_end", "version": number(version), "inflated": inflated});
        }
        Frame::Ack { version, sequence } => {
            json!({"type": "ack", "version": number(*version), "seq": sequence})
        }
    };
    if outer.is_some() {
        described["compressed"] = true.into();
    }
    described
}

fn each(pairs: &[Pair], form: impl Fn(&[u8]) -> Option<String>) -> Option<Vec<[String; 2]>> {
    pairs.iter().map(|(key, value)| Some([form(key)?, form(value)?])).collect()
}

fn number(version: Version) -> u8 {
    version.byte() - b'0'
}
