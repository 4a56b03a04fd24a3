//! Another configuration while it runs.

use crate::support::{LONG, Rig, lines, parse};
use logstash_handler::relay::RelayStats;
use logstash_transport::testing::Receiver;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const BEFORE: &str = r#"
    inputs.a.listen = "lines+tcp://127.0.0.1:0"
    inputs.b.listen = "lines+tcp://127.0.0.1:0"
    outputs.one = { endpoint = "file:FOLDER/one", format = "raw" }
"#;

#[test]
fn what_stays_keeps_its_connections_and_what_is_new_starts() {
    let rig = Rig::start(BEFORE);
    let address = rig.address("a");
    let (mut kept, mut gone) = (rig.connect("a"), rig.connect("b"));
    kept.write_all(b"1\n").unwrap();
    gone.write_all(b"2\n").unwrap();
    lines(&rig.path("one"), 2);
    rig.reload(
        r#"
        inputs.a.listen = "lines+tcp://127.0.0.1:0"
        inputs.c.listen = "lines+tcp://127.0.0.1:0"
        outputs.one = { endpoint = "file:FOLDER/one", format = "raw" }
        outputs.two = { endpoint = "file:FOLDER/two", format = "raw" }
        "#,
    );
    assert_eq!(rig.address("a"), address);
    gone.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(gone.read(&mut [0]).unwrap(), 0);
    kept.write_all(b"3\n").unwrap();
    assert_eq!(lines(&rig.path("two"), 1), ["3"]);
    rig.send("c", b"4\n");
    assert_eq!(lines(&rig.path("two"), 2), ["3", "4"]);
    lines(&rig.path("one"), 4);
    let names: Vec<String> = rig.relay.addresses().into_keys().collect();
    assert_eq!(names, ["a", "c"]);
}

#[test]
fn an_output_that_is_gone_delivers_what_it_has() {
    let rig = Rig::start(BEFORE);
    rig.send("a", b"1\n");
    rig.eventually(|stats| stats.outputs["one"].accepted == 1);
    rig.reload(&BEFORE.replace("outputs.one", "outputs.other").replace("/one", "/other"));
    assert_eq!(lines(&rig.path("one"), 1), ["1"]);
    rig.send("a", b"2\n");
    assert_eq!(lines(&rig.path("other"), 1), ["2"]);
}

#[test]
fn events_of_an_output_that_is_gone_are_told_where_they_wait() {
    let config = |name: &str| {
        format!(
            r#"
            queue = "FOLDER/queue"
            inputs.a.listen = "lines+tcp://127.0.0.1:0"
            outputs.{name}.endpoint = "beats://127.0.0.1:1"
            "#
        )
    };
    let is_told = |stats: &RelayStats| {
        let told = stats.problems.iter().find(|problem| problem.place == "queue");
        told.is_some_and(|problem| {
            problem.text.starts_with("1 events wait in ") && problem.text.contains("queue/one,")
        })
    };
    let rig = Rig::start(&config("one"));
    rig.send("a", b"1\n");
    rig.eventually(|stats| stats.outputs["one"].queued == 1);
    rig.reload(&config("two"));
    rig.eventually(is_told);
    let (_, folder) = rig.shutdown();
    let rig = Rig::start_in(folder, &config("two"));
    assert!(is_told(&rig.relay.stats()));
    let (_, folder) = rig.shutdown();
    let rig = Rig::start_in(folder, &config("one"));
    let stats = rig.relay.stats();
    assert_eq!((stats.outputs["one"].recovered, is_told(&stats)), (1, false));
}

#[test]
fn a_configuration_that_cannot_be_used_changes_nothing() {
    let rig = Rig::start(&format!("metrics = \"127.0.0.1:0\"\n{BEFORE}"));
    let (address, page) = (rig.address("a"), rig.relay.metrics_address().unwrap());
    let mut kept = rig.connect("a");
    kept.write_all(b"1\n").unwrap();
    lines(&rig.path("one"), 1);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    let fails = |config: &str, expected: &str| {
        let config = config.replace("TAKEN", &taken.to_string());
        let error = rig.relay.reload(parse(&config, rig.folder.path())).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let file = "outputs.other = { endpoint = \"file:FOLDER/other\", format = \"raw\" }";
    fails(
        &format!("metrics = \"TAKEN\"\ninputs.c.listen = \"lines+tcp://127.0.0.1:0\"\n{file}"),
        "metrics: cannot listen on",
    );
    fails(&format!("inputs.c.listen = \"lines+tcp://TAKEN\"\n{file}"), "input \"c\": cannot listen on");
    fails(
        &format!("inputs.a.listen = \"lines+tls://127.0.0.1:0?tls_cert=none&tls_key=none\"\n{file}"),
        "input \"a\": cannot use its certificate",
    );
    let no_folder = "outputs.two = { endpoint = \"stdout:\", handler.queue = { type = \"sled\", path = \"FOLDER/one\" } }";
    fails(&format!("{BEFORE}\n{no_folder}"), "output \"two\"");
    assert_eq!((rig.address("a"), rig.relay.metrics_address()), (address, Some(page)));
    TcpStream::connect(page).unwrap();
    kept.write_all(b"2\n").unwrap();
    assert_eq!(lines(&rig.path("one"), 2), ["1", "2"]);
    // Here an input has to end before it shows that the other one cannot start.
    let _taken = TcpListener::bind(("127.0.0.2", address.port())).unwrap();
    fails(
        &format!("inputs.a.listen = \"lines+tcp://0.0.0.0:{}\"\n{file}", address.port()),
        "input \"a\": cannot listen on",
    );
    rig.send("a", b"3\n");
    rig.send("b", b"4\n");
    lines(&rig.path("one"), 4);
    assert!(!rig.path("other").exists());
}

#[test]
fn an_address_passes_to_another_input() {
    let rig = Rig::start(BEFORE);
    let address = rig.address("a").to_string();
    let config = BEFORE.replacen("127.0.0.1:0", &address, 1).replace("inputs.a", "inputs.another");
    rig.reload(&config);
    rig.send("another", b"1\n");
    assert_eq!(rig.address("another").to_string(), address);
    assert_eq!(lines(&rig.path("one"), 1), ["1"]);
}

#[test]
fn nothing_is_lost_while_outputs_are_replaced() {
    let rig = Rig::start(BEFORE);
    let is_done = AtomicBool::new(false);
    let mut stream = rig.connect("a");
    let sent = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut sent = 0;
            while !is_done.load(Ordering::Relaxed) && sent < 1_000_000 {
                let block: String = (sent..sent + 100).map(|number| format!("line {number}\n")).collect();
                stream.write_all(block.as_bytes()).unwrap();
                sent += 100;
            }
            sent
        });
        for number in 0..10 {
            rig.reload(&BEFORE.replace("outputs.one", &format!("outputs.of{number}")));
        }
        is_done.store(true, Ordering::Relaxed);
        writing.join().unwrap()
    });
    let (report, folder) = rig.shutdown();
    assert!(report.is_complete(), "{report}");
    let mut found = lines(&folder.path().join("one"), 0);
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), sent);
}

