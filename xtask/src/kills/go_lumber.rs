//! A relay that is killed while one client of go-lumber sends to it, all the time: where a connection breaks, the
//! client goes on over the next one.

use std::fmt;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use logstash_transport::testing::{Receiver, Step};

use super::relay::{self, IN_FLIGHT, WINDOW};
use super::verdict::Life;
use super::{PATIENCE, below};
use crate::failure::{Failure, Trying, fail};
use crate::peers::{ClientKind, GoLumber};
use crate::process::Running;
use crate::relay::Program;

/// How a relay is started and who sends to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    /// Whether windows are acknowledged when they are delivered, and not when they are stored.
    delivered: bool,
    /// Whether the client waits for each window, or has three of them in flight, which it compresses.
    waits: bool,
}

impl Mode {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..4).map(|bits| Self { delivered: bits & 2 > 0, waits: bits & 1 == 0 })
    }

    /// The kind of the client, its level of compression, and windows that it may have to send again: it puts two more on
    /// the wire than it is told to.
    const fn client(self) -> (ClientKind, u32, usize) {
        if self.waits { (ClientKind::Sync, 0, 1) } else { (ClientKind::Async { in_flight: 3 }, 3, 3 + 2) }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = if self.waits { "sync" } else { "async" };
        write!(f, "relay-go-lumber-{client}-{}", if self.delivered { "delivered" } else { "stored" })
    }
}

pub(super) fn kill(
    program: &Program,
    go: &GoLumber,
    mode: Mode,
    folder: &Path,
    rounds: u64,
    seed: u64,
) -> Result<Verdict, Failure> {
    let receiver = Receiver::start().trying("cannot start a receiver")?;
    // Acknowledgements that take a moment, so that kills find windows on the wire.
    receiver.script((0..rounds * 100).map(|_| Step::Delay(Duration::from_millis(2))));
    let mut random = fastrand::Rng::with_seed(seed);
    let config = relay::config(mode.delivered, folder, receiver.address());
    let (kind, level, unanswered) = mode.client();
    fs::create_dir_all(folder).trying(format_args!("cannot make {}", folder.display()))?;
    let place = folder.join("place");
    let mut client =
        Sender { process: go.send_endlessly(kind, &place, WINDOW, level)?, said: Life::default() };
    let mut served = 0;
    for _ in 0..rounds {
        // Some do not live to see the client.
        if random.u8(..8) == 0 {
            let mut relay = program.launch(folder, &config)?;
            thread::sleep(below(&mut random, 80));
            relay.kill();
        } else {
            let mut relay = program.start(folder, &config, &["in"])?;
            let address = relay.address("in")?.to_string();
            // In one piece, whenever the client looks.
            let new = folder.join("place.new");
            fs::write(&new, &address)
                .and_then(|()| fs::rename(&new, &place))
                .trying(format_args!("cannot write {}", place.display()))?;
            let connected = format!("connected {address}");
            client.wait_until(|line, _| line == connected)?;
            // Of this relay, and not of the one before.
            let before = client.said.events();
            client.wait_until(|_, said| said.events() > before)?;
            thread::sleep(below(&mut random, 100));
            relay.kill();
            fs::remove_file(&place).trying(format_args!("cannot remove {}", place.display()))?;
            served += 1;
        }
        // Its connections have ended, so that nothing more of it arrives.
        receiver.drop_connections();
    }
    let acknowledged = client.end()?;
    let judge = || Verdict::of(&receiver.events(), acknowledged, (unanswered + IN_FLIGHT) * WINDOW, rounds);
    if mode.delivered {
        judge()?;
    }
    relay::deliver_the_rest(program, folder, &config)?;
    if served == 0 {
        fail!("no relay lived to see the client, so that nothing is proven");
    }
    judge()
}

/// The client, and what it said.
struct Sender {
    process: Running,
    said: Life,
}

impl Sender {
    /// Waits until it says a line that is the one, or that makes it so with all that it said.
    fn wait_until(&mut self, is_it: impl Fn(&str, &Life) -> bool) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(line) = self.process.next_line(left)? else {
                return Err(self.process.fault("has ended"));
            };
            self.said.take(&line)?;
            if is_it(&line, &self.said) {
                return Ok(());
            }
        }
    }

    /// Ends it; tells how many events were acknowledged.
    fn end(mut self) -> Result<u64, Failure> {
        self.process.kill();
        while let Some(line) = self.process.next_line(PATIENCE)? {
            self.said.take(&line)?;
        }
        Ok(self.said.events())
    }
}

/// What came of all rounds of a mode.
#[derive(Debug)]
pub(super) struct Verdict {
    kills: u64,
    acknowledged: u64,
    arrived: u64,
    repeated: u64,
    /// The most that something which came again was behind what had come.
    farthest: u64,
}

impl Verdict {
    /// Everything that was acknowledged has arrived, in order and without a hole; what came again was in flight.
    fn of(events: &[Bytes], acknowledged: u64, in_flight: usize, kills: u64) -> Result<Self, Failure> {
        let in_flight = in_flight as u64;
        let mut verdict = Self { kills, acknowledged, arrived: 0, repeated: 0, farthest: 0 };
        for event in events {
            let Ok([0, 0, number]) = serde_json::from_slice::<[u64; 3]>(event) else {
                fail!("this arrived and was never sent: {}", String::from_utf8_lossy(event));
            };
            match verdict.arrived.checked_sub(number) {
                None => fail!("event {number} arrived where {} was due", verdict.arrived),
                Some(0) => verdict.arrived += 1,
                Some(behind) => {
                    verdict.repeated += 1;
                    verdict.farthest = verdict.farthest.max(behind);
                }
            }
        }
        let Self { arrived, repeated, farthest, .. } = verdict;
        if arrived < acknowledged {
            fail!("{acknowledged} events were acknowledged, {arrived} arrived");
        }
        if arrived - acknowledged > in_flight || farthest > in_flight || repeated > kills * in_flight {
            fail!(
                "{acknowledged} events were acknowledged, {arrived} arrived, {repeated} of them again, up to {farthest} \
                 behind the last one; no more than {in_flight} were in flight at each of {kills} kills"
            );
        }
        Ok(verdict)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, acknowledged, arrived, repeated, farthest } = self;
        write!(
            f,
            "{kills} kills: {acknowledged} acknowledged, {arrived} arrived, {repeated} of them again, at most {farthest} \
             behind the last one"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(numbers: &[u64], acknowledged: u64) -> Result<Verdict, Failure> {
        let events: Vec<Bytes> = numbers.iter().map(|number| format!("[0,0,{number}]").into()).collect();
        Verdict::of(&events, acknowledged, 2, 1)
    }

    #[test]
    fn what_was_in_flight_may_come_again() {
        let verdict = judge(&[0, 1, 2, 1, 2, 3], 3).unwrap();
        assert_eq!((verdict.arrived, verdict.repeated, verdict.farthest), (4, 2, 2));
    }

    #[test]
    fn losses_holes_and_repeats_of_what_was_long_acknowledged_are_faults() {
        for (numbers, acknowledged, fault) in [
            (&[0, 1][..], 3, "3 events were acknowledged, 2 arrived"),
            (&[0, 2], 1, "event 2 arrived where 1 was due"),
            (&[0, 1, 2, 0], 3, "up to 3 behind"),
            (&[0, 1, 1, 1, 1], 2, "3 of them again"),
            (&[0, 1, 2], 0, "0 events were acknowledged, 3 arrived"),
        ] {
            let failure = judge(numbers, acknowledged).unwrap_err().to_string();
            assert!(failure.contains(fault), "{failure}");
        }
    }
}
