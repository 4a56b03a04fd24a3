//! Calls that may hang, with an end.

use crate::suppress::suppress_this_thread;
use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Makes a call in a thread of its own and waits for it.
///
/// One that takes longer goes on behind our back, with all that it was given.
///
/// # Errors
///
/// [`io::ErrorKind::TimedOut`], or why the thread could not be started.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, wait) = mpsc::sync_channel(1);
    thread::Builder::new().name("logstash-store".to_owned()).spawn(move || {
        suppress_this_thread();
        let _ = done.send(call());
    })?;
    wait.recv_timeout(limit).map_err(|_| {
        io::Error::new(
            io::ErrorKind::TimedOut,
            format!("the store does not answer for {} s", limit.as_secs()),
        )
    })
}
