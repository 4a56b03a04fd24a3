//! What Filebeat does, with the client that it is built on: large windows, several of them on the way, and an output of
//! the relay that stops for longer than the client waits.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use logstash_transport::testing::Step;

use super::rig::Rig;
use crate::failure::{Failure, Trying, fail};
use crate::integration::case::Case;
use crate::integration::events::{documents, same, write_lines};
use crate::peers::{Client, ClientKind, GoLumber, Sent};
use crate::relay::Program;

pub(in super::super) fn cases(go: &Arc<GoLumber>, program: &Arc<Program>, scratch: &Path) -> Vec<Case> {
    STOPS
        .iter()
        .enumerate()
        .map(|(number, stop)| {
            let (go, program) = (Arc::clone(go), Arc::clone(program));
            let folder = scratch.join(format!("filebeat-{number}"));
            let name = format!("as Filebeat to our relay, {}", stop.name);
            Case::new(name, move || Trial { go, program, folder, stop }.run()).long()
        })
        .collect()
}

const STOPS: &[Stop] = &[
    Stop {
        name: "acknowledged when delivered, to an output that holds its answer back for 60 s",
        acknowledge: "delivered",
        output: "",
        is_away: false,
    },
    Stop {
        name: "acknowledged when stored, with a full queue in memory and an output that is away for 60 s",
        acknowledge: "stored",
        output: "handler.queue = { type = \"memory\", max_bytes = \"512 KiB\" }\n\
                 handler.retry = { base = \"100 ms\", max = \"1 s\" }",
        is_away: true,
    },
];

/// How the relay is brought to a stop.
#[derive(Debug)]
struct Stop {
    name: &'static str,
    acknowledge: &'static str,
    output: &'static str,
    is_away: bool,
}

struct Trial {
    go: Arc<GoLumber>,
    program: Arc<Program>,
    folder: PathBuf,
    stop: &'static Stop,
}

impl Trial {
    fn run(self) -> Result<String, Failure> {
        let sent = documents(EVENTS)?;
        let settings = format!("acknowledge = \"{}\"", self.stop.acknowledge);
        let rig =
            Rig::start(&self.program, &self.folder, "beats://127.0.0.1:0", &settings, self.stop.output)?;
        let file = self.folder.join("sent");
        write_lines(&file, &sent)?;
        if self.stop.is_away {
            rig.receiver().go_away();
        } else {
            rig.receiver().script([Step::Acknowledge, Step::Acknowledge, Step::Delay(PAUSE)]);
        }

        let started = Instant::now();
        let mut client = self.go.send(&Client {
            kind: ClientKind::Async { in_flight: 3 },
            address: rig.address()?,
            events: &file,
            window: 2048,
            level: 3,
            timeout: Duration::from_secs(30),
            retry: Duration::ZERO,
            authority: None,
            encode: false,
        })?;
        if self.stop.is_away {
            std::thread::sleep(PAUSE);
            rig.receiver().come_back().trying("our receiver cannot come back")?;
        }
        let done = Sent::expect(&mut client, 2 * PAUSE)?;
        let took = started.elapsed();
        if done.acked != EVENTS || done.connections != Some(1) {
            fail!("{} of {EVENTS} events acknowledged, over {:?} connections", done.acked, done.connections);
        }
        if took < PAUSE {
            fail!("nothing stopped: everything was acknowledged after {took:?}");
        }
        same(&sent, &rig.finish_exact(EVENTS)?)?;
        Ok(format!(
            "{EVENTS} events, exact and in order, none twice, acknowledged after {:.1} s over 1 connection with a \
             timeout of 30 s",
            took.as_secs_f64()
        ))
    }
}

/// More than the relay can have in its hands when it has stopped.
const EVENTS: usize = 15 * 2048;

/// Twice as long as the client waits.
const PAUSE: Duration = Duration::from_secs(60);
