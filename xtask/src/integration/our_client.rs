//! `BeatsTransport` to the servers of others.

use std::net::SocketAddr;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use logstash_transport::{Batch, BeatsTransport, ErrorKind, Transport, error_chain};
use lumberjack_codec::{EncodedWindow, WindowEncoder};

use super::case::{Case, Verdict};
use super::events::{documents, read_lines, resumed, same};
use super::our_server::size;
use super::table::Column;
use super::wire::Wire;
use crate::failure::{Failure, fail};
use crate::peers::{RustPeer, ServerOptions, Serves};

pub(super) fn cases(peer: &str, server: &Arc<dyn Serves>, scratch: &Path) -> Vec<Case> {
    let pair = format!("ours -> {peer} server");
    let mut cases = Vec::new();
    for level in [0, 3] {
        let kind = if level == 0 { "plain" } else { "compressed" };
        for (index, (name, column, run)) in EXERCISES.iter().enumerate() {
            let server = Arc::clone(server);
            let file = scratch.join(format!("{peer}-{level}-{index}"));
            let case = Case::new(format!("our client to its server, {kind}, {name}"), move || {
                run(&*server, file, level)
            });
            cases.push(case.cell(&pair, column.map(|column| column.at(level))));
        }
    }
    cases
}

const EXERCISES: &[Exercise] = &[
    ("1 event", Some(Column::OneWindow), |server, file, level| windows(server, &file, level, 1, 1)),
    ("3 windows", Some(Column::ThreeWindows), |server, file, level| windows(server, &file, level, 3, 500)),
    ("a window of 2,048 events", Some(Column::FullWindow), |server, file, level| {
        windows(server, &file, level, 1, 2048)
    }),
    ("100,000 events", None, |server, file, level| single_events(server, &file, level, 100_000)),
    ("as the wire shows it", Some(Column::Compressed), on_the_wire),
    ("slow server that keeps alive", Some(Column::Keepalives), slow_server),
    ("server killed and restarted", Some(Column::Restart), killed_server),
];

/// The server of lumberjack-protocol acknowledges what its application dropped.
pub(super) fn dropped_batch(peer: &Arc<RustPeer>, scratch: &Path) -> Case {
    let (peer, file) = (Arc::clone(peer), scratch.join("dropped"));
    Case::new("our client to its server, its application drops the first of 3 windows", move || {
        let sent = documents(300)?;
        let server =
            peer.serve_and_drop_one(&ServerOptions { out: Some(&file), ..ServerOptions::default() })?;
        let mut transport = connect(server.address())?;
        let mut batch = Batch::from_windows(encode(&sent, 100, 3)?);
        let outcome = transport.send(&mut batch);
        transport.close();
        if let Err(error) = outcome {
            fail!(
                "its server was to acknowledge the window that its application dropped, and did not: {}",
                error_chain(&error)
            );
        }
        same(&sent[100..], &read_lines(&file)?)?;
        Ok(Verdict::ExpectedFailure(format!(
            "lumberjack-protocol is at fault: its server acknowledges a batch that its application drops, so that {} \
             of 300 events count as delivered and are lost; the other 200 arrived, exact",
            batch.acknowledged() - 200
        )))
    })
}

