//! What the encoders write, byte by byte.

use bytes::BytesMut;
use lumberjack_codec::encode::{ack, compressed, data, encode_window, json, window};
use lumberjack_codec::{EncodeErrorKind, Encoding, MAX_EVENTS_PER_WINDOW, Version, WindowEncoder};

#[test]
fn every_frame_has_its_layout() {
    let mut out = Vec::new();
    window(Version::V2, 3, &mut out);
    json(Version::V2, 0x0102_0304, b"{}", &mut out);
    data(Version::V1, 7, &[("a", ""), ("", "bc")], &mut out);
    compressed(Version::V1, b"zz", &mut out);
    ack(Version::V2, u32::MAX, &mut out);
    let want: &[&[u8]] = &[
        b"2W\0\0\0\x03",
        b"2J\x01\x02\x03\x04\0\0\0\x02{}",
        b"1D\0\0\0\x07\0\0\0\x02\0\0\0\x01a\0\0\0\0\0\0\0\0\0\0\0\x02bc",
        b"1C\0\0\0\x02zz",
        b"2A\xff\xff\xff\xff",
    ];
    assert_eq!(out, want.concat());
}

#[test]
fn level_zero_writes_plain_events_numbered_from_one() {
    let mut out = BytesMut::new();
    encode_window(["a", "bc"], 0, &mut out).unwrap();
    assert_eq!(&out[..], b"2W\0\0\0\x022J\0\0\0\x01\0\0\0\x01a2J\0\0\0\x02\0\0\0\x02bc");
}

#[test]
fn other_levels_write_one_compressed_frame_with_all_events() {
    for level in 1..=9 {
        let mut out = BytesMut::from(&b"before"[..]);
        encode_window(["{\"a\":1}", "{\"a\":1}"], level, &mut out).unwrap();
        assert!(out.starts_with(b"before2W\0\0\0\x022C"), "level {level}");
        let length = u32::from_be_bytes(out[14..18].try_into().unwrap());
        assert_eq!(out.len(), 18 + length as usize, "level {level}: nothing follows");
    }
}

#[test]
fn an_empty_window_writes_nothing() {
    let mut out = BytesMut::new();
    for level in [0, 3] {
        encode_window(Vec::<&str>::new(), level, &mut out).unwrap();
        WindowEncoder::new(level).encode(Vec::<&str>::new()).unwrap().write_to(&mut out);
    }
    assert!(out.is_empty());
}

#[test]
fn what_servers_refuse_is_refused_before_a_byte_is_written() {
    let mut out = BytesMut::new();
    let error = encode_window(["{}", ""], 3, &mut out).unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::EmptyEvent { index: 1 });

    let many = vec!["1"; MAX_EVENTS_PER_WINDOW as usize + 1];
    let error = encode_window(&many, 0, &mut out).unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::BatchTooLarge { size: 10_001, limit: 10_000 });
    assert_eq!(error.to_string(), "window of 10001, the limit is 10000");

    let huge = vec![b'x'; 64 * 1024 * 1024 + 1];
    let error = encode_window([&b"{}"[..], &huge[..]], 0, &mut out).unwrap_err();
    let length = huge.len();
    assert_eq!(error.kind(), EncodeErrorKind::EventTooLarge { index: 1, length, limit: length - 1 });
    assert!(out.is_empty());
}

#[test]
fn an_encoder_goes_on_after_a_refusal() {
    let mut encoder = WindowEncoder::new(3);
    let first = encoder.encode(["{\"n\":1}", "{\"n\":2}"]).unwrap();
    encoder.encode(["{}", ""]).unwrap_err();
    assert_eq!(encoder.encode(["{\"n\":1}", "{\"n\":2}"]).unwrap(), first);
}

#[test]
fn the_number_of_events_can_be_raised_and_lowered() {
    let mut encoder = WindowEncoder::new(0).max_events(2);
    encoder.encode(["1", "2"]).unwrap();
    let error = encoder.encode(["1", "2", "3"]).unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::BatchTooLarge { size: 3, limit: 2 });

    let mut encoder = WindowEncoder::new(1).max_events(20_000);
    assert_eq!(encoder.encode(vec!["1"; 20_000]).unwrap().events(), 20_000);
}

#[test]
fn levels_above_nine_count_as_nine() {
    let encoder = WindowEncoder::new(u32::MAX);
    assert_eq!(encoder.level(), 9);
}

#[test]
fn what_does_not_compress_still_fits() {
    let mut random = fastrand::Rng::with_seed(5);
    let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(300_000).collect();
    for level in 1..=9 {
        let window = WindowEncoder::new(level).encode([&noise]).unwrap();
        assert_eq!(window.encoding(), Encoding::Deflated);
        // Level 1 may add 6 %; peers allow 13.5 %.
        let length = window.bytes().len();
        assert!(length < 300_010 * 1135 / 1000, "level {level}: {length} bytes");
        assert_eq!(window.payloads().unwrap(), [&noise[..]]);
    }
}
