//! Frames through the traits of tokio-util, without a runtime.

use bytes::{Bytes, BytesMut};
use lumberjack_codec::{Frame, FrameCodec, FrameCodecError, FrameType, Limits, Role, Version, WindowEncoder};
use std::error::Error;
use std::io;
use tokio_util::codec::{Decoder, Encoder};

fn server() -> FrameCodec {
    FrameCodec::new(Role::Server, Limits::new())
}

fn frames() -> Vec<Frame> {
    let pair = (Bytes::from_static(b"line"), Bytes::from_static(b"x"));
    vec![
        Frame::Window { version: Version::V2, size: 2 },
        Frame::Json { version: Version::V2, sequence: 1, payload: Bytes::from_static(b"{}") },
        Frame::Data { version: Version::V2, sequence: 2, pairs: vec![pair] },
        Frame::Window { version: Version::V2, size: 0 },
    ]
}

#[test]
fn what_is_encoded_is_decoded_however_it_is_cut() {
    let mut wire = BytesMut::new();
    for frame in frames() {
        server().encode(frame, &mut wire).unwrap();
    }
    for piece in 1..wire.len() {
        let mut codec = server();
        let (mut input, mut decoded) = (BytesMut::new(), Vec::new());
        for piece in wire.chunks(piece) {
            input.extend_from_slice(piece);
            while let Some(frame) = codec.decode(&mut input).unwrap() {
                decoded.push(frame);
            }
        }
        assert_eq!(codec.decode_eof(&mut input).unwrap(), None);
        assert_eq!(decoded, frames());
    }
}

#[test]
fn acknowledgements_go_the_other_way() {
    let ack = Frame::Ack { version: Version::V2, sequence: 9 };
    let mut wire = BytesMut::new();
    server().encode(ack.clone(), &mut wire).unwrap();
    let mut client = FrameCodec::new(Role::Client(Version::V2), Limits::new());
    assert_eq!(client.decode(&mut wire).unwrap(), Some(ack));
}

#[test]
fn a_whole_window_is_written_compressed() {
    let mut wire = BytesMut::new();
    server().encode(WindowEncoder::new(3).encode(Vec::<&str>::new()).unwrap(), &mut wire).unwrap();
    assert!(wire.is_empty(), "an empty window is never answered by some servers");
    server().encode(WindowEncoder::new(3).encode(["{}", "{}"]).unwrap(), &mut wire).unwrap();
    let mut codec = server();
    let mut kinds = Vec::new();
    while let Some(frame) = codec.decode(&mut wire).unwrap() {
        kinds.push(match frame {
            Frame::Window { .. } => 'W',
            Frame::CompressedBegin { .. } => '(',
            Frame::Json { .. } => 'J',
            Frame::CompressedEnd { .. } => ')',
            frame => panic!("{frame:?}"),
        });
    }
    assert_eq!(String::from_iter(kinds), "W(JJ)");
}

#[test]
fn frames_that_servers_refuse_are_not_written() {
    let mut wire = BytesMut::new();
    for (frame, kind) in [
        (Frame::Json { version: Version::V2, sequence: 1, payload: Bytes::new() }, FrameType::Json),
        (Frame::Data { version: Version::V1, sequence: 1, pairs: Vec::new() }, FrameType::Data),
        (Frame::CompressedBegin { version: Version::V2, length: 8 }, FrameType::Compressed),
        (Frame::CompressedEnd { inflated: 0 }, FrameType::Compressed),
    ] {
        let error = server().encode(frame, &mut wire).unwrap_err();
        assert!(matches!(error, FrameCodecError::Unencodable(found) if found == kind), "{error:?}");
        assert!(error.source().is_none());
    }
    assert!(wire.is_empty());
}

#[test]
fn an_end_inside_a_frame_is_an_error() {
    for input in [&b"2"[..], b"2W\0\0", b"2J\0\0\0\x01\0\0\0\x02{", b"2C\0\0\0\x09"] {
        let mut codec = server();
        let mut input = BytesMut::from(input);
        while let Some(frame) = codec.decode(&mut input).unwrap() {
            assert!(matches!(frame, Frame::CompressedBegin { .. }));
        }
        match codec.decode_eof(&mut input) {
            Err(FrameCodecError::Io(error)) => assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_error_names_its_source() {
    let error = server().decode(&mut BytesMut::from(&b"9"[..])).unwrap_err();
    assert_eq!(error.to_string(), "peer sent no valid frame");
    let source = error.source().unwrap().to_string();
    assert_eq!(source, "unsupported protocol version 0x39 (frame at byte 0)");
    let error = FrameCodecError::from(io::Error::from(io::ErrorKind::BrokenPipe));
    assert!(error.source().unwrap().to_string().contains("broken pipe"));
}
