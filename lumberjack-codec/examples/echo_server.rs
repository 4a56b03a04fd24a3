//! Prints what arrives, one event per line, with nothing but the standard library:
//!
//! ```text
//! cargo run --example echo_server -- 127.0.0.1:5044
//! ```

use bytes::BytesMut;
use lumberjack_codec::{Payload, ServerConfig, ServerEvent, ServerSession};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5044".to_owned());
    for stream in TcpListener::bind(address)?.incoming() {
        if let Err(error) = serve(stream?, &mut io::stdout()) {
            eprintln!("connection ended: {error}");
        }
    }
    Ok(())
}

/// Serves one connection to its end.
pub(crate) fn serve(mut stream: TcpStream, out: &mut impl Write) -> io::Result<()> {
    stream.set_write_timeout(Some(Duration::from_secs(30)))?;
    let mut session = ServerSession::new(ServerConfig::new(), Instant::now());
    let (mut wire, mut chunk, mut window_lines) = (BytesMut::new(), [0; 16 * 1024], Vec::new());
    loop {
        while let Some(event) = session.poll_event() {
            match event {
                ServerEvent::Event { payload: Payload::Json(document), .. } => {
                    window_lines.extend_from_slice(&document);
                    window_lines.push(b'\n');
                }
                ServerEvent::Event { payload: Payload::Data(pairs), .. } => {
                    writeln!(window_lines, "{pairs:?}")?;
                }
                ServerEvent::WindowComplete { window, .. } => {
                    out.write_all(&window_lines)?;
                    out.flush()?;
                    window_lines.clear();
                    session.acknowledge(window, Instant::now());
                }
                ServerEvent::WindowAborted { .. } => window_lines.clear(),
                ServerEvent::Closed { reason } => eprintln!("connection closed: {reason}"),
                _ => {}
            }
        }
        if session.poll_transmit(&mut wire) {
            stream.write_all(&wire.split())?;
        }
        if session.is_closed() {
            stream.shutdown(Shutdown::Write)?;
            // What is not read would turn the close into a reset.
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            let end = Instant::now() + Duration::from_secs(2);
            while Instant::now() < end && stream.read(&mut chunk).is_ok_and(|length| length > 0) {}
            return Ok(());
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
    }
}
