use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// An id that no other event has: a random number of this run of the program, the process, which a
/// fork changes, and a counter; as `5d8f0c1e9a7b3624-1a2b-1f`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventId {
    run: u64,
    pid: u32,
    count: u64,
}

impl EventId {
    /// The next id; `pid` is that of this process.
    pub(crate) fn next(pid: u32) -> Self {
        static RUN: OnceLock<u64> = OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(1);
        Self { run: *RUN.get_or_init(random), pid, count: COUNT.fetch_add(1, Ordering::Relaxed) }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:x}-{:x}", self.run, self.pid, self.count)
    }
}

/// From the keys that the standard library draws for its hash maps, and the time.
fn random() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    hasher.write_u128(now.as_nanos());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_in_their_last_part() {
        let (first, second) = (EventId::next(7), EventId::next(7));
        assert_eq!((first.run, first.pid), (second.run, 7));
        assert!(first.count < second.count);
    }

    #[test]
    fn a_forked_process_has_ids_of_its_own() {
        let text = EventId { run: 0x1f, pid: 0x1a2b, count: 255 }.to_string();
        assert_eq!(text, "000000000000001f-1a2b-ff");
        assert_ne!(EventId::next(7).pid, EventId::next(8).pid);
    }
}
