use std::env;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use crate::failure::{Failure, Trying};
use crate::process::Running;

/// `cargo xtask receive` in a process of its own, the same one for every side.
#[derive(Debug)]
pub(super) struct Receiver {
    address: SocketAddr,
    /// Killed with the end of the measurement.
    process: Running,
}

impl Receiver {
    /// `flags` are more of those that it takes.
    pub(super) fn start(flags: &[&str]) -> Result<Self, Failure> {
        let program = env::current_exe().trying("cannot tell where this program lies")?;
        let mut command = Command::new(program);
        let mut process = Running::captured(command.args(["receive", "--with-parent"]).args(flags))?;
        let address = process.expect_line("listening", Duration::from_secs(10))?;
        let address = address
            .parse()
            .map_err(|error| Failure::because(format!("the receiver listens on `{address}`"), error))?;
        Ok(Self { address, process })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of its process.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }
}
