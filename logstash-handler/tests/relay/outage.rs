//! Outputs that are killed and come back while events come in.

use crate::redis_server::RedisServer;
use crate::support::{LONG, Rig};
use logstash_handler::BeatsTransport;
use logstash_transport::testing::Receiver;
use logstash_transport::{Batch, Transport};
use std::collections::HashSet;
use std::io::Write;

const INPUTS: &str = r#"
    inputs.beats.listen = "beats://127.0.0.1:0"
    inputs.lines.listen = "lines+tcp://127.0.0.1:0"
"#;

/// Sends over Beats and lines, `disturb`s the output some times meanwhile; tells what was sent and, where that is to be
/// had, acknowledged.
fn send_and_disturb(rig: &Rig, mut disturb: impl FnMut(u64)) -> Vec<String> {
    let mut beats = BeatsTransport::new(&rig.address("beats").to_string()).unwrap().max_window_events(20);
    let mut stream = rig.connect("lines");
    let mut sent = Vec::new();
    for round in 0..ROUNDS {
        for batch in 0..5 {
            let name = |number| format!("beats {round} {batch} {number}");
            beats.send(&mut Batch::from_events((0..50).map(name))).unwrap();
            sent.extend((0..50).map(name));
            for number in 0..50 {
                let line = format!("lines {round} {batch} {number}");
                writeln!(stream, "{line}").unwrap();
                sent.push(line);
            }
            if batch == 2 {
                disturb(round);
            }
        }
    }
    rig.eventually(|stats| stats.inputs["lines"].received == ROUNDS * 250);
    sent
}

const ROUNDS: u64 = 4;

fn check(rig: &Rig, sent: &[String]) {
    let stats = rig.eventually(|stats| stats.outputs["out"].pending() == 0);
    let output = &stats.outputs["out"];
    assert_eq!((output.acknowledged, output.dropped.total()), (sent.len() as u64, 0), "{stats:?}");
    assert_eq!(stats.inputs["beats"].connections, 1, "nobody had to connect again");
}

#[test]
fn a_receiver_that_is_killed_and_started_again_misses_nothing() {
    let receiver = Receiver::start().unwrap();
    let rig = Rig::start(&format!(
        r#"
        {INPUTS}
        [outputs.out]
        endpoint = "beats://{}"
        format = "raw"
        handler.retry = {{ base = "10 ms", max = "50 ms" }}
        handler.queue = {{ type = "sled", path = "FOLDER/queue" }}
        "#,
        receiver.address()
    ));
    let sent = send_and_disturb(&rig, |round| {
        if round % 2 == 0 {
            receiver.go_away();
        } else {
            receiver.come_back().unwrap();
            assert!(receiver.wait_for(round * 250, LONG));
            receiver.drop_connections();
        }
    });
    check(&rig, &sent);
    let found: HashSet<_> = receiver.events().into_iter().collect();
    assert_eq!(sent.iter().find(|text| !found.contains(text.as_bytes())), None);
}

#[test]
fn a_redis_that_is_killed_and_started_again_misses_nothing() {
    let Some(mut redis) = RedisServer::start(&["--appendonly", "yes", "--appendfsync", "always"]) else {
        return;
    };
    let rig = Rig::start(&format!(
        r#"
        {INPUTS}
        [outputs.out]
        endpoint = "{}"
        format = "raw"
        handler.retry = {{ base = "10 ms", max = "50 ms" }}
        handler.queue = {{ type = "sled", path = "FOLDER/queue" }}
        "#,
        redis.url("?key=events")
    ));
    let sent = send_and_disturb(&rig, |round| {
        if round % 2 == 0 {
            redis.kill();
        } else {
            // It was away for a while, and now it is away for a moment.
            redis.restart();
            redis.restart();
        }
    });
    check(&rig, &sent);
    let all = redis.run(&["LRANGE", "events", "0", "-1"]);
    let found: HashSet<&str> = all.texts().into_iter().collect();
    assert_eq!(sent.iter().find(|text| !found.contains(text.as_str())), None);
}
