//! Load balancers that tell in front of a connection whose it is.

use crate::support::{LONG, Rig, documents, each};
use logstash_handler::relay::RelayConfig;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const CONFIG: &str = r#"
    [inputs.in]
    listen = "lines+tcp://127.0.0.1:0"
    proxy_protocol = ["127.0.0.0/8"]
    [outputs.out]
    endpoint = "file:FOLDER/out"
"#;

fn with(more: &str) -> String {
    CONFIG.replace("    [outputs", &format!("{more}\n    [outputs"))
}

fn header(client: &str) -> String {
    format!("PROXY TCP4 {client} 198.51.100.1 4000 5044\r\n")
}

#[test]
fn events_and_routes_know_the_client_and_not_the_proxy() {
    let rig = Rig::start(&format!(
        "{CONFIG}\n[outputs.near]\nendpoint = \"file:FOLDER/near\"\n[[routes]]\noutputs = [\"out\"]\n\
         [[routes]]\npeers = [\"192.0.2.0/24\"]\noutputs = [\"near\"]\n"
    ));
    rig.send("in", (header("192.0.2.7") + "near\n").as_bytes());
    assert_eq!(each(&documents(&rig.path("near"), 1), "message"), ["near"]);
    rig.send("in", (header("203.0.113.9") + "far\n").as_bytes());
    let mut own = rig.connect("in");
    own.write_all(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0of the proxy itself\n").unwrap();
    let mut found = documents(&rig.path("out"), 3);
    found.sort_by_key(|document| document["host"].to_string());
    assert_eq!(each(&found, "host"), ["127.0.0.1", "192.0.2.7", "203.0.113.9"]);
    assert_eq!(each(&found, "message"), ["of the proxy itself", "near", "far"]);
    assert_eq!(found[1]["port"], 4000);
    assert_eq!(documents(&rig.path("near"), 1).len(), 1);
}

#[test]
fn nobody_but_a_proxy_can_say_that_he_is_somebody_else() {
    let rig = Rig::start(&CONFIG.replace("127.0.0.0/8", "192.0.2.1"));
    rig.send("in", (header("192.0.2.7") + "me\n").as_bytes());
    let found = documents(&rig.path("out"), 2);
    assert_eq!(each(&found, "host"), ["127.0.0.1", "127.0.0.1"]);
    assert_eq!(each(&found, "message")[1], "me");
}

#[test]
fn what_is_allowed_and_how_much_is_that_of_the_client() {
    let rig = Rig::start(&with("allow = [\"192.0.2.0/24\"]\nmax_connections_per_peer = 1"));
    let mut first = rig.connect("in");
    first.write_all((header("192.0.2.7") + "first\n").as_bytes()).unwrap();
    assert_eq!(each(&documents(&rig.path("out"), 1), "message"), ["first"]);
    for (client, counted) in [("203.0.113.9", 1), ("192.0.2.7", 2)] {
        let mut stream = rig.connect("in");
        stream.write_all(header(client).as_bytes()).unwrap();
        closed(&mut stream);
        rig.eventually(|stats| {
            stats.inputs["in"].not_allowed + stats.inputs["in"].refused_connections == counted
        });
    }
    let mut unknown = rig.connect("in");
    unknown.write_all(b"PROXY UNKNOWN\r\n").unwrap();
    closed(&mut unknown);
    rig.eventually(|stats| stats.inputs["in"].not_allowed == 2);
    rig.send("in", (header("192.0.2.8") + "another\n").as_bytes());
    assert_eq!(each(&documents(&rig.path("out"), 2), "message"), ["first", "another"]);
}

#[test]
fn a_header_has_its_time_and_what_is_none_is_refused() {
    let rig = Rig::start(&with("handshake_timeout = \"100 ms\""));
    let mut slow = rig.connect("in");
    slow.write_all(b"PROXY TCP4 192.0.2.7").unwrap();
    closed(&mut slow);
    let stats = rig.eventually(|stats| stats.inputs["in"].failed_connections == 1);
    assert!(stats.problems.last().unwrap().text.contains("took too long"), "{stats:?}");
    rig.send("in", b"<13>no header, but a line\n");
    let stats = rig.eventually(|stats| stats.inputs["in"].failed_connections == 2);
    assert!(stats.problems.last().unwrap().text.contains("no header of the PROXY protocol"), "{stats:?}");
    assert_eq!(stats.inputs["in"].received, 0);
}

#[test]
fn a_balancer_that_only_looks_whether_somebody_listens_is_no_problem() {
    let folder = tempfile::tempdir().unwrap();
    crate::authority::Authority::new("ca").server(&["localhost"]).write(folder.path(), "server");
    let others = r#"
    [inputs.lines]
    listen = "lines+tcp://127.0.0.1:0"
    [inputs.beats]
    listen = "beats://127.0.0.1:0"
    [inputs.tls]
    listen = "lines+tls://127.0.0.1:0"
    tls_cert = "FOLDER/server.pem"
    tls_key = "FOLDER/server.key"
"#;
    let rig = Rig::start_in(folder, &format!("{CONFIG}{others}"));
    // Elsewhere a reset may take the connection back before it is accepted, or what it said before it is read.
    let ends: &[bool] = if cfg!(target_os = "linux") { &[true, false] } else { &[true] };
    let looks = [
        ("in", ""),
        ("in", "PROXY UNKNOWN\r\n"),
        ("in", "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"),
        ("lines", ""),
        ("beats", ""),
        ("tls", ""),
    ];
    for (input, header) in looks {
        for ends_in_order in ends {
            let mut stream = rig.connect(input);
            stream.write_all(header.as_bytes()).unwrap();
            if !ends_in_order {
                SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            }
            drop(stream);
        }
    }
    let stats = rig.eventually(|stats| {
        let all = || stats.inputs.values();
        all().map(|input| input.connections).sum::<u64>() == (looks.len() * ends.len()) as u64
            && all().all(|input| input.open_connections == 0)
    });
    assert!(stats.problems.is_empty(), "{stats:?}");
    assert!(
        stats.inputs.values().all(|input| input.failed_connections + input.failed_handshakes == 0),
        "{stats:?}"
    );
}

#[test]
fn tls_begins_behind_the_header() {
    let folder = tempfile::tempdir().unwrap();
    let authority = crate::authority::Authority::new("ca");
    authority.server(&["localhost"]).write(folder.path(), "server");
    let config = with("tls_cert = \"FOLDER/server.pem\"\ntls_key = \"FOLDER/server.key\"");
    let rig = Rig::start_in(folder, &config.replace("+tcp", "+tls"));
    let mut stream = rig.connect("in");
    stream.write_all(header("192.0.2.7").as_bytes()).unwrap();
    let authority = native_tls::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let connector = native_tls::TlsConnector::builder().add_root_certificate(authority).build().unwrap();
    let mut stream = connector.connect("localhost", stream).unwrap();
    stream.write_all(b"secret\n").unwrap();
    let found = documents(&rig.path("out"), 1);
    assert_eq!((each(&found, "host"), each(&found, "tls")), (vec!["192.0.2.7".into()], vec!["true".into()]));
}

#[test]
fn datagrams_have_no_header() {
    let error = RelayConfig::parse(&CONFIG.replace("lines+tcp", "syslog+udp")).unwrap_err().to_string();
    assert!(error.contains("inputs.in.proxy_protocol: it is for connections"), "{error}");
}

/// Waits until the relay has closed the connection.
fn closed(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(LONG)).unwrap();
    // With unread input it is a reset.
    assert_eq!(stream.read(&mut [0]).unwrap_or_default(), 0);
}
