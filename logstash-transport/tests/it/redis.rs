//! `RedisTransport` against a real redis-server.
//!
//! | trap T-30 | test |
//! | --- | --- |
//! | RPUSH, many per round trip | `t30_a_list_is_written_many_events_per_round_trip` |
//! | AUTH, ACL | `t30_auth_and_acl` |
//! | TLS | `redis_tls` |
//! | SELECT | `t30_the_database_is_selected` |
//! | `-LOADING`, `-OOM`, `-READONLY` and others are retryable | `t30_oom_is_throttled_…`, `t30_readonly_…`, `t30_loading_…`, `t30_busy_…`, `t30_masterdown_…`, `t30_clusterdown_…` |
//! | key of another type | `t30_a_key_of_another_type_is_misconfigured` |
//! | length cap | `t30_a_list_takes_no_more_than_its_cap` |

use crate::redis_server::{RedisServer, Value};
use crate::support::Last;
use bytes::Bytes;
use logstash_transport::{
    Batch, ErrorKind, Interrupt, RedisTransport, RedisType, Transport, TransportError, error_chain,
};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const THROTTLED: ErrorKind = ErrorKind::Throttled { retry_after: None };

fn transport(server: &RedisServer) -> RedisTransport {
    RedisTransport::new(&server.url("")).unwrap()
}

fn numbered(range: std::ops::Range<usize>) -> Vec<Bytes> {
    range.map(|number| Bytes::from(text(number))).collect()
}

fn text(number: usize) -> String {
    format!("{{\"n\":{number}}}")
}

fn texts(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(text).collect()
}

fn list(server: &RedisServer, key: &str) -> Value {
    server.run(&["LRANGE", key, "0", "-1"])
}

/// Sends an event and wants it refused.
fn refused(transport: &mut RedisTransport) -> TransportError {
    let mut batch = Batch::from_events(numbered(0..1));
    let error = transport.send(&mut batch).unwrap_err();
    assert_eq!(batch.acknowledged(), 0);
    error
}

#[test]
fn t30_a_list_is_written_many_events_per_round_trip() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut transport = transport(&server).max_round_trip_events(1000);
    let mut client = server.client();
    client.run(&["CONFIG", "RESETSTAT"]);
    let mut steps = Vec::new();
    let mut observer = |events| steps.push(events);
    transport.send(&mut Batch::from_events(numbered(0..2500)).observed_by(&mut observer)).unwrap();
    assert_eq!(steps, [1000, 1000, 500]);
    assert_eq!(list(&server, "logstash").texts(), texts(0..2500));
    let stats = client.run(&["INFO", "commandstats"]);
    assert!(stats.text().contains("cmdstat_rpush:calls=3,"), "{stats:?}");
    let events = vec![Bytes::from(vec![b'x'; 400]); 10];
    transport.key("other").max_round_trip_bytes(1000).send(&mut Batch::from_events(events)).unwrap();
    let stats = client.run(&["INFO", "commandstats"]);
    assert!(stats.text().contains("cmdstat_rpush:calls=8,"), "{stats:?}");
}

/// As the plugin does it: one event after the other, or many by a script, each of them JSON.
#[test]
fn logstash_reads_back_what_was_written() {
    const SCRIPT: &str = "local batchsize = tonumber(ARGV[1])\n\
        local result = redis.call('lrange', KEYS[1], 0, batchsize)\n\
        redis.call('ltrim', KEYS[1], batchsize + 1, -1)\n\
        return result";
    let Some(server) = RedisServer::start(&[]) else { return };
    let events: Vec<String> =
        (0..300).map(|n| serde_json::json!({"n": n, "message": "größe\n\u{0}\r\n$5"}).to_string()).collect();
    let mut url = RedisTransport::new(&server.url("/0?key=log%20stash")).unwrap();
    url.send(&mut Batch::from_events(events.clone())).unwrap();

    let mut client = server.client();
    let mut read = Vec::new();
    for _ in 0..10 {
        let popped = client.run(&["BLPOP", "log stash", "1"]);
        assert_eq!(popped.texts()[0], "log stash");
        read.push(popped.texts()[1].to_owned());
    }
    loop {
        let batch = client.run(&["EVAL", SCRIPT, "1", "log stash", "124"]);
        if batch.list().is_empty() {
            break;
        }
        read.extend(batch.texts().into_iter().map(ToOwned::to_owned));
    }
    assert_eq!(read, events);
    for (number, event) in read.iter().enumerate() {
        let event: serde_json::Value = serde_json::from_str(event).unwrap();
        assert_eq!(event["n"], number);
    }
}

