//! This test binary, started again as another process with a part to play.

#![allow(clippy::print_stdout, reason = "a child speaks to its parent by its standard output")]

#[cfg(target_os = "linux")]
use crate::support::{contents, uncached};
use crate::support::{large_window, offered, window};
#[cfg(target_os = "linux")]
use logstash_handler::queue::QueueErrorKind;
use logstash_handler::queue::{Queue, SledOptions, SledQueue};
#[cfg(target_os = "linux")]
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
#[cfg(target_os = "linux")]
use std::time::Instant;
use std::time::{Duration, SystemTime};

const ROLE: &str = "LOGSTASH_QUEUE_TEST_ROLE";
const QUEUE: &str = "LOGSTASH_QUEUE_TEST_PATH";
const FIRST: &str = "LOGSTASH_QUEUE_TEST_FIRST";

/// Starts a child; it writes lines to its standard output.
pub(crate) fn start(role: &str, queue: &Path, first: u64) -> Child {
    spawn(Command::new(std::env::current_exe().unwrap()), role, queue, first)
}

/// Starts a child whose files cannot grow above a size, until it lifts that limit.
#[cfg(target_os = "linux")]
pub(crate) fn start_limited(role: &str, queue: &Path, bytes: u64) -> Child {
    let mut shell = Command::new("sh");
    // Without the trap the kernel would kill it at the limit, instead of refusing the write.
    shell.args(["-c", "trap '' XFSZ; limit=$1; shift; exec prlimit --fsize=\"$limit\": -- \"$@\"", "sh"]);
    shell.arg(bytes.to_string()).arg(std::env::current_exe().unwrap());
    spawn(shell, role, queue, 0)
}

/// Starts a child that is nobody, from a copy of its program in a folder that everybody may read. For root only.
#[cfg(target_os = "linux")]
pub(crate) fn start_as_nobody(role: &str, queue: &Path, folder: &Path) -> Child {
    use std::os::unix::process::CommandExt;
    let program = folder.join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(program);
    command.current_dir(folder).uid(65_534).gid(65_534);
    spawn(command, role, queue, 0)
}

fn spawn(mut command: Command, role: &str, queue: &Path, first: u64) -> Child {
    command
        .args(["child::plays_its_part", "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(QUEUE, queue)
        .env(FIRST, first.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn plays_its_part() {
    let Ok(role) = std::env::var(ROLE) else {
        // Not a child: what it would play is proven by the tests that start it.
        assert!(std::env::var(QUEUE).is_err());
        return;
    };
    let path = PathBuf::from(std::env::var_os(QUEUE).unwrap());
    let first = std::env::var(FIRST).unwrap().parse().unwrap();
    // A child that hangs must not keep its parent waiting.
    thread::spawn(|| {
        thread::sleep(Duration::from_secs(30));
        std::process::exit(3);
    });
    match role.as_str() {
        "opener" => match SledQueue::open(path) {
            Ok(_) => println!("\nopened"),
            Err(error) => println!("\nrefused {:?} {error}", error.kind()),
        },
        "holder" => {
            let queue = SledQueue::open(path).unwrap();
            println!("\nholding {}", std::process::id());
            // Until the parent closes the pipe, or kills.
            std::io::stdin().read_line(&mut String::new()).unwrap();
            drop(queue);
        }
        "filler" => {
            let queue = SledQueue::open(path).unwrap();
            crate::support::fill(&queue, first..first + 50, 10);
            println!("\nfilled");
            std::io::stdin().read_line(&mut String::new()).unwrap();
        }
        // In generations so small that each kill may hit a change of them.
        "worker" => {
            let options =
                SledOptions::new().cache_bytes(10_000).generation_bytes(first % 3 * 200_000 + 50_000);
            work(&options.open(path).unwrap(), first);
        }
        #[cfg(target_os = "linux")]
        "survivor" => survive(&uncached().open(path).unwrap()),
        role => panic!("no such role: {role}"),
    }
}

/// Stores until the disk refuses, and goes on when it takes more again.
#[cfg(target_os = "linux")]
fn survive(queue: &SledQueue) {
    let noise = "n".repeat(90_000);
    let mut accepted = 0;
    let mut store = |queue: &SledQueue| {
        let batch = [large_window(accepted, &noise), large_window(accepted + 1, &noise)];
        queue.append(&batch, SystemTime::now())?;
        accepted += 2;
        queue.sync()
    };
    let error = (0..2_000).find_map(|_| store(queue).err()).expect("a limit that is reached");
    assert_eq!(error.kind(), QueueErrorKind::Unavailable, "{error}");
    assert!(error.source().is_some(), "{error}");
    // Still refused, or the store is not even open; whatever the case, nothing hangs or panics.
    for _ in 0..3 {
        if let Err(error) = store(queue) {
            assert_eq!(error.kind(), QueueErrorKind::Unavailable, "{error}");
        }
    }

    let lifted = Command::new("prlimit")
        .args(["--fsize=unlimited:", "--pid", &std::process::id().to_string()])
        .status();
    assert!(lifted.unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = queue.maintain().and_then(|()| queue.sync()) {
        assert!(Instant::now() < deadline, "{error}: {:?}", error.source());
        thread::sleep(Duration::from_millis(20));
    }
    store(queue).unwrap();
    assert_eq!(contents(queue), (0..accepted).collect::<Vec<_>>());
    println!("\naccepted {accepted}");
}

/// Stores and delivers until it is killed, and says what is done.
fn work(queue: &SledQueue, first: u64) {
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = fastrand::Rng::new();
            let large = "l".repeat(250_000);
            let mut next = first;
            loop {
                let mut windows = Vec::new();
                for _ in 0..random.usize(1..4) {
                    let events = random.u64(1..20);
                    // Some are in several parts.
                    windows.push(match random.u8(..10) {
                        0 => large_window(next, &large),
                        _ => window(next..next + events),
                    });
                    next += u64::from(windows.last().unwrap().events());
                }
                queue.append(&windows, SystemTime::now()).unwrap();
                queue.sync().unwrap();
                println!("\nstored {next}");
                queue.maintain().unwrap();
            }
        });
        loop {
            let peek = queue.peek(2, usize::MAX).unwrap();
            if peek.damaged > 0 {
                println!("\ndamaged {} {:?}", peek.damaged, queue.reports());
            }
            let events = offered(&peek);
            // Often in the middle of a window.
            let done = fastrand::usize(0..=events.len());
            if done == 0 {
                thread::yield_now();
                continue;
            }
            println!("\ndelivering {}", events[done - 1] + 1);
            queue.advance(done as u64);
            println!("\ndelivered {}", events[done - 1] + 1);
        }
    });
}
