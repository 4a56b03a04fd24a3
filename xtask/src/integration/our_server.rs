//! The clients of others to `testing::Receiver`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use logstash_transport::testing::{Receiver, ReceiverOptions, Step};
use lumberjack_codec::ServerConfig;

use super::case::{Case, Verdict};
use super::clients::{Fault, Subject};
use super::events::{documents, resumed, same, write_lines};
use super::table::Column;
use super::wire::Wire;
use crate::failure::{Failure, Trying, fail};
use crate::peers::{Client, Sent};
use crate::process::Running;

pub(super) fn cases(subject: &Subject, scratch: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for level in [0, 3] {
        let compression = if level == 0 { "plain" } else { "compressed" };
        let name = |exercise: &str| format!("{} to our server, {compression}, {exercise}", subject.name);
        if level == 0 && subject.always_compresses {
            let case = Case::not_applicable(name("everything"), "its client always compresses");
            cases.push(case.cell(subject.pair, Some(Column::Plain)));
            continue;
        }
        for exercise in EXERCISES {
            let trial = Trial {
                subject: subject.clone(),
                level,
                file: scratch.join(format!("{}-{}", subject.pair.replace([' ', '>'], "-"), cases.len())),
            };
            let case = Case::new(name(exercise.name), move || (exercise.run)(&trial));
            cases.push(case.cell(subject.pair, exercise.column.map(|column| column.at(level))));
        }
    }
    cases
}

/// What each client does in each way of sending.
const EXERCISES: &[Exercise] = &[
    Exercise { name: "1 event", column: Some(Column::OneWindow), run: |trial| trial.windows(1, 2048) },
    Exercise { name: "3 windows", column: Some(Column::ThreeWindows), run: |trial| trial.windows(1500, 500) },
    Exercise {
        name: "a window of 2,048 events",
        column: Some(Column::FullWindow),
        run: |trial| trial.windows(2048, 2048),
    },
    Exercise { name: "100,000 events", column: None, run: |trial| trial.windows(100_000, 2048) },
    Exercise { name: "as the wire shows it", column: Some(Column::Compressed), run: Trial::on_the_wire },
    Exercise {
        name: "slow receiver that keeps alive",
        column: Some(Column::Keepalives),
        run: Trial::slow_receiver,
    },
    Exercise { name: "receiver away and back", column: Some(Column::Restart), run: Trial::receiver_away },
    Exercise {
        name: "windows and acknowledgements lost on the way",
        column: None,
        run: Trial::lost_on_the_way,
    },
];

struct Exercise {
    name: &'static str,
    column: Option<Column>,
    run: fn(&Trial) -> Outcome,
}

type Outcome = Result<Verdict, Failure>;

/// A client in one way of sending.
struct Trial {
    subject: Subject,
    level: u32,
    /// Where its events are written to.
    file: PathBuf,
}

impl Trial {
    fn windows(&self, events: usize, window: usize) -> Outcome {
        let sent = documents(events)?;
        let receiver = start()?;
        let mut client = self.send(&sent, window, receiver.address(), PATIENCE, Duration::ZERO)?;
        finish(&mut client, events)?;
        same(&sent, &receiver.events())?;
        let windows = events.div_ceil(window) as u64;
        if receiver.windows() != windows {
            fail!("{windows} windows were to come, {} came", receiver.windows());
        }
        Ok(format!("{events} events, {} bytes, exact and in order", size(&sent)).into())
    }

    fn on_the_wire(&self) -> Outcome {
        let sent = documents(1500)?;
        let receiver = start()?;
        let wire = Wire::to(receiver.address())?;
        let mut client = self.send(&sent, 500, wire.address(), PATIENCE, Duration::ZERO)?;
        finish(&mut client, sent.len())?;
        same(&sent, &receiver.events())?;
        let bytes = wire.expect(self.level != 0, size(&sent))?;
        Ok(format!("{} bytes in 1500 events, exact, took {bytes} bytes on the wire", size(&sent)).into())
    }

