//! Receives windows on tokio, one task for each connection; prints how many events came:
//!
//! ```text
//! cargo run --example tokio_server -- 127.0.0.1:5044
//! ```

use bytes::BytesMut;
use lumberjack_codec::{Payload, ServerConfig, ServerEvent, ServerSession};
use std::future::Future;
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:5044".to_owned());
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, peer) = listener.accept().await?;
        tokio::spawn(async move {
            let store =
                move |events: Vec<Payload>| async move { eprintln!("{peer}: {} events", events.len()) };
            if let Err(error) = serve(stream, store).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

/// Serves one connection to its end. A window is acknowledged when `store` is done with it; meanwhile
/// keepalives go out and further windows are received.
pub(crate) async fn serve<F>(
    mut stream: TcpStream,
    mut store: impl FnMut(Vec<Payload>) -> F,
) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut session = ServerSession::new(ServerConfig::new(), Instant::now());
    let (mut input, mut wire, mut events) = (BytesMut::new(), BytesMut::new(), Vec::new());
    let mut stores = JoinSet::new();
    loop {
        while let Some(event) = session.poll_event() {
            match event {
                ServerEvent::Event { payload, .. } => events.push(payload),
                ServerEvent::WindowComplete { window, .. } => {
                    let stored = store(std::mem::take(&mut events));
                    stores.spawn(async move {
                        stored.await;
                        window
                    });
                }
                ServerEvent::WindowAborted { .. } => events.clear(),
                _ => {}
            }
        }
        if session.poll_transmit(&mut wire) {
            tokio::time::timeout(WRITE_TIMEOUT, stream.write_all(&wire.split())).await??;
        }
        if session.is_closed() {
            stream.shutdown().await?;
            // What is not read would turn the close into a reset.
            let _ = tokio::time::timeout(LINGER, copy(&mut stream, &mut sink())).await;
            return Ok(());
        }
        let deadline = session.poll_timeout().map(tokio::time::Instant::from_std);
        let timer =
            async { tokio::time::sleep_until(deadline.unwrap_or_else(tokio::time::Instant::now)).await };
        tokio::select! {
            read = stream.read_buf(&mut input), if session.wants_read() => match read? {
                0 => session.receive_eof(Instant::now()),
                _ => session.receive(&mut input, Instant::now()),
            },
            Some(stored) = stores.join_next() => match stored {
                Ok(window) => drop(session.acknowledge(window, Instant::now())),
                // It panicked: the client sends again what is not acknowledged.
                Err(_) => session.shutdown(Instant::now()),
            },
            () = timer, if deadline.is_some() => session.handle_timeout(Instant::now()),
        }
    }
}

/// A peer that does not read must not hold us for ever.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long what a peer still sends is read and thrown away.
const LINGER: Duration = Duration::from_secs(2);
