//! From the call that logs to the acknowledgement, over loopback to a receiver that counts.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use logstash_handler::queue::Queue;
use logstash_handler::{Handler, MemoryQueue, Overflow, SledQueue};
use logstash_transport::{Batch, BeatsTransport, Transport};

use super::comparison::{Comparison, Side, alternate};
use super::receiver::Receiver;
use super::sample::{formatter, with_event, write_documents};
use super::{Settings, shut_down};
use crate::failure::{Failure, Trying, fail};
use crate::peers::{Client, ClientKind, Ferro, GoLumber, Missing, Sent};
use crate::process::Running;

pub(super) fn measure(settings: &Settings<'_>) -> Result<Vec<Comparison>, Failure> {
    let scratch = settings.workspace.scratch("bench")?;
    let run = Run {
        events: if settings.quick { 20_000 } else { 200_000 },
        documents: scratch.path().join("documents"),
        queue: scratch.path().join("queue"),
        receiver: Receiver::start()?,
    };
    write_documents(&run.documents, run.events)?;
    let go = or_say_so("go-lumber", GoLumber::prepare(settings.workspace));
    let ferro = or_say_so("ferro-lumberjack", Ferro::prepare(settings.workspace));

    let peers = Peers { go: go.as_ref(), ferro: ferro.as_ref() };

    let mut comparisons = Vec::new();
    for level in [0, 3] {
        // From the event in memory to its acknowledgement: the peers encode JSON too, and have no queue.
        let mut in_memory = || run.with_handler(MemoryQueue::new(), level);
        let mut on_disk = || run.with_handler(run.fresh_queue()?, level);
        comparisons.extend(compare(
            settings,
            &mut [("log, MemoryQueue", &mut in_memory), ("log, SledQueue", &mut on_disk)],
            &mut peers.sides(&run, level, true),
            level,
        )?);
        // The clients alone: the documents lie in memory when the clock starts.
        let mut transport = || run.with_transport(level);
        comparisons.extend(compare(
            settings,
            &mut [("send documents", &mut transport)],
            &mut peers.sides(&run, level, false),
            level,
        )?);
    }
    Ok(comparisons)
}

