//! Looks a name up on a thread of its own, now and then.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) type Found = io::Result<Vec<SocketAddr>>;

pub(crate) type Lookup = Arc<dyn Fn(&str, u16) -> Found + Send + Sync>;

/// At most one lookup is on its way: one that hangs is waited for again, and not repeated.
pub(crate) struct Resolver {
    pub(super) lookup: Lookup,
    pending: Option<Receiver<Found>>,
}

impl Resolver {
    pub(crate) fn system() -> Self {
        Self { lookup: system_lookup(), pending: None }
    }

    /// Starts a lookup, unless one is on its way.
    pub(crate) fn start(&mut self, host: &str, port: u16) -> io::Result<()> {
        if self.pending.is_none() {
            let (sender, receiver) = mpsc::sync_channel(1);
            let (lookup, host) = (Arc::clone(&self.lookup), host.to_owned());
            let work = move || {
                // Nobody listens any more when the transport is gone.
                let _ = sender.send(lookup(&host, port));
            };
            thread::Builder::new().name("logstash-lookup".into()).spawn(work)?;
            self.pending = Some(receiver);
        }
        Ok(())
    }

    /// What the lookup found, if it has ended within `wait`.
    pub(crate) fn found(&mut self, wait: Duration) -> Option<Found> {
        let pending = self.pending.as_ref()?;
        let result = if wait.is_zero() {
            pending.try_recv().map_err(|error| error == TryRecvError::Disconnected)
        } else {
            pending.recv_timeout(wait).map_err(|error| error == RecvTimeoutError::Disconnected)
        };
        match result {
            Err(false) => None,
            Ok(found) => {
                self.pending = None;
                Some(found)
            }
            Err(true) => {
                self.pending = None;
                Some(Err(io::Error::other("the lookup panicked")))
            }
        }
    }
}

/// What the system says; it may take long and cannot be interrupted.
pub(crate) fn system_lookup() -> Lookup {
    Arc::new(|host, port| Ok((host, port).to_socket_addrs()?.collect()))
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("pending", &self.pending.is_some()).finish_non_exhaustive()
    }
}

/// When to look up again: pure, time is a parameter.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) interval: Duration,
    started: Option<Instant>,
    /// Whether what is known may be out of date.
    doubted: bool,
}

impl Schedule {
    pub(super) const fn new(interval: Duration) -> Self {
        Self { interval, started: None, doubted: false }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        let wait = if self.doubted { self.interval.min(SHORTEST) } else { self.interval };
        self.started.is_none_or(|started| now.saturating_duration_since(started) >= wait)
    }

    pub(crate) fn started(&mut self, now: Instant) {
        self.started = Some(now);
        self.doubted = false;
    }

    pub(super) fn doubt(&mut self) {
        self.doubted = true;
    }
}

/// Time between two lookups, however many failures there are.
const SHORTEST: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_by_interval_and_sooner_after_failures() {
        let second = Duration::from_secs(1);
        let start = Instant::now();
        let mut schedule = Schedule::new(60 * second);
        assert!(schedule.is_due(start));
        schedule.started(start);
        assert!(!schedule.is_due(start + 59 * second) && schedule.is_due(start + 60 * second));
        schedule.doubt();
        assert!(!schedule.is_due(start + 4 * second) && schedule.is_due(start + 5 * second));
        schedule.started(start + 5 * second);
        assert!(!schedule.is_due(start + 11 * second), "one failure, one lookup");
    }

    #[test]
    fn a_lookup_that_hangs_is_not_repeated_and_one_that_panics_is_an_error() {
        let (release, wait) = mpsc::sync_channel::<()>(0);
        let wait = std::sync::Mutex::new(wait);
        let mut resolver = Resolver::system();
        resolver.lookup = Arc::new(move |_, port| {
            let _ = wait.lock().map(|wait| wait.recv());
            Ok(vec![([127, 0, 0, 1], port).into()])
        });
        resolver.start("x", 1).unwrap();
        resolver.start("x", 2).unwrap();
        assert!(resolver.found(Duration::ZERO).is_none());
        assert!(resolver.found(Duration::from_millis(10)).is_none());
        release.send(()).unwrap();
        let found = resolver.found(Duration::from_secs(60)).unwrap().unwrap();
        assert_eq!(found, [([127, 0, 0, 1], 1).into()], "the first one, and no other");
        assert!(resolver.found(Duration::ZERO).is_none());

        resolver.lookup = Arc::new(|_, _| panic!("a lookup that panics"));
        resolver.start("x", 1).unwrap();
        assert!(resolver.found(Duration::from_secs(60)).unwrap().is_err());
    }
}
