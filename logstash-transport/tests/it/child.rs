//! This test binary, started again as another process with a part to play.
//!
//! The child sends the batch of numbered events that its parent asks for, and reports on its standard
//! error, line by line.

use logstash_transport::{Batch, Transport, TransportError};
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Stdio};

const ROLE: &str = "LOGSTASH_TRANSPORT_TEST_ROLE";
const ARGUMENT: &str = "LOGSTASH_TRANSPORT_TEST_ARGUMENT";

/// Starts a child. Its standard input and output are pipes.
#[cfg(feature = "stdout")]
pub(crate) fn start(role: &str, argument: &str) -> (Child, Lines<BufReader<ChildStderr>>) {
    spawn(Command::new(std::env::current_exe().unwrap()), role, argument)
}

/// Starts a child whose files cannot grow above a size.
#[cfg(all(target_os = "linux", feature = "file"))]
pub(crate) fn start_limited(
    role: &str,
    argument: &str,
    bytes: u64,
) -> (Child, Lines<BufReader<ChildStderr>>) {
    let mut shell = Command::new("sh");
    // Without the trap the kernel would kill it at the limit, instead of refusing the write.
    shell.args(["-c", "trap '' XFSZ; limit=$1; shift; exec prlimit --fsize=\"$limit\": -- \"$@\"", "sh"]);
    shell.arg(bytes.to_string()).arg(std::env::current_exe().unwrap());
    spawn(shell, role, argument)
}

fn spawn(mut command: Command, role: &str, argument: &str) -> (Child, Lines<BufReader<ChildStderr>>) {
    let mut child = command
        .args(["child::plays_its_part", "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(ARGUMENT, argument)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let reports = BufReader::new(child.stderr.take().unwrap()).lines();
    (child, reports)
}

#[test]
fn plays_its_part() {
    let Ok(role) = std::env::var(ROLE) else {
        // Not a child: what it would play is proven by the tests that start it.
        assert!(std::env::var(ARGUMENT).is_err());
        return;
    };
    let argument = std::env::var(ARGUMENT).unwrap();
    match role.as_str() {
        #[cfg(feature = "file")]
        "file" => crate::file::child(&argument),
        #[cfg(feature = "stdout")]
        "stdout" => crate::stdout::child(&argument),
        other => panic!("unknown role {other}"),
    }
}

/// Sends, and tells how that went: the events that were acknowledged, and the error.
pub(crate) fn send_and_report(transport: &mut dyn Transport, batch: &mut Batch<'_>) {
    let result = transport.send(batch).map_err(|error: TransportError| format!("{:?}", error.kind()));
    eprintln!("{} {}", batch.acknowledged(), result.err().unwrap_or_else(|| "ok".to_owned()));
}
