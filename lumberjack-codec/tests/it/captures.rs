//! What go-lumber 0.2.0 and pylogbeat 2.1.0 really sent to a go-lumber server, and its answers.

use crate::data::cut;
use bytes::BytesMut;
use lumberjack_codec::{
    ClientConfig, ClientEvent, ClientSession, CloseReason, ServerConfig, ServerEvent, ServerSession,
};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Instant;

const SESSIONS: &[(&str, &[u32])] = &[
    ("golumber-c0-keepalive-go", &[2, 2]),
    ("golumber-c0-pipelined-keepalive-go", &[2, 2, 2]),
    ("golumber-c0-pipelined-to-go", &[2, 2, 2, 2, 2]),
    ("golumber-c0-sync-to-go", &[3, 3, 1]),
    ("golumber-c3-pipelined-to-go", &[2, 2, 2, 2, 2]),
    ("golumber-c3-sync-to-go", &[3, 3, 1]),
    ("pylogbeat-1batch-to-go", &[5]),
    ("pylogbeat-keepalive-go", &[3]),
    ("pylogbeat-multibatch-to-go", &[3, 3]),
];

fn read(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/captures");
    fs::read(folder.join(name)).unwrap()
}

#[test]
fn our_server_understands_them() {
    for (name, sizes) in SESSIONS {
        let stream = read(&format!("{name}.c2s.bin"));
        for seed in 0..8 {
            let now = Instant::now();
            let mut session = ServerSession::new(ServerConfig::new().keep_encoded(usize::MAX), now);
            let (mut received, mut windows) = (Vec::new(), Vec::new());
            for piece in cut(&stream, seed) {
                session.receive(&mut BytesMut::from(&piece[..]), now);
                while let Some(event) = session.poll_event() {
                    match event {
                        ServerEvent::Event { payload, .. } => {
                            let document = payload.as_json().unwrap();
                            received.push(serde_json::from_slice::<Value>(document).unwrap());
                        }
                        ServerEvent::WindowComplete { window, events, .. } => {
                            windows.push(events);
                            session.acknowledge(window, now);
                        }
                        ServerEvent::WindowStart { .. } => {}
                        event => panic!("{name}: {event:?}"),
                    }
                }
            }
            session.receive_eof(now);
            let closed = ServerEvent::Closed { reason: CloseReason::PeerClosed };
            assert_eq!(session.poll_event(), Some(closed), "{name}");
            assert_eq!(&windows, sizes, "{name}");
            let sent = read(&format!("{name}.events.jsonl"));
            let sent: Vec<Value> =
                serde_json::Deserializer::from_slice(&sent).into_iter().map(Result::unwrap).collect();
            // pylogbeat gave up before its last window: its numbers run on, and go-lumber counts.
            let arrived = sizes.iter().sum::<u32>() as usize;
            assert!(sent.len() == arrived || *name == "pylogbeat-multibatch-to-go", "{name}");
            assert_eq!(received, sent[..arrived], "{name}");
        }
    }
}

#[test]
fn our_client_understands_the_answers() {
    for (name, sizes) in SESSIONS {
        let answers = read(&format!("{name}.s2c.bin"));
        let now = Instant::now();
        let mut session = ClientSession::new(ClientConfig::new().max_in_flight(sizes.len()));
        for (token, size) in sizes.iter().enumerate() {
            session.send(token as u64, vec!["{}"; *size as usize], now).unwrap();
        }
        session.poll_transmit(&mut BytesMut::new());
        let (mut acknowledged, mut keepalives) = (Vec::new(), 0);
        for piece in cut(&answers, 3) {
            session.receive(&mut BytesMut::from(&piece[..]), now);
            while let Some(event) = session.poll_event() {
                match event {
                    ClientEvent::Acknowledged { token, events } => {
                        assert_eq!(token, acknowledged.len() as u64, "{name}");
                        acknowledged.push(events);
                    }
                    ClientEvent::Keepalive => keepalives += 1,
                    event => panic!("{name}: {event:?}"),
                }
            }
        }
        assert_eq!(&acknowledged, sizes, "{name}");
        assert_eq!(answers.len(), 6 * (sizes.len() + keepalives), "{name}");
        assert_eq!(keepalives > 0, name.contains("keepalive"), "{name}");
    }
}
