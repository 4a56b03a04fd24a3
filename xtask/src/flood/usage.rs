use std::fmt;
use std::fs;

use crate::failure::{Failure, Trying};
use crate::usage::Memory;

/// What a process takes at a moment, as Linux tells it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Bytes of memory, now and at most so far.
    pub(super) resident: u64,
    pub(super) peak: u64,
    pub(super) files: usize,
    threads: usize,
    /// How often a thread woke up.
    pub(super) wakes: u64,
}

impl Usage {
    pub(super) fn of(process: u32) -> Result<Self, Failure> {
        let memory = Memory::of(process)?;
        let mut usage = Self { resident: memory.now, peak: memory.peak, ..Self::default() };
        let list = |folder: &str| {
            let path = format!("/proc/{process}/{folder}");
            fs::read_dir(&path).trying(format_args!("cannot read {path}"))
        };
        usage.files = list("fd")?.count();
        for thread in list("task")?.flatten() {
            // One that has ended meanwhile does not count.
            let Ok(status) = fs::read_to_string(thread.path().join("status")) else { continue };
            usage.threads += 1;
            usage.wakes += field(&status, "voluntary_ctxt_switches:");
        }
        Ok(usage)
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let (resident, peak) = (megabytes(self.resident), megabytes(self.peak));
        write!(
            f,
            "{resident:6.1} MiB resident, {peak:6.1} MiB at most, {:4} files, {} threads",
            self.files, self.threads
        )
    }
}

/// The number behind a name.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}
