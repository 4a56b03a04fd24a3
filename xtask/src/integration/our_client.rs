//! `BeatsTransport` to the server of go-lumber.

use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use logstash_transport::{Batch, BeatsTransport, ErrorKind, Transport, error_chain};
use lumberjack_codec::{EncodedWindow, WindowEncoder};

use super::case::Case;
use super::events::{documents, read_lines, resumed, same};
use crate::failure::{Failure, fail};
use crate::peers::{GoLumber, Server, ServerOptions};

pub(super) fn cases(go: &Arc<GoLumber>, scratch: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |name: String, file: String, run: fn(&GoLumber, PathBuf, u32) -> Outcome, level| {
        let (go, file) = (Arc::clone(go), scratch.join(file));
        cases.push(Case::new(format!("our client to its server, {name}"), move || run(&go, file, level)));
    };
    for level in [0, 3] {
        let kind = if level == 0 { "plain" } else { "compressed" };
        case(
            format!("{kind}, 1 event"),
            format!("one-{level}"),
            |go, file, level| windows(go, &file, level, 1, 1),
            level,
        );
        case(
            format!("{kind}, 3 windows"),
            format!("three-{level}"),
            |go, file, level| windows(go, &file, level, 3, 500),
            level,
        );
        case(
            format!("{kind}, a window of 2,048 events"),
            format!("full-{level}"),
            |go, file, level| windows(go, &file, level, 1, 2048),
            level,
        );
        case(
            format!("{kind}, 100,000 events"),
            format!("many-{level}"),
            |go, file, level| single_events(go, &file, level, 100_000),
            level,
        );
        case(format!("{kind}, slow server that keeps alive"), format!("slow-{level}"), slow_server, level);
        case(format!("{kind}, server killed and restarted"), format!("killed-{level}"), killed_server, level);
    }
    cases
}

type Outcome = Result<String, Failure>;

/// Encoded windows, as a queue would hold them, in one batch.
fn windows(go: &GoLumber, file: &Path, level: u32, count: usize, size: usize) -> Outcome {
    let sent = documents(count * size)?;
    let server = go.serve(&ServerOptions { out: Some(file), ..ServerOptions::default() })?;
    let mut transport = connect(&server)?;
    deliver(&mut transport, &mut Batch::from_windows(encode(&sent, size, level)?))?;
    transport.close();
    exact(&sent, file)
}

/// Single events, which the transport cuts into windows itself, in several batches over one connection.
fn single_events(go: &GoLumber, file: &Path, level: u32, count: usize) -> Outcome {
    let sent = documents(count)?;
    let server = go.serve(&ServerOptions { out: Some(file), ..ServerOptions::default() })?;
    let mut transport = connect(&server)?.compression_level(level);
    for events in sent.chunks(30_000) {
        deliver(&mut transport, &mut Batch::from_events(events.to_vec()))?;
    }
    transport.close();
    exact(&sent, file)
}

/// Each window takes longer than the client's patience: with keepalives everything arrives, once; without them
/// the client gives up in time.
fn slow_server(go: &GoLumber, file: PathBuf, level: u32) -> Outcome {
    let patience = Duration::from_millis(400);
    let delay = Duration::from_millis(1200);
    let sent = documents(150)?;

    let slow = ServerOptions {
        out: Some(&file),
        delay: Some(delay),
        keepalive: Some(Duration::from_millis(100)),
        ..ServerOptions::default()
    };
    let server = go.serve(&slow)?;
    let mut transport = connect(&server)?.ack_timeout(patience);
    let started = Instant::now();
    deliver(&mut transport, &mut Batch::from_windows(encode(&sent, 50, level)?))?;
    transport.close();
    let took = started.elapsed();
    if took < 3 * delay {
        fail!("three windows that take {delay:?} each were acknowledged after {took:?}");
    }
    exact(&sent, &file)?;

    let mute = ServerOptions { out: None, keepalive: Some(Duration::ZERO), ..slow };
    let server = go.serve(&mute)?;
    let mut transport = connect(&server)?.ack_timeout(patience);
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
fn killed_server(go: &GoLumber, file: PathBuf, level: u32) -> Outcome {
    let sent = documents(EVENTS)?;
    let after = file.with_extension("after");
    let mut server = go.serve(&ServerOptions {
        out: Some(&file),
        delay: Some(Duration::from_millis(5)),
        ..ServerOptions::default()
    })?;
    let address = server.address();
    let mut transport = connect(&server)?;
    let mut batch = Batch::from_windows(encode(&sent, WINDOW, level)?);

    let killer = thread::spawn(move || {
        let received = server.wait_for(EVENTS / 4, PATIENCE);
        server.kill();
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

    let _server =
        go.serve(&ServerOptions { listen: Some(address), out: Some(&after), ..ServerOptions::default() })?;
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

pub(super) fn connect(server: &Server) -> Result<BeatsTransport, Failure> {
    BeatsTransport::new(&server.address().to_string())
        .map(|transport| transport.max_in_flight(IN_FLIGHT))
        .map_err(|error| Failure::because("our client refuses the address", error))
}

fn deliver(transport: &mut BeatsTransport, batch: &mut Batch<'_>) -> Result<(), Failure> {
    transport.send(batch).map_err(|error| Failure::because("our client could not deliver", error))?;
    if !batch.is_done() {
        fail!("the batch was delivered, and {} events remain", batch.remaining_events());
    }
    Ok(())
}

fn encode(documents: &[Vec<u8>], size: usize, level: u32) -> Result<Vec<EncodedWindow>, Failure> {
    let mut encoder = WindowEncoder::new(level);
    documents
        .chunks(size)
        .map(|events| {
            encoder.encode(events).map_err(|error| Failure::because("cannot encode a window", error))
        })
        .collect()
}

fn exact(sent: &[Vec<u8>], file: &Path) -> Outcome {
    same(sent, &read_lines(file)?)?;
    let bytes: usize = sent.iter().map(Vec::len).sum();
    Ok(format!("{} events, {bytes} bytes, exact and in order", sent.len()))
}

const IN_FLIGHT: usize = 2;

/// Events where a server is killed, and how many of them make a window.
const EVENTS: usize = 20_000;
const WINDOW: usize = 100;

const PATIENCE: Duration = Duration::from_secs(30);
