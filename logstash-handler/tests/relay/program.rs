//! The program itself: signals, service manager, kills.

use crate::support::{LONG, lines};
use logstash_handler::BeatsTransport;
use logstash_transport::testing::Receiver;
use logstash_transport::{Batch, ConnectionOptions, Transport};
use rustix::io::ioctl_fionbio;
use std::collections::HashSet;
use std::fs;
use std::io::{self, BufRead, BufReader, PipeWriter, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver as Lines, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The program at work; killed when it is dropped.
struct Program {
    child: Child,
    stderr: Lines<String>,
}

impl Program {
    fn start(folder: &Path, config: &str) -> Self {
        Self::start_with(folder, config, &[])
    }

    fn start_with(folder: &Path, config: &str, environment: &[(&str, &str)]) -> Self {
        let mut child = Self::spawn(folder, config, environment, Stdio::piped());
        let (told, stderr) = channel();
        let reader = BufReader::new(child.stderr.take().unwrap());
        // Ends with the program.
        thread::spawn(move || reader.lines().map_while(Result::ok).try_for_each(|line| told.send(line)));
        Self { child, stderr }
    }

    /// With a standard error that is not looked at.
    fn start_unheard(folder: &Path, config: &str, stderr: impl Into<Stdio>) -> Self {
        Self { child: Self::spawn(folder, config, &[], stderr.into()), stderr: channel().1 }
    }

    fn spawn(folder: &Path, config: &str, environment: &[(&str, &str)], stderr: Stdio) -> Child {
        fs::write(folder.join("relay.toml"), config.replace("FOLDER", folder.to_str().unwrap())).unwrap();
        Command::new(env!("CARGO_BIN_EXE_logstash-relay"))
            .args(["run", "--config"])
            .arg(folder.join("relay.toml"))
            .envs(environment.iter().copied())
            .stderr(stderr)
            .stdin(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Waits for a line that contains a text; returns what stands behind the text.
    fn told(&self, text: &str) -> String {
        let deadline = Instant::now() + LONG;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.stderr.recv_timeout(left).unwrap_or_else(|_| panic!("{text:?} was not told"));
            if let Some((_, behind)) = line.split_once(text) {
                return behind.to_owned();
            }
        }
    }

    fn address(&self) -> SocketAddr {
        self.told("in listens on ").parse().unwrap()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the program does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const LINES: &str = r#"
    inputs.in.listen = "lines+tcp://127.0.0.1:0"
    outputs.out = { endpoint = "file:FOLDER/out", format = "raw" }
"#;

#[test]
fn sigterm_drains_and_reports() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), LINES);
    let mut stream = TcpStream::connect(program.address()).unwrap();
    stream.write_all(b"1\n2\n3\n").unwrap();
    lines(&folder.path().join("out"), 3);
    stream.write_all(b"4\n5").unwrap();
    program.signal("TERM");
    let report = program.told("output out: accepted ");
    assert!(report.starts_with("5 "), "{report}");
    assert_eq!(program.told("logstash-relay: complete"), "");
    assert_eq!(program.wait().code(), Some(0));
    assert_eq!(lines(&folder.path().join("out"), 0), ["1", "2", "3", "4", "5"]);
}

#[test]
fn a_standard_error_that_nobody_reads_holds_nothing_up() {
    let (reader, mut writer) = io::pipe().unwrap();
    fill(&mut writer);
    goes_on_with(writer);
    drop(reader);
}

#[test]
fn a_standard_error_whose_reader_has_ended_holds_nothing_up() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    goes_on_with(writer);
}

