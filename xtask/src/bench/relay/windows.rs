use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use logstash_format::Formatter;
use lumberjack_codec::WindowEncoder;

use crate::bench::sample::{Sized, formatter};
use crate::failure::{Failure, Trying};

/// Windows of the protocol, encoded before the clock starts.
#[derive(Debug)]
pub(super) struct Windows {
    encoded: Vec<Bytes>,
}

impl Windows {
    /// Different ones of full length, with documents of that size.
    pub(super) fn new(size: usize, level: u32) -> Result<Self, Failure> {
        let (events, formatter) = (Sized::new(size)?, formatter());
        let mut encoder = WindowEncoder::new(level);
        let mut encoded = Vec::new();
        for window in 0..DIFFERENT {
            let mut documents = Vec::new();
            for number in window * WINDOW..(window + 1) * WINDOW {
                let mut document = Vec::new();
                events
                    .with(number, |event| formatter.format(event, &mut document))
                    .map_err(|error| Failure::because("an event could not be formatted", error))?;
                documents.push(document);
            }
            let window = encoder.encode(&documents);
            let window = window.map_err(|error| Failure::because("a window could not be encoded", error))?;
            let mut bytes = BytesMut::new();
            window.write_to(&mut bytes);
            encoded.push(bytes.freeze());
        }
        Ok(Self { encoded })
    }
}

/// A connection to a receiver.
#[derive(Debug)]
pub(super) struct Sender {
    connection: TcpStream,
    sent: usize,
    acknowledged: usize,
}

impl Sender {
    pub(super) fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let connect = || {
            let connection = TcpStream::connect(address)?;
            connection.set_nodelay(true)?;
            connection.set_read_timeout(Some(PATIENCE))?;
            connection.set_write_timeout(Some(PATIENCE))?;
            io::Result::Ok(connection)
        };
        let connection = connect().trying(format_args!("cannot connect to {address}"))?;
        Ok(Self { connection, sent: 0, acknowledged: 0 })
    }

    /// Sends so many windows, several at a time, and waits until all are acknowledged.
    pub(super) fn send(&mut self, windows: &Windows, count: usize) -> Result<(), Failure> {
        let end = self.sent + count;
        while self.acknowledged < end {
            if self.sent < end && self.sent < self.acknowledged + IN_FLIGHT {
                let window = &windows.encoded[self.sent % windows.encoded.len()];
                self.connection.write_all(window).trying("cannot send a window")?;
                self.sent += 1;
            } else {
                self.await_acknowledgement().trying("a window was not acknowledged")?;
            }
        }
        Ok(())
    }

    /// Of a part of a window, or of nothing at all, it tells that the receiver is at work.
    fn await_acknowledgement(&mut self) -> io::Result<()> {
        let mut frame = [0; 6];
        self.connection.read_exact(&mut frame)?;
        let [b'2', b'A', sequence @ ..] = frame else {
            return Err(io::Error::other(format!("the answer is {frame:02x?}")));
        };
        self.acknowledged += usize::from(u32::from_be_bytes(sequence) as usize == WINDOW);
        Ok(())
    }
}

/// Events of a window; ours and Filebeat's default.
pub(super) const WINDOW: usize = 2048;

/// Windows on the wire.
const IN_FLIGHT: usize = 3;

const DIFFERENT: usize = 16;

const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn windows_that_are_acknowledged_in_full_count_and_no_others() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = Sender::connect(listener.local_addr().unwrap()).unwrap();
        let (mut receiver, _) = listener.accept().unwrap();
        let windows = Windows { encoded: vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")] };
        let served = thread::spawn(move || {
            let mut first = [0; 9];
            receiver.read_exact(&mut first).unwrap();
            let acknowledge = |sequence: u32| [b"2A".as_slice(), &sequence.to_be_bytes()].concat();
            for sequence in [0, 1_000, 2_048, 2_048, 0, 2_048] {
                receiver.write_all(&acknowledge(sequence)).unwrap();
            }
            let mut last = [0; 3];
            receiver.read_exact(&mut last).unwrap();
            receiver.write_all(&acknowledge(2_048)).unwrap();
            [&first[..], &last].concat()
        });
        sender.send(&windows, 3).unwrap();
        assert_eq!((sender.sent, sender.acknowledged), (3, 3));
        sender.send(&windows, 1).unwrap();
        assert_eq!(served.join().unwrap(), b"onetwoonetwo");
    }

    #[test]
    fn an_answer_that_is_none_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sender = Sender::connect(listener.local_addr().unwrap()).unwrap();
        let (mut receiver, _) = listener.accept().unwrap();
        receiver.write_all(b"HTTP/1").unwrap();
        let failure = sender.send(&Windows { encoded: vec![Bytes::from_static(b"one")] }, 1).unwrap_err();
        assert!(failure.to_string().contains("the answer is [48, 54, 54, 50, 2f, 31]"), "{failure}");
    }
}