#[test]
fn a_stream_holds_each_event_in_an_entry() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut transport = RedisTransport::new(&server.url("/?type=stream&key=s")).unwrap();
    transport.send(&mut Batch::from_events(numbered(0..3000))).unwrap();
    let entries = server.run(&["XRANGE", "s", "-", "+"]);
    let fields: Vec<Vec<&str>> = entries.list().iter().map(|entry| entry.list()[1].texts()).collect();
    let events = texts(0..3000);
    assert_eq!(fields, events.iter().map(|event| vec!["message", event.as_str()]).collect::<Vec<_>>());

    let mut transport = transport.key("trimmed").stream_field("event").max_length(500);
    transport.send(&mut Batch::from_events(numbered(0..3000))).unwrap();
    let Value::Integer(length) = server.run(&["XLEN", "trimmed"]) else { panic!("no length") };
    assert!((500..1000).contains(&length), "{length}");
    let newest = server.run(&["XREVRANGE", "trimmed", "+", "-", "COUNT", "1"]);
    assert_eq!(newest.list()[0].list()[1].texts(), ["event", "{\"n\":2999}"]);
}

#[test]
fn a_channel_reaches_those_who_listen() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut transport = transport(&server).data_type(RedisType::Channel).key("c");
    let error = refused(&mut transport);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error_chain(&error).ends_with("nobody listens to the channel \"c\""), "{}", error_chain(&error));
    assert!(error.advice().is_some());

    let mut listener = server.client();
    listener.run(&["SUBSCRIBE", "c"]);
    transport.send(&mut Batch::from_events(numbered(0..3))).unwrap();
    for event in texts(0..3) {
        assert_eq!(listener.receive().texts(), ["message", "c", &event]);
    }
    let report = transport.probe().unwrap().to_string();
    assert!(report.contains("1 listen to channel \"c\""), "{report}");
    drop(listener);
    let mut transport = transport.zero_receivers(true).key("nobody");
    transport.send(&mut Batch::from_events(numbered(0..3))).unwrap();
}

#[test]
fn t30_auth_and_acl() {
    let Some(server) = RedisServer::start(&["--requirepass", "secret"]) else { return };
    let mut admin = server.client();
    assert_eq!(admin.run(&["AUTH", "secret"]).text(), "OK");
    for rule in [
        ["writer", "on", ">w%rd", "~logstash", "+rpush"],
        ["reader", "on", ">hush", "~logstash", "+lrange"],
        ["elsewhere", "on", ">hush", "~other", "+rpush"],
    ] {
        assert_eq!(admin.run(&[&["ACL", "SETUSER"][..], &rule].concat()).text(), "OK");
    }
    let with = |credentials: &str| {
        RedisTransport::new(&server.url("").replace("redis://", &format!("redis://{credentials}"))).unwrap()
    };
    for mut transport in [
        with(":secret@"),
        with("default:secret@"),
        with("writer:w%25rd@"),
        with("").credentials(None, "secret"),
    ] {
        transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
    }
    assert_eq!(admin.run(&["LLEN", "logstash"]), Value::Integer(4));
    for (mut transport, code) in [
        (with(""), "NOAUTH"),
        (with(":wrong@"), "WRONGPASS"),
        (with("nobody:secret@"), "WRONGPASS"),
        (with("reader:hush@"), "NOPERM"),
        (with("elsewhere:hush@"), "NOPERM"),
    ] {
        let error = refused(&mut transport);
        assert_eq!(error.kind(), ErrorKind::Misconfigured, "{code}");
        assert!(error_chain(&error).contains(code), "{}", error_chain(&error));
        assert!(error.advice().is_some(), "{code}");
        for shown in [format!("{transport:?}"), format!("{error:?}"), error_chain(&error)] {
            assert!(!shown.contains("hush") && !shown.contains("secret"), "{shown}");
        }
    }
    let Some(open) = RedisServer::start(&[]) else { return };
    let error = refused(&mut transport(&open).credentials(None, "secret"));
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "a password where none is configured");
}

