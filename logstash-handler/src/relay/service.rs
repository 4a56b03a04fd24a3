//! A relay as a service: signals, and what a service manager wants to know.

use super::config::{ConfigError, RelayConfig};
use super::server::{Relay, RelayReport};
use logstash_transport::error_chain;
use std::io;
use std::process;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// What a service manager is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum News {
    Alive,
    Ready,
    Reloading,
    Stopping,
}

/// What the outside wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wish {
    Reload,
    Stop,
}

impl Relay {
    /// Runs until the process is told to end: by SIGTERM or SIGINT, on Windows by Ctrl-C. A second such
    /// signal ends it at once.
    ///
    /// SIGHUP makes it take over what `reread` returns; a configuration that cannot be used is told on
    /// stderr and changes nothing. A service manager that waits for it is told when the relay is ready,
    /// reloads and stops, what it does, and in time that it is alive, which it is as long as its threads do what
    /// they are given. `ready` is called before that, once all signals are
    /// heard: whoever is told of the relay earlier could end it by one that it does not know yet.
    ///
    /// # Errors
    ///
    /// When the system refuses to tell about signals.
    pub fn run(
        self,
        shutdown_timeout: Duration,
        ready: impl FnOnce(&Self),
        mut reread: impl FnMut() -> Result<RelayConfig, ConfigError>,
    ) -> io::Result<RelayReport> {
        let (wishes, wanted) = channel();
        self.watch_signals(wishes)?;
        ready(&self);
        manager::tell(News::Ready, &self.status_line());
        let mut timeout = shutdown_timeout;
        let watchdog = manager::watchdog();
        loop {
            match next(&wanted, watchdog) {
                Some(Wish::Stop) => break,
                Some(Wish::Reload) => {
                    manager::tell(News::Reloading, "reads its configuration again");
                    let mut status = String::new();
                    match self.alive_during(watchdog, || self.take_over(&mut reread)) {
                        Ok(renewed) => {
                            timeout = renewed;
                            self.problems().print("logstash-relay: reload: the configuration is in force");
                        }
                        Err(text) => {
                            status = format!("the last reload failed: {text}; ");
                            self.problems().answer("reload", &text);
                        }
                    }
                    manager::tell(News::Ready, &(status + &self.status_line()));
                }
                None => self.show_life(watchdog.unwrap_or_default()),
            }
        }
        manager::tell(News::Stopping, "delivers or stores what it has");
        thread::spawn(move || {
            while let Ok(wish) = wanted.recv() {
                if wish == Wish::Stop {
                    process::exit(ENDED_AT_ONCE);
                }
            }
        });
        Ok(self.shutdown(timeout))
    }

    /// Does what may take longer than the manager would wait for a sign of life.
    fn alive_during<T>(&self, watchdog: Option<Duration>, work: impl FnOnce() -> T) -> T {
        let Some(interval) = watchdog else { return work() };
        let (over, is_over) = channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                while is_over.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                    self.show_life(interval);
                }
            });
            let result = work();
            drop(over);
            result
        })
    }

    /// A relay whose threads hang is not alive, whatever this one does.
    fn show_life(&self, time: Duration) {
        if self.responds(time) {
            manager::tell(News::Alive, "");
        }
    }

    /// For `systemctl status`.
    fn status_line(&self) -> String {
        let stats = self.stats();
        format!("{} inputs, {} outputs", stats.inputs.len(), stats.outputs.len())
    }

    /// Takes over another configuration; tells how long a shutdown may take from now on.
    fn take_over(
        &self,
        reread: &mut impl FnMut() -> Result<RelayConfig, ConfigError>,
    ) -> Result<Duration, String> {
        let config = reread().map_err(|error| error_chain(&error))?;
        let timeout = config.shutdown_timeout;
        self.reload(config).map_err(|error| error_chain(&error))?;
        Ok(timeout)
    }

    #[cfg(unix)]
    fn watch_signals(&self, wishes: Sender<Wish>) -> io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};

        let Some(runtime) = self.runtime() else { return Ok(()) };
        let _in_runtime = runtime.enter();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        runtime.spawn(async move {
            loop {
                let wish = tokio::select! {
                    _ = terminate.recv() => Wish::Stop,
                    _ = interrupt.recv() => Wish::Stop,
                    _ = hang_up.recv() => Wish::Reload,
                };
                if wishes.send(wish).is_err() {
                    return;
                }
            }
        });
        Ok(())
    }

    #[cfg(not(unix))]
    fn watch_signals(&self, wishes: Sender<Wish>) -> io::Result<()> {
        let Some(runtime) = self.runtime() else { return Ok(()) };
        runtime.spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if wishes.send(Wish::Stop).is_err() {
                    return;
                }
            }
        });
        Ok(())
    }

    /// Whether the runtime does something within `time`.
    fn responds(&self, time: Duration) -> bool {
        let Some(runtime) = self.runtime() else { return false };
        let (done, is_done) = channel();
        runtime.spawn(async move { done.send(()) });
        is_done.recv_timeout(time).is_ok()
    }
}

