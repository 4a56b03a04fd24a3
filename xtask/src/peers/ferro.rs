use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::Missing;
use super::driver::{Client, ClientKind};
use super::rust::{Profile, RustPeer};
use crate::failure::Failure;
use crate::process::Running;
use crate::workspace::Workspace;

/// The client of the crate `ferro-lumberjack`, built for measurements.
#[derive(Debug)]
pub(crate) struct Ferro(RustPeer);

impl Ferro {
    /// Builds the program that drives the crate, in release mode.
    pub(crate) fn prepare(workspace: &Workspace) -> Result<Self, Missing> {
        RustPeer::prepare(workspace, "ferro-lumberjack", Profile::Release).map(Self)
    }

    /// Starts the client; it says at its end what [`super::Sent`] reads.
    pub(crate) fn send(
        &self,
        address: SocketAddr,
        events: &Path,
        window: usize,
        level: u32,
        encode: bool,
    ) -> Result<Running, Failure> {
        self.0.send(&Client {
            kind: ClientKind::Sync,
            address,
            events,
            window,
            level,
            timeout: Duration::from_secs(30),
            retry: Duration::ZERO,
            encode,
        })
    }
}
