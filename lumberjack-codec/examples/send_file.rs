//! Sends a file of JSON documents, one per line, with nothing but the standard library:
//!
//! ```text
//! cargo run --example send_file -- events.ndjson 127.0.0.1:5044
//! ```

use bytes::BytesMut;
use lumberjack_codec::{ClientConfig, ClientEvent, ClientSession};
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(address)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: send_file FILE HOST:PORT"));
    };
    let sent = send(TcpStream::connect(address)?, BufReader::new(File::open(file)?))?;
    eprintln!("{sent} events were acknowledged");
    Ok(())
}

/// Sends all lines that are not empty; returns how many, when every one is acknowledged.
pub(crate) fn send(mut stream: TcpStream, input: impl BufRead) -> io::Result<u64> {
    stream.set_write_timeout(Some(Duration::from_secs(30)))?;
    let mut session = ClientSession::new(ClientConfig::new());
    let mut lines = input.lines().filter(|line| !line.as_ref().is_ok_and(String::is_empty)).peekable();
    let (mut wire, mut chunk, mut acknowledged) = (BytesMut::new(), [0; 4096], 0);
    loop {
        while session.can_send() && lines.peek().is_some() {
            let window = lines.by_ref().take(2048).collect::<io::Result<Vec<String>>>()?;
            session.send(0, window, Instant::now()).map_err(io::Error::other)?;
        }
        if session.in_flight() == 0 && lines.peek().is_none() {
            return Ok(acknowledged);
        }
        if session.poll_transmit(&mut wire) {
            stream.write_all(&wire.split())?;
            session.transmitted(Instant::now());
        }
        let wait = session.poll_timeout().map(|at| at.saturating_duration_since(Instant::now()));
        stream.set_read_timeout(wait.map(|wait| wait.max(Duration::from_millis(1))))?;
        match stream.read(&mut chunk) {
            Ok(0) => session.receive_eof(Instant::now()),
            Ok(length) => session.receive(&mut BytesMut::from(&chunk[..length]), Instant::now()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                session.handle_timeout(Instant::now());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        while let Some(event) = session.poll_event() {
            match event {
                ClientEvent::Acknowledged { events, .. } => acknowledged += u64::from(events),
                ClientEvent::Closed { reason } => return Err(io::Error::other(reason.to_string())),
                _ => {}
            }
        }
    }
}
