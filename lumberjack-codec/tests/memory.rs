//! What peers can make the codec allocate, counted by the allocator.
//!
//! The counters are per thread, and each test has its own.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use bytes::{BufMut, BytesMut};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use lumberjack_codec::encode::{compressed, data, encode_window, json, window};
use lumberjack_codec::{
    ClientConfig, ClientEvent, ClientSession, EncodedWindow, Encoding, Frame, FrameDecoder, FrameRef, Limits,
    Role, ServerConfig, ServerEvent, ServerSession, Version, WindowEncoder,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write;
use std::time::Instant;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The state of zlib, one step of output with what is left of the last, and small change.
const FIXED: usize = 192 * KIB;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
    static TOTAL: Cell<usize> = const { Cell::new(0) };
}

fn count(allocated: usize, freed: usize) {
    LIVE.set((LIVE.get() + allocated).saturating_sub(freed));
    PEAK.set(PEAK.get().max(LIVE.get()));
    TOTAL.set(TOTAL.get() + allocated);
}

// SAFETY: every call goes to the system's allocator as it came; counting touches plain cells of the
// thread, which are initialised at compile time and have no destructor, so it never allocates.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both are there while the content moves.
        count(size, 0);
        count(0, layout.size());
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// What a piece of code allocated, in bytes.
struct Cost<T> {
    result: T,
    /// Most at one time, over what was there before.
    peak: usize,
    /// All together.
    total: usize,
    /// What is still there.
    kept: usize,
}

fn cost<T>(run: impl FnOnce() -> T) -> Cost<T> {
    let (live, total) = (LIVE.get(), TOTAL.get());
    PEAK.set(live);
    let result = run();
    Cost {
        result,
        peak: PEAK.get() - live,
        total: TOTAL.get() - total,
        kept: LIVE.get().saturating_sub(live),
    }
}

/// No limit but what the wire can say.
fn no_limits() -> Limits {
    Limits::new()
        .max_json_payload(u32::MAX)
        .max_data_frame(u32::MAX)
        .max_key(u32::MAX)
        .max_pairs(u32::MAX)
        .max_window(u32::MAX)
        .max_decompressed(u64::MAX)
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(bytes).unwrap();
    zlib.finish().unwrap()
}

#[test]
fn the_counters_count() {
    let cost = cost(|| {
        drop(vec![0_u8; 5000]);
        vec![0_u8; 1000]
    });
    assert_eq!((cost.peak, cost.total, cost.kept), (5000, 6000, 1000));
    assert_eq!(cost.result.len(), 1000);
}

#[test]
fn declared_numbers_reserve_nothing() {
    for declared in [
        &b"2W\xff\xff\xff\xff"[..],
        b"2J\0\0\0\x01\xff\xff\xff\xff",
        b"2C\xff\xff\xff\xff",
        b"1D\0\0\0\x01\xff\xff\xff\xff",
        b"1D\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xe0",
        b"1D\0\0\0\x01\0\0\0\x01\0\0\0\x00\xff\xff\xff\xe0",
    ] {
        let now = Instant::now();
        let config = ServerConfig::new().limits(no_limits()).keep_encoded(usize::MAX).partial_acks(true);
        let mut session = ServerSession::new(config, now);
        let mut input = BytesMut::from(declared);
        let cost = cost(|| {
            session.receive(&mut input, now);
            while let Some(event) = session.poll_event() {
                assert!(!matches!(event, ServerEvent::Closed { .. }), "{declared:?}: {event:?}");
            }
        });
        // A compressed frame brings the state of zlib.
        let allowed = if declared[1] == b'C' { FIXED } else { 2 * KIB };
        assert!(cost.peak <= allowed, "{declared:?}: {} bytes", cost.peak);
    }
}

#[test]
fn a_bomb_of_events_needs_as_much_as_one_event() {
    let mut inner = Vec::new();
    for sequence in 1..=400_000 {
        json(Version::V2, sequence, b"{}", &mut inner);
    }
    let zlib = deflate(&inner);
    let mut bytes = BytesMut::new();
    window(Version::V2, 400_000, &mut bytes);
    compressed(Version::V2, &zlib, &mut bytes);
    let now = Instant::now();
    let config = ServerConfig::new().limits(Limits::new().max_window(400_000));
    let cost = cost(|| {
        let mut session = ServerSession::new(config, now);
        session.receive(&mut bytes, now);
        std::iter::from_fn(|| session.poll_event())
            .filter(|event| matches!(event, ServerEvent::Event { .. }))
            .count()
    });
    assert_eq!(cost.result, 400_000);
    assert!(cost.peak <= FIXED, "{} bytes for {} inflated", cost.peak, inner.len());
}

