//! Lines and syslog in: what pysyslog did, and what relays of syslog do for Logstash.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::events::parsed;
use super::super::events::{read_lines, same};
use super::example::Example;
use super::{Links, PATIENCE, end, free_addresses};
use crate::failure::{Failure, Trying, fail};
use crate::process;
use crate::relay::Relay;

/// rsyslog and others send lines over TLS, and each peer has a file.
pub(super) fn to_files(links: &Links) -> Result<String, Failure> {
    let folder = links.folder("pysyslog")?;
    links.go.make_certificates(&folder)?;
    let [lines, metrics] = free_addresses()?;
    let relay = Example::read(links, "pysyslog.toml")?
        .put("0.0.0.0:6514", SocketAddr::from(([0, 0, 0, 0], lines.port())))?
        .put("127.0.0.1:9600", metrics)?
        .put("/etc/logstash-relay", folder.display())?
        .put("/var/log/remote", folder.display())?
        .put("192.0.2.1", "127.0.0.1")?
        .put("192.0.2.64/26", "127.0.0.64/26")?
        .start(links, &folder, &[])?;

    // What rsyslog writes to the one file it is to send, in the same format.
    let own = folder.join("own.log");
    let socket = folder.join("log");
    let rsyslog = links.rsyslog.start(
        &folder,
        &format!(
            r#"
            module(load="imuxsock" sysSock.use="off")
            input(type="imuxsock" socket="{socket}")
            action(type="omfile" file="{own}" template="RSYSLOG_SyslogProtocol23Format")
            action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp"
                template="RSYSLOG_SyslogProtocol23Format" streamDriver="ossl" streamDriverMode="1"
                streamDriverAuthMode="x509/name" streamDriverPermittedPeers="localhost"
                streamDriver.CAFile="{ca}")
            "#,
            socket = socket.display(),
            own = own.display(),
            port = lines.port(),
            ca = folder.join("ca.pem").display(),
        ),
    )?;
    wait_until(|| Ok(socket.exists()), "rsyslog makes its socket")?;
    let texts = write_texts(&folder.join("texts"), "rsyslog", 1000)?;
    let mut logger = Command::new("logger");
    logger.arg("--socket").arg(&socket).args(["--tag", "shop", "--file"]).arg(folder.join("texts"));
    process::output(&mut logger, PATIENCE)?;

    let odd = b"one\r\ntwo, na\xefve\nthe last has no end";
    let whole: Vec<&[u8]> = vec![b"one", b"two, na\xefve", b"the last has no end"];
    let mut peers = Vec::new();
    for (peer, file) in
        [("127.0.0.65", "printers.log"), ("127.0.0.66", "printers.log"), ("127.0.0.2", "all.log")]
    {
        let input = folder.join("odd");
        fs::write(&input, odd).trying(format_args!("cannot write {}", input.display()))?;
        let of_others = peers.iter().filter(|known| **known == file).count();
        over_tls(&folder, lines, Some(peer), &input)?;
        peers.push(file);
        let expected = (of_others + 1) * whole.len();
        let found = wait_for_lines(&folder.join(file), expected)?;
        same(&whole, &found[of_others * whole.len()..])?;
    }
    let routed = wait_for_lines(&folder.join("router.log"), texts.len())?;
    same(&read_lines(&own)?, &routed)?;
    for (text, line) in texts.iter().zip(&routed) {
        if !String::from_utf8_lossy(line).ends_with(&format!(" {text}")) {
            fail!("`{text}` is not in its place, but {}", String::from_utf8_lossy(line));
        }
    }
    drop(rsyslog);
    end(relay)?;
    Ok(format!("{} lines of rsyslog over TLS and those of 3 peers more, each in its file", texts.len()))
}

/// Syslog comes in three ways; the first of two Logstashes is killed.
pub(super) fn to_beats(links: &Links) -> Result<String, Failure> {
    let folder = links.folder("syslog-to-beats")?;
    links.go.make_certificates(&folder)?;
    let [plain, tls, metrics, first, second] = free_addresses()?;
    let (one, other) = (folder.join("first.log"), folder.join("second.log"));
    let mut logstash = receiver(links, &folder, first, &one)?;
    let mut other_logstash = receiver(links, &folder, second, &other)?;
    let relay = Example::read(links, "syslog-to-beats.toml")?
        .put("0.0.0.0:514", plain)?
        .put("0.0.0.0:6514", tls)?
        .put("127.0.0.1:9600", metrics)?
        .put("/var/lib/logstash-relay", folder.join("queue").display())?
        .put("/etc/logstash-relay", folder.display())?
        .put("logstash-1.example", first)?
        .put("logstash-2.example", second)?
        .start(links, &folder, &[])?;

    let mut sent = send_all_ways(&folder, plain, tls, "before")?;
    wait_until(|| Ok(lines_of(&one)?.len() > sent.len() / 2), "the first Logstash has a part of it")?;
    logstash.kill();
    sent.extend(send_all_ways(&folder, plain, tls, "after")?);
    let arrived = || -> Result<Vec<Value>, Failure> {
        // The first one was killed: its last line may be half a line.
        parsed(&[lines_of(&one)?, lines_of(&other)?].concat())
    };
    let name = |document: &Value| (document["input"].to_string(), document["message"].to_string());
    wait_until(
        || Ok(arrived()?.iter().map(name).collect::<BTreeSet<_>>().len() >= sent.len()),
        "the second Logstash has the rest",
    )?;
    end(relay)?;
    other_logstash.end(PATIENCE)?;

    let arrived = arrived()?;
    let found: BTreeSet<_> = arrived.iter().map(name).collect();
    if found != sent {
        fail!("what arrived differs: {:?}", found.symmetric_difference(&sent).next());
    }
    if let Some(other) =
        arrived.iter().find(|document| document["appname"] != "shop" || document["host"] != "127.0.0.1")
    {
        fail!("program and peer are not told in {other}");
    }
    let twice = arrived.len() - sent.len();
    Ok(format!("{} messages over UDP, TCP and TLS at two Logstashes, {twice} of them twice", sent.len()))
}

