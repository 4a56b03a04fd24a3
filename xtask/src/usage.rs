//! What another process takes, as the system tells it; Linux only.

use std::fs;
use std::time::Duration;

use crate::failure::{Failure, Trying, fail};

/// The time that all threads of a process have had on a processor, those that have ended and the work of the system
/// for them included; exact to the nanosecond.
#[cfg(target_os = "linux")]
pub(crate) fn cpu_time(process: u32) -> Result<Duration, Failure> {
    use nix::time::{ClockId, clock_getcpuclockid};
    use nix::unistd::Pid;

    let clock = i32::try_from(process).map_err(|_| nix::errno::Errno::ESRCH);
    let time = clock.and_then(|id| clock_getcpuclockid(Pid::from_raw(id))).and_then(ClockId::now);
    time.map(Duration::from).map_err(|error| Failure::because("cannot tell what a process has used", error))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn cpu_time(_: u32) -> Result<Duration, Failure> {
    fail!("what a process has used can be told on Linux only")
}

/// What of a process lies in memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    /// The most that ever was.
    pub(crate) peak: u64,
}

impl Memory {
    pub(crate) fn of(process: u32) -> Result<Self, Failure> {
        let path = format!("/proc/{process}/status");
        let status = fs::read_to_string(&path).trying(format_args!("cannot read {path}"))?;
        let Some(memory) = Self::read(&status) else { fail!("{path} tells no memory: has it ended?") };
        Ok(memory)
    }

    fn read(status: &str) -> Option<Self> {
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kilobytes * 1024)
        };
        Some(Self { now: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_of_memory_is_read() {
        let memory = Memory::read("Name:\tx\nVmHWM:\t  1234 kB\nVmRSS:\t 5 kB\n");
        assert_eq!(memory, Some(Memory { now: 5 * 1024, peak: 1234 * 1024 }));
        assert_eq!(Memory::read("Name:\tzombie\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_time_of_a_process_goes_on_with_its_work() {
        let before = cpu_time(std::process::id()).unwrap();
        let mut sum = 0_u64;
        while cpu_time(std::process::id()).unwrap() <= before {
            sum = std::hint::black_box(sum + 1);
        }
        // More than a system has.
        assert!(cpu_time(1 << 23).is_err(), "{sum}");
    }
}
