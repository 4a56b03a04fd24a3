//! `cargo xtask kills`: what is left of the events of a process that is killed.

use std::env;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use logstash_handler::Durability;
use logstash_transport::testing::{Receiver, Step};

use crate::arguments::{Arguments, one_of};
use crate::failure::{Failure, Trying, fail};
use crate::peers::GoLumber;
use crate::process::Running;
use crate::relay::Program;
use crate::steps::Steps;
use crate::task::{Flag, Task};
use crate::workspace::Workspace;

mod go_lumber;
mod life;
mod relay;
mod verdict;

use verdict::{Life, Verdict};

pub(crate) const TASK: Task = Task {
    name: "kills",
    summary: "Kills processes that log or relay, deliver and store, and looks what is left",
    operands: "[MODE]...",
    flags: &[
        Flag { name: "--rounds", value: "N", help: "kills for each mode, 20 if not given" },
        Flag { name: "--seed", value: "N", help: "of the moments of the kills" },
        Flag { name: "--role", value: "NAME", help: "what the task calls itself with: logger or drainer" },
        Flag { name: "--folder", value: "PATH", help: "where a role has the queue" },
        Flag { name: "--peer", value: "ADDRESS", help: "where a role delivers to" },
        Flag { name: "--life", value: "N", help: "how many were killed before this one" },
    ],
    help: "\
There are two groups of modes, `handler` and `relay`; a group or a mode may be named, otherwise all are run. Four of the
relay's need Go 1.19.

Modes of the handler are the three durabilities of the queue on disk (flush, interval, os), each as `always` (events
are stored before they are sent) and as `on-backlog` (they go from memory to the peer while that keeps up), each with
the peer `there` and `away`; as `flush-always-there`. In each round a process logs from three threads, some of its
events by emit_durable, and is killed with SIGKILL at a random moment: also while it opens the queue that its
predecessor has left. After the rounds of a mode one process delivers what is left. Then

  - every event that was reported as durable has arrived,
  - the events of each thread have arrived in order and without a hole,
  - what came twice was on the wire when its process was killed: it is among the last events that arrived before,
    and not more than the windows in flight,
  - the books were balanced at each look, and those of the last process say that everything recovered was delivered.

Modes of the relay are what it acknowledges (events that are `stored`, or those that are `delivered`), windows that
come `plain` or `deflated`, and its output `there` or `away`; as `relay-stored-plain-there`. In each round three clients
send windows over a connection each, and the relay is killed at a random moment after the first acknowledgement, now and
then while it starts. After the rounds one relay delivers what is left. Then every event that was acknowledged to its
client has arrived, the rest is as above, and what a client has to send again although it had arrived is not more than
its windows in flight.

In four more modes a client of go-lumber sends to the relay in all rounds: one that waits for each window, or one with
three windows in flight, as `relay-go-lumber-async-stored`. It is killed after the last round. Then every event that it
has counted as acknowledged has arrived, in order and without a hole, also before the last relay is started where windows
are acknowledged when they are delivered; and what came twice is not more than the windows in flight at each kill.

A kill loses nothing that the kernel has, so that the durabilities differ in what they cost only; `cargo xtask powercut`
shows what they differ in otherwise.",
    run,
};

