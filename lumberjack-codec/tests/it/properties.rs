//! What holds for any input, however it is cut.

use crate::data::{cut, decode_all};
use bytes::{Bytes, BytesMut};
use lumberjack_codec::encode::{self, encode_window};
use lumberjack_codec::{
    ClientConfig, ClientEvent, ClientSession, CloseReason, EncodedWindow, Encoding, Frame, FrameDecoder,
    Limits, Payload, Role, SequencePolicy, ServerConfig, ServerEvent, ServerSession, Version, WindowEncoder,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// Payloads of one window: short and long ones, repetitive and noisy ones.
fn window() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let short = vec(any::<u8>(), 1..40);
    let repetitive = (any::<u8>(), 1_usize..3000).prop_map(|(byte, length)| vec![byte; length]);
    vec(prop_oneof![4 => short, 1 => repetitive], 1..30)
}

/// A stream of whatever frames, some of it broken.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let small = || prop_oneof![0_u32..4, Just(u32::MAX), any::<u32>()];
    let version = || prop_oneof![9 => Just(Version::V2), 1 => Just(Version::V1)];
    let frame = prop_oneof![
        3 => (version(), small()).prop_map(|(version, events)| {
            build(|out| encode::window(version, events, out))
        }),
        4 => (version(), small(), vec(any::<u8>(), 0..20)).prop_map(|(version, sequence, payload)| {
            build(|out| encode::json(version, sequence, &payload, out))
        }),
        2 => (version(), small(), vec((vec(any::<u8>(), 0..9), vec(any::<u8>(), 0..9)), 0..4)).prop_map(
            |(version, sequence, pairs)| build(|out| encode::data(version, sequence, &pairs, out))
        ),
        1 => vec(any::<u8>(), 0..12),
    ];
    let frames = vec(frame, 0..6).prop_map(|frames| frames.concat());
    let compressed =
        (version(), frames.clone(), 0_u32..3, any::<bool>()).prop_map(|(version, frames, defect, plain)| {
            if plain { frames } else { build(|out| encode::compressed(version, &zlib(&frames, defect), out)) }
        });
    (vec(compressed, 0..5), vec((any::<prop::sample::Index>(), any::<u8>()), 0..2)).prop_map(
        |(parts, flips)| {
            let mut bytes = parts.concat();
            for (place, value) in flips {
                if !bytes.is_empty() {
                    let place = place.index(bytes.len());
                    bytes[place] = value;
                }
            }
            bytes
        },
    )
}

fn build(write: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
    let mut out = BytesMut::new();
    write(&mut out);
    out.to_vec()
}

/// A zlib stream: right, cut short, or with something behind it.
fn zlib(frames: &[u8], defect: u32) -> Vec<u8> {
    use std::io::Write;
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(defect));
    zlib.write_all(frames).unwrap();
    let mut bytes = zlib.finish().unwrap();
    match defect {
        1 => bytes.truncate(bytes.len() - 3),
        2 => bytes.push(0),
        _ => {}
    }
    bytes
}

fn small_limits() -> Limits {
    Limits::new()
        .max_json_payload(16)
        .max_data_frame(64)
        .max_key(6)
        .max_pairs(2)
        .max_decompressed(300)
        .max_window(9)
}

/// Every frame, and how it ended; the same frames owned and borrowed.
fn decode(role: Role, limits: Limits, pieces: &[Vec<u8>]) -> (Vec<Frame>, String) {
    let (decoder, (frames, result)) = decode_all(|| FrameDecoder::new(role, limits), pieces);
    let end = match result {
        Ok(rest) => format!("at boundary: {}, rest: {}", decoder.at_boundary(), rest.len()),
        Err(error) => error.to_string(),
    };
    (frames, end)
}

