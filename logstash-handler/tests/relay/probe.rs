//! What a check finds before a relay runs.

use crate::authority::{Authority, Leaf};
use crate::redis_server::RedisServer;
use crate::support::{Rig, parse};
use logstash_handler::relay::{Finding, RelayConfig, probe};
use logstash_transport::testing::Receiver;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

fn findings(config: &RelayConfig) -> Vec<Finding> {
    let mut all = Vec::new();
    probe(config, |finding| all.push(finding.clone()));
    all
}

/// What is found of an output with that address.
fn output(endpoint: &str) -> Finding {
    let config = RelayConfig::new().listen("lines+tcp://127.0.0.1:0").unwrap().send_to(endpoint).unwrap();
    findings(&config).pop().unwrap()
}

/// What is wrong with an output, told with the steps that went well before, and what to do.
#[track_caller]
fn is_wrong(endpoint: &str, cause: &str, steps: &[&str], advice: &str) {
    let found = output(endpoint);
    assert!(!found.is_right && found.text.contains(cause), "{cause}: {found:#?}");
    let passed: Vec<_> = found.steps.iter().map(|step| step.name).collect();
    assert_eq!(passed, steps, "{found:#?}");
    let advised = found.advice.as_deref().unwrap_or_default();
    assert!(advised.contains(advice), "{advice}: {found:#?}");
}

/// A relay that takes Beats over TLS, with this certificate.
fn tls_server(certificate: &Leaf) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    certificate.write(folder.path(), "server");
    let config = r#"
        [inputs.in]
        listen = "beats+tls://127.0.0.1:0"
        tls_cert = "FOLDER/server.pem"
        tls_key = "FOLDER/server.key"
        [outputs.out]
        endpoint = "discard:"
    "#;
    Rig::start_in(folder, config)
}

/// Its address by name, for those who trust an authority.
fn trusting(rig: &Rig, authority: &Authority, host: &str) -> String {
    let file = rig.path("authority.pem");
    fs::write(&file, authority.pem()).unwrap();
    format!("beats+tls://{host}:{}?tls_ca={}", rig.address("in").port(), file.display())
}

#[test]
fn what_works_is_told_part_by_part_and_step_by_step() {
    let authority = Authority::new("servers");
    let rig = tls_server(&authority.server(&["localhost"]));
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "queue = \"FOLDER/queue\"\ninputs.in.listen = \"lines+tcp://127.0.0.1:0\"\noutputs.out.endpoint = \"{}\"",
        trusting(&rig, &authority, "localhost")
    );
    let all = findings(&parse(&text, folder.path()));
    let places: Vec<&str> = all.iter().map(|finding| finding.place.as_str()).collect();
    assert_eq!(places, ["input in", "queue of output out", "output out"]);
    assert!(all.iter().all(|finding| finding.is_right && finding.advice.is_none()), "{all:#?}");
    assert!(all[2].text.contains("takes events"), "{all:#?}");
    let steps: Vec<_> = all[2].steps.iter().map(|step| step.name).collect();
    assert_eq!(steps, ["resolve", "connect", "tls", "protocol"], "{all:#?}");
}

#[test]
fn what_is_made_to_try_it_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let config = |endpoint: &str| {
        let text = format!(
            "queue = \"FOLDER/all/queues\"\ninputs.in.listen = \"lines+tcp://127.0.0.1:0\"\noutputs.out.endpoint = \"{endpoint}\""
        );
        parse(&text, folder.path())
    };
    let file = format!("file:{}", folder.path().join("new.log").display());
    let found = findings(&config(&file));
    assert!(found.iter().all(|finding| finding.is_right), "{found:#?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    fs::create_dir(folder.path().join("all")).unwrap();
    let found = findings(&config("discard:"));
    assert!(found.iter().all(|finding| finding.is_right), "{found:#?}");
    assert_eq!(fs::read_dir(folder.path().join("all")).unwrap().count(), 0);
}

#[test]
fn nothing_is_sent() {
    let receiver = Receiver::start().unwrap();
    let found = output(&format!("beats://{}", receiver.address()));
    assert!(found.is_right, "{found:#?}");
    assert_eq!(receiver.received(), 0, "nothing is sent");
}

#[test]
fn nobody_listens_there() {
    is_wrong("beats://127.0.0.1:1", "refused", &["resolve"], "see whether the peer runs and listens");
}

#[test]
fn there_is_no_such_name() {
    is_wrong("beats://no-such-host.invalid", "cannot resolve", &[], "typing error in the name");
}

/// The system does not connect to what means everybody.
#[cfg(target_os = "linux")]
#[test]
fn there_is_no_way_to_it() {
    is_wrong("beats://255.255.255.255:5044", "unreachable", &["resolve"], "no way there");
}