/// What a process is started with.
#[derive(Clone, Copy, Debug)]
struct Mode {
    durability: (&'static str, Durability),
    on_backlog: bool,
    /// Whether the peer is there while processes log.
    delivers: bool,
}

impl Mode {
    fn all() -> impl Iterator<Item = Self> {
        let durabilities = [
            ("flush", Durability::Flush),
            ("interval", Durability::Interval(Duration::from_millis(50))),
            ("os", Durability::Os),
        ];
        durabilities.into_iter().flat_map(|durability| {
            [(false, true), (false, false), (true, true), (true, false)].map(|(on_backlog, delivers)| Self {
                durability,
                on_backlog,
                delivers,
            })
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let persistence = if self.on_backlog { "on-backlog" } else { "always" };
        let peer = if self.delivers { "there" } else { "away" };
        write!(f, "{}-{persistence}-{peer}", self.durability.0)
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let groups = ["handler", "relay"].map(str::to_owned);
    let of_handler = Mode::all().map(|mode| mode.to_string());
    let of_relay = relay::Mode::all().map(|mode| mode.to_string());
    let of_go_lumber = go_lumber::Mode::all().map(|mode| mode.to_string());
    let names: Vec<String> =
        groups.into_iter().chain(of_handler).chain(of_relay).chain(of_go_lumber).collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut wanted = Vec::new();
    for name in arguments.operands() {
        wanted.push(one_of("mode", name, &known)?);
    }
    let is_wanted = |group: &str, name: String| {
        wanted.is_empty() || wanted.contains(&group) || wanted.contains(&name.as_str())
    };
    let modes: Vec<Mode> = Mode::all().filter(|mode| is_wanted("handler", mode.to_string())).collect();
    let relays: Vec<_> = relay::Mode::all().filter(|mode| is_wanted("relay", mode.to_string())).collect();
    let go_lumber: Vec<_> =
        go_lumber::Mode::all().filter(|mode| is_wanted("relay", mode.to_string())).collect();
    match (arguments.value("--role"), modes.as_slice()) {
        (None, modes) => supervise(arguments, modes, &relays, &go_lumber),
        (Some("logger"), [mode]) => life::log(arguments, *mode),
        (Some("drainer"), [mode]) => life::drain(arguments, *mode),
        (Some(role), _) => Err(Failure::Usage(format!("kills: there is no role `{role}` without a mode"))),
    }
}

fn supervise(
    arguments: &Arguments,
    modes: &[Mode],
    relays: &[relay::Mode],
    go_lumber: &[go_lumber::Mode],
) -> Result<(), Failure> {
    let rounds = arguments.number("--rounds", 20)?;
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let seed = arguments.number("--seed", u64::from(now.subsec_nanos()))?;
    let workspace = Workspace::load()?;
    let scratch = workspace.scratch("kills")?;
    let count = modes.len() + relays.len() + go_lumber.len();
    eprintln!("{count} modes, {rounds} kills for each, --seed {seed}");
    let mut steps = Steps::default();
    for mode in modes {
        let name = mode.to_string();
        steps.run(&name, || {
            let verdict = kill(*mode, &scratch.path().join(&name), rounds, seed)?;
            Ok(verdict.to_string())
        });
    }
    if relays.len() + go_lumber.len() > 0 {
        let program = Program::debug(&workspace)?;
        for mode in relays {
            let name = mode.to_string();
            steps.run(&name, || {
                let outcome = relay::kill(&program, *mode, &scratch.path().join(&name), rounds, seed)?;
                Ok(outcome.to_string())
            });
        }
        for mode in go_lumber {
            let name = mode.to_string();
            steps.run(&name, || {
                let go =
                    GoLumber::prepare(&workspace).map_err(|missing| Failure::Failed(missing.to_string()))?;
                let folder = scratch.path().join(&name);
                Ok(go_lumber::kill(&program, &go, *mode, &folder, rounds, seed)?.to_string())
            });
        }
    }
    steps.finish("cargo xtask kills")
}

fn kill(mode: Mode, folder: &Path, rounds: u64, seed: u64) -> Result<Verdict, Failure> {
    let receiver = Receiver::start().trying("cannot start a receiver")?;
    let mut random = fastrand::Rng::with_seed(seed);
    if mode.delivers {
        // Acknowledgements that take a moment, so that kills find windows on the wire.
        receiver.script((0..rounds * 100).map(|_| Step::Delay(Duration::from_millis(2))));
    } else {
        receiver.go_away();
    }
    let mut lives = Vec::new();
    for round in 0..rounds {
        let mut process = role("logger", mode, folder, receiver.address(), round)?;
        let mut life = Life::default();
        // Some do not live to see their queue open.
        let early = random.u8(..8) == 0;
        let mut end = Instant::now() + if early { below(&mut random, 40) } else { PATIENCE };
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            match process.next_line(left.max(Duration::from_millis(1))) {
                Ok(Some(line)) => {
                    // The moment is counted from the first event that is durable.
                    if life.take(&line)? && !early {
                        end = end.min(Instant::now() + below(&mut random, 100));
                    }
                }
                Ok(None) => {
                    let status = process.wait(PATIENCE)?;
                    fail!("round {round}: the process ended by itself, with {status}");
                }
                Err(_) => break,
            }
        }
        process.kill();
        while let Some(line) = process.next_line(PATIENCE)? {
            life.take(&line)?;
        }
        if mode.delivers {
            // Its connections have ended, so that nothing more of it arrives.
            receiver.drop_connections();
        }
        life.received = receiver.received();
        lives.push(life);
    }
    if !mode.delivers {
        receiver.come_back().trying("cannot start the receiver again")?;
    }
    let before = receiver.received();
    let mut last = role("drainer", mode, folder, receiver.address(), rounds)?;
    let recovered = last.expect_line("delivered", 6 * PATIENCE)?;
    last.succeed(PATIENCE)?;
    let arrived = receiver.received() - before;
    if recovered != arrived.to_string() {
        fail!("the last process says that it delivered {recovered} events, {arrived} arrived");
    }
    Verdict::of(&lives, &receiver.events(), (life::IN_FLIGHT * life::WINDOW) as u64)
}

fn below(random: &mut fastrand::Rng, millis: u64) -> Duration {
    Duration::from_micros(random.u64(..millis * 1_000))
}

fn role(name: &str, mode: Mode, folder: &Path, peer: SocketAddr, life: u64) -> Result<Running, Failure> {
    let program = env::current_exe().trying("cannot tell where this program is")?;
    let mut command = Command::new(program);
    command.args(["kills", &mode.to_string(), "--role", name, "--life", &life.to_string()]);
    Running::captured(command.args(["--peer", &peer.to_string(), "--folder"]).arg(folder))
}

/// How long a process may be silent.
const PATIENCE: Duration = Duration::from_secs(20);