/// Leaves no room in a pipe, not for a byte.
fn fill(pipe: &mut PipeWriter) {
    ioctl_fionbio(&pipe, true).unwrap();
    for length in [4096, 1] {
        let chunk = vec![b'x'; length];
        let error = loop {
            if let Err(error) = pipe.write(&chunk) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
    ioctl_fionbio(&pipe, false).unwrap();
}

/// A relay with a problem to tell on this standard error delivers, and ends when it is told to.
fn goes_on_with(stderr: PipeWriter) {
    let folder = tempfile::tempdir().unwrap();
    let config = r#"
        shutdown_timeout = "10 ms"
        inputs.in = { listen = "syslog+unix:FOLDER/log" }
        outputs.out = { endpoint = "file:FOLDER/out", format = "raw" }
        outputs.away.endpoint = "beats://127.0.0.1:1"
    "#;
    let mut program = Program::start_unheard(folder.path(), config, stderr);
    let socket = UnixDatagram::unbound().unwrap();
    let deadline = Instant::now() + LONG;
    while socket.send_to(b"<13>first", folder.path().join("log")).is_err() {
        assert!(Instant::now() < deadline, "it does not listen");
        thread::sleep(Duration::from_millis(5));
    }
    lines(&folder.path().join("out"), 1);
    socket.send_to(b"<13>second", folder.path().join("log")).unwrap();
    lines(&folder.path().join("out"), 2);
    program.signal("TERM");
    assert_eq!(program.wait().code(), Some(3), "what the one that is away did not take is lost");
}

#[cfg(target_os = "linux")]
#[test]
fn a_restart_takes_the_same_port_at_once() {
    let folder = tempfile::tempdir().unwrap();
    // An address that nobody else has, so that the port is only ours.
    let mut program = Program::start(folder.path(), &LINES.replace("127.0.0.1", "127.51.4.77"));
    let address = program.address();
    let mut peers: Vec<TcpStream> = (0..10).map(|_| TcpStream::connect(address).unwrap()).collect();
    peers.iter_mut().for_each(|peer| peer.write_all(b"line\n").unwrap());
    lines(&folder.path().join("out"), 10);
    // It closes first, so that what is left of the connections is on its side.
    program.signal("TERM");
    assert!(program.wait().success());
    drop(peers);
    let program = Program::start(folder.path(), &LINES.replace("127.0.0.1:0", &address.to_string()));
    assert_eq!(program.address(), address);
}

#[test]
fn sighup_reads_the_file_again_and_a_bad_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), LINES);
    let mut stream = TcpStream::connect(program.address()).unwrap();
    fs::write(folder.path().join("relay.toml"), "inputs.in.listn = 1").unwrap();
    program.signal("HUP");
    assert!(program.told("reload: ").contains("unknown field `listn`"));
    let two = format!("{LINES}\noutputs.two = {{ endpoint = \"file:FOLDER/two\", format = \"raw\" }}");
    let two = two.replace("FOLDER", folder.path().to_str().unwrap());
    fs::write(folder.path().join("relay.toml"), two).unwrap();
    program.signal("HUP");
    // The same connection, before and after.
    let deadline = Instant::now() + LONG;
    while !folder.path().join("two").exists() {
        assert!(Instant::now() < deadline);
        stream.write_all(b"line\n").unwrap();
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(lines(&folder.path().join("two"), 1)[0], "line");
}

#[test]
fn the_service_manager_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    let told = || {
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "300000")];
    let mut program = Program::start_with(folder.path(), LINES, &environment);
    assert_eq!(told().trim_end(), "READY=1\nSTATUS=1 inputs, 1 outputs");
    assert!(told().starts_with("WATCHDOG=1"));
    let next = || {
        let all = std::iter::repeat_with(told);
        all.into_iter().find(|news| !news.starts_with("WATCHDOG=1")).unwrap()
    };
    program.signal("HUP");
    let reloading = next();
    assert!(reloading.contains("RELOADING=1") && reloading.contains("MONOTONIC_USEC="), "{reloading}");
    assert!(next().starts_with("READY=1\nSTATUS=1 inputs"));
    fs::write(folder.path().join("relay.toml"), "inputs.in.listn = 1").unwrap();
    program.signal("HUP");
    assert!(next().contains("RELOADING=1"));
    let ready = next();
    assert!(
        ready.starts_with("READY=1\nSTATUS=the last reload failed: ") && ready.contains("`listn`"),
        "{ready}"
    );
    program.signal("TERM");
    let stopping = next();
    assert!(stopping.starts_with("STOPPING=1\nSTATUS="), "{stopping}");
    assert!(program.wait().success());
}