#[test]
fn t30_the_database_is_selected() {
    let Some(server) = RedisServer::start(&[]) else { return };
    RedisTransport::new(&server.url("/7?key=k")).unwrap().send(&mut Batch::from_events(["{}"])).unwrap();
    let mut client = server.client();
    client.run(&["SELECT", "7"]);
    assert_eq!(client.run(&["LLEN", "k"]), Value::Integer(1));
    let error = refused(&mut RedisTransport::new(&server.url("/99")).unwrap());
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error_chain(&error).contains("SELECT is answered by"), "{}", error_chain(&error));
}

#[test]
fn t30_oom_is_throttled_and_passes() {
    let Some(server) = RedisServer::start(&[]) else { return };
    for of_type in [RedisType::List, RedisType::Stream] {
        let mut transport = transport(&server).data_type(of_type).key(&format!("{of_type:?}"));
        transport.send(&mut Batch::from_events(numbered(0..2))).unwrap();
        server.run(&["CONFIG", "SET", "maxmemory", "1"]);
        let mut batch = Batch::from_events(numbered(2..5));
        let error = transport.send(&mut batch).unwrap_err();
        assert_eq!((error.kind(), batch.acknowledged()), (THROTTLED, 0));
        assert!(error_chain(&error).contains("OOM"), "{}", error_chain(&error));
        server.run(&["CONFIG", "SET", "maxmemory", "0"]);
        transport.send(&mut batch).unwrap();
    }
    assert_eq!(list(&server, "List").texts(), texts(0..5));
    assert_eq!(server.run(&["XLEN", "Stream"]), Value::Integer(5));
}

#[test]
fn t30_readonly_is_unavailable_and_looks_for_the_master_anew() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut transport = transport(&server);
    transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
    server.run(&["REPLICAOF", "127.0.0.1", "1"]);
    let error = refused(&mut transport);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error_chain(&error).contains("READONLY"), "{}", error_chain(&error));
    server.run(&["REPLICAOF", "NO", "ONE"]);
    transport.send(&mut Batch::from_events(numbered(1..2))).unwrap();
    assert_eq!(list(&server, "logstash").texts(), texts(0..2));
}

#[test]
fn t30_masterdown_is_unavailable() {
    let settings = ["--replica-read-only", "no", "--replica-serve-stale-data", "no"];
    let Some(server) = RedisServer::start(&settings) else { return };
    server.run(&["REPLICAOF", "127.0.0.1", "1"]);
    let error = refused(&mut transport(&server));
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error_chain(&error).contains("MASTERDOWN"), "{}", error_chain(&error));
}

#[test]
fn t30_clusterdown_is_unavailable() {
    let Some(server) = RedisServer::start(&["--cluster-enabled", "yes"]) else { return };
    let error = refused(&mut transport(&server));
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error_chain(&error).contains("CLUSTERDOWN"), "{}", error_chain(&error));
}