#[test]
fn a_frame_of_256_mib_costs_less_than_one() {
    let event = format!("{{\"message\":\"{}\"}}", "small ".repeat(14));
    let events = u32::try_from(256 * MIB / (event.len() + 10)).unwrap();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mut frame = Vec::new();
    for sequence in 1..=events {
        frame.clear();
        json(Version::V2, sequence, event.as_bytes(), &mut frame);
        zlib.write_all(&frame).unwrap();
    }
    let mut wire = Vec::new();
    window(Version::V2, events, &mut wire);
    compressed(Version::V2, &zlib.finish().unwrap(), &mut wire);
    let now = Instant::now();
    let config = ServerConfig::new().limits(Limits::new().max_window(events));
    let cost = cost(|| {
        let mut session = ServerSession::new(config, now);
        let (mut buffer, mut received, mut complete) = (BytesMut::new(), 0, false);
        for piece in wire.chunks(16 * KIB) {
            buffer.extend_from_slice(piece);
            session.receive(&mut buffer, now);
            while let Some(event) = session.poll_event() {
                match event {
                    ServerEvent::Event { .. } => received += 1,
                    ServerEvent::WindowComplete { .. } => complete = true,
                    _ => {}
                }
            }
        }
        (received, complete)
    });
    assert_eq!(cost.result, (events, true));
    assert!(cost.peak < MIB, "{} KiB", cost.peak / KIB);
}

#[test]
fn a_client_that_is_warm_allocates_nothing_to_send() {
    let payloads: Vec<String> = (0..2048).map(|number| format!("{{\"number\":{}}}", number % 10)).collect();
    let now = Instant::now();
    for level in [0, 3] {
        let mut session = ClientSession::new(ClientConfig::new().compression_level(level));
        let (mut wire, mut answer) = (BytesMut::new(), BytesMut::new());
        let mut send = |token| {
            session.send(token, &payloads, now).unwrap();
            wire.clear();
            assert!(session.poll_transmit(&mut wire));
            answer.extend_from_slice(b"2A\0\0\x08\0");
            session.receive(&mut answer, now);
            assert!(matches!(session.poll_event(), Some(ClientEvent::Acknowledged { events: 2048, .. })));
        };
        // The buffers of the session and of the caller change places.
        (0..4).for_each(&mut send);
        let sent = cost(|| send(4));
        // What the acknowledgement lies in is the test's own.
        assert!(sent.total <= 64, "level {level}: {} bytes", sent.total);
    }
}

#[test]
fn a_warm_encoder_allocates_the_window_that_it_returns() {
    let payloads: Vec<String> = (0..2048).map(|number| format!("{{\"number\":{}}}", number % 10)).collect();
    for level in [0, 3] {
        let mut encoder = WindowEncoder::new(level);
        encoder.encode(&payloads).unwrap();
        let cost = cost(|| encoder.encode(&payloads).unwrap());
        assert_eq!(cost.total, cost.result.bytes().len(), "level {level}");
    }
}

#[test]
fn a_window_that_is_refused_leaves_nothing_behind() {
    let huge = vec![b'x'; 20 * MIB];
    let mut encoder = WindowEncoder::new(3);
    let cost = cost(|| encoder.encode([&huge[..], b""]).unwrap_err());
    assert_eq!(cost.result.name(), "empty_event");
    assert_eq!(cost.kept, 0);

    let now = Instant::now();
    for level in [0, 3] {
        let mut session = ClientSession::new(ClientConfig::new().compression_level(level));
        let refused = crate::cost(|| session.send(0, [&huge[..], b""], now).unwrap_err());
        assert_eq!(refused.kept, 0, "level {level}");
        let written = crate::cost(|| {
            session.send(0, [&huge[..]], now).unwrap();
            while !session.peek_transmit().is_empty() {
                session.consume_transmit(MIB);
            }
        });
        // The state of the compressor stays, and what the window in flight is known by.
        assert!(written.kept < MIB, "level {level}: {} bytes", written.kept);
    }
}

#[test]
fn one_buffer_serves_windows_that_are_written_from_where_they_lie() {
    let payloads: Vec<String> = (0..2048).map(|number| format!("{{\"number\":{}}}", number % 10)).collect();
    let now = Instant::now();
    for level in [0, 3] {
        let mut session = ClientSession::new(ClientConfig::new().compression_level(level));
        let mut answer = BytesMut::new();
        let mut send = |token| {
            session.send(token, &payloads, now).unwrap();
            while !session.peek_transmit().is_empty() {
                session.consume_transmit(10_000);
            }
            answer.extend_from_slice(b"2A\0\0\x08\0");
            session.receive(&mut answer, now);
            assert!(matches!(session.poll_event(), Some(ClientEvent::Acknowledged { events: 2048, .. })));
        };
        (0..2).for_each(&mut send);
        let sent = cost(|| send(2));
        // What the acknowledgement lies in is the test's own.
        assert!(sent.total <= 64, "level {level}: {} bytes", sent.total);
    }
}

