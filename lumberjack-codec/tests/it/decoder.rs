//! The frame decoder beyond the vectors: offsets, hints, limits, and that it does not copy.

use crate::data::decode_all;
use bytes::BytesMut;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Decompress, FlushDecompress};
use lumberjack_codec::encode::{ack, compressed, data, json, window};
use lumberjack_codec::{
    DecodeError, DecodeErrorKind, Frame, FrameDecoder, FrameRef, Hint, Limits, Part, Role, Version,
};
use std::io::Write;

fn server(limits: Limits) -> FrameDecoder {
    FrameDecoder::new(Role::Server, limits)
}

/// The frames of `bytes` and the error that ends them, the same however they are cut.
fn decode(role: Role, limits: Limits, bytes: &[u8]) -> (Vec<Frame>, Result<(), DecodeError>) {
    let mut results = [1, 2, 5, 64, bytes.len().max(1)].map(|piece| {
        let pieces: Vec<Vec<u8>> = bytes.chunks(piece).map(<[u8]>::to_vec).collect();
        let (decoder, (frames, result)) = decode_all(|| FrameDecoder::new(role, limits), &pieces);
        if let Ok(rest) = &result {
            assert_eq!(decoder.offset() + rest.len() as u64, bytes.len() as u64);
        }
        (frames, result.map(|_| ()))
    });
    results.sort_by_key(|(frames, _)| frames.len());
    let [result, others @ ..] = results;
    for other in others {
        assert_eq!(other, result, "cut in another way");
    }
    result
}

fn error_of(bytes: &[u8]) -> DecodeError {
    decode(Role::Server, Limits::new(), bytes).1.unwrap_err()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(bytes).unwrap();
    zlib.finish().unwrap()
}

#[test]
fn an_error_tells_where_its_frame_begins() {
    let mut bytes = Vec::new();
    window(Version::V2, 2, &mut bytes);
    json(Version::V2, 1, b"{}", &mut bytes);
    assert_eq!(error_of(&[&bytes[..], b"2X"].concat()).offset(), 18);
    assert_eq!(error_of(&[&bytes[..], b"2J\0\0\0\x01\0\0\0\0"].concat()).offset(), 18);
}

#[test]
fn an_error_inside_a_compressed_frame_tells_where_that_begins() {
    let mut inner = Vec::new();
    for sequence in 1..=100 {
        json(Version::V2, sequence, b"{}", &mut inner);
    }
    inner.extend_from_slice(b"2X");
    let mut bytes = Vec::new();
    window(Version::V2, 200, &mut bytes);
    compressed(Version::V2, &deflate(&inner), &mut bytes);
    let (frames, result) = decode(Role::Server, Limits::new(), &bytes);
    assert_eq!(frames.len(), 2 + 100);
    let error = result.unwrap_err();
    assert_eq!((error.name(), error.offset()), ("unknown_frame_type", 6));
    assert_eq!(error.to_string(), "unknown frame type 0x58 (frame at byte 6)");
}

#[test]
fn frames_tell_where_they_began() {
    let mut bytes = BytesMut::new();
    window(Version::V2, 2, &mut bytes);
    let mut inner = Vec::new();
    json(Version::V2, 1, b"{}", &mut inner);
    compressed(Version::V2, &deflate(&inner), &mut bytes);
    let behind = bytes.len() as u64;
    json(Version::V2, 2, b"{}", &mut bytes);
    let mut decoder = server(Limits::new());
    let mut offsets = Vec::new();
    while let Some(frame) = decoder.decode(&mut bytes).unwrap() {
        offsets.push((decoder.frame_offset(), matches!(frame, Frame::Json { .. })));
    }
    assert_eq!(offsets, [(0, false), (6, false), (6, true), (6, false), (behind, true)]);
}

#[test]
fn foreign_protocols_are_named_at_the_start_of_a_stream_only() {
    for (bytes, hint) in [
        (&b"GET / HTTP/1.1"[..], Some(Hint::Http)),
        (b"POST /_bulk HTTP/1.1", Some(Hint::Http)),
        (b"\x16\x03\x01\x02\x00", Some(Hint::Tls)),
        (b"\x15\x03\x03", Some(Hint::Tls)),
        (b"\x00", None),
        (b"{\"message\":1}", None),
        (b"2W\0\0\0\0GET / HTTP/1.1", None),
    ] {
        assert_eq!(error_of(bytes).kind().hint(), hint, "{bytes:?}");
    }
    let client = |bytes| decode(Role::Client(Version::V2), Limits::new(), bytes).1.unwrap_err();
    assert_eq!(client(b"HTTP/1.1 400").kind().hint(), Some(Hint::Http));
    assert_eq!(client(b"2A\0\0\0\0HTTP/1.1 400").kind().hint(), None);
}

