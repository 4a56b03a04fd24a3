use super::deadline;
use super::options::ConnectionOptions;
use crate::error::TransportError;
use crate::interrupt::Interrupt;
use socket2::{SockRef, TcpKeepalive};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// A TCP connection whose calls return within a slice of time, with `WouldBlock` when nothing happened.
#[derive(Debug)]
pub(crate) struct Socket {
    tcp: TcpStream,
    /// When a run of reads pauses, although more has arrived.
    pauses_at: Option<Instant>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, options: &ConnectionOptions) -> io::Result<Self> {
        // A window goes out in one write; waiting for more would only delay it.
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Interrupt::SLICE))?;
        stream.set_write_timeout(Some(Interrupt::SLICE))?;
        let socket = SockRef::from(&stream);
        if let Some(idle) = options.keepalive {
            let idle = idle.clamp(*KEEPALIVE.start(), *KEEPALIVE.end());
            socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle))?;
        }
        #[cfg(any(target_os = "android", target_os = "linux"))]
        socket.set_tcp_user_timeout(options.user_timeout.map(|time| time.min(USER_TIMEOUT)))?;
        Ok(Self { tcp: stream, pauses_at: None })
    }

    /// Begins a call of a TLS library, which reads until it has a whole message. From a peer that sends
    /// one byte at a time it would come back after hours; so its reads pause after a slice.
    #[cfg(feature = "tls")]
    pub(crate) fn begin_slice(&mut self) {
        self.pauses_at = Some(Instant::now() + Interrupt::SLICE);
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.pauses_at.is_some_and(|at| Instant::now() >= at) {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.tcp.read(buffer).map_err(in_one_word)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.write(bytes).map_err(in_one_word)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What systems call `WouldBlock` or `TimedOut` when a timeout of a socket has passed. The second one is
/// an end to TLS libraries. A connection that the system gave up is `TimedOut` too, but then the next
/// call says what it is.
fn in_one_word(error: io::Error) -> io::Error {
    let timed_out = error.kind() == ErrorKind::TimedOut && cfg!(windows);
    if timed_out { ErrorKind::WouldBlock.into() } else { error }
}

/// A connection, encrypted or not.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Socket),
    #[cfg(feature = "tls")]
    Tls(Box<native_tls::TlsStream<Socket>>),
}

impl Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => &socket.tcp,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => &stream.get_ref().tcp,
        }
    }

    /// How long a read waits, at most [`Interrupt::SLICE`] for the sake of interrupts.
    pub(crate) fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.tcp().set_read_timeout(Some(timeout.clamp(Duration::from_millis(1), Interrupt::SLICE)))
    }

    /// Reads what has arrived, without waiting.
    pub(crate) fn read_ready(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp().set_nonblocking(true)?;
        let result = self.read(buffer);
        self.tcp().set_nonblocking(false)?;
        result
    }

    /// Ends the connection in order: says so, and waits until the peer has read everything and closed,
    /// or until `timeout` has passed.
    ///
    /// Going away with unread input, or before the peer has read the rest, can destroy what is under way.
    #[cfg_attr(not(feature = "tls"), allow(unused_mut, reason = "only TLS says goodbye"))]
    pub(crate) fn close(mut self, timeout: Duration, interrupt: &Interrupt) {
        let deadline = deadline(timeout);
        #[cfg(feature = "tls")]
        if let Self::Tls(stream) = &mut self {
            let _ = stream.shutdown();
        }
        if self.tcp().shutdown(Shutdown::Write).is_err() {
            return;
        }
        let mut scrap = [0; 4096];
        let tcp = self.tcp();
        while Instant::now() < deadline && !interrupt.is_raised() {
            match (&*tcp).read(&mut scrap) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if is_pause(&error) => {}
                Err(_) => break,
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => {
                stream.get_mut().begin_slice();
                stream.read(buffer)
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => {
                stream.get_mut().begin_slice();
                stream.write(bytes)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether an error is the peer's refusal to go on, rather than the end of a connection.
pub(crate) fn is_refusal(error: &io::Error) -> bool {
    #[cfg(feature = "tls")]
    return crate::tls::is_refusal(error);
    #[cfg(not(feature = "tls"))]
    {
        let _ = error;
        false
    }
}

/// The error that follows from a refusal.
pub(crate) fn refused(cause: io::Error) -> TransportError {
    let what = TransportError::new(crate::error::ErrorKind::Misconfigured, "the peer refuses the connection");
    #[cfg(feature = "tls")]
    if let Some(advice) = crate::tls::advice(&cause.to_string()) {
        return what.advise(advice).caused_by(cause);
    }
    what.advise("see the log of the peer for its reason").caused_by(cause)
}

/// Whether a call ended because nothing happened for a slice of time, and is to be repeated.
pub(crate) fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// What Linux takes; it counts in seconds, and refuses others.
const KEEPALIVE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(32_767);

/// What Linux takes, in milliseconds.
#[cfg(any(target_os = "android", target_os = "linux"))]
const USER_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn socket(options: &ConnectionOptions) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Socket::new(stream, options).unwrap().tcp
    }

    #[test]
    fn the_system_is_told_to_write_at_once_and_to_notice_dead_peers() {
        let tcp = socket(&ConnectionOptions::new());
        assert!(tcp.nodelay().unwrap());
        assert!(SockRef::from(&tcp).keepalive().unwrap());
        let without = socket(&ConnectionOptions::new().keepalive(None).user_timeout(None));
        assert!(!SockRef::from(&without).keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            let minute = Some(Duration::from_secs(60));
            assert_eq!(SockRef::from(&tcp).tcp_keepalive_time().ok(), minute);
            assert_eq!(SockRef::from(&tcp).tcp_user_timeout().unwrap(), minute);
            assert_eq!(SockRef::from(&without).tcp_user_timeout().unwrap(), None);
        }
    }

    #[test]
    fn no_time_is_too_short_or_too_long_for_the_system() {
        for time in [Duration::ZERO, Duration::from_millis(10), Duration::from_secs(50_000), Duration::MAX] {
            let tcp = socket(&ConnectionOptions::new().keepalive(Some(time)).user_timeout(Some(time)));
            assert!(SockRef::from(&tcp).keepalive().unwrap(), "{time:?}");
        }
    }
}