#[test]
fn a_configuration_that_cannot_be_used_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), "inputs.in.listn = \"lines+tcp://127.0.0.1:0\"");
    let text = program.told("logstash-relay: ");
    assert!(text.contains("relay.toml: line 1: inputs.in: unknown field `listn`"), "{text}");
    assert_eq!(program.wait().code(), Some(1));
}

#[test]
fn the_state_of_a_relay_that_runs_is_shown_and_the_exit_code_tells_whether_it_is_well() {
    let folder = tempfile::tempdir().unwrap();
    let status = |arguments: &[&str]| {
        let mut run = Command::new(env!("CARGO_BIN_EXE_logstash-relay"));
        let output = run.arg("status").args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let program = Program::start(folder.path(), &format!("metrics = \"127.0.0.1:0\"\n{LINES}"));
    TcpStream::connect(program.address()).unwrap().write_all(b"1\n2\n").unwrap();
    lines(&folder.path().join("out"), 2);
    let url = program.told("figures and state are on ");
    let (code, json) = status(&["--json", &url]);
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &found["inputs"][0]["figures"]["received"]), (Some(0), &2.into()));
    let (code, text) = status(&[&url]);
    assert!(code == Some(0) && text.contains("all is well"), "{text}");
    drop(program);

    let name = "a name that is much longer than the head of its column";
    let config = format!(
        "metrics = \"127.0.0.1:0\"\ninputs.in.listen = \"lines+tcp://127.0.0.1:0\"\n\
         outputs.\"{name}\".endpoint = \"beats://127.0.0.1:1\""
    );
    let program = Program::start(folder.path(), &config);
    TcpStream::connect(program.address()).unwrap().write_all(b"1\n2\n").unwrap();
    let url = program.told("figures and state are on ");
    let deadline = Instant::now() + LONG;
    let text = loop {
        let (code, text) = status(&[&url]);
        if code == Some(3) {
            break text;
        }
        assert!(Instant::now() < deadline, "{text}");
    };
    assert_eq!(status(&["--alive", &url]), (Some(0), String::new()), "that is nothing a restart would mend");
    assert!(text.contains(&format!("! output {name}: away: ")) && !text.contains('\u{1b}'), "{text}");
    let column = |line: &str, word: &str| line.find(word).map(|at| line[..at].chars().count());
    let head = text.lines().find(|line| line.starts_with("output ")).unwrap();
    let row = text.lines().find(|line| line.starts_with(name)).unwrap();
    assert_eq!(column(head, "state"), column(row, "away"), "{text}");

    for arguments in [&["http://127.0.0.1:1"][..], &["--alive", "http://127.0.0.1:1"]] {
        assert_eq!(status(arguments), (Some(1), String::new()));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn peers_that_end_within_a_record_take_no_time() {
    const PEERS: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &LINES.replace("lines+tcp", "python+tcp"));
    let address = program.address();
    let connect = || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"\0\0\x10\0half a record").unwrap();
        stream
    };
    let _waiting: Vec<TcpStream> = (0..PEERS).map(|_| connect()).collect();
    (0..PEERS).for_each(|_| drop(connect()));
    lines(&folder.path().join("out"), PEERS);
    // In hundredths of a second.
    let time = || -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", program.child.id())).unwrap();
        let numbers = stat.rsplit_once(')').unwrap().1.split_whitespace();
        numbers.skip(11).take(2).map(|number| number.parse::<u64>().unwrap()).sum()
    };
    // Over a second in which it has nothing to say either.
    let spent = loop {
        let before = time();
        match program.stderr.recv_timeout(Duration::from_secs(1)) {
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => break time() - before,
            Err(RecvTimeoutError::Disconnected) => panic!("the program has ended"),
        }
    };
    assert!(spent < 50, "{spent} hundredths of a second of processor time within a second");
}

