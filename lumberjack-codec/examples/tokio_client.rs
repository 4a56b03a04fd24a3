//! Sends windows on tokio, several in flight at a time; the documents come from the standard input:
//!
//! ```text
//! cargo run --example tokio_client -- 127.0.0.1:5044 < events.ndjson
//! ```

use bytes::BytesMut;
use lumberjack_codec::{ClientConfig, ClientEvent, ClientSession, window_prefix};
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5044".to_owned());
    let documents: Vec<String> = io::stdin()
        .lines()
        .filter(|line| !line.as_ref().is_ok_and(String::is_empty))
        .collect::<Result<_, _>>()?;
    let mut stream = TcpStream::connect(address).await?;
    let acknowledged = send(&mut stream, &documents).await?;
    eprintln!("{acknowledged} of {} events were acknowledged", documents.len());
    stream.shutdown().await
}

/// Sends the documents in order; returns how many were acknowledged before the connection ended.
pub(crate) async fn send(stream: &mut TcpStream, mut documents: &[String]) -> io::Result<usize> {
    let mut session = ClientSession::new(ClientConfig::new().max_in_flight(4));
    let (mut input, mut wire, mut acknowledged) = (BytesMut::new(), BytesMut::new(), 0);
    loop {
        while let Some(event) = session.poll_event() {
            match event {
                ClientEvent::Acknowledged { events, .. } => acknowledged += events as usize,
                // The leading events of a window that failed are taken over too.
                ClientEvent::Failed { acknowledged: leading, .. } => acknowledged += leading as usize,
                ClientEvent::Closed { reason } => {
                    eprintln!("connection closed: {reason}");
                    return Ok(acknowledged);
                }
                _ => {}
            }
        }
        while session.can_send() && !documents.is_empty() {
            let events = window_prefix(documents.iter().map(String::len), 2048, 1024 * 1024);
            let (window, rest) = documents.split_at(events);
            session.send(0, window, Instant::now()).map_err(io::Error::other)?;
            documents = rest;
        }
        if documents.is_empty() && session.in_flight() == 0 {
            return Ok(acknowledged);
        }
        if session.poll_transmit(&mut wire) {
            tokio::time::timeout(WRITE_TIMEOUT, stream.write_all(&wire.split())).await??;
            session.transmitted(Instant::now());
        }
        let deadline = session.poll_timeout().map(tokio::time::Instant::from_std);
        let timer =
            async { tokio::time::sleep_until(deadline.unwrap_or_else(tokio::time::Instant::now)).await };
        tokio::select! {
            read = stream.read_buf(&mut input) => match read? {
                0 => session.receive_eof(Instant::now()),
                _ => session.receive(&mut input, Instant::now()),
            },
            () = timer, if deadline.is_some() => session.handle_timeout(Instant::now()),
        }
    }
}

/// A peer that does not read must not hold us for ever.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
