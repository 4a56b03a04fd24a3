//! Programs that end without having dropped the guard.
//!
//! Each is this test binary, started again as another process with a part to play.

#![cfg(all(unix, feature = "beats", feature = "sled"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use logstash_format::{Event, Level, LogstashFormatter};
use logstash_handler::queue::Queue;
use logstash_handler::{BeatsTransport, Handler, HandlerBuilder, SledQueue};
use logstash_transport::testing::Receiver;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, process, thread};

const LONG: Duration = Duration::from_secs(20);
const EVENTS: u64 = 100;

const PART: &str = "LOGSTASH_EXIT_TEST_PART";
const ADDRESS: &str = "LOGSTASH_EXIT_TEST_ADDRESS";
const QUEUE: &str = "LOGSTASH_EXIT_TEST_QUEUE";

/// Runs a child to its end; tells how it ended, and how long its exit may have taken.
fn play(part: &str, address: &str, queue: Option<&Path>) -> ExitStatus {
    let mut child = Command::new(env::current_exe().unwrap());
    child
        .args(["plays_its_part", "--exact", "--nocapture", "--test-threads=1"])
        .env(PART, part)
        .env(ADDRESS, address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(queue) = queue {
        child.env(QUEUE, queue);
    }
    child.status().unwrap()
}

#[test]
fn plays_its_part() {
    let Ok(part) = env::var(PART) else {
        // Not a child: what it would play is proven by the tests that start it.
        assert!(env::var(ADDRESS).is_err());
        return;
    };
    // A child that hangs must not keep its parent waiting.
    thread::spawn(|| {
        thread::sleep(Duration::from_secs(60));
        process::abort();
    });
    let transport = BeatsTransport::new(&env::var(ADDRESS).unwrap()).unwrap();
    // Without the hook nothing would be stored before the linger is over.
    let mut builder = Handler::builder(LogstashFormatter::new(), transport)
        .linger(Duration::from_secs(3600))
        .report_losses(false);
    if let Some(queue) = env::var_os(QUEUE).map(PathBuf::from) {
        builder = builder.queue(SledQueue::open(queue).unwrap());
    }
    act(&part, builder);
}

fn act(part: &str, builder: HandlerBuilder) {
    let (handler, guard) = builder.start().unwrap();
    let hook = handler.exit_hook();
    match part {
        "without a hook" => {}
        "with little time" => hook.timeout(Duration::from_millis(200)).install().unwrap(),
        // Twice, as a program may by mistake.
        _ => (0..2).for_each(|_| hook.clone().timeout(LONG).install().unwrap()),
    }
    for number in 0..EVENTS {
        handler.emit(&Event::new(Level::Info, "test", format_args!("{number}")));
    }
    match part {
        "shuts down" => {
            assert!(guard.shutdown(LONG).complete);
            process::exit(0);
        }
        // `main` returns while somebody, such as a static, has the guard.
        "returns" => {
            Box::leak(Box::new((handler, guard)));
        }
        "forks" => {
            fork_and(|| process::exit(7));
            fork_and(|| {
                handler.emit(&Event::new(Level::Info, "test", "of the child"));
                process::exit(7)
            });
            process::exit(0);
        }
        "exits in a thread" => {
            thread::spawn(|| process::exit(0)).join().unwrap();
        }
        _ => process::exit(0),
    }
}

/// Has a forked child do something that ends it with 7.
#[allow(unsafe_code, reason = "what is tested is a fork")]
fn fork_and(work: impl FnOnce()) {
    // SAFETY: the child has one thread, and ends below.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: sets a timer that kills a child that hangs.
        unsafe { libc::alarm(30) };
        work();
    }
    let mut status = 0;
    // SAFETY: `status` is there while the call writes to it.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7, "{status}");
}

/// The address of a port on which nobody listens, for the time of the test.
fn nobody() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (listener.local_addr().unwrap().to_string(), listener)
}

#[test]
fn what_was_logged_is_delivered_from_memory() {
    for part in ["exits", "exits in a thread", "returns", "shuts down"] {
        let receiver = Receiver::start().unwrap();
        assert!(play(part, &receiver.address().to_string(), None).success(), "{part}");
        assert_eq!(receiver.events().len() as u64, EVENTS, "{part}");
    }
}

#[test]
fn what_was_logged_is_stored_on_disk() {
    for part in ["exits", "exits in a thread", "returns"] {
        let folder = tempfile::tempdir().unwrap();
        let (address, listener) = nobody();
        drop(listener);
        assert!(play(part, &address, Some(folder.path())).success(), "{part}");
        assert_eq!(SledQueue::open(folder.path()).unwrap().depth().events, EVENTS, "{part}");
    }
}

#[test]
fn without_the_hook_it_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().unwrap();
    let address = receiver.address().to_string();
    assert!(play("without a hook", &address, Some(folder.path())).success());
    assert_eq!(receiver.events().len() as u64 + SledQueue::open(folder.path()).unwrap().depth().events, 0);
}

#[test]
fn a_peer_that_hangs_delays_the_end_no_longer_than_allowed() {
    // Connections are taken by the system, and nobody ever answers.
    let (address, _listener) = nobody();
    let started = Instant::now();
    assert!(play("with little time", &address, None).success());
    assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
}

#[test]
fn forked_children_end_what_is_theirs_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (address, listener) = nobody();
    drop(listener);
    assert!(play("forks", &address, Some(folder.path())).success());
    let queue = SledQueue::open(folder.path()).unwrap();
    assert_eq!(queue.depth().events, EVENTS + 1, "those of the parent once, and the one of the child");
}
