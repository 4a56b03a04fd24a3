//! The clients of go-lumber to `testing::Receiver`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use logstash_transport::testing::{Receiver, ReceiverOptions, Step};
use lumberjack_codec::ServerConfig;

use super::case::Case;
use super::events::{documents, resumed, same, write_lines};
use crate::failure::{Failure, Trying, fail};
use crate::peers::{Client, ClientKind, GoLumber, Sent};
use crate::process::Running;

pub(super) fn cases(go: &Arc<GoLumber>, scratch: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for (client, kind, in_flight) in
        [("sync", ClientKind::Sync, 1), ("async", ClientKind::Async { in_flight: 5 }, ASYNC_IN_FLIGHT)]
    {
        for level in [0, 3] {
            let compression = if level == 0 { "plain" } else { "compressed" };
            for exercise in EXERCISES {
                let trial = Trial {
                    go: Arc::clone(go),
                    kind,
                    in_flight,
                    level,
                    file: scratch.join(format!("client-{}", cases.len())),
                };
                cases.push(Case::new(
                    format!("its {client} client to our server, {compression}, {}", exercise.name),
                    move || (exercise.run)(&trial),
                ));
            }
        }
    }
    cases
}

/// What each client does in each way of sending.
const EXERCISES: &[Exercise] = &[
    Exercise { name: "1 event", run: |trial| trial.windows(1, 2048) },
    Exercise { name: "3 windows", run: |trial| trial.windows(1500, 500) },
    Exercise { name: "a window of 2,048 events", run: |trial| trial.windows(2048, 2048) },
    Exercise { name: "100,000 events", run: |trial| trial.windows(100_000, 2048) },
    Exercise { name: "slow receiver that keeps alive", run: Trial::slow_receiver },
    Exercise { name: "receiver away and back", run: Trial::receiver_away },
    Exercise { name: "windows and acknowledgements lost on the way", run: Trial::lost_on_the_way },
];

struct Exercise {
    name: &'static str,
    run: fn(&Trial) -> Outcome,
}

type Outcome = Result<String, Failure>;

/// One client of go-lumber in one way of sending.
struct Trial {
    go: Arc<GoLumber>,
    kind: ClientKind,
    /// Windows that it has on the wire at most.
    in_flight: usize,
    level: u32,
    /// Where its events are written to.
    file: PathBuf,
}

impl Trial {
    fn windows(&self, events: usize, window: usize) -> Outcome {
        let sent = documents(events)?;
        let receiver = start()?;
        let mut client = self.send(&sent, window, &receiver, PATIENCE, Duration::ZERO)?;
        finish(&mut client, events)?;
        same(&sent, &receiver.events())?;
        let bytes: usize = sent.iter().map(Vec::len).sum();
        Ok(format!("{events} events, {bytes} bytes, exact and in order"))
    }

    /// Each window waits longer than the client's patience; only keepalives make it wait.
    fn slow_receiver(&self) -> Outcome {
        let (patience, delay) = (Duration::from_millis(400), Duration::from_millis(1200));
        let sent = documents(150)?;
        let receiver = ReceiverOptions::new()
            .server(ServerConfig::new().keepalive(Duration::from_millis(100)))
            .start()
            .trying("our receiver cannot listen")?;
        receiver.script([Step::Delay(delay); 3]);
        let started = Instant::now();
        let mut client = self.send(&sent, 50, &receiver, patience, Duration::ZERO)?;
        finish(&mut client, sent.len())?;
        let took = started.elapsed();
        if took < delay || receiver.connections() != 1 {
            fail!("acknowledged after {took:?} over {} connections", receiver.connections());
        }
        same(&sent, &receiver.events())?;
        Ok(format!(
            "150 events exact, once, in {:.1} s with a timeout of {:.1} s",
            took.as_secs_f64(),
            patience.as_secs_f64()
        ))
    }

    /// The receiver closes its port and its connections in the middle of the stream and comes back.
    fn receiver_away(&self) -> Outcome {
        let (events, window) = (20_000, 100);
        let sent = documents(events)?;
        let receiver = start()?;
        receiver.script([Step::Delay(Duration::from_millis(5)); 1000]);
        let mut client = self.send(&sent, window, &receiver, PATIENCE, PATIENCE)?;
        if !receiver.wait_for(events as u64 / 4, PATIENCE) {
            return Err(client.fault(&format!("sent only {} events", receiver.received())));
        }
        receiver.go_away();
        let first = receiver.events();
        receiver.come_back().trying("our receiver cannot come back")?;
        let sent_by_it = finish(&mut client, events)?;
        if sent_by_it.connections < 2 {
            fail!("the client needed {} connection", sent_by_it.connections);
        }

        let second = receiver.events().split_off(first.len());
        // Where the client went on: what it had seen acknowledged by then.
        let Some(acknowledged) = events.checked_sub(second.len()) else {
            fail!("{} events came after the break, {events} were sent at all", second.len());
        };
        let twice = resumed(&sent, &first, &second, acknowledged)?;
        if twice > self.in_flight * window {
            fail!(
                "{twice} events arrived twice, at most {} windows of {window} were in flight",
                self.in_flight
            );
        }
        Ok(format!("{events} events exact and in order, {acknowledged} before the break, {twice} twice"))
    }

    /// The first window is lost, then its acknowledgement is.
    fn lost_on_the_way(&self) -> Outcome {
        let sent = documents(100)?;
        let receiver = start()?;
        receiver.script([Step::DropConnection, Step::KeepAndDrop]);
        // One window, so that what comes twice is known.
        let mut client = self.send(&sent, sent.len(), &receiver, PATIENCE, PATIENCE)?;
        let sent_by_it = finish(&mut client, sent.len())?;
        if sent_by_it.connections != 3 {
            fail!("the client needed {} connections", sent_by_it.connections);
        }
        same(&[sent.as_slice(), &sent].concat(), &receiver.events())?;
        Ok("100 events exact, sent three times, kept twice, acknowledged once".to_owned())
    }

    fn send(
        &self,
        events: &[Vec<u8>],
        window: usize,
        receiver: &Receiver,
        timeout: Duration,
        retry: Duration,
    ) -> Result<Running, Failure> {
        write_lines(&self.file, events)?;
        self.go.send(&Client {
            kind: self.kind,
            address: receiver.address(),
            events: &self.file,
            window,
            level: self.level,
            timeout,
            retry,
            encode: false,
        })
    }
}

/// A receiver with everything at its defaults.
pub(super) fn start() -> Result<Receiver, Failure> {
    Receiver::start().trying("our receiver cannot listen")
}

fn finish(client: &mut Running, events: usize) -> Result<Sent, Failure> {
    let sent = Sent::expect(client, 2 * PATIENCE)?;
    if sent.acked != events {
        fail!("the client counts {} of {events} events as acknowledged", sent.acked);
    }
    Ok(sent)
}

/// go-lumber puts two windows more on the wire than it is told to.
const ASYNC_IN_FLIGHT: usize = 5 + 2;

const PATIENCE: Duration = Duration::from_secs(30);
