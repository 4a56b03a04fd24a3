//! What a process costs, as it tells it itself.

use std::fmt;
#[cfg(target_os = "linux")]
use std::fs;
use std::time::Duration;

use crate::failure::Failure;
#[cfg(target_os = "linux")]
use crate::failure::Trying;
use crate::failure::fail;

/// What this process has used; shown as `cost CPU USER` in seconds, CPU with and USER without what the system did,
/// USER in steps of 10 ms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    cpu: Duration,
    user: Duration,
}

impl Cost {
    #[cfg(target_os = "linux")]
    pub(crate) fn now() -> Result<Self, Failure> {
        use rustix::time::{ClockId, clock_gettime};

        let exact = clock_gettime(ClockId::ProcessCPUTime);
        let cpu =
            Duration::new(exact.tv_sec.unsigned_abs(), u32::try_from(exact.tv_nsec).unwrap_or_default());
        let stat = fs::read_to_string("/proc/self/stat").trying("cannot read /proc/self/stat")?;
        // Behind the name of the program, which may hold anything, the user time is the twelfth field.
        let user = stat.rsplit_once(')').and_then(|(_, fields)| fields.split_whitespace().nth(11));
        let Some(ticks) = user.and_then(|ticks| ticks.parse::<u64>().ok()) else {
            fail!("/proc/self/stat reads `{stat}`");
        };
        let user = Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second());
        Ok(Self { cpu, user })
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn now() -> Result<Self, Failure> {
        fail!("what a process has used can be told on Linux only")
    }

    pub(crate) fn until_now(self) -> Result<Self, Failure> {
        let now = Self::now()?;
        Ok(Self { cpu: now.cpu - self.cpu, user: now.user - self.user })
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cost {} {}", self.cpu.as_secs_f64(), self.user.as_secs_f64())
    }
}
