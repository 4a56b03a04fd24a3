use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::bench::receiver::Receiver;
use crate::failure::Failure;
use crate::peers::Server;
use crate::process::{Running, free_address};
use crate::relay::{Program, Relay};
use crate::usage::{Memory, cpu_time};

/// A program that collects, at work; killed when this is dropped.
#[derive(Debug)]
pub(super) struct Collector {
    address: SocketAddr,
    process: Process,
}

#[derive(Debug)]
enum Process {
    Library(Server),
    Program(Running),
    Receiver(Receiver),
    Relay(Relay),
}

impl Collector {
    /// Starts ours; the configuration names one input, `in`, at a port that the system chooses.
    pub(super) fn relay(program: &Program, folder: &Path, config: &str) -> Result<Self, Failure> {
        let relay = program.start(folder, config, &[INPUT])?;
        Ok(Self { address: relay.address(INPUT)?, process: Process::Relay(relay) })
    }

    /// Starts a program that is told where to listen, and waits until it does.
    pub(super) fn start(
        program: impl FnOnce(SocketAddr) -> Result<Running, Failure>,
    ) -> Result<Self, Failure> {
        let address = free_address()?;
        let mut process = program(address)?;
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = TcpStream::connect(address) {
            if Instant::now() > deadline {
                return Err(process.fault(&format!("does not listen on {address}: {error}")));
            }
            // Nobody tells when it does.
            thread::sleep(Duration::from_millis(5));
        }
        Ok(Self { address, process: Process::Program(process) })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn cpu_time(&self) -> Result<Duration, Failure> {
        cpu_time(self.id())
    }

    pub(super) fn memory(&self) -> Result<Memory, Failure> {
        Memory::of(self.id())
    }

    /// Adds what the program said last.
    pub(super) fn blame(&mut self, failure: Failure) -> Failure {
        match &mut self.process {
            Process::Library(_) | Process::Receiver(_) => failure,
            Process::Program(process) => process.fault(&failure.to_string()),
            Process::Relay(relay) => relay.fault(&failure.to_string()),
        }
    }

    fn id(&self) -> u32 {
        match &self.process {
            Process::Library(server) => server.id(),
            Process::Program(process) => process.id(),
            Process::Receiver(receiver) => receiver.id(),
            Process::Relay(relay) => relay.id(),
        }
    }
}

impl From<Receiver> for Collector {
    fn from(receiver: Receiver) -> Self {
        Self { address: receiver.address(), process: Process::Receiver(receiver) }
    }
}

impl From<Server> for Collector {
    fn from(server: Server) -> Self {
        Self { address: server.address(), process: Process::Library(server) }
    }
}

const INPUT: &str = "in";

const PATIENCE: Duration = Duration::from_secs(20);
