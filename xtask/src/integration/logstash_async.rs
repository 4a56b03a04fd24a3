//! python-logstash-async, which makes its events itself, to our receiver.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use logstash_transport::testing::{Receiver, Step};
use logstash_transport::{Batch, EndpointError, HttpTransport, TcpTransport, Transport, UdpTransport};

use super::case::Case;
use super::events::{parsed, read_lines, same};
use super::inbox::Inbox;
use super::our_server::{size, slow, start};
use super::table::Column;
use super::wire::Wire;
use crate::failure::{Failure, Trying, fail};
use crate::peers::Python;
use crate::process::Running;

pub(super) fn cases(python: &Arc<Python>, scratch: &Path) -> Vec<Case> {
    let mut cases: Vec<Case> = EXERCISES
        .iter()
        .map(|(name, column, run)| {
            let trial = Trial {
                python: Arc::clone(python),
                file: scratch.join(format!("logstash-async-{}", *column as usize)),
            };
            Case::new(format!("its Beats transport to our server, {name}"), move || run(&trial))
                .cell(PAIR, Some(*column))
        })
        .collect();
    cases.push(
        Case::not_applicable("its Beats transport to our server, plain", "its transport always compresses")
            .cell(PAIR, Some(Column::Plain)),
    );
    cases.extend(WAYS.iter().map(|way| {
        let (way, python) = (*way, Arc::clone(python));
        let file = scratch.join(format!("logstash-async-{}", way.transport));
        Case::new(format!("its {} transport and ours to the same receiver", way.transport), move || {
            same_receiver(way, &python, &file)
        })
    }));
    cases
}

const PAIR: &str = "python-logstash-async -> ours";

/// Its other transports, with the input that each is for.
const WAYS: &[Way] = &[
    Way {
        transport: "Http",
        start: Inbox::requests,
        ours: |address| HttpTransport::new(&address).map(boxed),
    },
    Way { transport: "Tcp", start: Inbox::lines, ours: |address| TcpTransport::new(&address).map(boxed) },
    Way { transport: "Udp", start: Inbox::datagrams, ours: |address| UdpTransport::new(&address).map(boxed) },
];

#[derive(Clone, Copy)]
struct Way {
    transport: &'static str,
    start: fn() -> Result<Inbox, Failure>,
    ours: fn(String) -> Result<Box<dyn Transport>, EndpointError>,
}

fn boxed(transport: impl Transport + 'static) -> Box<dyn Transport> {
    Box::new(transport)
}

/// What it logs arrives, and the same documents from us are the same events.
fn same_receiver(way: Way, python: &Python, file: &Path) -> Outcome {
    let inbox = (way.start)()?;
    python.log(way.transport, inbox.address(), SHARED, PATIENCE, file, None).and_then(close)?;
    let documents = read_lines(file)?;
    let logged = sorted_values(&documents)?;
    same(&logged, &sorted_values(&inbox.take(SHARED, PATIENCE)?)?)?;

    let ours = (way.ours)(inbox.address().to_string());
    let mut ours =
        ours.map_err(|error| Failure::because("cannot read the address of the receiver", error))?;
    let sent = ours.send(&mut Batch::from_events(documents));
    sent.map_err(|error| Failure::because("our transport does not deliver", error))?;
    ours.close();
    same(&logged, &sorted_values(&inbox.take(SHARED, PATIENCE)?)?)?;
    Ok(format!("{SHARED} events from it, and the same {SHARED} from us"))
}

/// It sends the events in another order, and over HTTP written anew.
pub(super) fn sorted_values(documents: &[Vec<u8>]) -> Result<Vec<String>, Failure> {
    let mut texts: Vec<String> = parsed(documents)?.iter().map(ToString::to_string).collect();
    texts.sort();
    Ok(texts)
}

/// Events in each direction: as many datagrams as the buffer of a socket holds by default, so that none is lost if
/// the receiver does not get to run.
const SHARED: usize = 100;

/// It sends 25 events a window, two windows a connection.
const EXERCISES: &[Exercise] = &[
    ("1 window", Column::OneWindow, |trial| trial.log(25)),
    ("3 windows", Column::ThreeWindows, |trial| trial.log(75)),
    ("2,048 events", Column::FullWindow, |trial| trial.log(2048)),
    ("as the wire shows it", Column::Compressed, Trial::on_the_wire),
    ("slow receiver that keeps alive", Column::Keepalives, Trial::slow_receiver),
    ("receiver away and back", Column::Restart, Trial::receiver_away),
];