#[test]
fn check_tells_what_is_wrong_and_what_to_do_and_fails() {
    let check = |arguments: &[&str]| {
        let mut run = Command::new(env!("CARGO_BIN_EXE_logstash-relay"));
        run.arg("check").args(arguments).output().unwrap()
    };
    let input = ["--input", "lines+tcp://127.0.0.1:0", "--output"];
    let run = check(&[&input[..], &["stdout:"]].concat());
    assert!(run.status.success(), "{run:?}");

    let run = check(&[&input[..], &["beats://127.0.0.1:1"]].concat());
    let text = String::from_utf8_lossy(&run.stdout);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "right  input lines+tcp://127.0.0.1:0: lines+tcp://127.0.0.1:0 is free");
    let fault = "WRONG  output beats://127.0.0.1:1: cannot connect to beats://127.0.0.1:1: ";
    assert!(lines[1].starts_with(fault) && lines[1].contains("refused"), "{text}");
    assert!(lines[2].starts_with("       resolve") && lines[2].ends_with("ms  127.0.0.1:1"), "{text}");
    assert_eq!(lines[3], "       to do: see whether the peer runs and listens on this address and port");
    assert_eq!((run.status.code(), lines.len()), (Some(1), 4), "{text}");

    let run = check(&[&input[..], &["beats://127.0.0.1:1", "--json"]].concat());
    let found: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((&found[0]["right"], &found[1]["right"]), (&true.into(), &false.into()), "{found}");
    assert_eq!(found[1]["steps"][0]["name"], "resolve", "{found}");
    assert_eq!(run.status.code(), Some(1));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("relay.toml");
    let wrong = |input: &str, cause: &str| {
        fs::write(&file, format!("[inputs.in]\n{input}\n[outputs.out]\nendpoint = \"stdout:\"")).unwrap();
        let run = check(&["--config", file.to_str().unwrap()]);
        let told = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(run.status.code() == Some(1) && told.contains(cause), "{told}");
    };
    wrong("listn = \"beats://127.0.0.1:0\"", "did you mean `listen`?");
    let listen = "listen = \"beats+tls://127.0.0.1:0\"";
    wrong(&format!("{listen}\ntls_cert = \"cert.pem\""), "tls_key");
    wrong(&format!("{listen}\ntls_key = \"key.pem\""), "tls_cert");
}

#[test]
fn what_was_acknowledged_survives_kills() {
    let receiver = Receiver::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        r#"
        queue = "FOLDER/queue"
        [inputs.in]
        listen = "beats://127.0.0.1:0"
        [outputs.out]
        endpoint = "beats://{}"
        handler.retry = {{ base = "10 ms", max = "100 ms" }}
        "#,
        receiver.address()
    );
    let mut acknowledged = 0;
    for _ in 0..KILLS {
        let mut program = Program::start(folder.path(), &config);
        let options = ConnectionOptions::default();
        let mut client = BeatsTransport::new(&program.address().to_string()).unwrap().connection(options);
        let (kill, is_due) = channel();
        let sender = thread::spawn(move || {
            let mut sent = 0;
            loop {
                let events = (0..100).map(|number| format!("{{\"n\":{}}}", acknowledged + sent + number));
                let mut batch = Batch::from_events(events);
                let is_over = client.send(&mut batch).is_err();
                sent += batch.acknowledged();
                // The first acknowledgement makes the kill possible.
                let _ = kill.send(());
                if is_over {
                    return sent;
                }
            }
        });
        is_due.recv_timeout(LONG).unwrap();
        thread::sleep(Duration::from_millis(fastrand::u64(0..50)));
        program.child.kill().unwrap();
        program.wait();
        acknowledged += sender.join().unwrap();
    }
    // What is left is delivered by the next one.
    let _program = Program::start(folder.path(), &config);
    let deadline = Instant::now() + LONG;
    let found = loop {
        let found: HashSet<bytes::Bytes> = receiver.events().into_iter().collect();
        if found.len() as u64 >= acknowledged {
            break found;
        }
        assert!(Instant::now() < deadline, "{} of {acknowledged}", found.len());
        thread::sleep(Duration::from_millis(20));
    };
    let missing = (0..acknowledged).find(|number| !found.contains(format!("{{\"n\":{number}}}").as_bytes()));
    assert_eq!(missing, None);
}

/// How often the program is killed.
const KILLS: usize = 10;