/// What takes the place of a Logstash with a beats input, and acknowledges what it has written to a file.
fn receiver(links: &Links, folder: &Path, address: SocketAddr, file: &Path) -> Result<Relay, Failure> {
    let config = format!(
        "inputs.beats = {{ listen = \"beats+tls://{address}\", tls_cert = {cert:?}, tls_key = {key:?}, \
         acknowledge = \"delivered\" }}\n\
         outputs.file.endpoint = \"file:{file}\"\n",
        cert = folder.join("server.pem"),
        key = folder.join("server.key"),
        file = file.display(),
    );
    links.program.start(&file.with_extension("relay"), &config, &["beats"])
}

/// Sends messages over UDP, TCP and TLS, and returns input and message of each, as JSON.
fn send_all_ways(
    folder: &Path,
    plain: SocketAddr,
    tls: SocketAddr,
    when: &str,
) -> Result<BTreeSet<(String, String)>, Failure> {
    let mut sent = BTreeSet::new();
    // As many datagrams as the buffer of a socket holds by default.
    for (input, count) in [("udp", 50), ("tcp", 1000), ("tls", 1000)] {
        let file = folder.join(format!("{when}-{input}"));
        let mut texts = write_texts(&file, when, count)?;
        if input == "tls" {
            let message =
                |text: &String| format!("<14>1 2026-01-02T03:04:05.678Z web-1 shop 42 - - {text}\n");
            let stream: String = texts.iter().map(message).collect();
            fs::write(&file, stream).trying(format_args!("cannot write {}", file.display()))?;
            over_tls(folder, tls, None, &file)?;
        } else {
            let mut logger = Command::new("logger");
            logger.args(["--server", &plain.ip().to_string(), "--port", &plain.port().to_string()]);
            logger.args([&format!("--{input}"), "--tag", "shop", "--file"]).arg(&file);
            process::output(&mut logger, PATIENCE)?;
        }
        let named =
            texts.drain(..).map(|text| (Value::from(input).to_string(), Value::from(text).to_string()));
        sent.extend(named);
    }
    Ok(sent)
}

/// Writes so many texts to a file, one on each line.
fn write_texts(file: &Path, what: &str, count: usize) -> Result<Vec<String>, Failure> {
    let texts: Vec<String> = (0..count)
        .map(|number| format!("{what}: order {number} \"für 12,50 €\" [was] placed <{number}>"))
        .collect();
    fs::write(file, texts.join("\n") + "\n").trying(format_args!("cannot write {}", file.display()))?;
    Ok(texts)
}

/// Sends a file over TLS, from an address of this machine.
fn over_tls(folder: &Path, address: SocketAddr, from: Option<&str>, file: &Path) -> Result<(), Failure> {
    let script =
        r#"input=$1; shift; exec openssl s_client -quiet -no_ign_eof -verify_return_error "$@" <"$input""#;
    let mut client = Command::new("sh");
    client.args(["-c", script, "sh"]).arg(file);
    client
        .args(["-connect", &address.to_string(), "-verify_ip", "127.0.0.1", "-CAfile"])
        .arg(folder.join("ca.pem"));
    if let Some(from) = from {
        client.args(["-bind", &format!("{from}:0")]);
    }
    process::output(&mut client, PATIENCE).map(drop)
}

/// The lines of a file that may not be there yet.
fn lines_of(file: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    if file.exists() { read_lines(file) } else { Ok(Vec::new()) }
}

/// Waits for so many lines in a file, and returns them.
fn wait_for_lines(file: &Path, count: usize) -> Result<Vec<Vec<u8>>, Failure> {
    wait_until(|| Ok(lines_of(file)?.len() >= count), &format!("{count} lines are in {}", file.display()))?;
    lines_of(file)
}

fn wait_until(mut condition: impl FnMut() -> Result<bool, Failure>, what: &str) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    while !condition()? {
        if Instant::now() > deadline {
            fail!("not within {} s: {what}", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
