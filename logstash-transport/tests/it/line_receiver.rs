//! Receives lines over TCP, keeps every byte apart by connection, and cuts connections on demand.

use bytes::Bytes;
use socket2::SockRef;
use std::collections::VecDeque;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// How a connection ends after a number of bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// With what was sent and not read lost, and an RST.
    Reset(usize),
    /// With FIN, or an RST where something is unread.
    Close(usize),
}

pub(crate) struct LineReceiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The bytes of each connection.
    connections: Vec<Vec<u8>>,
    cuts: VecDeque<Cut>,
    ended: usize,
    /// Whether open connections shall end.
    epoch: usize,
}

impl LineReceiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&accepting);
                let index = shared.update(|state| {
                    state.connections.push(Vec::new());
                    state.connections.len() - 1
                });
                thread::spawn(move || stream.map(|stream| shared.serve(stream, index)));
            }
        });
        Self { address, shared }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the next connections, one each.
    pub(crate) fn cut(&self, cuts: impl IntoIterator<Item = Cut>) {
        self.shared.update(|state| state.cuts.extend(cuts));
    }

    /// Closes all connections, and waits until that is done.
    pub(crate) fn close_connections(&self) {
        self.shared.update(|state| state.epoch += 1);
        assert!(self.wait(|state| state.ended == state.connections.len()));
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.state.lock().unwrap().connections.len()
    }

    /// Waits until all connections have ended; then the bytes of each.
    pub(crate) fn ended(&self) -> Vec<Vec<u8>> {
        assert!(self.wait(|state| state.ended == state.connections.len()));
        self.shared.state.lock().unwrap().connections.clone()
    }

    /// Waits for this many whole lines over all connections, and returns all there are.
    pub(crate) fn lines(&self, count: usize) -> Vec<Bytes> {
        assert!(
            self.wait(|state| lines(state).len() >= count),
            "{} lines",
            lines(&self.shared.state.lock().unwrap()).len()
        );
        lines(&self.shared.state.lock().unwrap())
    }

    fn wait(&self, condition: impl Fn(&State) -> bool) -> bool {
        let state = self.shared.state.lock().unwrap();
        let patience = Duration::from_secs(60);
        let waited = self.shared.changed.wait_timeout_while(state, patience, |state| !condition(state));
        !waited.unwrap().1.timed_out()
    }
}

impl Shared {
    fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
        result
    }

    fn serve(&self, mut stream: TcpStream, index: usize) {
        stream.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        let (cut, epoch) = self.update(|state| (state.cuts.pop_front(), state.epoch));
        let limit = match cut {
            Some(Cut::Reset(bytes) | Cut::Close(bytes)) => bytes,
            None => usize::MAX,
        };
        let mut buffer = vec![0; 64 * 1024];
        let mut taken = 0;
        while taken < limit && self.state.lock().unwrap().epoch == epoch {
            let room = buffer.len().min(limit - taken);
            match stream.read(&mut buffer[..room]) {
                Ok(0) => break,
                Ok(length) => {
                    taken += length;
                    self.update(|state| state.connections[index].extend_from_slice(&buffer[..length]));
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) => {}
                Err(_) => break,
            }
        }
        if let Some(Cut::Reset(_)) = cut {
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
        drop(stream);
        self.update(|state| state.ended += 1);
    }
}

fn lines(state: &State) -> Vec<Bytes> {
    state.connections.iter().flat_map(|bytes| split(bytes).0).collect()
}

/// The whole lines, and what follows the last newline.
pub(crate) fn split(bytes: &[u8]) -> (Vec<Bytes>, &[u8]) {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (whole, rest) = bytes.split_at(end);
    let lines = whole.split(|byte| *byte == b'\n').map(Bytes::copy_from_slice);
    (lines.take(whole.iter().filter(|byte| **byte == b'\n').count()).collect(), rest)
}