/// Its name, its column in the matrix, and what is done.
type Exercise = (&'static str, Column, fn(&Trial) -> Outcome);

type Outcome = Result<String, Failure>;

struct Trial {
    python: Arc<Python>,
    /// Where it writes what it logged.
    file: PathBuf,
}

impl Trial {
    fn log(&self, events: usize) -> Outcome {
        let receiver = start()?;
        self.python.log("Beats", receiver.address(), events, PATIENCE, &self.file, None).and_then(close)?;
        same(&self.logged(events)?, &sorted(&receiver))?;
        let (windows, connections) = (receiver.windows(), receiver.connections());
        if windows != events.div_ceil(25) as u64 {
            fail!("{events} events came in {windows} windows");
        }
        Ok(format!("{events} events exact, none twice, in {windows} windows over {connections} connections"))
    }

    fn on_the_wire(&self) -> Outcome {
        let receiver = start()?;
        let wire = Wire::to(receiver.address())?;
        self.python.log("Beats", wire.address(), 75, PATIENCE, &self.file, None).and_then(close)?;
        let sent = self.logged(75)?;
        same(&sent, &sorted(&receiver))?;
        let bytes = wire.expect(true, size(&sent))?;
        Ok(format!("{} bytes in 75 events, exact, took {bytes} bytes on the wire", size(&sent)))
    }

    fn slow_receiver(&self) -> Outcome {
        let (patience, delay) = (Duration::from_millis(400), Duration::from_millis(800));
        let receiver = slow(delay, Duration::from_millis(100))?;
        let started = Instant::now();
        self.python.log("Beats", receiver.address(), 75, patience, &self.file, None).and_then(close)?;
        let took = started.elapsed();
        if took < 3 * delay || receiver.windows() != 3 {
            fail!("{} windows were acknowledged after {took:?}", receiver.windows());
        }
        same(&self.logged(75)?, &sorted(&receiver))?;
        Ok(format!(
            "75 events exact, none twice, in {:.1} s with a timeout of {:.1} s",
            took.as_secs_f64(),
            patience.as_secs_f64()
        ))
    }

    /// The receiver closes its port and its connections while events come, and comes back.
    fn receiver_away(&self) -> Outcome {
        let events = 1000;
        let receiver = start()?;
        receiver.script([Step::Delay(Duration::from_millis(20)); 40]);
        let client = self.python.log("Beats", receiver.address(), events, PATIENCE, &self.file, None)?;
        if !receiver.wait_for(events as u64 / 4, PATIENCE) {
            fail!("only {} events came", receiver.received());
        }
        receiver.go_away();
        let first = receiver.received() as usize;
        if first >= events {
            fail!("all events came before the break");
        }
        receiver.come_back().trying("our receiver cannot come back")?;
        close(client)?;

        let received = sorted(&receiver);
        let twice = received.windows(2).filter(|pair| pair[0] == pair[1]).count();
        let mut distinct = received;
        distinct.dedup();
        same(&self.logged(events)?, &distinct)?;
        // It sends the whole flush again, whatever of it was acknowledged.
        if twice > FLUSH {
            fail!("{twice} events arrived twice, a flush is {FLUSH}");
        }
        Ok(format!("{events} events exact, {first} before the break, {twice} twice"))
    }

    /// What its formatter returned, in the order of the bytes: its queue is a priority queue of the documents, so
    /// that their order is lost before they are sent.
    fn logged(&self, events: usize) -> Result<Vec<Vec<u8>>, Failure> {
        let mut sent = read_lines(&self.file)?;
        if sent.len() != events {
            fail!("its formatter was called {} times", sent.len());
        }
        for document in &mut sent {
            let parsed: serde_json::Value = serde_json::from_slice(document)
                .map_err(|error| Failure::because("a document is not JSON", error))?;
            if !parsed["message"].is_string() {
                fail!("a document has no message: {parsed}");
            }
            // Its handler appends a line feed to every document.
            document.push(b'\n');
        }
        sent.sort();
        Ok(sent)
    }
}

fn sorted(receiver: &Receiver) -> Vec<Vec<u8>> {
    let mut events: Vec<Vec<u8>> = receiver.events().iter().map(|event| event.to_vec()).collect();
    events.sort();
    events
}

/// Has the handler closed, which sends what is left.
pub(super) fn close(mut client: Running) -> Result<(), Failure> {
    let control = client.expect_line("control", PATIENCE)?;
    client.expect_line("logged", PATIENCE)?;
    TcpStream::connect(&control).trying(format_args!("cannot reach the program at {control}"))?;
    client.succeed(PATIENCE)
}

/// Events that it sends over one connection.
const FLUSH: usize = 50;

const PATIENCE: Duration = Duration::from_secs(60);