#[test]
fn gzip_where_zlib_belongs_is_named() {
    let mut bytes = Vec::new();
    compressed(Version::V2, b"\x1f\x8b\x08\0\0\0\0\0\0\x03", &mut bytes);
    let error = error_of(&bytes);
    assert_eq!(error.kind().hint(), Some(Hint::Gzip));
    assert!(error.to_string().contains("the bytes are gzip, zlib is wanted"), "{error}");
}

#[test]
fn a_preset_dictionary_is_named() {
    let mut bytes = Vec::new();
    // CMF 0x78, FLG with FDICT and a right check, then the Adler-32 of a dictionary.
    compressed(Version::V2, b"\x78\xbb\0\0\0\x01abc", &mut bytes);
    assert!(error_of(&bytes).to_string().contains("it wants a preset dictionary"));
}

#[test]
fn a_compressed_frame_gives_up_exactly_at_its_limit() {
    let mut inner = Vec::new();
    for _ in 0..20_000 {
        json(Version::V2, 0, b"0", &mut inner);
    }
    let mut bytes = Vec::new();
    compressed(Version::V2, &deflate(&inner), &mut bytes);
    for (limit, events) in [(219_999, 19_999), (65_536, 5957), (11, 1), (10, 0), (0, 0)] {
        let (frames, result) = decode(Role::Server, Limits::new().max_decompressed(limit), &bytes);
        let error = result.unwrap_err();
        // A small limit already refuses the length of the frame.
        match error.kind() {
            DecodeErrorKind::DecompressedTooLarge { .. } => assert_eq!(frames.len(), 1 + events),
            kind => {
                assert!(matches!(kind, DecodeErrorKind::PayloadTooLarge { part: Part::Compressed, .. }));
                assert!(limit < 500, "{limit}");
            }
        }
    }
    let (frames, result) = decode(Role::Server, Limits::new().max_decompressed(220_000), &bytes);
    result.unwrap();
    assert_eq!(frames.len(), 20_002);
    assert_eq!(frames.last(), Some(&Frame::CompressedEnd { inflated: 220_000 }));
}

#[test]
fn a_truncated_frame_gives_all_that_it_holds() {
    let mut inner = Vec::new();
    json(Version::V2, 1, &[b' '; 150_000], &mut inner);
    let zlib = deflate(&inner);
    for length in 0..zlib.len() {
        let mut whole = Decompress::new(true);
        let mut out = vec![0; inner.len() + 1];
        whole.decompress(&zlib[..length], &mut out, FlushDecompress::None).unwrap();

        let mut bytes = Vec::new();
        compressed(Version::V2, &zlib[..length], &mut bytes);
        let error = decode(Role::Server, Limits::new(), &bytes).1.unwrap_err();
        let want = DecodeErrorKind::TruncatedCompressed { inflated: whole.total_out() };
        assert_eq!(error.kind(), &want, "{length} of {} bytes", zlib.len());
    }
}

#[test]
fn a_compressed_frame_may_be_longer_than_its_content_by_what_zlib_needs() {
    let limit = |max_decompressed: u64, length: u64| {
        let mut bytes = b"2C".to_vec();
        bytes.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
        decode(Role::Server, Limits::new().max_decompressed(max_decompressed), &bytes).1.is_ok()
    };
    assert!(limit(0, 11) && !limit(0, 12));
    assert!(limit(100, 124) && !limit(100, 125));
    assert!(limit(1_000_000, 1_135_011) && !limit(1_000_000, 1_135_012));
    assert!(limit(u64::MAX, u64::from(u32::MAX)));
}

#[test]
fn limits_count_what_they_say() {
    let json_of = |length: u32| {
        let mut bytes = Vec::new();
        json(Version::V2, 1, &vec![b'1'; length as usize], &mut bytes);
        bytes
    };
    let limits = Limits::new().max_json_payload(5);
    decode(Role::Server, limits, &json_of(5)).1.unwrap();
    let error = decode(Role::Server, limits, &json_of(6)).1.unwrap_err();
    let want = DecodeErrorKind::PayloadTooLarge { part: Part::Json, length: 6, limit: 5 };
    assert_eq!(error.kind(), &want);

    let data_of = |pairs: &[(&str, &str)]| {
        let mut bytes = Vec::new();
        data(Version::V1, 1, pairs, &mut bytes);
        bytes
    };
    let pair = data_of(&[("key", "value")]);
    // 8 for sequence and count, 4 for each length.
    decode(Role::Server, Limits::new().max_data_frame(24), &pair).1.unwrap();
    let error = decode(Role::Server, Limits::new().max_data_frame(23), &pair).1.unwrap_err();
    let want = DecodeErrorKind::PayloadTooLarge { part: Part::Data, length: 24, limit: 23 };
    assert_eq!(error.kind(), &want);
    decode(Role::Server, Limits::new().max_key(3), &pair).1.unwrap();
    let error = decode(Role::Server, Limits::new().max_key(2), &pair).1.unwrap_err();
    let want = DecodeErrorKind::PayloadTooLarge { part: Part::Key, length: 3, limit: 2 };
    assert_eq!(error.kind(), &want);
    let error = decode(Role::Server, Limits::new().max_pairs(1), &data_of(&[("a", "b"), ("c", "d")])).1;
    assert_eq!(error.unwrap_err().kind(), &DecodeErrorKind::TooManyPairs { count: 2, limit: 1 });
}