/// The next wish; none when it is time to show that the relay is alive.
fn next(wanted: &Receiver<Wish>, watchdog: Option<Duration>) -> Option<Wish> {
    let Some(interval) = watchdog else {
        // The sender lives as long as the relay.
        return Some(wanted.recv().unwrap_or(Wish::Stop));
    };
    match wanted.recv_timeout(interval) {
        Ok(wish) => Some(wish),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => Some(Wish::Stop),
    }
}

#[cfg(target_os = "linux")]
mod manager {
    use super::News;
    use sd_notify::NotifyState;
    use std::time::Duration;

    /// Tells news, and unless it is empty one line on what the service does.
    pub(super) fn tell(news: News, status: &str) {
        let mut state = vec![match news {
            News::Alive => NotifyState::Watchdog,
            News::Ready => NotifyState::Ready,
            News::Reloading => NotifyState::Reloading,
            News::Stopping => NotifyState::Stopping,
        }];
        if news == News::Reloading {
            state.extend(NotifyState::monotonic_usec_now());
        }
        let status = status.replace('\n', " ");
        if !status.is_empty() {
            state.push(NotifyState::Status(&status));
        }
        // Without a manager there is nobody to tell.
        let _ = sd_notify::notify(&state);
    }

    /// How often the manager wants to hear that the service is alive, with time to spare.
    pub(super) fn watchdog() -> Option<Duration> {
        sd_notify::watchdog_enabled().map(|time| time / 3)
    }
}

#[cfg(not(target_os = "linux"))]
mod manager {
    use super::News;
    use std::time::Duration;

    pub(super) const fn tell(_: News, _: &str) {}

    pub(super) const fn watchdog() -> Option<Duration> {
        None
    }
}

/// The exit code of a process that is told to end for the second time.
const ENDED_AT_ONCE: i32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Barrier, Mutex};

    #[test]
    fn a_relay_whose_threads_hang_is_not_alive() {
        let config =
            RelayConfig::new().listen("lines+tcp://127.0.0.1:0").unwrap().send_to("discard:").unwrap();
        let relay = Relay::start(config).unwrap();
        assert!(relay.responds(LONG));
        let runtime = relay.runtime().unwrap();
        let threads = runtime.metrics().num_workers();
        let (hang, all) = (Arc::new(Mutex::new(())), Arc::new(Barrier::new(threads + 1)));
        let held = hang.lock().unwrap();
        for _ in 0..threads {
            let (hang, all) = (Arc::clone(&hang), Arc::clone(&all));
            runtime.spawn(async move {
                all.wait();
                drop(hang.lock());
            });
        }
        all.wait();
        assert!(!relay.responds(Duration::from_millis(50)));
        drop(held);
        assert!(relay.responds(LONG));
        assert!(relay.shutdown(LONG).is_complete());
    }

    const LONG: Duration = Duration::from_secs(20);
}
