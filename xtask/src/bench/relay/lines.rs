use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use super::syslog::Prefix;
use crate::bench::sample::Sized;
use crate::failure::{Failure, Trying, fail};

/// Lines of syslog, made before the clock starts.
#[derive(Debug)]
pub(super) struct Lines {
    text: Vec<u8>,
    /// Where each line ends.
    ends: Vec<usize>,
}

impl Lines {
    /// Different ones of about 200 bytes each.
    pub(super) fn new(prefix: Prefix) -> Result<Self, Failure> {
        let words = Sized::new(0)?;
        let mut lines = Self { text: Vec::new(), ends: Vec::new() };
        for number in 0..ROUND {
            let start = lines.text.len();
            lines.text.extend(prefix.write(number).into_bytes());
            let length = lines.text.len() - start + 1;
            lines.text.extend_from_slice(words.words(number, LENGTH.saturating_sub(length)).as_bytes());
            lines.text.push(b'\n');
            lines.ends.push(lines.text.len());
        }
        Ok(lines)
    }

    /// So many lines, from that one on.
    fn part(&self, from: usize, count: usize) -> &[u8] {
        let end = |lines: usize| lines.checked_sub(1).map_or(0, |last| self.ends[last]);
        &self.text[end(from)..end(from + count)]
    }
}

/// Connections to a collector.
#[derive(Debug)]
pub(super) struct Senders {
    connections: Vec<TcpStream>,
}

impl Senders {
    pub(super) fn connect(address: SocketAddr, count: usize) -> Result<Self, Failure> {
        let connect = |_| {
            let connection = TcpStream::connect(address)?;
            connection.set_nodelay(true)?;
            connection.set_write_timeout(Some(PATIENCE))?;
            Ok(connection)
        };
        let connections: io::Result<_> = (0..count).map(connect).collect();
        Ok(Self { connections: connections.trying(format_args!("cannot connect to {address}"))? })
    }

    /// Sends over all connections at once, as fast as they are read, so often all lines over each.
    pub(super) fn send(&self, lines: &Lines, rounds: usize) -> Result<(), Failure> {
        let send = |mut connection: &TcpStream| -> io::Result<()> {
            (0..rounds)
                .try_for_each(|_| lines.text.chunks(PIECE).try_for_each(|piece| connection.write_all(piece)))
        };
        thread::scope(|scope| {
            let threads: Vec<_> =
                self.connections.iter().map(|connection| scope.spawn(move || send(connection))).collect();
            for thread in threads {
                match thread.join() {
                    Ok(sent) => sent.trying("cannot send lines")?,
                    Err(_) => fail!("a thread that sends lines has panicked"),
                }
            }
            Ok(())
        })
    }

    /// Sends a few lines over each connection; `turn` says which.
    pub(super) fn send_few(&self, lines: &Lines, turn: usize, each: usize) -> Result<(), Failure> {
        let part = lines.part(turn * each % (ROUND - each), each);
        self.connections
            .iter()
            .try_for_each(|mut connection| connection.write_all(part))
            .trying("cannot send lines")
    }
}

/// Lines that differ.
pub(super) const ROUND: usize = 1_000;

/// Bytes of a line.
const LENGTH: usize = 200;

/// Bytes that are written at once: what a busy sender has ready.
const PIECE: usize = 16 * 1024;

const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_length_and_differ() {
        for prefix in [Prefix::Rfc5424, Prefix::Rfc3164] {
            let lines = Lines::new(prefix).unwrap();
            let text = String::from_utf8(lines.text.clone()).unwrap();
            let mut all: Vec<&str> = text.lines().collect();
            assert!(all.iter().all(|line| line.len() + 1 == LENGTH), "{}", all[0]);
            assert_eq!(lines.part(3, 2), format!("{}\n{}\n", all[3], all[4]).as_bytes());
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), ROUND);
        }
    }
}
