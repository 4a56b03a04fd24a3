use std::fs::File;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Trying, fail};

/// Where collected lines go, and how many have arrived there.
#[derive(Debug)]
pub(super) struct Sink {
    destination: Destination,
    counted: Arc<Counted>,
}

#[derive(Clone, Debug)]
pub(super) enum Destination {
    /// A file that does not exist yet.
    File(PathBuf),
    /// A connection whose lines are counted and thrown away.
    Tcp(SocketAddr),
}

#[derive(Debug, Default)]
struct Counted {
    lines: AtomicU64,
    is_over: AtomicBool,
}

impl Sink {
    /// Follows a file that somebody is about to write.
    pub(super) fn file(path: PathBuf) -> Self {
        let counted = Arc::new(Counted::default());
        let (file, counting) = (path.clone(), Arc::clone(&counted));
        thread::spawn(move || follow(&file, &counting));
        Self { destination: Destination::File(path), counted }
    }

    /// Takes connections.
    pub(super) fn tcp() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").trying("cannot listen")?;
        let address = listener.local_addr().trying("cannot tell the port")?;
        let counted = Arc::new(Counted::default());
        let counting = Arc::clone(&counted);
        thread::spawn(move || {
            while let Ok((connection, _)) = listener.accept()
                && !counting.is_over.load(Ordering::Relaxed)
            {
                let counting = Arc::clone(&counting);
                thread::spawn(move || counting.drain(connection));
            }
        });
        Ok(Self { destination: Destination::Tcp(address), counted })
    }

    pub(super) const fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Waits until so many lines have arrived in all.
    pub(super) fn wait_for(&self, lines: u64, patience: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + patience;
        loop {
            let arrived = self.counted.lines.load(Ordering::Relaxed);
            if arrived == lines {
                return Ok(());
            }
            if arrived > lines || Instant::now() > deadline {
                fail!("{arrived} lines arrived where {lines} were sent");
            }
            // Little against what a run takes.
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.counted.is_over.store(true, Ordering::Relaxed);
        if let Destination::Tcp(address) = &self.destination {
            // Wakes the thread that accepts.
            let _ = TcpStream::connect(address);
        }
    }
}

impl Counted {
    /// Counts what comes until there is no more, for now.
    fn drain(&self, mut source: impl Read) -> io::Result<()> {
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let length = source.read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            let lines = buffer[..length].iter().filter(|byte| **byte == b'\n').count();
            self.lines.fetch_add(lines as u64, Ordering::Relaxed);
        }
    }
}

fn follow(path: &std::path::Path, counted: &Counted) -> io::Result<()> {
    let mut file = None;
    while !counted.is_over.load(Ordering::Relaxed) {
        match &mut file {
            Some(file) => counted.drain(file)?,
            None => file = File::open(path).ok(),
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::workspace::Workspace;

    const SOON: Duration = Duration::from_secs(10);

    #[test]
    fn lines_of_all_connections_are_counted() {
        let sink = Sink::tcp().unwrap();
        let Destination::Tcp(address) = *sink.destination() else { panic!("it is no connection") };
        for _ in 0..2 {
            TcpStream::connect(address).unwrap().write_all(b"one\ntwo\nhalf").unwrap();
        }
        sink.wait_for(4, SOON).unwrap();
        let failure = sink.wait_for(5, Duration::ZERO).unwrap_err();
        assert_eq!(failure.to_string(), "4 lines arrived where 5 were sent");
    }

    #[test]
    fn a_file_is_followed_from_its_first_line() {
        let scratch = Workspace::load().unwrap().scratch("sink").unwrap();
        let path = scratch.path().join("lines");
        let sink = Sink::file(path.clone());
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\n").unwrap();
        sink.wait_for(1, SOON).unwrap();
        file.write_all(b"two\nthree\n").unwrap();
        sink.wait_for(3, SOON).unwrap();
        assert!(sink.wait_for(2, SOON).is_err());
    }
}