/// Every event and answer of a server whose application acknowledges at once.
fn serve(config: &ServerConfig, pieces: &[Vec<u8>]) -> (Vec<ServerEvent>, BytesMut) {
    let now = Instant::now();
    let mut session = ServerSession::new(config.clone(), now);
    let (mut events, mut wire) = (Vec::new(), BytesMut::new());
    let mut drain = |session: &mut ServerSession| {
        while let Some(event) = session.poll_event() {
            if let ServerEvent::WindowComplete { window, .. } = event {
                assert!(session.acknowledge(window, now));
            }
            events.push(event);
        }
        session.poll_transmit(&mut wire);
    };
    for piece in pieces {
        session.receive(&mut BytesMut::from(&piece[..]), now);
        drain(&mut session);
    }
    session.receive_eof(now);
    drain(&mut session);
    assert!(session.is_closed());
    assert!(matches!(events.last(), Some(ServerEvent::Closed { .. })));
    (events, wire)
}

/// What a session tells: documents with their window, and everything else.
#[derive(Debug, PartialEq)]
enum Told {
    Document(u64, Bytes),
    Other(ServerEvent),
}

/// The same as [`serve`] tells, by way of the buffer of the session and with documents lent.
fn serve_lent(config: &ServerConfig, pieces: &[Vec<u8>]) -> (Vec<Told>, BytesMut) {
    let now = Instant::now();
    let mut session = ServerSession::new(config.clone(), now);
    let (mut told, mut wire) = (Vec::new(), BytesMut::new());
    let mut drain = |session: &mut ServerSession| {
        let mut documents = Vec::new();
        while let Some(event) = session.poll_event_with(|window, document| {
            documents.push(Told::Document(window.number(), Bytes::copy_from_slice(document)));
        }) {
            told.append(&mut documents);
            if let ServerEvent::WindowComplete { window, .. } = event {
                assert!(session.acknowledge(window, now));
            }
            told.push(of(event));
        }
        told.append(&mut documents);
        session.poll_transmit(&mut wire);
    };
    for piece in pieces {
        session.buffer().extend_from_slice(piece);
        session.received(now);
        drain(&mut session);
    }
    session.receive_eof(now);
    drain(&mut session);
    assert!(session.is_closed());
    (told, wire)
}

