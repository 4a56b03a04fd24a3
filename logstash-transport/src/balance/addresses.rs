//! Members that are the addresses of a name.

use super::resolver::{Found, Resolver, Schedule};
use crate::endpoint::Endpoint;
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::members::{Members, Standing};
use crate::transport::Transport;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) struct Addresses {
    endpoint: Endpoint,
    make: Make,
    resolver: Resolver,
    schedule: Schedule,
    timeout: Duration,
    /// Names of the members made here; others are none of its business.
    made: Vec<String>,
}

/// Makes a member.
type Make = Box<dyn FnMut(Endpoint) -> Box<dyn Transport> + Send>;

impl Addresses {
    pub(super) fn new(endpoint: Endpoint, make: Make) -> Self {
        let schedule = Schedule::new(Duration::from_secs(60));
        let timeout = Duration::from_secs(10);
        Self { endpoint, make, resolver: Resolver::system(), schedule, timeout, made: Vec::new() }
    }

    pub(super) fn interval(mut self, interval: Duration) -> Self {
        self.schedule.interval = interval;
        self
    }

    pub(super) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub(super) fn lookup(mut self, lookup: impl Fn(&str, u16) -> Found + Send + Sync + 'static) -> Self {
        self.resolver.lookup = Arc::new(lookup);
        self
    }

    /// Brings the members up to date. Waits only while there are none.
    pub(super) fn refresh(
        &mut self,
        members: &mut Members,
        standing: impl FnMut() -> Standing,
    ) -> Result<(), TransportError> {
        let now = Instant::now();
        if members.take_failed() {
            self.schedule.doubt();
        }
        if self.schedule.is_due(now) || members.len() == 0 {
            self.schedule.started(now);
            let started = self.resolver.start(self.endpoint.host(), self.endpoint.port());
            started.map_err(|error| self.unresolved("cannot start a thread to look up", Some(error)))?;
        }
        let mut found = self.resolver.found(Duration::ZERO);
        while found.is_none() && members.len() == 0 {
            if members.interrupt().is_raised() {
                return Err(self.unresolved("interrupted while looking up", None));
            }
            if now.elapsed() >= self.timeout {
                return Err(self.unresolved("no answer in time for the name", None));
            }
            found = self.resolver.found(Interrupt::SLICE);
        }
        match found {
            Some(Ok(addresses)) => self.replace(members, addresses, standing),
            // What is known is better than nothing.
            Some(Err(error)) if members.len() == 0 => {
                return Err(self.unresolved("cannot resolve", Some(error)));
            }
            Some(Err(_)) | None => {}
        }
        if members.len() == 0 {
            return Err(self.unresolved("there is no address of", None));
        }
        Ok(())
    }

    /// Members whose address is still there stay as they are.
    fn replace(
        &mut self,
        members: &mut Members,
        mut addresses: Vec<SocketAddr>,
        mut standing: impl FnMut() -> Standing,
    ) {
        addresses.truncate(MOST);
        if addresses.is_empty() {
            return;
        }
        let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let is_in = |list: &[String], name: &str| list.iter().any(|there| there == name);
        members.retain(|name| is_in(&names, name) || !is_in(&self.made, name));
        for (name, address) in names.iter().zip(addresses) {
            if members.names().all(|there| there != name) {
                let member = (self.make)(self.endpoint.at(address));
                members.push(name.clone(), member, standing());
            }
        }
        self.made = names;
    }

    fn unresolved(&self, what: &str, cause: Option<io::Error>) -> TransportError {
        let error = TransportError::new(ErrorKind::Unavailable, format!("{what} {:?}", self.endpoint.host()));
        match cause {
            Some(cause) => error.caused_by(cause),
            None => error,
        }
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Addresses")
            .field("endpoint", &self.endpoint)
            .field("resolver", &self.resolver)
            .field("schedule", &self.schedule)
            .finish_non_exhaustive()
    }
}

/// Members at the most, whatever a name server says.
const MOST: usize = 64;
