//! Windows that are collected whole, within a budget.

use bytes::BytesMut;
use lumberjack_codec::encode::{self, encode_window};
use lumberjack_codec::{
    CollectedWindow, Payload, ServerConfig, ServerEvent, ServerSession, Version, WindowCollector,
    WindowOverflow,
};
use std::time::Instant;

/// Everything that comes of the bytes; windows are acknowledged at once.
fn collect(collector: &mut WindowCollector, wire: &[u8]) -> Result<Vec<CollectedWindow>, WindowOverflow> {
    let now = Instant::now();
    let mut session = ServerSession::new(ServerConfig::new().keep_encoded(4096), now);
    session.receive(&mut BytesMut::from(wire), now);
    let mut windows = Vec::new();
    while let Some(event) = session.poll_event() {
        if let Some(window) = collector.push(event)? {
            assert!(session.acknowledge(window.id, now));
            windows.push(window);
        }
    }
    Ok(windows)
}

fn documents(window: &CollectedWindow) -> Vec<&[u8]> {
    window.events.iter().map(|event| &event.as_json().unwrap()[..]).collect()
}

fn wire(windows: &[&[&str]], level: u32) -> BytesMut {
    let mut wire = BytesMut::new();
    for window in windows {
        encode_window(*window, level, &mut wire).unwrap();
    }
    wire
}

#[test]
fn windows_come_out_whole_and_in_order() {
    for level in [0, 3] {
        let windows = collect(&mut WindowCollector::new(), &wire(&[&["a", "b"], &["c"]], level)).unwrap();
        assert_eq!(windows.iter().map(documents).collect::<Vec<_>>(), [vec![&b"a"[..], b"b"], vec![b"c"]]);
        assert_eq!(windows.iter().map(|window| window.id.number()).collect::<Vec<_>>(), [0, 1]);
        assert!(windows.iter().all(|window| window.encoded.is_some() == (level > 0)));
    }
}

#[test]
fn windows_inside_one_compressed_frame_are_kept_apart() {
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut zlib, &wire(&[&["a", "b"], &["c"], &["d", "e"]], 0)).unwrap();
    let mut bytes = BytesMut::new();
    encode::compressed(Version::V2, &zlib.finish().unwrap(), &mut bytes);
    let windows = collect(&mut WindowCollector::new(), &bytes).unwrap();
    let documents: Vec<_> = windows.iter().map(documents).collect();
    assert_eq!(documents, [vec![&b"a"[..], b"b"], vec![b"c"], vec![b"d", b"e"]]);
}

#[test]
fn a_window_above_the_budget_is_dropped_and_named() {
    let event = size_of::<Payload>() + 10;
    let ten = "0123456789";
    let mut collector = WindowCollector::new().max_bytes(2 * event);
    // Complete windows do not count any more.
    let pairs = [&[ten, ten][..], &[ten, ten]];
    assert_eq!(collect(&mut collector, &wire(&pairs, 0)).unwrap().len(), 2);
    for level in [0, 3] {
        let overflow = collect(&mut collector, &wire(&[&[ten], &[ten, ten, ten]], level)).unwrap_err();
        assert_eq!((overflow.window.number(), overflow.limit), (1, 2 * event));
        let text = format!("window 1 takes more than the {} bytes of its collector", 2 * event);
        assert_eq!(overflow.to_string(), text);
    }
    // Its budget is free again.
    assert_eq!(collect(&mut collector, &wire(&pairs, 3)).unwrap().len(), 2);
}

#[test]
fn what_was_dropped_never_comes_out() {
    let now = Instant::now();
    let mut session = ServerSession::new(ServerConfig::new(), now);
    session.receive(&mut wire(&[&["too much", "b"], &["c"]], 0), now);
    let mut collector = WindowCollector::new().max_bytes(size_of::<Payload>() + 5);
    let mut results = Vec::new();
    while let Some(event) = session.poll_event() {
        results.push(collector.push(event).map(|window| window.map(|window| window.events.len())));
    }
    let overflows = results.iter().filter(|result| result.is_err()).count();
    let windows: Vec<usize> = results.into_iter().flatten().flatten().collect();
    assert_eq!((overflows, windows), (1, vec![1]));
}

#[test]
fn tiny_events_and_pairs_cost_what_they_take() {
    let mut bytes = Vec::new();
    encode::window(Version::V1, 1, &mut bytes);
    encode::data(Version::V1, 1, &vec![("", ""); 1000], &mut bytes);
    let mut collector = WindowCollector::new().max_bytes(10_000);
    assert!(collect(&mut collector, &bytes).is_err(), "a thousand pairs of nothing");
    let many = wire(&[&vec!["0"; 1000]], 0);
    assert!(collect(&mut collector, &many).is_err(), "a thousand events of one byte");
}

#[test]
fn an_aborted_window_frees_its_budget() {
    let now = Instant::now();
    let mut collector = WindowCollector::new().max_bytes(size_of::<Payload>() + 2);
    for _ in 0..3 {
        let mut session = ServerSession::new(ServerConfig::new(), now);
        session.receive(&mut BytesMut::from(&b"2W\0\0\0\x022J\0\0\0\x01\0\0\0\x02{}2X"[..]), now);
        let mut aborted = 0;
        while let Some(event) = session.poll_event() {
            aborted += usize::from(matches!(event, ServerEvent::WindowAborted { .. }));
            assert_eq!(collector.push(event), Ok(None));
        }
        assert_eq!(aborted, 1);
    }
}

#[test]
fn what_a_session_that_is_gone_left_behind_is_in_no_window_of_the_next() {
    let mut collector = WindowCollector::new().max_bytes(2 * (size_of::<Payload>() + 10));
    // Two windows full inside a compressed frame that never ends.
    let content = wire(&[&["old"], &["old"]], 0);
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut zlib, &content).unwrap();
    let mut left = BytesMut::new();
    encode::compressed(Version::V2, &zlib.finish().unwrap(), &mut left);
    left.truncate(left.len() - 1);
    assert_eq!(collect(&mut collector, &left), Ok(Vec::new()));
    let windows = collect(&mut collector, &wire(&[&["0123456789", "0123456789"], &["b"]], 0)).unwrap();
    assert_eq!(windows.iter().map(documents).collect::<Vec<_>>(), [vec![&b"0123456789"[..]; 2], vec![b"b"]]);
}