#[test]
fn t30_busy_is_throttled() {
    let Some(server) = RedisServer::start(&["--busy-reply-threshold", "1"]) else { return };
    let mut script = server.client();
    script.send(&["EVAL", "while true do end", "0"]);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !matches!(server.run(&["PING"]), Value::Error(text) if text.starts_with("BUSY")) {
        assert!(Instant::now() < deadline, "the script does not keep the server busy");
    }
    let mut transport = transport(&server);
    let error = refused(&mut transport);
    assert_eq!(error.kind(), THROTTLED);
    assert!(error_chain(&error).contains("BUSY"), "{}", error_chain(&error));
    server.run(&["SCRIPT", "KILL"]);
    assert!(matches!(script.receive(), Value::Error(_)), "the script has ended");
    transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
}

#[test]
fn t30_loading_is_throttled_and_passes() {
    let slowly = ["--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024"];
    let settings = [&slowly[..], &["--rdbcompression", "no"]].concat();
    let Some(mut server) = RedisServer::start(&settings) else { return };
    for number in 0..30 {
        server.run(&["SET", &format!("key {number}"), &"x".repeat(3000)]);
    }
    assert_eq!(server.run(&["SAVE"]).text(), "OK");
    server.restart_loading();
    let mut transport = transport(&server);
    let error = refused(&mut transport);
    assert_eq!(error.kind(), THROTTLED);
    assert!(error_chain(&error).contains("LOADING"), "{}", error_chain(&error));
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut batch = Batch::from_events(numbered(0..1));
    while transport.send(&mut batch).is_err() {
        assert!(Instant::now() < deadline, "the server does not end loading");
    }
}

#[test]
fn t30_a_key_of_another_type_is_misconfigured() {
    let Some(server) = RedisServer::start(&[]) else { return };
    server.run(&["SET", "logstash", "a string"]);
    for of_type in [RedisType::List, RedisType::Stream] {
        let mut transport = transport(&server).data_type(of_type);
        let error = refused(&mut transport);
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(error_chain(&error).contains("WRONGTYPE"), "{}", error_chain(&error));
        let error = transport.probe().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misconfigured);
        assert!(error_chain(&error).contains("\"logstash\" is a string, where a"), "{}", error_chain(&error));
    }
}

#[test]
fn t30_a_list_takes_no_more_than_its_cap() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut transport =
        RedisTransport::new(&server.url("/?max_length=25")).unwrap().max_round_trip_events(10);
    let mut batch = Batch::from_events(numbered(0..60));
    let error = transport.send(&mut batch).unwrap_err();
    assert_eq!((error.kind(), batch.acknowledged()), (THROTTLED, 25));
    assert!(error_chain(&error).contains("has 25 events or more"), "{}", error_chain(&error));
    assert_eq!(transport.send(&mut batch).unwrap_err().kind(), THROTTLED);
    server.run(&["LPOP", "logstash", "20"]);
    assert_eq!(transport.send(&mut batch).unwrap_err().kind(), THROTTLED);
    assert_eq!(batch.acknowledged(), 45);
    assert_eq!(list(&server, "logstash").texts(), texts(20..45));
    server.run(&["DEL", "logstash"]);
    transport.send(&mut batch).unwrap();
    assert_eq!(list(&server, "logstash").texts(), texts(45..60));
}

#[test]
fn a_connection_closed_while_idle_is_replaced() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut transport = transport(&server);
    for number in 0..5 {
        transport.send(&mut Batch::from_events(numbered(number..number + 1))).unwrap();
        server.run(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    }
    assert_eq!(list(&server, "logstash").texts(), texts(0..5));
}

#[test]
fn one_connection_is_kept() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut transport = transport(&server);
    let mut client = server.client();
    client.run(&["CONFIG", "RESETSTAT"]);
    for number in 0..20 {
        transport.send(&mut Batch::from_events(numbered(number..number + 1))).unwrap();
    }
    let stats = client.run(&["INFO", "stats"]);
    assert!(stats.text().contains("total_connections_received:1\r\n"), "{stats:?}");
    transport.close();
    transport.send(&mut Batch::from_events(numbered(20..21))).unwrap();
    assert_eq!(list(&server, "logstash").texts(), texts(0..21));
}