fn of(event: ServerEvent) -> Told {
    match event {
        ServerEvent::Event { window, payload: Payload::Json(document), .. } => {
            Told::Document(window.number(), document)
        }
        event => Told::Other(event),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_decode_to_themselves(windows in vec(window(), 1..5), level in 0_u32..10, seed in any::<u64>()) {
        let mut wire = BytesMut::new();
        for window in &windows {
            encode_window(window, level, &mut wire).unwrap();
        }
        let config = ServerConfig::new().keep_encoded(usize::MAX).sequence_policy(SequencePolicy::Strict);
        let (events, answers) = serve(&config, &cut(&wire, seed));
        let mut received: Vec<Vec<Bytes>> = Vec::new();
        for event in &events {
            match event {
                ServerEvent::WindowStart { window, .. } => {
                    prop_assert_eq!(window.number(), received.len() as u64);
                    received.push(Vec::new());
                }
                ServerEvent::Event { window, index, sequence, payload } => {
                    let into = &mut received[usize::try_from(window.number()).unwrap()];
                    prop_assert_eq!((*index as usize, *sequence), (into.len(), index + 1));
                    into.push(payload.as_json().unwrap().clone());
                }
                ServerEvent::WindowComplete { window, events, encoded } => {
                    let sent = &windows[usize::try_from(window.number()).unwrap()];
                    prop_assert_eq!(*events as usize, sent.len());
                    let again = encoded.as_ref().map(|encoded| encoded.payloads().unwrap());
                    prop_assert_eq!(again.is_some(), level > 0);
                    prop_assert!(again.is_none_or(|again| again == *sent));
                }
                event => prop_assert_eq!(event, &ServerEvent::Closed { reason: CloseReason::PeerClosed }),
            }
        }
        prop_assert_eq!(&received, &windows);
        let want = windows.iter().flat_map(|window| {
            build(|out| encode::ack(Version::V2, u32::try_from(window.len()).unwrap(), out))
        });
        prop_assert_eq!(answers.to_vec(), want.collect::<Vec<u8>>());
    }

    #[test]
    fn encoded_windows_round_trip_and_damage_is_found(
        payloads in window(),
        level in 0_u32..10,
        place in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let window = WindowEncoder::new(level).encode(&payloads).unwrap();
        prop_assert_eq!(&window.payloads().unwrap(), &payloads);

        let mut bytes = window.bytes().to_vec();
        let place = place.index(bytes.len());
        bytes[place] = value;
        let (events, length) = (window.events(), window.inflated_len());
        let damaged = EncodedWindow::from_parts(events, length, window.encoding(), bytes.into());
        if let Ok(read) = damaged.payloads() {
            // Plain frames have no checksum: their structure is right, and that is all.
            let plain = window.encoding() == Encoding::Plain;
            prop_assert!(plain && read.len() == payloads.len() || read == payloads);
        }
    }

    #[test]
    fn any_stream_means_the_same_however_it_is_cut(bytes in stream(), seed in any::<u64>()) {
        let whole = std::slice::from_ref(&bytes);
        for limits in [Limits::new(), small_limits()] {
            let want = decode(Role::Server, limits, whole);
            prop_assert_eq!(&decode(Role::Server, limits, &cut(&bytes, seed)), &want);
            let config = ServerConfig::new().limits(limits);
            let want = serve(&config, whole);
            prop_assert_eq!(serve(&config, &cut(&bytes, seed)), want);
        }
    }

    #[test]
    fn what_is_lent_is_what_would_be_handed_out(
        bytes in stream(),
        seed in any::<u64>(),
        windows_of_one in any::<bool>(),
    ) {
        for limits in [Limits::new(), small_limits()] {
            let config = ServerConfig::new().limits(limits).windows_of_one(windows_of_one).keep_encoded(4096);
            let (events, answers) = serve(&config, std::slice::from_ref(&bytes));
            let told: Vec<Told> = events.into_iter().map(of).collect();
            prop_assert_eq!(serve_lent(&config, &cut(&bytes, seed)), (told, answers));
        }
    }

    #[test]
    fn any_bytes_are_frames_or_an_error(
        bytes in vec(prop_oneof![3 => any::<u8>(), 2 => prop::sample::select(b"12WJDCA\0\x01".to_vec())], 0..200),
        seed in any::<u64>(),
    ) {
        for role in [Role::Server, Role::Client(Version::V1), Role::Client(Version::V2)] {
            let want = decode(role, small_limits(), std::slice::from_ref(&bytes));
            prop_assert_eq!(decode(role, small_limits(), &cut(&bytes, seed)), want);
        }
        serve(&ServerConfig::untrusted(), &cut(&bytes, seed));
    }

    #[test]
    fn a_client_settles_every_window_once(
        sizes in vec(0_usize..6, 1..6),
        answers in vec(prop_oneof![3 => 0_u32..7, 1 => any::<u32>()], 0..12),
        eof in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let now = Instant::now();
        let mut session = ClientSession::new(ClientConfig::new().max_in_flight(sizes.len()));
        for (token, size) in sizes.iter().enumerate() {
            session.send(token as u64, vec!["{}"; *size], now).unwrap();
        }
        let wire: Vec<u8> =
            answers.iter().flat_map(|answer| build(|out| encode::ack(Version::V2, *answer, out))).collect();
        for piece in cut(&wire, seed) {
            session.receive(&mut BytesMut::from(&piece[..]), now);
        }
        let mut events: Vec<ClientEvent> = std::iter::from_fn(|| session.poll_event()).collect();
        if eof {
            session.receive_eof(now);
        } else {
            session.handle_timeout(now + Duration::from_secs(30));
        }
        events.extend(std::iter::from_fn(|| session.poll_event()));
        let (mut settled, mut progress) = (vec![0; sizes.len()], vec![0; sizes.len()]);
        for event in events {
            match event {
                ClientEvent::Acknowledged { token, events } => {
                    prop_assert_eq!(events as usize, sizes[token as usize]);
                    settled[token as usize] += 1;
                }
                ClientEvent::Failed { token, acknowledged, events } => {
                    prop_assert_eq!(acknowledged, progress[token as usize]);
                    prop_assert!(acknowledged < events);
                    settled[token as usize] += 1;
                }
                ClientEvent::Progress { token, acknowledged } => {
                    prop_assert!(acknowledged > progress[token as usize]);
                    prop_assert!((acknowledged as usize) < sizes[token as usize]);
                    progress[token as usize] = acknowledged;
                }
                _ => {}
            }
        }
        prop_assert_eq!(settled, vec![1; sizes.len()]);
    }
}