/// Its name, its column in the matrix, and what is done.
type Exercise = (&'static str, Option<Column>, fn(&dyn Serves, PathBuf, u32) -> Outcome);

pub(super) type Outcome = Result<String, Failure>;

/// Encoded windows, as a queue would hold them, in one batch.
fn windows(server: &dyn Serves, file: &Path, level: u32, count: usize, size: usize) -> Outcome {
    let sent = documents(count * size)?;
    let running = server.serve(&ServerOptions { out: Some(file), ..ServerOptions::default() })?;
    let mut transport = connect(running.address())?;
    deliver(&mut transport, &mut Batch::from_windows(encode(&sent, size, level)?))?;
    transport.close();
    exact(&sent, file)
}

fn on_the_wire(server: &dyn Serves, file: PathBuf, level: u32) -> Outcome {
    let sent = documents(1500)?;
    let running = server.serve(&ServerOptions { out: Some(&file), ..ServerOptions::default() })?;
    let wire = Wire::to(running.address())?;
    let mut transport = connect(wire.address())?;
    deliver(&mut transport, &mut Batch::from_windows(encode(&sent, 500, level)?))?;
    transport.close();
    let bytes = wire.expect(level != 0, size(&sent))?;
    Ok(format!("{}; they took {bytes} bytes on the wire", exact(&sent, &file)?))
}

/// Single events, which the transport cuts into windows itself, in several batches over one connection.
fn single_events(server: &dyn Serves, file: &Path, level: u32, count: usize) -> Outcome {
    let sent = documents(count)?;
    let running = server.serve(&ServerOptions { out: Some(file), ..ServerOptions::default() })?;
    let mut transport = connect(running.address())?.compression_level(level);
    for events in sent.chunks(30_000) {
        deliver(&mut transport, &mut Batch::from_events(events.to_vec()))?;
    }
    transport.close();
    exact(&sent, file)
}

/// Each window takes longer than the client's patience: with keepalives everything arrives, once; without them
/// the client gives up in time.
fn slow_server(server: &dyn Serves, file: PathBuf, level: u32) -> Outcome {
    let patience = Duration::from_millis(400);
    let delay = Duration::from_millis(800);
    let sent = documents(150)?;

    let slow = ServerOptions {
        out: Some(&file),
        delay: Some(delay),
        keepalive: Some(Duration::from_millis(100)),
        ..ServerOptions::default()
    };
    let running = server.serve(&slow)?;
    let mut transport = connect(running.address())?.ack_timeout(patience);
    let started = Instant::now();
    deliver(&mut transport, &mut Batch::from_windows(encode(&sent, 50, level)?))?;
    transport.close();
    let took = started.elapsed();
    if took < 3 * delay {
        fail!("three windows that take {delay:?} each were acknowledged after {took:?}");
    }
    exact(&sent, &file)?;

    let mute = ServerOptions { out: None, keepalive: Some(Duration::ZERO), ..slow };
    let running = server.serve(&mute)?;
    let mut transport = connect(running.address())?.ack_timeout(patience);
    let mut batch = Batch::from_windows(encode(&sent, 50, level)?);
    let started = Instant::now();
    let Err(error) = transport.send(&mut batch) else {
        fail!("the control failed: a server without keepalives was waited for");
    };
    if error.kind() != ErrorKind::Unavailable || batch.acknowledged() != 0 || started.elapsed() > delay {
        fail!("the control failed: {} after {:?}", error_chain(&error), started.elapsed());
    }
    Ok(format!(
        "150 events exact, once, in {:.1} s with an acknowledgement timeout of {:.1} s; without keepalives: {}",
        took.as_secs_f64(),
        patience.as_secs_f64(),
        error_chain(&error)
    ))
}

/// SIGKILL in the middle of the stream, then a new process on the same port.
fn killed_server(server: &dyn Serves, file: PathBuf, level: u32) -> Outcome {
    let sent = documents(EVENTS)?;
    let after = file.with_extension("after");
    let mut running = server.serve(&ServerOptions {
        out: Some(&file),
        delay: Some(Duration::from_millis(5)),
        ..ServerOptions::default()
    })?;
    let address = running.address();
    let mut transport = connect(running.address())?;
    let mut batch = Batch::from_windows(encode(&sent, WINDOW, level)?);

    let killer = thread::spawn(move || {
        let received = running.wait_for(EVENTS / 4, PATIENCE);
        running.kill();
        received
    });
    let outcome = transport.send(&mut batch);
    killer.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?;
    let Err(error) = outcome else {
        fail!("everything counts as delivered to a server that was killed");
    };
    if error.kind() != ErrorKind::Unavailable {
        fail!("the loss of the server is {:?}: {}", error.kind(), error_chain(&error));
    }
    let acknowledged = batch.acknowledged() as usize;

    let _running = server.serve(&ServerOptions {
        listen: Some(address),
        out: Some(&after),
        ..ServerOptions::default()
    })?;
    deliver(&mut transport, &mut batch)?;
    transport.close();
    let twice = resumed(&sent, &read_lines(&file)?, &read_lines(&after)?, acknowledged)?;
    if twice > IN_FLIGHT * WINDOW {
        fail!("{twice} events arrived twice; {IN_FLIGHT} windows of {WINDOW} were in flight");
    }
    Ok(format!(
        "{} events exact and in order, {acknowledged} acknowledged before the kill, {twice} twice ({})",
        sent.len(),
        error_chain(&error)
    ))
}

pub(super) fn connect(server: SocketAddr) -> Result<BeatsTransport, Failure> {
    BeatsTransport::new(&server.to_string())
        .map(|transport| transport.max_in_flight(IN_FLIGHT))
        .map_err(|error| Failure::because("our client refuses the address", error))
}

pub(super) fn deliver(transport: &mut BeatsTransport, batch: &mut Batch<'_>) -> Result<(), Failure> {
    transport.send(batch).map_err(|error| Failure::because("our client could not deliver", error))?;
    if !batch.is_done() {
        fail!("the batch was delivered, and {} events remain", batch.remaining_events());
    }
    Ok(())
}

pub(super) fn encode(documents: &[Vec<u8>], size: usize, level: u32) -> Result<Vec<EncodedWindow>, Failure> {
    let mut encoder = WindowEncoder::new(level);
    documents
        .chunks(size)
        .map(|events| {
            encoder.encode(events).map_err(|error| Failure::because("cannot encode a window", error))
        })
        .collect()
}

pub(super) fn exact(sent: &[Vec<u8>], file: &Path) -> Outcome {
    same(sent, &read_lines(file)?)?;
    Ok(format!("{} events, {} bytes, exact and in order", sent.len(), size(sent)))
}

const IN_FLIGHT: usize = 2;

/// Events where a server is killed, and how many of them make a window.
const EVENTS: usize = 20_000;
const WINDOW: usize = 100;

const PATIENCE: Duration = Duration::from_secs(30);