/// The server is stopped with commands under way, killed, and started again with its log of commands.
#[test]
fn a_server_killed_with_a_round_trip_under_way_repeats_only_that() {
    let settings = ["--appendonly", "yes", "--appendfsync", "always"];
    for of_type in [RedisType::List, RedisType::Stream] {
        let Some(mut server) = RedisServer::start(&settings) else { return };
        let mut transport = transport(&server).data_type(of_type).max_round_trip_events(100);
        let mut batch = Batch::from_events(numbered(0..500));
        let mut head = Batch::from_events(numbered(0..200));
        transport.send(&mut head).unwrap();
        batch.acknowledge(200);
        server.freeze();
        let error = thread::scope(|scope| {
            let sending = scope.spawn(|| transport.send(&mut batch).unwrap_err());
            // Frozen, it can be waited for by what its system has received of the round trip.
            wait_for_unread_bytes(server.address().port());
            server.kill();
            sending.join().unwrap()
        });
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error_chain(&error));
        assert_eq!(batch.acknowledged(), 200);
        server.restart();
        transport.send(&mut batch).unwrap();
        match of_type {
            RedisType::List => assert_eq!(list(&server, "logstash").texts(), texts(0..500)),
            _ => assert_eq!(server.run(&["XLEN", "logstash"]), Value::Integer(500)),
        }
    }
}

/// Waits until bytes lie unread at a local port.
fn wait_for_unread_bytes(port: u16) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let local = format!(":{port:04X}");
    while Instant::now() < deadline {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        let waiting = table.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.get(1).is_some_and(|address| address.ends_with(&local))
                && words.get(3) == Some(&"01")
                && words.get(4).is_some_and(|queues| !queues.ends_with(":00000000"))
        });
        if waiting {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("nothing has arrived at port {port}");
}

/// Killed and restarted while events flow: nothing is lost, and what comes twice was under way.
#[test]
fn nothing_is_lost_while_the_server_is_killed_again_and_again() {
    const KILLS: usize = 5;
    const ROUND_TRIP: usize = 50;
    let settings = ["--appendonly", "yes", "--appendfsync", "always"];
    let Some(mut server) = RedisServer::start(&settings) else { return };
    let mut transport = transport(&server).max_round_trip_events(ROUND_TRIP);
    let over = AtomicBool::new(false);
    let (sent, failures) = thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let (mut sent, mut failures) = (0, 0);
            while !over.load(Ordering::Acquire) {
                let mut batch = Batch::from_events(numbered(sent..sent + 500));
                while transport.send(&mut batch).is_err() {
                    failures += 1;
                    assert!(failures < 20_000, "it never recovers");
                    thread::sleep(Duration::from_millis(5));
                }
                sent += 500;
            }
            (sent, failures)
        });
        let mut random = fastrand::Rng::with_seed(7);
        let last = Last(&over);
        for _ in 0..KILLS {
            thread::sleep(Duration::from_millis(random.u64(20..150)));
            server.restart();
        }
        drop(last);
        sending.join().unwrap()
    });
    let stored = list(&server, "logstash");
    let numbers: Vec<usize> =
        stored.texts().iter().map(|text| text[5..text.len() - 1].parse().unwrap()).collect();
    let mut next = 0;
    let mut repeated = 0;
    for number in numbers {
        assert!(number <= next, "{number} where {next} is due: something is lost");
        if number == next {
            next += 1;
        } else {
            repeated += 1;
        }
    }
    println!("{sent} events, {KILLS} kills, {failures} failures, {repeated} events repeated, none lost");
    assert_eq!(next, sent);
    assert!(repeated <= KILLS * ROUND_TRIP, "{repeated}");
}