    /// Each window waits longer than the client's patience; only keepalives make it wait.
    fn slow_receiver(&self) -> Outcome {
        if let Some(fault) = self.subject.fails_on_keepalives {
            return self.fails_on_keepalives(fault);
        }
        let (patience, delay) = (Duration::from_millis(400), Duration::from_millis(800));
        let sent = documents(150)?;
        let receiver = slow(delay, Duration::from_millis(100))?;
        let started = Instant::now();
        let mut client = self.send(&sent, 50, receiver.address(), patience, Duration::ZERO)?;
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
        )
        .into())
    }

    /// The client fails with the first keepalive, long before its time is over; without keepalives it does not.
    fn fails_on_keepalives(&self, fault: Fault) -> Outcome {
        let delay = Duration::from_millis(400);
        let sent = documents(150)?;
        let receiver = slow(delay, Duration::from_millis(100))?;
        let mut client = self.send(&sent, 50, receiver.address(), PATIENCE, Duration::ZERO)?;
        let status = client.wait(PATIENCE)?;
        let complaint = client.fault("ended").to_string();
        if status.success() || !complaint.contains(fault.says) {
            fail!(
                "was to fail with the first keepalive and did not ({status}); `{}`: {complaint}",
                fault.what
            );
        }
        same(&sent[..50], &receiver.events())?;

        let receiver = slow(delay, PATIENCE)?;
        let mut client = self.send(&sent, 50, receiver.address(), PATIENCE, Duration::ZERO)?;
        finish(&mut client, sent.len())?;
        same(&sent, &receiver.events())?;
        let says = complaint.lines().last().unwrap_or_default().trim_start_matches([' ', '|']);
        Ok(Verdict::ExpectedFailure(format!(
            "{}: `{says}`; our server has the 50 events of that window, exact; as slow but without keepalives, 150 \
             events exact, once",
            fault.what
        )))
    }

    /// The receiver closes its port and its connections in the middle of the stream and comes back.
    fn receiver_away(&self) -> Outcome {
        let (events, window) = (10_000, 100);
        let sent = documents(events)?;
        let receiver = start()?;
        receiver.script([Step::Delay(Duration::from_millis(5)); 1000]);
        let mut client = self.send(&sent, window, receiver.address(), PATIENCE, PATIENCE)?;
        if !receiver.wait_for(events as u64 / 4, PATIENCE) {
            return Err(client.fault(&format!("sent only {} events", receiver.received())));
        }
        receiver.go_away();
        let first = receiver.events();
        receiver.come_back().trying("our receiver cannot come back")?;
        finish(&mut client, events)?;
        if receiver.connections() < 2 {
            fail!("the client needed {} connection", receiver.connections());
        }

        let second = receiver.events().split_off(first.len());
        // Where the client went on: what it had seen acknowledged by then.
        let Some(acknowledged) = events.checked_sub(second.len()) else {
            fail!("{} events came after the break, {events} were sent at all", second.len());
        };
        let twice = resumed(&sent, &first, &second, acknowledged)?;
        if twice > self.subject.in_flight * window {
            fail!(
                "{twice} events arrived twice, at most {} windows of {window} were in flight",
                self.subject.in_flight
            );
        }
        Ok(format!("{events} events exact and in order, {acknowledged} before the break, {twice} twice")
            .into())
    }

    /// The first window is lost, then its acknowledgement is.
    fn lost_on_the_way(&self) -> Outcome {
        let sent = documents(100)?;
        let receiver = start()?;
        receiver.script([Step::DropConnection, Step::KeepAndDrop]);
        // One window, so that what comes twice is known.
        let mut client = self.send(&sent, sent.len(), receiver.address(), PATIENCE, PATIENCE)?;
        finish(&mut client, sent.len())?;
        if receiver.connections() != 3 {
            fail!("the client needed {} connections", receiver.connections());
        }
        same(&[sent.as_slice(), &sent].concat(), &receiver.events())?;
        Ok("100 events exact, sent three times, kept twice, acknowledged once".to_owned().into())
    }

    fn send(
        &self,
        events: &[Vec<u8>],
        window: usize,
        address: SocketAddr,
        timeout: Duration,
        retry: Duration,
    ) -> Result<Running, Failure> {
        write_lines(&self.file, events)?;
        (self.subject.send)(&Client {
            kind: self.subject.kind,
            address,
            events: &self.file,
            window,
            level: self.level,
            timeout,
            retry,
            authority: None,
            encode: false,
        })
    }
}

/// A receiver with everything at its defaults.
pub(super) fn start() -> Result<Receiver, Failure> {
    Receiver::start().trying("our receiver cannot listen")
}

/// A receiver that acknowledges each of three windows after that time.
pub(super) fn slow(delay: Duration, keepalive: Duration) -> Result<Receiver, Failure> {
    let receiver = ReceiverOptions::new()
        .server(ServerConfig::new().keepalive(keepalive))
        .start()
        .trying("our receiver cannot listen")?;
    receiver.script([Step::Delay(delay); 3]);
    Ok(receiver)
}

fn finish(client: &mut Running, events: usize) -> Result<(), Failure> {
    let sent = Sent::expect(client, 2 * PATIENCE)?;
    if sent.acked != events {
        fail!("the client counts {} of {events} events as acknowledged", sent.acked);
    }
    Ok(())
}

pub(super) fn size(events: &[Vec<u8>]) -> usize {
    events.iter().map(Vec::len).sum()
}

const PATIENCE: Duration = Duration::from_secs(30);
