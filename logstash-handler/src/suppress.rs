//! The loop guard: what the threads of a handler log never becomes an event.

use std::cell::Cell;

thread_local! {
    static SUPPRESSED: Cell<bool> = const { Cell::new(false) };
}

/// Marks the current thread, for good, as one whose log records are not for us.
pub(crate) fn suppress_this_thread() {
    // Fails only while the thread ends, and then it logs nothing more of ours.
    let _ = SUPPRESSED.try_with(|suppressed| suppressed.set(true));
}

/// Whether a record with this target must not become an event.
pub(crate) fn is_suppressed(target: &str) -> bool {
    SUPPRESSED.try_with(Cell::get).unwrap_or(false) || is_own(target) || is_on_a_thread_of_ours(target)
}

fn is_own(target: &str) -> bool {
    const OWN: [&str; 4] = ["logstash_format", "logstash_handler", "logstash_transport", "lumberjack_codec"];
    // Asked for each event: no search for the end of the name of the crate.
    let is_rest = |rest: &str| rest.is_empty() || rest.starts_with("::");
    OWN.iter().any(|own| target.strip_prefix(own).is_some_and(is_rest))
}

/// sled logs from threads of its own, which work for us, and the HTTP library of a transport that is called
/// on a thread of another runtime logs from one that the transport starts.
fn is_on_a_thread_of_ours(target: &str) -> bool {
    const LIBRARIES: [(&str, &str); 5] = [
        ("sled", "sled"),
        // It says not whose flusher it is; that of an application's own use of sled has the same name.
        ("sled", "log flusher"),
        ("hyper", "logstash-http"),
        ("native_tls", "logstash-http"),
        ("reqwest", "logstash-http"),
    ];
    LIBRARIES.iter().any(|(library, prefix)| {
        target.starts_with(library)
            && std::thread::current().name().is_some_and(|name| name.starts_with(prefix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn own_records_are_suppressed_by_target_and_others_are_not() {
        assert!(is_suppressed("logstash_handler"));
        assert!(is_suppressed("logstash_transport::beats"));
        assert!(!is_suppressed("logstash_handler_of_another"));
        assert!(!is_suppressed("sled::pagecache"), "an application's own use of sled");
        assert!(!is_suppressed("shop"));
    }

    #[test]
    fn libraries_are_suppressed_on_the_threads_that_work_for_us() {
        let on = |name: &str, target: &'static str| {
            let thread = thread::Builder::new().name(name.to_owned());
            thread.spawn(move || is_suppressed(target)).unwrap().join().unwrap()
        };
        assert!(on("sled-io-3", "sled::pagecache"));
        assert!(on("log flusher", "sled::pagecache::iobuf"));
        assert!(!on("log flusher", "shop"));
        assert!(on("logstash-http", "reqwest::connect"));
        assert!(on("logstash-http", "hyper_util::client"));
        assert!(!on("logstash-http", "shop"));
        assert!(!on("worker", "reqwest::connect"), "an application's own use of reqwest");
    }

    #[test]
    fn a_marked_thread_is_suppressed_whatever_the_target() {
        let marked = thread::spawn(|| {
            suppress_this_thread();
            is_suppressed("shop")
        });
        assert!(marked.join().unwrap());
        assert!(!is_suppressed("shop"));
    }
}
