use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use logstash_handler::BeatsTransport;
use logstash_transport::{Batch, ConnectionOptions, TlsConfig, Transport};

use crate::failure::{Failure, Trying, fail};
use crate::relay::Relay;

/// Connections that send when they are told to, each on a thread of its own.
pub(super) struct Clients {
    threads: Vec<(Sender<u64>, JoinHandle<()>)>,
}

impl Clients {
    /// Connects them, and lets each send one event.
    pub(super) fn connect(relay: &Relay, certificates: &Path, count: usize) -> Result<Self, Failure> {
        let certificate = certificates.join("server.pem");
        let [lines, beats, tls] = ["lines", "beats", "tls"].map(|input| relay.address(input));
        let (lines, beats, tls) = (lines?, beats?, tls?);
        let mut threads = Vec::new();
        let (connected, are_connected) = channel();
        for number in 0..count {
            let (tell, told) = channel();
            let connected = connected.clone();
            let client: Box<dyn FnOnce() + Send> = if number % 2 == 0 {
                Box::new(move || send_lines(lines, &connected, &told))
            } else {
                let (address, options) = if number % 4 == 1 {
                    (format!("beats://{beats}"), ConnectionOptions::default())
                } else {
                    let tls_options = TlsConfig::new().ca_file(&certificate);
                    (format!("beats+tls://{tls}"), ConnectionOptions::default().tls(tls_options))
                };
                let client = BeatsTransport::new(&address)
                    .map_err(|error| Failure::because("no transport", error))?
                    .connection(options)
                    .max_window_events(WINDOW);
                Box::new(move || send_windows(client, &connected, &told))
            };
            let thread = thread::Builder::new().stack_size(STACK).spawn(client);
            threads.push((tell, thread.trying("cannot start a client")?));
        }
        drop(connected);
        let count_connected = are_connected.iter().take(count).count();
        if count_connected < count {
            fail!("{} of {count} clients could not connect", count - count_connected);
        }
        Ok(Self { threads })
    }

    /// Lets each send so many events.
    pub(super) fn send(&self, events: u64) {
        for (tell, _) in &self.threads {
            // One that has failed is missed in the figures.
            let _ = tell.send(events);
        }
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        for (tell, thread) in self.threads.drain(..) {
            drop(tell);
            let _ = thread.join();
        }
    }
}

fn send_lines(address: SocketAddr, connected: &Sender<()>, told: &Receiver<u64>) {
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    if stream.write_all(&[EVENT, b"\n"].concat()).is_err() {
        return;
    }
    let _ = connected.send(());
    for events in told {
        let lines = [EVENT, b"\n"].concat().repeat(WINDOW);
        let line = EVENT.len() + 1;
        let mut left = usize::try_from(events).unwrap_or(usize::MAX);
        while left > 0 {
            let count = left.min(WINDOW);
            if stream.write_all(lines.get(..count * line).unwrap_or_default()).is_err() {
                return;
            }
            left -= count;
        }
    }
}

fn send_windows(mut client: BeatsTransport, connected: &Sender<()>, told: &Receiver<u64>) {
    if client.send(&mut Batch::from_events([EVENT])).is_err() {
        return;
    }
    let _ = connected.send(());
    for events in told {
        let events = usize::try_from(events).unwrap_or(usize::MAX);
        if client.send(&mut Batch::from_events(std::iter::repeat_n(EVENT, events))).is_err() {
            return;
        }
    }
}

/// About as long as one of a web server.
const EVENT: &[u8] = br#"{"@timestamp":"2026-11-21T18:00:00.000Z","@version":"1","message":"GET /index.html 200","host":"www-1.example","level":"INFO","logger_name":"access","client":"192.0.2.7","bytes":18231,"duration_ms":12}"#;

const WINDOW: usize = 100;

/// Enough for a client with TLS.
const STACK: usize = 512 * 1024;
