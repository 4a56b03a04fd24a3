//! `cargo xtask flood`: a relay that idles, and one with a thousand connections, some of them bad.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::failure::{Failure, Trying, fail};
use crate::peers::Openssl;
use crate::relay::{Program, Relay};
use crate::task::{Flag, Task};
use crate::workspace::Workspace;

mod clients;
mod usage;

use clients::Clients;
use usage::Usage;

pub(crate) const TASK: Task = Task {
    name: "flood",
    summary: "Shows what a relay takes while it idles and with a thousand connections",
    operands: "",
    flags: &[
        Flag { name: "--connections", value: "N", help: "that send, silent and slow ones not counted; 800 if not given" },
        Flag { name: "--bad", value: "N", help: "silent ones, and as many slow ones; 100 if not given" },
        Flag { name: "--events", value: "N", help: "of each connection, 500 if not given" },
        Flag { name: "--idle", value: "SECONDS", help: "how long it is watched while it idles, 10 if not given" },
    ],
    help: "\
Builds logstash-relay in release mode and starts it with an input for lines, one for Beats and one for Beats over TLS,
and a file as its output. First it is left alone; then connections are made, half of which send lines and the rest
windows of Beats, every second one over TLS; then they all send, once alone and once among silent connections, which
never begin with the handshake of TLS, and slow ones, which send a byte each second.

Shown are its memory, open files and threads at each step, how often it woke up while it was idle, and how long it took
until all events were in the file. It fails where an event is missing, where a connection was refused or failed, or
where the relay took more than 128 KiB for each connection and 128 MiB for the output, whose queue is in memory. It
needs the program openssl, for a certificate.",
    run,
};

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let good: usize = arguments.number("--connections", 800)?;
    let bad: usize = arguments.number("--bad", 100)?;
    let events: u64 = arguments.number("--events", 500)?;
    let idle = Duration::from_secs(arguments.number("--idle", 10)?);
    let workspace = Workspace::load()?;
    let scratch = workspace.scratch("flood")?;
    Openssl::make_certificate(scratch.path())?;
    let program = Program::release(&workspace)?;

    let relay = start(&program, &scratch.path().join("idle"), scratch.path(), "")?;
    let before = Usage::of(relay.id())?;
    thread::sleep(idle);
    let after = Usage::of(relay.id())?;
    println!("idle            {after}");
    let wakes = |before: &Usage, after: &Usage| (after.wakes - before.wakes) as f64 / idle.as_secs_f64();
    println!("                {:.2} wake-ups per second", wakes(&before, &after));
    drop(relay);
    let relay = start(&program, &scratch.path().join("shown"), scratch.path(), "metrics = \"127.0.0.1:0\"")?;
    let before = Usage::of(relay.id())?;
    thread::sleep(idle);
    println!("                {:.2} with figures shown", wakes(&before, &Usage::of(relay.id())?));
    drop(relay);

    for bad in [0, bad] {
        let folder = scratch.path().join(format!("bad-{bad}"));
        let relay = start(&program, &folder, scratch.path(), "metrics = \"127.0.0.1:0\"")?;
        flood(&relay, scratch.path(), good, bad, events)?;
        drop(relay);
    }
    Ok(())
}

fn start(program: &Program, folder: &Path, certificates: &Path, options: &str) -> Result<Relay, Failure> {
    let (folder, certificates) = (folder, certificates.display());
    let config = format!(
        r#"
        {options}
        [inputs.lines]
        listen = "lines+tcp://127.0.0.1:0"
        max_connections = 5000
        max_connections_per_peer = 5000
        [inputs.beats]
        listen = "beats://127.0.0.1:0"
        max_connections = 5000
        max_connections_per_peer = 5000
        [inputs.tls]
        listen = "beats+tls://127.0.0.1:0?tls_cert={certificates}/server.pem&tls_key={certificates}/server.key"
        max_connections = 5000
        max_connections_per_peer = 5000
        handshake_timeout = "5 m"
        [outputs.out]
        endpoint = "file:{}/out"
        format = "raw"
        "#,
        folder.display()
    );
    program.start(folder, &config, &["lines", "beats", "tls"])
}