#[test]
fn borrowed_frames_cost_nothing() {
    let mut bytes = Vec::new();
    window(Version::V2, 1000, &mut bytes);
    for sequence in 1..=1000 {
        json(Version::V2, sequence, b"{\"message\":\"hello\"}", &mut bytes);
    }
    data(Version::V2, 1, &[("a", "b"); 100], &mut bytes);
    let mut decoder = FrameDecoder::new(Role::Server, Limits::new());
    let cost = cost(|| {
        let (mut rest, mut frames, mut content) = (&bytes[..], 0, 0);
        while let Some(frame) = decoder.decode_borrowed(&mut rest).unwrap() {
            frames += 1;
            content += match frame {
                FrameRef::Json { payload, .. } => payload.len(),
                FrameRef::Data { pairs, .. } => pairs.map(|(key, value)| key.len() + value.len()).sum(),
                _ => 0,
            };
        }
        (frames, content)
    });
    assert_eq!(cost.result, (1002, 1000 * 19 + 200));
    assert_eq!(cost.total, 0);
}

#[test]
fn a_compressed_frame_that_is_borrowed_takes_no_more_memory() {
    let mut events = Vec::new();
    for sequence in 1..=200_000 {
        json(Version::V2, sequence, b"{\"message\":\"hello\"}", &mut events);
    }
    let mut bytes = Vec::new();
    compressed(Version::V2, &deflate(&events), &mut bytes);
    let cost = cost(|| {
        let mut decoder = FrameDecoder::new(Role::Server, Limits::new());
        let (mut rest, mut frames) = (&bytes[..], 0);
        while decoder.decode_borrowed(&mut rest).unwrap().is_some() {
            frames += 1;
        }
        frames
    });
    assert_eq!(cost.result, 200_002);
    assert!(cost.peak <= FIXED, "{} bytes", cost.peak);
}

#[test]
fn a_bomb_of_one_event_stops_at_its_header() {
    let mut inner = Vec::new();
    json(Version::V2, 1, &vec![b' '; 8 * MIB], &mut inner);
    let mut bytes = BytesMut::new();
    compressed(Version::V2, &deflate(&inner), &mut bytes);
    let cost = cost(|| {
        let mut decoder = FrameDecoder::new(Role::Server, Limits::untrusted());
        decoder.decode(&mut bytes).unwrap();
        decoder.decode(&mut bytes).unwrap_err()
    });
    assert_eq!(cost.result.name(), "payload_too_large");
    assert!(cost.peak <= FIXED, "{} bytes", cost.peak);
}

#[test]
fn a_large_payload_in_small_pieces_is_not_copied_again_and_again() {
    let length = 4 * MIB;
    let mut bytes = Vec::new();
    window(Version::V2, 1, &mut bytes);
    json(Version::V2, 1, &vec![b'x'; length], &mut bytes);
    let mut packed = BytesMut::new();
    encode_window([vec![b'x'; length]], 0, &mut packed).unwrap();
    assert_eq!(&packed[..], &bytes[..]);
    let now = Instant::now();
    for piece in [1500, 16 * KIB] {
        let cost = cost(|| {
            let mut session = ServerSession::new(ServerConfig::new(), now);
            // As a driver reads: one buffer, to which the socket appends.
            let mut buffer = BytesMut::new();
            let mut received = 0;
            for piece in bytes.chunks(piece) {
                buffer.reserve(piece.len());
                buffer.put_slice(piece);
                session.receive(&mut buffer, now);
                received += std::iter::from_fn(|| session.poll_event()).count();
            }
            received
        });
        assert_eq!(cost.result, 3);
        assert!(cost.total <= 6 * length, "pieces of {piece}: {} MiB", cost.total / MIB);
        assert!(cost.peak <= 4 * length, "pieces of {piece}: {} MiB", cost.peak / MIB);
    }
}

#[test]
fn a_large_payload_leaves_nothing_behind() {
    let payload: Vec<u8> = vec![b'x'; 4 * MIB];
    for level in [0, 3] {
        let mut bytes = BytesMut::new();
        encode_window([&payload], level, &mut bytes).unwrap();
        let now = Instant::now();
        let mut session = ServerSession::new(ServerConfig::new().keep_encoded(64 * MIB), now);
        let cost = cost(|| {
            for piece in bytes.chunks(16 * KIB) {
                session.receive(&mut BytesMut::from(piece), now);
                while let Some(event) = session.poll_event() {
                    if let ServerEvent::WindowComplete { window, .. } = event {
                        session.acknowledge(window, now);
                    }
                }
            }
        });
        assert!(cost.kept <= FIXED, "level {level}: {} KiB", cost.kept / KIB);
        assert_eq!(session.pending(), 0);
    }
}