#[test]
fn a_plain_payload_is_not_copied() {
    let mut input = BytesMut::new();
    json(Version::V2, 1, b"{\"message\":\"hello\"}", &mut input);
    let place = input.as_ptr() as usize + 10;
    let frame = server(Limits::new()).decode(&mut input).unwrap();
    let Some(Frame::Json { payload, .. }) = frame else { panic!("{frame:?}") };
    assert_eq!(payload.as_ptr() as usize, place);
}

#[test]
fn a_borrowed_payload_lies_where_it_arrived() {
    let mut buffer = Vec::new();
    window(Version::V2, 1, &mut buffer);
    json(Version::V2, 1, b"{\"message\":\"hello\"}", &mut buffer);
    json(Version::V2, 2, b"{\"message\":\"again\"}", &mut buffer);
    let mut decoder = server(Limits::new());
    let mut rest = &buffer[..];
    assert!(matches!(decoder.decode_borrowed(&mut rest), Ok(Some(FrameRef::Window { size: 1, .. }))));
    for place in [16, 45] {
        let frame = decoder.decode_borrowed(&mut rest).unwrap();
        let Some(FrameRef::Json { payload, .. }) = frame else { panic!("{frame:?}") };
        assert_eq!(payload.as_ptr(), buffer[place..].as_ptr());
        assert_eq!(payload.len(), 19);
    }
    assert_eq!(decoder.decode_borrowed(&mut rest), Ok(None));
    assert_eq!((rest.len(), decoder.offset()), (0, 64));
}

#[test]
fn borrowed_pairs_are_read_in_order_and_counted() {
    let mut buffer = Vec::new();
    data(Version::V1, 7, &[("a", "1"), ("", ""), ("a", "2")], &mut buffer);
    let mut decoder = server(Limits::new());
    let frame = decoder.decode_borrowed(&mut &buffer[..]).unwrap();
    let Some(FrameRef::Data { version: Version::V1, sequence: 7, mut pairs }) = frame else {
        panic!("{frame:?}")
    };
    assert_eq!(pairs.len(), 3);
    assert_eq!(pairs.next(), Some((&b"a"[..], &b"1"[..])));
    assert_eq!(pairs.len(), 2);
    assert_eq!(pairs.clone().last(), Some((&b"a"[..], &b"2"[..])));
    assert_eq!(pairs.nth(1), Some((&b"a"[..], &b"2"[..])));
    assert_eq!((pairs.next(), pairs.next(), pairs.len()), (None, None, 0));
}

#[test]
fn compressed_bytes_are_kept_on_request_until_they_are_taken() {
    let mut inner = Vec::new();
    json(Version::V2, 1, b"{}", &mut inner);
    let zlib = deflate(&inner);
    let mut input = BytesMut::new();
    compressed(Version::V2, &zlib, &mut input);
    let mut decoder = server(Limits::new()).keep_compressed(1024);
    assert!(matches!(decoder.decode(&mut input), Ok(Some(Frame::CompressedBegin { .. }))));
    assert_eq!(decoder.take_compressed(), None, "it has not ended");
    assert!(matches!(decoder.decode(&mut input), Ok(Some(Frame::Json { .. }))));
    assert!(decoder.in_compressed() && !decoder.at_boundary());
    assert!(matches!(decoder.decode(&mut input), Ok(Some(Frame::CompressedEnd { .. }))));
    assert!(!decoder.in_compressed() && decoder.at_boundary());
    assert_eq!(decoder.take_compressed().unwrap(), zlib);
    assert_eq!(decoder.take_compressed(), None);
}

#[test]
fn a_client_of_version_one_takes_keepalives_of_version_two() {
    let mut bytes = Vec::new();
    ack(Version::V2, 0, &mut bytes);
    ack(Version::V1, 5, &mut bytes);
    ack(Version::V2, 0, &mut bytes);
    let (frames, result) = decode(Role::Client(Version::V1), Limits::new(), &bytes);
    result.unwrap();
    assert_eq!(frames.len(), 3);
    ack(Version::V2, 1, &mut bytes);
    let error = decode(Role::Client(Version::V1), Limits::new(), &bytes).1.unwrap_err();
    assert_eq!((error.name(), error.offset()), ("version_mismatch", 18));
}

#[test]
fn after_an_error_there_is_nothing_more() {
    let mut decoder = server(Limits::new());
    let mut input = BytesMut::from(&b"3W\0\0\0\0"[..]);
    let error = decoder.decode(&mut input).unwrap_err();
    input = BytesMut::from(&b"2W\0\0\0\0"[..]);
    assert_eq!(decoder.decode(&mut input), Err(error));
    assert!(!decoder.at_boundary());
}