#[test]
fn something_else_listens_on_the_port() {
    let rig = Rig::start(
        "inputs.in.listen = \"lines+tcp://127.0.0.1:0\"\ninputs.in.idle_timeout = \"1 s\"\noutputs.out.endpoint = \"discard:\"",
    );
    let found = output(&format!("redis://{}", rig.address("in")));
    assert!(!found.is_right && found.advice.is_some(), "{found:#?}");
}

#[test]
fn http_on_the_port_of_beats() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let serving = thread::spawn(move || {
        for stream in server.incoming().take(1) {
            let mut stream = stream.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    });
    is_wrong(&format!("beats://{address}"), "HTTP", &["resolve", "connect"], "port of a beats input");
    serving.join().unwrap();
}

#[test]
fn tls_on_a_plain_port() {
    let receiver = Receiver::start().unwrap();
    let endpoint = format!("beats+tls://{}", receiver.address());
    is_wrong(&endpoint, "TLS", &["resolve", "connect"], "does not speak TLS");
}

#[test]
fn no_tls_on_a_port_of_tls() {
    let rig = tls_server(&Authority::new("servers").server(&["localhost"]));
    is_wrong(&format!("beats://{}", rig.address("in")), "TLS", &["resolve", "connect"], "beats+tls://");
}

#[test]
fn certificates_of_a_strange_authority_for_another_name_or_of_another_time() {
    let authority = Authority::new("servers");
    let rig = tls_server(&authority.server(&["localhost"]));
    let passed = ["resolve", "connect"];
    is_wrong(&trusting(&rig, &Authority::new("others"), "localhost"), "certificate", &passed, "tls_ca");
    is_wrong(&trusting(&rig, &authority, "127.0.0.1"), "127.0.0.1", &passed, "name");
    let rig = tls_server(&authority.expired_server(&["localhost"]));
    is_wrong(&trusting(&rig, &authority, "localhost"), "expired", &passed, "certificate");
}

#[test]
fn a_redis_with_another_password() {
    let Some(redis) = RedisServer::start(&["--requirepass", "right"]) else { return };
    let found = output(&format!("redis://:right@{}", redis.address()));
    assert!(found.is_right, "{found:#?}");
    let passed = ["resolve", "connect"];
    is_wrong(&format!("redis://:wrong@{}", redis.address()), "WRONGPASS", &passed, "password");
    is_wrong(&format!("redis://{}", redis.address()), "NOAUTH", &passed, "password");
}

/// A peer that hangs up, as a load balancer does that has nobody behind it.
#[test]
fn a_peer_that_hangs_up() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let serving = thread::spawn(move || drop(server.accept().unwrap().0.read(&mut [0; 1])));
    is_wrong(&format!("tcp+tls://{address}"), "TLS", &["resolve", "connect"], "");
    serving.join().unwrap();
}

#[test]
fn a_port_in_use_is_told_and_no_fault_and_a_foreign_address_is_one() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = |address: &str| {
        let config = RelayConfig::new().listen(address).unwrap().send_to("stdout:").unwrap();
        findings(&config).remove(0)
    };
    let found = listen(&format!("lines+tcp://{}", taken.local_addr().unwrap()));
    assert!(found.is_right && found.text.contains("is in use"), "{found:?}");
    let found = listen("lines+tcp://192.0.2.1:5000");
    assert!(!found.is_right && found.advice.unwrap().contains("an address of this machine"));
}

#[test]
fn a_queue_that_cannot_be_written_and_one_that_another_process_has() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), b"").unwrap();
    let config = |queue: &str| {
        let text = format!(
            "queue = \"FOLDER/{queue}\"\ninputs.in.listen = \"lines+tcp://127.0.0.1:0\"\noutputs.out.endpoint = \"stdout:\""
        );
        parse(&text, folder.path())
    };
    let found = findings(&config("file")).remove(1);
    assert!(!found.is_right && found.text.contains("cannot be written"), "{found:?}");
    assert!(found.advice.unwrap().contains("a file is in its way"));
    let own = "inputs.in.listen = \"lines+tcp://127.0.0.1:0\"\noutputs.out.endpoint = \"stdout:\"\n\
               outputs.out.handler.queue = { type = \"sled\", path = \"FOLDER/file\" }";
    let found = findings(&parse(own, folder.path())).remove(1);
    assert!(!found.is_right && found.text.contains("cannot be written"), "{found:?}");
    let _queue = logstash_handler::SledQueue::open(folder.path().join("queue/out")).unwrap();
    let found = findings(&config("queue")).remove(1);
    let holder = format!("process {} uses a part", std::process::id());
    assert!(found.is_right && found.text.contains(&holder), "{found:?}");
}
