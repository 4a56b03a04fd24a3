//! `cargo xtask receive`: a Beats receiver that counts.

use std::hint;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use lumberjack_codec::{Payload, ServerConfig, ServerEvent, ServerSession};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::failure::{Failure, Trying};
use crate::task::{Flag, Task};
use crate::with_parent;

pub(crate) const TASK: Task = Task {
    name: "receive",
    summary: "Receives Beats windows, acknowledges and counts them",
    operands: "",
    flags: &[
        Flag {
            name: "--listen",
            value: "HOST:PORT",
            help: "address to listen on, a free port of the loopback interface by default",
        },
        Flag { name: "--json", value: "", help: "decode the JSON of each event, and drop it" },
        with_parent::FLAG,
    ],
    help: "\
A receiver to measure clients with: it decodes and verifies the windows of any number of connections and
acknowledges each at once; it does not look into the events unless it is told so. Prints `listening HOST:PORT`, and with the end of
each connection `received EVENTS`. Runs until it is interrupted.",
    run,
};

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let address = arguments.value("--listen").unwrap_or("127.0.0.1:0");
    let address: SocketAddr = address.parse().map_err(|_| {
        Failure::Usage(format!("receive: `{address}` is not an address such as 127.0.0.1:5044"))
    })?;
    with_parent::obey(arguments);

    let looks_into_events = arguments.has("--json");
    let listener = TcpListener::bind(address).trying(format_args!("cannot listen on {address}"))?;
    let address = listener.local_addr().trying("cannot tell the port")?;
    println!("listening {address}");
    for connection in listener.incoming() {
        let connection = connection.trying("cannot accept a connection")?;
        thread::spawn(move || {
            let mut received = 0;
            let result = serve(connection, looks_into_events, &mut received);
            println!("received {received}");
            if let Err(error) = result {
                eprintln!("connection lost: {error}");
            }
        });
    }
    Ok(())
}

fn serve(mut connection: TcpStream, looks_into_events: bool, received: &mut u64) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut session = ServerSession::new(ServerConfig::new(), Instant::now());
    let mut chunk = vec![0; 256 * 1024];
    let mut input = BytesMut::new();
    let mut output = BytesMut::new();
    loop {
        while let Some(event) = session.poll_event() {
            match event {
                ServerEvent::WindowComplete { window, events, .. } => {
                    *received += u64::from(events);
                    session.acknowledge(window, Instant::now());
                }
                ServerEvent::Event { payload: Payload::Json(document), .. } if looks_into_events => {
                    // On the heap for as long as an application would need it, as others decode it.
                    drop(hint::black_box(serde_json::from_slice::<Value>(&document)?));
                }
                ServerEvent::Closed { .. } => return Ok(()),
                _ => {}
            }
        }
        session.poll_transmit(&mut output);
        connection.write_all(&output)?;
        output.clear();

        let now = Instant::now();
        let patience = session
            .poll_timeout()
            .map_or(Duration::from_secs(60), |deadline| deadline.saturating_duration_since(now));
        // A socket takes no timeout of zero.
        connection.set_read_timeout(Some(patience.max(Duration::from_millis(1))))?;
        match connection.read(&mut chunk) {
            Ok(0) => session.receive_eof(Instant::now()),
            Ok(n) => {
                input.extend_from_slice(&chunk[..n]);
                session.receive(&mut input, Instant::now());
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                session.handle_timeout(Instant::now());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use lumberjack_codec::WindowEncoder;

    use super::*;

    #[test]
    fn windows_are_counted_and_acknowledged() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (connection, _) = listener.accept().unwrap();
        let server = thread::spawn(move || {
            let mut received = 0;
            serve(connection, true, &mut received).unwrap();
            received
        });

        for level in [0, 3] {
            let window = WindowEncoder::new(level).encode([b"{}", b"[]"]).unwrap();
            let mut wire = BytesMut::new();
            window.write_to(&mut wire);
            client.write_all(&wire).unwrap();
            let mut answer = [0; 6];
            client.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"2A\0\0\0\x02");
        }
        drop(client);
        assert_eq!(server.join().unwrap(), 4);
    }
}