#[test]
fn a_frozen_server_costs_the_reply_timeout_and_the_interrupt_ends_the_wait() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut transport = transport(&server).reply_timeout(Duration::from_millis(300));
    transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
    server.freeze();
    let started = Instant::now();
    let error = refused(&mut transport);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error_chain(&error).contains("within the timeout"), "{}", error_chain(&error));

    let mut transport = transport.reply_timeout(Duration::from_secs(600));
    let interrupt = Interrupt::new();
    transport.interrupt_by(interrupt.clone());
    let error = thread::scope(|scope| {
        let sending = scope.spawn(|| refused(&mut transport));
        wait_for_unread_bytes(server.address().port());
        interrupt.raise();
        sending.join().unwrap()
    });
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error_chain(&error).contains("interrupted"), "{}", error_chain(&error));
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_probe_tells_what_the_key_is() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut transport = transport(&server);
    let report = transport.probe().unwrap();
    let steps: Vec<&str> = report.steps.iter().map(|step| step.name).collect();
    assert_eq!(steps, ["resolve", "connect", "protocol"]);
    assert!(report.to_string().contains("is not there yet and will be a list"), "{report}");
    transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
    let report = transport.probe().unwrap();
    assert!(report.to_string().contains("PONG; \"logstash\" is a list"), "{report}");
    assert_eq!(server.run(&["LLEN", "logstash"]), Value::Integer(1), "a probe sends no event");
}

#[test]
fn a_timeout_may_be_as_long_as_one_likes() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let options = logstash_transport::ConnectionOptions::new()
        .connect_timeout(Duration::MAX)
        .write_timeout(Duration::MAX)
        .keepalive(Some(Duration::MAX))
        .user_timeout(Some(Duration::MAX));
    let mut transport = transport(&server).connection(options).reply_timeout(Duration::MAX);
    transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
    transport.close();
}

/// A server that answers every command with these bytes.
fn answering(reply: &'static [u8]) -> RedisTransport {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut command = [0; 4096];
            while socket.read(&mut command).is_ok_and(|length| length > 0) {
                if socket.write_all(reply).is_err() {
                    break;
                }
            }
        }
    });
    RedisTransport::new(&address.to_string()).unwrap().reply_timeout(Duration::from_secs(5))
}

#[test]
fn what_does_not_speak_redis_is_told_apart() {
    for reply in
        [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"2A\0\0\0\x01", b"$99999999999\r\n", b"*1000000\r\n"]
    {
        let error = refused(&mut answering(reply));
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error_chain(&error).contains("does not speak as Redis does"), "{}", error_chain(&error));
        assert!(error.advice().is_some());
    }
    // Replies of Redis, but not to this command.
    for reply in [&b"+OK\r\n"[..], b"$-1\r\n", b"*0\r\n"] {
        assert_eq!(refused(&mut answering(reply)).kind(), ErrorKind::Unavailable);
    }
}

#[test]
fn one_failed_command_of_a_round_trip_keeps_what_came_before() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        for replies in ["$3\r\n1-1\r\n$3\r\n1-2\r\n-OOM no\r\n$3\r\n1-3\r\n", "$3\r\n1-4\r\n$3\r\n1-5\r\n"] {
            let mut command = [0; 4096];
            while !String::from_utf8_lossy(&command).contains("{\"n\":3}") {
                let _ = socket.read(&mut command).unwrap();
            }
            socket.write_all(replies.as_bytes()).unwrap();
        }
        let _ = socket.read(&mut [0; 1]);
    });
    let mut transport = RedisTransport::new(&address.to_string()).unwrap().data_type(RedisType::Stream);
    let mut batch = Batch::from_events(numbered(0..4));
    assert_eq!(transport.send(&mut batch).unwrap_err().kind(), THROTTLED);
    assert_eq!(batch.acknowledged(), 2);
    transport.send(&mut batch).unwrap();
}
