//! Whether this process is still the one that something was started in.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many forks lie between this process and the one in which [`watch`] was called first.
///
/// Cheap, unlike the process id, which is a system call.
pub(crate) fn depth() -> u32 {
    DEPTH.load(Ordering::Relaxed)
}

/// Has forks counted from now on.
pub(crate) fn watch() -> io::Result<()> {
    static WATCHING: OnceLock<i32> = OnceLock::new();
    match *WATCHING.get_or_init(register) {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

#[cfg(unix)]
#[allow(unsafe_code, reason = "there is no other way to notice a fork without a system call per event")]
fn register() -> i32 {
    extern "C" fn forked() {
        DEPTH.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: what runs in the child between the fork and its return is one atomic addition, which is safe
    // there whatever the other threads of the parent were doing; and a function is never gone.
    unsafe { libc::pthread_atfork(None, None, Some(forked)) }
}

#[cfg(not(unix))]
fn register() -> i32 {
    0
}

static DEPTH: AtomicU32 = AtomicU32::new(0);
