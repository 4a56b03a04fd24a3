//! Resolves the peer's name where neither the runtime nor the application notices.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use tokio::sync::watch;

/// Resolves names with the system's resolver, on a thread that calls nothing else.
///
/// The runtime's own way takes a thread of its pool, which logs, and for which the runtime waits when
/// it ends. The system's resolver cannot be interrupted, so one that takes too long is left behind; the
/// next attempt waits for it again instead of starting another.
pub(super) struct Resolver {
    /// A name that stands for another one.
    alias: Option<(String, String)>,
    /// The last one of each name, of which there are two at most: the peer's and a proxy's.
    lookups: Mutex<HashMap<String, Lookup>>,
}

/// `None` while it lasts.
type Lookup = watch::Receiver<Option<Result<Vec<SocketAddr>, Failure>>>;

impl Resolver {
    /// With `alias`, whoever asks for its first name gets the addresses of the second.
    pub(super) fn new(alias: Option<(String, String)>) -> Self {
        Self { alias, lookups: Mutex::default() }
    }

    /// The lookup that is under way, or a new one.
    fn lookup(&self, name: &str) -> io::Result<Lookup> {
        let name = match &self.alias {
            Some((alias, meant)) if alias.eq_ignore_ascii_case(name) => meant,
            _ => name,
        };
        let mut lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = lookups.get(name).filter(|lookup| lookup.borrow().is_none()) {
            return Ok(running.clone());
        }
        let started = start(name.to_owned())?;
        lookups.insert(name.to_owned(), started.clone());
        Ok(started)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.lookup(name.as_str());
        Box::pin(async move {
            let mut lookup = lookup?;
            let found = lookup.wait_for(Option::is_some).await?;
            let addresses = found.clone().unwrap_or_else(|| Ok(Vec::new()))?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn start(host: String) -> io::Result<Lookup> {
    let (sender, receiver) = watch::channel(None);
    thread::Builder::new().name("logstash-resolve".into()).spawn(move || {
        let found = (host.as_str(), 0).to_socket_addrs();
        sender.send_replace(Some(found.map(Iterator::collect).map_err(|error| Failure(Arc::new(error)))));
    })?;
    Ok(receiver)
}

/// The name cannot be resolved.
#[derive(Clone, Debug)]
pub(super) struct Failure(Arc<io::Error>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}
