//! An event in each datagram.

use crate::support::{Rig, documents, each, lines};
use serde_json::json;
use std::net::UdpSocket;

fn config(listen: &str) -> String {
    format!("inputs.in.listen = \"{listen}\"\noutputs.out.endpoint = \"file:FOLDER/out\"")
}

#[test]
fn json_in_datagrams_may_have_line_breaks() {
    let rig = Rig::start(&config("json+udp://127.0.0.1:0"));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"{\n  \"a\": 1\n}\n", rig.address("in")).unwrap();
    socket.send_to(b"not at all", rig.address("in")).unwrap();
    let found = documents(&rig.path("out"), 2);
    assert_eq!(found[0], json!({"a": 1}));
    assert_eq!(
        (&found[1]["message"], &found[1]["tags"]),
        (&json!("not at all"), &json!(["_jsonparsefailure"]))
    );
    assert_eq!(found[1]["port"], socket.local_addr().unwrap().port());
    assert_eq!(rig.relay.stats().inputs["in"].received, 2);
}

#[test]
fn syslog_over_udp_tells_peers_apart() {
    let rig = Rig::start(&config("syslog+udp://127.0.0.1:0"));
    let sockets = [UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap()];
    for (index, socket) in sockets.iter().cycle().take(4).enumerate() {
        let text = format!("<13>Oct 11 22:14:15 host app: {index}\n");
        socket.send_to(text.as_bytes(), rig.address("in")).unwrap();
    }
    let found = documents(&rig.path("out"), 4);
    assert_eq!(each(&found, "message"), ["0", "1", "2", "3"]);
    let port = |index: usize| sockets[index % 2].local_addr().unwrap().port();
    assert!((0..4).all(|index| found[index]["port"] == port(index)), "{found:?}");
}

#[test]
fn a_datagram_without_a_message_is_none() {
    let rig = Rig::start(&config("syslog+udp://127.0.0.1:0"));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for datagram in [&b""[..], b"\n", b"\0", b"<13>hello"] {
        socket.send_to(datagram, rig.address("in")).unwrap();
    }
    assert_eq!(each(&documents(&rig.path("out"), 1), "message"), ["hello"]);
    assert_eq!(rig.relay.stats().inputs["in"].received, 1);
}

#[test]
fn a_receive_buffer_that_the_system_does_not_grant_is_told() {
    let most = std::fs::read_to_string("/proc/sys/net/core/rmem_max");
    let Some(most) = most.ok().and_then(|most| most.trim().parse::<u64>().ok()) else { return };
    let with = |bytes: u64| {
        let config = config("syslog+udp://127.0.0.1:0");
        Rig::start(&format!("inputs.in.receive_buffer = \"{bytes} B\"\n{config}"))
    };
    assert_eq!(with(most.min(64 * 1024)).relay.stats().problems, []);
    if most < 1 << 30 {
        let problems = with(most + 1).relay.stats().problems;
        assert!(problems[0].text.contains("net.core.rmem_max"), "{problems:?}");
    }
}

#[test]
fn of_a_message_only_the_line_end_is_cut() {
    let config = config("syslog+udp://127.0.0.1:0");
    let rig = Rig::start(&format!(
        "{config}\noutputs.raw = {{ endpoint = \"file:FOLDER/raw\", format = \"raw\" }}"
    ));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let line = "<13>Oct 11 22:14:15 host app: \t two blanks  ";
    for end in ["", "\n", "\r\n", "\0"] {
        socket.send_to(format!("{line}{end}").as_bytes(), rig.address("in")).unwrap();
    }
    assert_eq!(each(&documents(&rig.path("out"), 4), "message"), ["\t two blanks  "; 4]);
    assert_eq!(lines(&rig.path("raw"), 4), [line; 4]);
}

#[cfg(unix)]
#[test]
fn a_socket_of_the_file_system_takes_what_programs_log_and_is_gone_afterwards() {
    use std::os::unix::net::UnixDatagram;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    // What a relay that was killed leaves behind.
    drop(UnixDatagram::bind(&path).unwrap());
    let rig = Rig::start_in(folder, &config("syslog+unix:FOLDER/log"));
    let socket = UnixDatagram::unbound().unwrap();
    socket.send_to(b"<13>Oct 11 22:14:15 app[7]: hello", &path).unwrap();
    let found = documents(&rig.path("out"), 1);
    assert_eq!((&found[0]["appname"], &found[0]["message"]), (&json!("app"), &json!("hello")));
    assert!(found[0].get("host").is_none(), "{found:?}");
    let (report, _folder) = rig.shutdown();
    assert!(report.is_complete(), "{report}");
    assert!(!path.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_system_drops_is_counted() {
    let rig = Rig::start(
        &config("json+udp://127.0.0.1:0")
            .replace("inputs.in.listen", "inputs.in.receive_buffer = \"4 KiB\"\ninputs.in.listen"),
    );
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (mut sent, mut stats) = (0_u64, rig.relay.stats());
    let address = rig.address("in");
    // More than the relay can read in time, sooner or later.
    while stats.inputs["in"].kernel_drops == 0 {
        for _ in 0..20_000 {
            let document = b"{\"message\":\"a datagram that may be lost\"}";
            sent += u64::from(socket.send_to(document, address).is_ok());
        }
        assert!(sent < 50_000_000, "{stats:?}");
        stats = rig.relay.stats();
    }
    let all = |stats: &logstash_handler::relay::RelayStats| {
        let input = &stats.inputs["in"];
        input.received + input.kernel_drops == sent
    };
    let stats = rig.eventually(all);
    assert_eq!(stats.outputs["out"].accepted, stats.inputs["in"].received);
}

#[cfg(unix)]
#[test]
fn a_datagram_that_is_too_long_is_cut_tagged_and_counted() {
    use std::os::unix::net::UnixDatagram;

    let rig = Rig::start(&format!("inputs.in.max_length = 100_000\n{}", config("syslog+unix:FOLDER/log")));
    let socket = UnixDatagram::unbound().unwrap();
    let text = [&b"<13>Oct 11 22:14:15 app: "[..], &[b'x'; 150_000]].concat();
    socket.send_to(&text, rig.path("log")).unwrap();
    let found = documents(&rig.path("out"), 1);
    assert_eq!(found[0]["tags"], json!(["_message_truncated"]));
    assert_eq!(found[0]["message"].as_str().unwrap().len(), 100_000 - 25);
    assert_eq!(rig.relay.stats().inputs["in"].truncated, 1);
}
