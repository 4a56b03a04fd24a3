//! The programs of others that ours are tested against and measured with: how to get and how to start them.
//!
//! Sources lie in `xtask/peers/`, what is built or installed in `target/peers/`.

use std::fmt;

use crate::failure::Failure;

mod chromium;
pub(crate) use chromium::{Chromium, Page};

mod debian;

mod driver;
pub(crate) use driver::{Client, ClientKind, Sent, Server, ServerOptions};

mod go_lumber;
pub(crate) use go_lumber::{GoLumber, Json};

mod haproxy;
pub(crate) use haproxy::{Balancer, Haproxy};

mod logger;
pub(crate) use logger::Logger;

mod openssl;
pub(crate) use openssl::Openssl;

mod python;
pub(crate) use python::Python;

mod redis;
pub(crate) use redis::Redis;

mod rsyslog;
pub(crate) use rsyslog::Rsyslog;

mod rust;
pub(crate) use rust::{Profile, RustPeer};

mod standard_python;
pub(crate) use standard_python::StandardPython;

mod syslog_ng;
pub(crate) use syslog_ng::SyslogNg;

/// A library with a server.
pub(crate) trait Serves: Send + Sync {
    fn serve(&self, options: &ServerOptions<'_>) -> Result<Server, Failure>;
}

/// A peer that cannot be run here.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) reason: String,
    /// What brings it here.
    pub(crate) remedy: &'static str,
}

impl Missing {
    fn new(failure: &Failure, remedy: &'static str) -> Self {
        Self { reason: failure.to_string(), remedy }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; to get it: {}", self.reason, self.remedy)
    }
}

/// A peer that a measurement can do without: it is left out, loudly.
pub(crate) fn or_say_so<T>(peer: &str, prepared: Result<T, Missing>) -> Option<T> {
    prepared.inspect_err(|missing| eprintln!("SKIPPED {peer}: {missing}")).ok()
}
