use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::failure::{Failure, Trying, fail};

/// Passes bytes on between clients and a server, and keeps what the clients send.
#[derive(Debug)]
pub(super) struct Wire {
    address: SocketAddr,
    sent: Arc<Mutex<Vec<u8>>>,
    closed: Arc<AtomicBool>,
}

impl Wire {
    pub(super) fn to(server: SocketAddr) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).trying("cannot listen")?;
        let address = listener.local_addr().trying("cannot tell where it listens")?;
        let (sent, closed) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::<AtomicBool>::default());
        let wire = Self { address, sent: Arc::clone(&sent), closed: Arc::clone(&closed) };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if closed.load(Ordering::SeqCst) {
                    return;
                }
                // A client whose server cannot be reached sees the end of its connection.
                let _ = connect(client, server, &sent);
            }
        });
        Ok(wire)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Fails unless the events, so many bytes of them, came as one compressed frame behind the window frame that
    /// made them fewer, or as they are; returns how many bytes that took.
    pub(super) fn expect(&self, compressed: bool, bytes: usize) -> Result<usize, Failure> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let expected: &[u8] = if compressed { b"2C" } else { b"2J" };
        if sent.get(..2) != Some(b"2W") || sent.get(6..8) != Some(expected) {
            fail!("the stream begins with {:?}", sent.get(..8.min(sent.len())));
        }
        if compressed != (sent.len() < bytes) {
            fail!("{bytes} bytes of events took {} bytes on the wire", sent.len());
        }
        Ok(sent.len())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // Wakes the listener, which then ends.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

fn connect(client: TcpStream, server: SocketAddr, sent: &Arc<Mutex<Vec<u8>>>) -> io::Result<()> {
    let server = TcpStream::connect_timeout(&server, Duration::from_secs(5))?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let (answers, to_client) = (server.try_clone()?, client.try_clone()?);
    let sent = Arc::clone(sent);
    thread::spawn(move || {
        pass_on(client, server, |bytes| {
            sent.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        });
    });
    thread::spawn(move || pass_on(answers, to_client, |_| {}));
    Ok(())
}

/// Until either side ends.
fn pass_on(mut from: TcpStream, mut to: TcpStream, see: impl Fn(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        see(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            let _ = from.shutdown(Shutdown::Both);
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_pass_and_what_the_client_sends_is_kept() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let wire = Wire::to(server.local_addr().unwrap()).unwrap();
        let mut client = TcpStream::connect(wire.address()).unwrap();
        client.write_all(b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x02{}").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let (mut accepted, _) = server.accept().unwrap();
        let mut received = Vec::new();
        accepted.read_to_end(&mut received).unwrap();
        assert_eq!(received.len(), 18);
        accepted.write_all(b"2A").unwrap();
        drop(accepted);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"2A");

        assert_eq!(wire.expect(false, 2).unwrap(), 18);
        assert!(wire.expect(true, 200).is_err());
        assert!(wire.expect(false, 200).is_err());
    }
}