#[test]
fn what_waits_for_an_output_that_is_gone_goes_to_the_one_in_its_place() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let config = |name: &str| {
        format!(
            r#"
            shutdown_timeout = "100 ms"
            inputs.a.listen = "lines+tcp://127.0.0.1:0"
            [outputs.{name}]
            endpoint = "beats://{}"
            [outputs.{name}.handler]
            arena_bytes = "64 KiB"
            max_event_bytes = "32 KiB"
            compression_level = 0
            linger = "0 s"
            queue = {{ type = "memory", max_bytes = "64 KiB" }}
            "#,
            receiver.address()
        )
    };
    let rig = Rig::start(&config("one"));
    let mut stream = rig.connect("a");
    let writing = thread::spawn(move || {
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        (0..1000).try_for_each(|_| stream.write_all(&line))
    });
    // One more than it took waits.
    let is_stuck = |stats: &RelayStats| {
        let (input, output) = (&stats.inputs["a"], &stats.outputs["one"]);
        output.queued > 0 && input.received == output.accepted + 1
    };
    rig.eventually(is_stuck);
    rig.reload(&config("two"));
    receiver.come_back().unwrap();
    let stats = rig.eventually(|stats| stats.inputs["a"].received == 1000);
    assert!(stats.outputs["two"].accepted > 0);
    writing.join().unwrap().unwrap();
    let (report, _folder) = rig.shutdown();
    let accepted: u64 = report.outputs.values().map(|report| report.accepted).sum();
    assert_eq!(accepted, 1000, "{report}");
}

#[test]
fn what_waits_for_an_output_that_is_gone_goes_to_one_that_others_had_already() {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let rig = Rig::start(&format!(
        r#"
        shutdown_timeout = "100 ms"
        inputs.a.listen = "lines+tcp://127.0.0.1:0"
        inputs.b.listen = "lines+tcp://127.0.0.1:0"
        outputs.there.endpoint = "discard:"
        [outputs.away]
        endpoint = "beats://{}"
        [outputs.away.handler]
        arena_bytes = "64 KiB"
        max_event_bytes = "32 KiB"
        compression_level = 0
        linger = "0 s"
        queue = {{ type = "memory", max_bytes = "64 KiB" }}
        [[routes]]
        inputs = ["a"]
        outputs = ["away"]
        [[routes]]
        inputs = ["b"]
        outputs = ["there"]
        "#,
        receiver.address()
    ));
    let mut stream = rig.connect("a");
    let writing = thread::spawn(move || {
        // So long that reads end within lines.
        let line = [&[b'x'; 700][..], b"\n"].concat();
        (0..1000).try_for_each(|_| stream.write_all(&line))
    });
    rig.eventually(|stats| {
        let (input, output) = (&stats.inputs["a"], &stats.outputs["away"]);
        output.queued > 0 && input.received == output.accepted + 1
    });
    rig.reload(
        r#"
        shutdown_timeout = "100 ms"
        inputs.a.listen = "lines+tcp://127.0.0.1:0"
        inputs.b.listen = "lines+tcp://127.0.0.1:0"
        outputs.there.endpoint = "discard:"
        "#,
    );
    rig.eventually(|stats| stats.inputs["a"].received == 1000);
    writing.join().unwrap().unwrap();
    let (report, _folder) = rig.shutdown();
    let accepted: u64 = report.outputs.values().map(|report| report.accepted).sum();
    assert_eq!(accepted, 1000, "{report}");
}

#[test]
fn what_was_sent_before_the_end_is_delivered() {
    let rig = Rig::start(BEFORE);
    let mut stream = rig.connect("a");
    rig.eventually(|stats| stats.inputs["a"].open_connections == 1);
    let text: String = (0..5000).map(|number| format!("line {number}\n")).collect();
    stream.write_all(text.as_bytes()).unwrap();
    let (report, folder) = rig.shutdown();
    assert!(report.is_complete(), "{report}");
    assert_eq!(lines(&folder.path().join("one"), 0).len(), 5000);
}
