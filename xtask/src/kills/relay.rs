//! A relay that is killed while clients send it windows of Beats.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use logstash_handler::BeatsTransport;
use logstash_transport::testing::{Receiver, Step};
use logstash_transport::{Batch, Transport};

use super::life::THREADS;
use super::verdict::{Life, Verdict};
use super::{PATIENCE, below};
use crate::failure::{Failure, Trying, fail};
use crate::relay::{Program, Relay};

/// How a relay is started and what its clients send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    /// Whether windows are acknowledged when they are delivered, and not when they are stored.
    delivered: bool,
    /// Whether windows come compressed.
    deflated: bool,
    /// Whether the output is there: all the time, or never while windows come. Where windows wait for it to be
    /// acknowledged, it goes away at a random moment instead.
    there: bool,
}

impl Mode {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..8).map(|bits| Self { delivered: bits & 4 > 0, deflated: bits & 2 > 0, there: bits & 1 == 0 })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let acknowledge = if self.delivered { "delivered" } else { "stored" };
        let form = if self.deflated { "deflated" } else { "plain" };
        write!(f, "relay-{acknowledge}-{form}-{}", if self.there { "there" } else { "away" })
    }
}

/// What came of all rounds of a mode.
#[derive(Debug)]
pub(super) struct Outcome(Verdict);

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, most) = (self.0.beyond, self.0.most_beyond);
        write!(f, "{}; {all} arrived that clients send again, at most {most} of a connection", self.0)
    }
}

pub(super) fn kill(
    program: &Program,
    mode: Mode,
    folder: &Path,
    rounds: u64,
    seed: u64,
) -> Result<Outcome, Failure> {
    let receiver = Receiver::start().trying("cannot start a receiver")?;
    let mut random = fastrand::Rng::with_seed(seed);
    let goes_away = mode.delivered && !mode.there;
    if mode.there || goes_away {
        // Acknowledgements that take a moment, so that kills find windows on the wire.
        receiver.script((0..rounds * 100).map(|_| Step::Delay(Duration::from_millis(2))));
    } else {
        receiver.go_away();
    }
    let config = config(mode.delivered, folder, receiver.address());
    let mut lives = Vec::new();
    for round in 0..rounds {
        if goes_away && round > 0 {
            receiver.come_back().trying("cannot start the receiver again")?;
        }
        // Some do not live to see a client.
        let early = random.u8(..8) == 0;
        let acknowledged = if early {
            let mut relay = program.launch(folder, &config)?;
            thread::sleep(below(&mut random, 80));
            relay.kill();
            [0; THREADS]
        } else {
            let mut relay = program.start(folder, &config, &["in"])?;
            send_and_kill(&mut relay, mode, round, || {
                if goes_away {
                    thread::sleep(below(&mut random, 50));
                    receiver.go_away();
                }
                thread::sleep(below(&mut random, 100));
            })?
        };
        if mode.there {
            // Its connections have ended, so that nothing more of it arrives.
            receiver.drop_connections();
        } else {
            receiver.go_away();
        }
        lives.push(Life { durable: acknowledged, received: receiver.received() });
    }
    if !mode.there {
        receiver.come_back().trying("cannot start the receiver again")?;
    }
    if mode.delivered {
        let acknowledged: u64 = lives.iter().flat_map(|life| life.durable).sum();
        let received = receiver.received();
        if acknowledged > received {
            fail!("{acknowledged} events were acknowledged to clients as delivered, {received} were");
        }
    }
    deliver_the_rest(program, folder, &config)?;
    let verdict = Verdict::of(&lives, &receiver.events(), (IN_FLIGHT * WINDOW) as u64)?;
    if verdict.most_beyond > (IN_FLIGHT * WINDOW) as u64 {
        let most = verdict.most_beyond;
        fail!("{most} events of one connection had arrived that were not acknowledged");
    }
    Ok(Outcome(verdict))
}

/// Starts a relay on what is left, and ends it when all of that is delivered.
pub(super) fn deliver_the_rest(program: &Program, folder: &Path, config: &str) -> Result<(), Failure> {
    let mut last = program.start(folder, config, &["in"])?;
    last.wait_until(6 * PATIENCE, |status| {
        let output = &status["outputs"][0];
        output["pending"] == 0 && output["acknowledged"] == output["recovered"]
    })?;
    last.end(PATIENCE)
}

pub(super) fn config(delivered: bool, folder: &Path, output: SocketAddr) -> String {
    let (folder, acknowledge) = (folder.display(), if delivered { "delivered" } else { "stored" });
    // With generations so small that kills hit changes of them.
    format!(
        r#"
        metrics = "127.0.0.1:0"
        [inputs.in]
        listen = "beats://127.0.0.1:0"
        acknowledge = "{acknowledge}"
        [outputs.out]
        endpoint = "beats://{output}?in_flight={IN_FLIGHT}"
        [outputs.out.handler]
        linger = "2 ms"
        retry = {{ base = "5 ms", max = "50 ms" }}
        report_losses = false
        [outputs.out.handler.queue]
        type = "sled"
        path = "{folder}/queue"
        generation_bytes = "100 KB"
        cache_bytes = "50 KB"
        min_free_bytes = 0
        "#
    )
}

/// Lets clients send until the relay is killed, which it is after a `moment` that begins with the first
/// acknowledgement. Tells how many events of each were acknowledged.
fn send_and_kill(
    relay: &mut Relay,
    mode: Mode,
    life: u64,
    moment: impl FnOnce(),
) -> Result<[u64; THREADS], Failure> {
    let address = relay.address("in")?.to_string();
    let level = if mode.deflated { 3 } else { 0 };
    let mut acknowledged = [0; THREADS];
    thread::scope(|scope| {
        let (progress, first) = channel();
        let mut clients = Vec::new();
        for number in 0..THREADS {
            let client = BeatsTransport::new(&address)
                .map_err(|error| Failure::because("no transport", error))?
                .max_in_flight(IN_FLIGHT)
                .compression_level(level)
                .max_window_events(WINDOW);
            let progress = progress.clone();
            clients.push(scope.spawn(move || send(client, life, number, &progress)));
        }
        drop(progress);
        let is_served = first.recv_timeout(PATIENCE);
        if is_served.is_ok() {
            moment();
        }
        relay.kill();
        for (count, client) in acknowledged.iter_mut().zip(clients) {
            *count = client.join().map_err(|_| Failure::Failed("a client panicked".to_owned()))?;
        }
        is_served.map_err(|_| Failure::Failed(format!("life {life}: nothing was acknowledged")))
    })?;
    Ok(acknowledged)
}

/// Sends until that fails; tells how many events were acknowledged.
fn send(mut client: BeatsTransport, life: u64, number: usize, progress: &Sender<()>) -> u64 {
    let started = Instant::now();
    let mut acknowledged = 0;
    loop {
        let events = (acknowledged..).take(3 * WINDOW).map(|event| format!("[{life},{number},{event}]"));
        let mut batch = Batch::from_events(events);
        let sent = client.send(&mut batch);
        acknowledged += batch.acknowledged();
        if batch.acknowledged() > 0 {
            // Nobody waits for the second one.
            let _ = progress.send(());
        }
        if sent.is_err() || started.elapsed() > PATIENCE {
            return acknowledged;
        }
    }
}

/// Events of a window, and windows on the wire, of clients and of the relay.
pub(super) const WINDOW: usize = 100;
pub(super) const IN_FLIGHT: usize = 2;
