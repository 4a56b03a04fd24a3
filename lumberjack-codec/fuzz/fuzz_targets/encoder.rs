//! Any payloads at any level: what is encoded is read back, by the window itself and by a server;
//! damage is an error or changes nothing that a checksum covers.
//!
//! Input: level, place and value of a damaged byte, then payloads: a length and its bytes.

#![cfg_attr(fuzzing, no_main)]

use bytes::{Bytes, BytesMut};
use lumberjack_codec::{
    EncodeErrorKind, EncodedWindow, Encoding, Payload, ServerConfig, ServerEvent, ServerSession,
    WindowEncoder,
};
use std::time::Instant;

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
    let [level, place, value, rest @ ..] = input else { return };
    let payloads = payloads(rest);
    let mut encoder = WindowEncoder::new(u32::from(*level) % 10);
    let window = match encoder.encode(&payloads) {
        Ok(window) => window,
        Err(error) => {
            let first = payloads.iter().position(|payload| payload.is_empty());
            assert_eq!(Some(error.kind()), first.map(|index| EncodeErrorKind::EmptyEvent { index }));
            return;
        }
    };
    assert_eq!(encoder.encode(&payloads).expect("it did before"), window, "its state does not leak");
    assert_eq!(window.payloads().expect("undamaged"), payloads);
    let length: usize = payloads.iter().map(|payload| payload.len()).sum();
    assert_eq!((window.events() as usize, window.payload_len()), (payloads.len(), length as u64));
    if window.events() > 0 {
        check_server(&window, &payloads);
        check_damage(&window, &payloads, *place, *value);
    }
}

fn payloads(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut payloads = Vec::new();
    while let [length, bytes @ ..] = rest {
        let (payload, behind) = bytes.split_at((*length as usize).min(bytes.len()));
        payloads.push(payload);
        rest = behind;
    }
    payloads
}

fn check_server(window: &EncodedWindow, payloads: &[&[u8]]) {
    let now = Instant::now();
    let mut session = ServerSession::new(ServerConfig::new().keep_encoded(usize::MAX), now);
    let mut wire = BytesMut::new();
    window.write_to(&mut wire);
    let mut received: Vec<Bytes> = Vec::new();
    let mut complete = Vec::new();
    for piece in wire.chunks(1 + wire.len() / 3) {
        session.receive(&mut BytesMut::from(piece), now);
        while let Some(event) = session.poll_event() {
            match event {
                ServerEvent::Event { payload: Payload::Json(document), .. } => received.push(document),
                ServerEvent::WindowComplete { encoded, .. } => complete.push(encoded),
                ServerEvent::WindowStart { .. } => {}
                event => panic!("{event:?}"),
            }
        }
    }
    assert_eq!(received, payloads);
    let deflated = window.encoding() == Encoding::Deflated;
    assert_eq!(complete, [deflated.then(|| window.clone())]);
}

fn check_damage(window: &EncodedWindow, payloads: &[&[u8]], place: u8, value: u8) {
    let mut bytes = window.bytes().to_vec();
    let place = place as usize % bytes.len();
    bytes[place] = value;
    let (events, length) = (window.events(), window.inflated_len());
    let damaged = EncodedWindow::from_parts(events, length, window.encoding(), bytes.into());
    if let Ok(read) = damaged.payloads() {
        let plain = window.encoding() == Encoding::Plain;
        assert!(plain && read.len() == payloads.len() || read == payloads);
    }
}
