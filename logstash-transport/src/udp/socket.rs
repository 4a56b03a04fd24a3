use crate::interrupt::Interrupt;
use crate::stream::{deadline, is_pause};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// A UDP socket with one peer.
#[derive(Debug)]
pub(super) struct Socket {
    socket: UdpSocket,
    peer: SocketAddr,
    /// Whether the next datagram counts only when nobody answers that nobody listens.
    doubted: bool,
}

/// Why a datagram was not sent.
pub(super) enum SocketError {
    Interrupted,
    Io(io::Error),
    /// Nobody listens there.
    Refused,
    /// More than a datagram carries on this way.
    TooLarge,
}

impl Socket {
    pub(super) fn connect(peer: SocketAddr) -> io::Result<Self> {
        let any: SocketAddr = match peer {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(peer)?;
        socket.set_write_timeout(Some(Interrupt::SLICE))?;
        Ok(Self { socket, peer, doubted: true })
    }

    pub(super) const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Takes note of an answer to earlier datagrams.
    pub(super) fn look_for_refusal(&mut self) {
        let refused = self.socket.set_nonblocking(true).is_ok() && self.receive().is_err();
        let blocking = self.socket.set_nonblocking(false).is_ok();
        self.doubted |= refused || !blocking;
    }

    pub(super) fn send(
        &mut self,
        datagram: &[u8],
        settle_time: Duration,
        timeout: Duration,
        interrupt: &Interrupt,
    ) -> Result<(), SocketError> {
        let deadline = deadline(timeout);
        loop {
            match self.socket.send(datagram) {
                Ok(_) => break,
                Err(error) if is_pause(&error) || error.kind() == ErrorKind::TimedOut => {
                    if interrupt.is_raised() {
                        return Err(SocketError::Interrupted);
                    }
                    if Instant::now() >= deadline {
                        return Err(SocketError::Io(error));
                    }
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
        if self.doubted {
            self.settle(settle_time, interrupt)?;
            self.doubted = false;
        }
        Ok(())
    }

    /// Waits for an answer that nobody listens.
    fn settle(&mut self, time: Duration, interrupt: &Interrupt) -> Result<(), SocketError> {
        let deadline = deadline(time);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            if interrupt.is_raised() {
                return Err(SocketError::Interrupted);
            }
            self.socket.set_read_timeout(Some(left.min(Interrupt::SLICE))).map_err(SocketError::Io)?;
            self.receive().map_err(|error| self.failed(error))?;
        }
    }

    /// Receives and drops what there is, if anything; an error is an answer to an earlier datagram.
    fn receive(&self) -> io::Result<()> {
        match self.socket.recv(&mut [0; 1]) {
            Ok(_) => Ok(()),
            Err(error) if is_pause(&error) || error.kind() == ErrorKind::TimedOut => Ok(()),
            // Windows says so of a datagram that is longer than the buffer.
            Err(error) if is_too_large(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn failed(&mut self, error: io::Error) -> SocketError {
        self.doubted = true;
        match error.kind() {
            // Windows calls it a reset.
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => SocketError::Refused,
            _ if is_too_large(&error) => SocketError::TooLarge,
            _ => SocketError::Io(error),
        }
    }
}

/// `EMSGSIZE`, which the library has no name for.
fn is_too_large(error: &io::Error) -> bool {
    const EMSGSIZE: i32 = if cfg!(windows) {
        10040
    } else if cfg!(any(target_os = "linux", target_os = "android")) {
        90
    } else {
        40
    };
    error.raw_os_error() == Some(EMSGSIZE)
}
