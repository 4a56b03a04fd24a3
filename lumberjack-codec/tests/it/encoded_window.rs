//! Windows in the form in which they are stored and sent: round trips, damage, and which of those
//! that a server received are handed on as they came.

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use lumberjack_codec::encode::{compressed, data, json, window};
use lumberjack_codec::{
    EncodedWindow, Encoding, ServerConfig, ServerEvent, ServerSession, Version, WindowEncoder,
};
use std::io::Write;
use std::time::Instant;

fn example(level: u32) -> EncodedWindow {
    let payloads = (0..40).map(|n| format!("{{\"message\":\"line {n}\",\"noise\":{}}}", n * 7919 % 1000));
    WindowEncoder::new(level).encode(payloads).unwrap()
}

#[test]
fn a_plain_one_is_compressed_and_any_other_stays() {
    let (plain, deflated) = (example(0), example(9));
    let mut encoder = WindowEncoder::new(3);
    assert_eq!(encoder.compress(plain.clone()), example(3));
    assert_eq!(encoder.compress(deflated.clone()), deflated);
    assert_eq!(WindowEncoder::new(0).compress(plain.clone()), plain);
}

#[test]
fn it_can_be_taken_apart_and_put_together() {
    for level in [0, 1, 3, 9] {
        let window = example(level);
        let again = EncodedWindow::from_parts(
            window.events(),
            window.inflated_len(),
            window.encoding(),
            window.bytes().clone(),
        );
        assert_eq!(again, window);
        let payloads = again.payloads().unwrap();
        assert_eq!(payloads.len(), 40);
        assert_eq!(payloads.iter().map(|payload| payload.len() as u64).sum::<u64>(), window.payload_len());
        assert_eq!(window.inflated_len(), window.payload_len() + 400);
    }
}