#[test]
fn an_idle_session_is_small() {
    let now = Instant::now();
    let server = cost(|| ServerSession::new(ServerConfig::new(), now));
    assert!(server.kept <= 2 * KIB, "{} bytes", server.kept);
    let client = cost(|| ClientSession::new(ClientConfig::new()));
    assert!(client.kept <= 2 * KIB, "{} bytes", client.kept);
    assert_eq!(size_of_val(&server.result), size_of::<ServerSession>());
    assert!(size_of::<ServerSession>() < 1024 && size_of::<ClientSession>() < 1024);
}

#[test]
fn input_in_crumbs_does_not_cost_a_step_each() {
    let mut inner = Vec::new();
    for sequence in 1..=500 {
        json(Version::V2, sequence, b"{\"message\":\"hello\"}", &mut inner);
    }
    let mut bytes = Vec::new();
    compressed(Version::V2, &deflate(&inner), &mut bytes);
    let mut held = Vec::new();
    let cost = cost(|| {
        let mut decoder = FrameDecoder::new(Role::Server, Limits::new());
        let mut input = BytesMut::new();
        for byte in &bytes {
            input.put_u8(*byte);
            while let Some(frame) = decoder.decode(&mut input).unwrap() {
                if let Frame::Json { payload, .. } = frame {
                    held.push(payload);
                }
            }
        }
    });
    assert_eq!(held.len(), 500);
    // The payloads that are held keep their buffers, but not many times their own size.
    assert!(cost.total <= FIXED + 4 * inner.len(), "{} bytes for {}", cost.total, inner.len());
}

#[test]
fn random_bytes_stay_within_the_limits() {
    let limits = Limits::new().max_json_payload(4096).max_data_frame(4096).max_decompressed(64 * KIB as u64);
    let config = ServerConfig::new().limits(limits).partial_acks(true).keep_encoded(4096);
    let now = Instant::now();
    let mut random = fastrand::Rng::with_seed(11);
    for round in 0..2000 {
        let mut bytes = Vec::new();
        while bytes.len() < 600 {
            match random.u32(0..8) {
                0 => window(Version::V2, random.u32(0..4), &mut bytes),
                1 => bytes.extend(std::iter::repeat_with(|| random.u8(..)).take(20)),
                2 => {
                    let inner: Vec<u8> = b"2J\0\0\0\x01\0\0\0\x01x".repeat(random.usize(0..3000));
                    compressed(Version::V2, &deflate(&inner), &mut bytes);
                }
                _ => json(Version::V2, random.u32(..), &vec![b'1'; random.usize(1..300)], &mut bytes),
            }
        }
        let cost = cost(|| {
            let mut session = ServerSession::new(config.clone(), now);
            for piece in bytes.chunks(97) {
                session.receive(&mut BytesMut::from(piece), now);
                while session.poll_event().is_some() {}
            }
        });
        assert!(cost.peak <= FIXED + 2 * bytes.len(), "round {round}: {} bytes", cost.peak);
        assert_eq!(cost.kept, 0);
    }
}

#[test]
fn a_stored_window_that_lies_about_its_size_reserves_nothing() {
    let zlib = deflate(b"2J\0\0\0\x01\0\0\0\x01x");
    let lies = EncodedWindow::from_parts(u32::MAX, u64::MAX, Encoding::Deflated, zlib.into());
    let cost = cost(|| lies.payloads().unwrap_err());
    assert_eq!(cost.result.name(), "damaged_window");
    assert!(cost.peak <= 2 * FIXED + 10_000 * size_of::<bytes::Bytes>(), "{} bytes", cost.peak);
}

#[test]
fn events_that_are_kept_hold_little_more_than_themselves() {
    // Empty blocks are long when compressed and nothing when inflated.
    let mut zlib = vec![0x78, 0x01];
    zlib.extend([0, 0, 0, 0xff, 0xff].repeat(4000));
    let mut event = Vec::new();
    json(Version::V2, 1, b"{}", &mut event);
    zlib.extend(deflate(&event).split_off(2));
    let now = Instant::now();
    let cost = cost(|| {
        let mut session = ServerSession::new(ServerConfig::new(), now);
        let mut input = BytesMut::new();
        window(Version::V2, 1000, &mut input);
        session.receive(&mut input, now);
        let mut kept = Vec::new();
        for _ in 1..1000 {
            let mut input = BytesMut::new();
            compressed(Version::V2, &zlib, &mut input);
            session.receive(&mut input, now);
            while let Some(event) = session.poll_event() {
                kept.push(event);
            }
        }
        assert_eq!(kept.len(), 1000);
        kept
    });
    // Each takes its place in the vector, which grows by doubling.
    let places = 2 * cost.result.len() * size_of::<ServerEvent>();
    assert!(cost.kept <= FIXED + places, "{} KiB are kept", cost.kept / KIB);
}