fn flood(relay: &Relay, certificates: &Path, good: usize, bad: usize, events: u64) -> Result<(), Failure> {
    let before = Usage::of(relay.id())?;
    let connect = |input: &str| {
        let address = relay.address(input)?;
        TcpStream::connect(address).trying(format_args!("cannot connect to {address}"))
    };
    let silent: Vec<TcpStream> = (0..bad).map(|_| connect("tls")).collect::<Result<_, _>>()?;
    let slow: Vec<TcpStream> = (0..bad).map(|_| connect("lines")).collect::<Result<_, _>>()?;
    let clients = Clients::connect(relay, certificates, good)?;
    relay.wait_until(PATIENCE, |status| status["outputs"][0]["acknowledged"] == good)?;
    let open = Usage::of(relay.id())?;
    let connections = good + 2 * bad;
    let each = open.resident.saturating_sub(before.resident) / connections as u64;
    println!("{connections:>5} open      {open}, {:.1} KiB for each", each as f64 / 1024.0);

    let is_over = AtomicBool::new(false);
    let started = Instant::now();
    let took = thread::scope(|scope| {
        let trickle = scope.spawn(|| trickle(&slow, &is_over));
        clients.send(events);
        let wanted = good as u64 * (events + 1);
        let done = relay.wait_until(6 * PATIENCE, |status| status["outputs"][0]["acknowledged"] == wanted);
        let took = started.elapsed();
        is_over.store(true, Ordering::Relaxed);
        let trickled = trickle.join().map_err(|_| Failure::Failed("a slow client panicked".to_owned()))?;
        done?;
        trickled.trying("a slow client is not heard").map(|()| took)
    })?;
    // The slow ones end what they have begun.
    let all = good as u64 * (events + 1) + bad as u64;
    let status = relay.wait_until(PATIENCE, |status| status["outputs"][0]["acknowledged"] == all)?;
    let after = Usage::of(relay.id())?;
    let rate = (good as u64 * events) as f64 / took.as_secs_f64();
    println!("{connections:>5} busy      {after}");
    println!(
        "                {} events in {:.2} s, {rate:.0} events/s, among {bad} silent and {bad} slow ones",
        good as u64 * events,
        took.as_secs_f64()
    );
    for input in status["inputs"].as_array().into_iter().flatten() {
        let figure = |name: &str| input["figures"][name].as_u64().unwrap_or_default();
        let lost = figure("refused_connections") + figure("failed_connections") + figure("failed_handshakes");
        if lost > 0 {
            fail!("connections were refused or failed: {input}");
        }
    }
    drop((silent, slow, clients));
    relay.wait_until(PATIENCE, |status| {
        let inputs = status["inputs"].as_array();
        inputs.is_some_and(|inputs| inputs.iter().all(|input| input["figures"]["open_connections"] == 0))
    })?;
    println!("      closed    {}", Usage::of(relay.id())?);
    let bound = BOUND + connections as u64 * BOUND_EACH;
    if after.peak > bound {
        fail!("it took {} bytes with {connections} connections, and should take {bound} at most", after.peak);
    }
    Ok(())
}

/// Sends a byte each second over each of them, and at last the end of the line.
fn trickle(streams: &[TcpStream], is_over: &AtomicBool) -> std::io::Result<()> {
    let mut next = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        if Instant::now() >= next {
            next += Duration::from_secs(1);
            streams.iter().try_for_each(|mut stream| stream.write_all(b"x"))?;
        }
        thread::sleep(Duration::from_millis(5));
    }
    streams.iter().try_for_each(|mut stream| stream.write_all(b"\n"))
}

const PATIENCE: Duration = Duration::from_secs(60);

/// What a relay may take, and on top of that for each connection.
const BOUND: u64 = 128 << 20;
const BOUND_EACH: u64 = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_what_it_takes() {
        if !cfg!(target_os = "linux") {
            return;
        }
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.resident > 0 && usage.peak >= usage.resident && usage.files >= 3, "{usage}");
    }
}