/// Measures several of ours and every peer in turn; each of ours is compared with each peer.
fn compare(
    settings: &Settings<'_>,
    ours: &mut [(&'static str, Side<'_>)],
    peers: &mut [(&'static str, Measurement<'_>)],
    level: u32,
) -> Result<Vec<Comparison>, Failure> {
    let names: Vec<&'static str> = ours.iter().map(|(name, _)| *name).collect();
    let peer_names: Vec<&'static str> = peers.iter().map(|(name, _)| *name).collect();
    let mut sides: Vec<Side<'_>> = Vec::new();
    sides.extend(ours.iter_mut().map(|(_, side)| &mut **side as Side<'_>));
    sides.extend(peers.iter_mut().map(|(_, side)| &mut **side as Side<'_>));
    let rounds = alternate(settings.runs, &mut sides)?;

    let mut comparisons = Vec::new();
    for (index, name) in names.iter().enumerate() {
        for (peer_index, peer) in peer_names.iter().enumerate() {
            comparisons.push(Comparison {
                area: "end-to-end",
                name: format!("{name}, level {level}"),
                peer,
                unit: "events/s",
                higher_is_better: true,
                runs: rounds
                    .iter()
                    .map(|figures| (figures[index], figures[names.len() + peer_index]))
                    .collect(),
            });
        }
    }
    Ok(comparisons)
}

type Measurement<'a> = Box<dyn FnMut() -> Result<f64, Failure> + 'a>;

/// Those that can run here.
#[derive(Clone, Copy, Debug)]
struct Peers<'a> {
    go: Option<&'a GoLumber>,
    ferro: Option<&'a Ferro>,
}

impl<'a> Peers<'a> {
    fn sides(self, run: &'a Run, level: u32, encode: bool) -> Vec<(&'static str, Measurement<'a>)> {
        let mut sides: Vec<(&'static str, Measurement<'a>)> = Vec::new();
        if let Some(go) = self.go {
            sides.push(("go-lumber async", Box::new(move || run.with_go_lumber(go, level, encode))));
        }
        if let Some(ferro) = self.ferro {
            sides.push(("ferro-lumberjack", Box::new(move || run.with_ferro(ferro, level, encode))));
        }
        sides
    }
}

/// What all sides share.
#[derive(Debug)]
struct Run {
    events: usize,
    /// The documents of the events, one a line.
    documents: PathBuf,
    /// Where queues on disk are made.
    queue: PathBuf,
    receiver: Receiver,
}

impl Run {
    /// Formats, queues, sends: from the first call to the last acknowledgement.
    fn with_handler(&self, queue: impl Queue + 'static, level: u32) -> Result<f64, Failure> {
        let (handler, guard) = Handler::builder(formatter(), self.transport()?)
            .queue(queue)
            .compression_level(level)
            .overflow(Overflow::Block { timeout: PATIENCE })
            .start()
            .map_err(|error| Failure::because("the handler does not start", error))?;
        let started = Instant::now();
        for number in 0..self.events {
            with_event(number, |event| handler.emit(event));
        }
        if !handler.flush(PATIENCE).complete {
            fail!("the handler did not deliver {} events within {} s", self.events, PATIENCE.as_secs());
        }
        let took = started.elapsed();
        shut_down(guard, self.events as u64)?;
        Ok(self.per_second(took.as_secs_f64()))
    }

    /// Cuts documents into windows, compresses, sends.
    fn with_transport(&self, level: u32) -> Result<f64, Failure> {
        let documents = fs::read(&self.documents).trying("cannot read the documents")?;
        let documents = documents.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut batch = Batch::from_events(documents.map(Bytes::copy_from_slice));
        let mut transport = self.transport()?.compression_level(level);
        let started = Instant::now();
        transport
            .send(&mut batch)
            .map_err(|error| Failure::because("our client could not deliver", error))?;
        let took = started.elapsed();
        if batch.acknowledged() != self.events as u64 {
            fail!("{} of {} events were acknowledged", batch.acknowledged(), self.events);
        }
        transport.close();
        Ok(self.per_second(took.as_secs_f64()))
    }

    fn transport(&self) -> Result<BeatsTransport, Failure> {
        BeatsTransport::new(&self.receiver.address().to_string())
            .map(|transport| transport.max_in_flight(IN_FLIGHT).max_window_events(WINDOW))
            .map_err(|error| Failure::because("our client refuses the address", error))
    }

    fn fresh_queue(&self) -> Result<SledQueue, Failure> {
        if self.queue.exists() {
            fs::remove_dir_all(&self.queue).trying("cannot remove the queue of the last run")?;
        }
        SledQueue::open(&self.queue).map_err(|error| Failure::because("cannot open a queue on disk", error))
    }

    fn with_go_lumber(&self, go: &GoLumber, level: u32, encode: bool) -> Result<f64, Failure> {
        let mut client = go.send(&Client {
            kind: ClientKind::Async { in_flight: IN_FLIGHT },
            address: self.receiver.address(),
            events: &self.documents,
            window: WINDOW,
            level,
            timeout: PATIENCE,
            retry: Duration::ZERO,
            encode,
        })?;
        self.finish(&mut client)
    }

    fn with_ferro(&self, ferro: &Ferro, level: u32, encode: bool) -> Result<f64, Failure> {
        let mut client = ferro.send(self.receiver.address(), &self.documents, WINDOW, level, encode)?;
        self.finish(&mut client)
    }

    fn finish(&self, client: &mut Running) -> Result<f64, Failure> {
        let sent = Sent::expect(client, 2 * PATIENCE)?;
        if sent.acked != self.events {
            return Err(client.fault(&format!("had {} of {} events acknowledged", sent.acked, self.events)));
        }
        Ok(self.per_second(sent.seconds))
    }

    fn per_second(&self, seconds: f64) -> f64 {
        self.events as f64 / seconds
    }
}

fn or_say_so<T>(peer: &str, prepared: Result<T, Missing>) -> Option<T> {
    prepared.inspect_err(|missing| eprintln!("SKIPPED {peer}: {missing}")).ok()
}

/// Windows that every side may have on the wire, where it lets one choose.
const IN_FLIGHT: usize = 5;

/// Events per window; ours and Filebeat's default.
const WINDOW: usize = 2048;

const PATIENCE: Duration = Duration::from_secs(60);