#[test]
fn wrong_claims_are_errors() {
    for level in [0, 3] {
        let window = example(level);
        let claim = |events, inflated_len, encoding| {
            EncodedWindow::from_parts(events, inflated_len, encoding, window.bytes().clone()).payloads()
        };
        let length = window.inflated_len();
        let other = if level == 0 { Encoding::Deflated } else { Encoding::Plain };
        assert!(claim(40, length, window.encoding()).is_ok());
        for (events, length, encoding) in [
            (39, length, window.encoding()),
            (41, length, window.encoding()),
            (40, length - 1, window.encoding()),
            (40, length + 1, window.encoding()),
            (40, 0, window.encoding()),
            (40, u64::MAX, window.encoding()),
            (0, 0, window.encoding()),
            (40, length, other),
        ] {
            let error = claim(events, length, encoding).unwrap_err();
            assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn every_truncation_is_an_error() {
    for level in [0, 3] {
        let window = example(level);
        for length in 0..window.bytes().len() {
            let bytes = window.bytes().slice(..length);
            let cut = EncodedWindow::from_parts(40, window.inflated_len(), window.encoding(), bytes);
            assert!(cut.payloads().is_err(), "{length} of {} bytes", window.bytes().len());
        }
    }
}

#[test]
fn no_flipped_bit_of_a_deflated_window_changes_an_event() {
    let window = example(3);
    let payloads = window.payloads().unwrap();
    let mut found = 0;
    for bit in 0..window.bytes().len() * 8 {
        let mut bytes = window.bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let damaged = EncodedWindow::from_parts(40, window.inflated_len(), Encoding::Deflated, bytes.into());
        match damaged.payloads() {
            Ok(same) => assert_eq!(same, payloads, "bit {bit} is padding"),
            Err(_) => found += 1,
        }
    }
    assert!(found > window.bytes().len() * 8 - 8, "all but the padding: {found}");
}

#[test]
fn a_stream_of_flush_markers_can_be_read_back() {
    // The zlib stream is many times longer than the one event that it holds.
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    for byte in frames(1, &["{}"]) {
        zlib.write_all(&[byte]).unwrap();
        zlib.flush().unwrap();
    }
    let zlib = zlib.finish().unwrap();
    assert!(zlib.len() > 60, "{} bytes", zlib.len());
    let handed_on = receive(&wire(1, &zlib)).unwrap();
    assert_eq!(handed_on.bytes(), &zlib);
    assert_eq!(handed_on.payloads().unwrap(), ["{}"]);
}

#[test]
fn a_server_hands_on_what_our_encoder_made() {
    for level in 1..=9 {
        let sent = example(level);
        let mut bytes = BytesMut::new();
        sent.write_to(&mut bytes);
        for piece in [1, 3, 64, bytes.len()] {
            let pieces: Vec<&[u8]> = bytes.chunks(piece).collect();
            assert_eq!(receive_pieces(&pieces), [Some(sent.clone())], "level {level} in pieces of {piece}");
        }
    }
}

#[test]
fn pipelined_windows_are_handed_on_one_by_one() {
    let (first, second) = (example(3), WindowEncoder::new(1).encode(["{}"]).unwrap());
    let mut bytes = BytesMut::new();
    for window in [&first, &second, &first] {
        window.write_to(&mut bytes);
    }
    assert_eq!(receive_pieces(&[&bytes]), [Some(first.clone()), Some(second), Some(first)]);
}

#[test]
fn other_shapes_are_not_handed_on() {
    let one = deflate(&frames(1, &["{}"]));
    let two = deflate(&frames(1, &["{}", "{}"]));
    let empty = deflate(b"");
    let mut v1 = Vec::new();
    data(Version::V1, 1, &[("line", "x")], &mut v1);
    let mut v2_data = Vec::new();
    data(Version::V2, 1, &[("line", "x")], &mut v2_data);
    let mut inner_window = Vec::new();
    window(Version::V2, 1, &mut inner_window);
    inner_window.extend(frames(1, &["{}"]));
    let mut probe_behind = frames(1, &["{}"]);
    window(Version::V2, 0, &mut probe_behind);

    let shapes: &[(&str, Vec<u8>)] = &[
        ("plain", concat(&[&header(Version::V2, 1), &frames(1, &["{}"])])),
        (
            "two compressed frames",
            concat(&[&header(Version::V2, 2), &c(&one), &c(&deflate(&frames(2, &["{}"])))]),
        ),
        (
            "plain, then compressed",
            concat(&[&header(Version::V2, 2), &frames(1, &["{}"]), &c(&deflate(&frames(2, &["{}"])))]),
        ),
        ("compressed, then plain", concat(&[&header(Version::V2, 3), &c(&two), &frames(3, &["{}"])])),
        ("an empty compressed frame before", concat(&[&header(Version::V2, 1), &c(&empty), &c(&one)])),
        (
            "an empty compressed frame, then plain",
            concat(&[&header(Version::V2, 1), &c(&empty), &frames(1, &["{}"])]),
        ),
        ("numbered from 0", wire(1, &deflate(&frames(0, &["{}"])))),
        ("numbered on", wire(2, &deflate(&frames(3, &["{}", "{}"])))),
        ("with a gap", wire(2, &deflate(&concat(&[&frames(1, &["{}"]), &frames(3, &["{}"])])))),
        ("the window frame inside", c(&deflate(&inner_window))),
        ("a probe inside, behind the events", wire(1, &deflate(&probe_behind))),
        ("version 1", concat(&[&header(Version::V1, 1), &c_of(Version::V1, &deflate(&v1))])),
        ("pairs under version 2", wire(1, &deflate(&v2_data))),
    ];
    for (shape, bytes) in shapes {
        assert_eq!(receive(bytes), None, "{shape}");
    }
}

#[test]
fn a_window_above_what_servers_take_is_not_handed_on() {
    let window = WindowEncoder::new(3).max_events(20_000).encode(vec!["1"; 10_001]).unwrap();
    let mut bytes = BytesMut::new();
    window.write_to(&mut bytes);
    assert_eq!(receive(&bytes), None);
}

#[test]
fn nothing_is_kept_above_the_bound_or_without_being_asked() {
    let sent = example(3);
    let mut bytes = BytesMut::new();
    sent.write_to(&mut bytes);
    let length = sent.bytes().len();
    for (keep, want) in [(0, None), (length - 1, None), (length, Some(sent))] {
        let config = ServerConfig::new().keep_encoded(keep);
        assert_eq!(receive_with(config, &[&bytes]), [want], "{keep} bytes");
    }
}

#[test]
fn a_damaged_window_is_never_complete() {
    let sent = example(3);
    let mut bytes = BytesMut::new();
    sent.write_to(&mut bytes);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert!(receive_pieces(&[&bytes]).is_empty());
}

#[test]
fn bytes_are_shared_and_not_copied() {
    let bytes = Bytes::from_static(b"2J\0\0\0\x01\0\0\0\x01x");
    let window = EncodedWindow::from_parts(1, 11, Encoding::Plain, bytes.clone());
    assert_eq!(window.bytes().as_ptr(), bytes.as_ptr());
    assert_eq!(window.payloads().unwrap(), ["x"]);
}

fn header(version: Version, events: u32) -> Vec<u8> {
    let mut out = Vec::new();
    window(version, events, &mut out);
    out
}

fn frames(first: u32, payloads: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for (sequence, payload) in (first..).zip(payloads) {
        json(Version::V2, sequence, payload.as_bytes(), &mut out);
    }
    out
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::new(3));
    zlib.write_all(bytes).unwrap();
    zlib.finish().unwrap()
}

fn c(zlib: &[u8]) -> Vec<u8> {
    c_of(Version::V2, zlib)
}

fn c_of(version: Version, zlib: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    compressed(version, zlib, &mut out);
    out
}

fn wire(events: u32, zlib: &[u8]) -> Vec<u8> {
    concat(&[&header(Version::V2, events), &c(zlib)])
}

fn concat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The one window that completes.
fn receive(bytes: &[u8]) -> Option<EncodedWindow> {
    let mut windows = receive_pieces(&[bytes]);
    assert_eq!(windows.len(), 1, "one window");
    windows.remove(0)
}

fn receive_pieces(pieces: &[&[u8]]) -> Vec<Option<EncodedWindow>> {
    receive_with(ServerConfig::new().keep_encoded(usize::MAX), pieces)
}

fn receive_with(config: ServerConfig, pieces: &[&[u8]]) -> Vec<Option<EncodedWindow>> {
    let now = Instant::now();
    let mut session = ServerSession::new(config, now);
    let mut windows = Vec::new();
    for piece in pieces {
        session.receive(&mut BytesMut::from(*piece), now);
        while let Some(event) = session.poll_event() {
            if let ServerEvent::WindowComplete { encoded, events, .. } = event {
                if let Some(window) = &encoded {
                    assert_eq!(window.events(), events);
                    assert_eq!(window.payloads().map(|payloads| payloads.len()), Ok(events as usize));
                }
                windows.push(encoded);
            }
        }
    }
    windows
}
