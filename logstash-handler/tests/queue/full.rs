//! File systems that have no room, cannot be written, or go away.

use crate::support::{contents, drain, fill, large_window, uncached, window};
use logstash_handler::queue::{Durability, Queue, QueueErrorKind, SledOptions, SledQueue};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// A file system of its own; unmounted when it is dropped.
struct Mounted(tempfile::TempDir);

impl Mounted {
    /// `None` where that takes rights that this process does not have, which it says.
    fn tmpfs(size: &str) -> Option<Self> {
        let mounted = Self(tempfile::tempdir().unwrap());
        let options = format!("size={size},mode=0700");
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(mounted.path()).output();
        if done.as_ref().is_ok_and(|done| done.status.success()) {
            return Some(mounted);
        }
        assert!(std::env::var_os("LOGSTASH_REQUIRE_MOUNT").is_none(), "cannot mount: {done:?}");
        #[allow(clippy::print_stderr, reason = "a test that proves nothing must say so")]
        {
            eprintln!("SKIPPED: a small file system can be mounted by root only");
        }
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn make_read_only(&self) {
        let done = Command::new("mount").args(["-o", "remount,ro"]).arg(self.path()).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

fn small() -> SledOptions {
    uncached().min_free_bytes(0).generation_bytes(3_000_000).durability(Durability::Os)
}

#[test]
fn a_disk_that_is_full_is_drained_and_then_takes_more() {
    let Some(disk) = Mounted::tmpfs("32m") else { return };
    let queue = small().open(disk.path()).unwrap();
    let noise = "f".repeat(200_000);
    let (mut accepted, mut delivered) = (0, 0);
    let mut store = |queue: &SledQueue| {
        let appended = queue.append(&[large_window(accepted, &noise)], SystemTime::now());
        accepted += u64::from(appended.is_ok());
        appended.and_then(|()| queue.sync())
    };
    let error = (0..1_000).find_map(|_| store(&queue).err()).expect("a disk that is full");
    assert_eq!(error.kind(), QueueErrorKind::Full, "{error}: {:?}", std::error::Error::source(&error));
    // What is there is delivered although nothing can be written, and that makes room.
    let deadline = Instant::now() + Duration::from_secs(8);
    loop {
        let events = contents(&queue);
        assert_eq!(events.first(), Some(&delivered));
        queue.advance(2);
        delivered += 2;
        let _ = queue.maintain();
        match store(&queue) {
            Ok(()) => break,
            Err(error) => {
                assert!(
                    matches!(error.kind(), QueueErrorKind::Full | QueueErrorKind::Unavailable),
                    "{error}"
                );
            }
        }
        assert!(Instant::now() < deadline, "{delivered} delivered");
        // A store that failed is begun again once per second.
        thread::sleep(Duration::from_millis(50));
    }
    drop(queue);
    let queue = small().open(disk.path()).unwrap();
    let (events, damaged) = drain(&queue);
    assert_eq!((events, damaged), ((delivered..accepted).collect(), 0));
}

#[test]
fn a_disk_without_room_is_refused_at_open() {
    let Some(disk) = Mounted::tmpfs("64k") else { return };
    // What is left takes no directory and no file.
    let mut number = 0;
    while fs::write(disk.path().join(number.to_string()), vec![1; 4_096]).is_ok() {
        number += 1;
    }
    let opened = SledOptions::new().min_free_bytes(0).open(disk.path().join("queue"));
    // An empty file takes no room: it may open, and then it takes nothing in.
    let error = match opened {
        Err(error) => error,
        Ok(queue) => queue.append(&[window(0..10)], SystemTime::now()).unwrap_err(),
    };
    assert_eq!(error.kind(), QueueErrorKind::Full, "{error}: {:?}", std::error::Error::source(&error));
}

#[test]
fn a_reserve_is_left_on_a_small_disk() {
    let Some(disk) = Mounted::tmpfs("32m") else { return };
    let queue = SledOptions::new().open(disk.path()).unwrap();
    let error = queue.append(&[window(0..10)], SystemTime::now()).unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Full);
    assert!(error.to_string().contains("are free"), "{error}");
}

#[test]
fn a_full_disk_with_a_backlog_opens_and_is_drained() {
    let Some(disk) = Mounted::tmpfs("40m") else { return };
    fill(&small().open(disk.path()).unwrap(), 0..100, 10);
    let mut number = 0;
    while fs::write(disk.path().join(format!("other-{number}")), vec![1; 100_000]).is_ok() {
        number += 1;
    }
    let queue = small().open(disk.path()).unwrap();
    assert_eq!(drain(&queue), ((0..100).collect(), 0));
}

#[test]
fn a_disk_that_is_read_only_is_refused_and_left_alone() {
    let Some(disk) = Mounted::tmpfs("40m") else { return };
    fill(&small().open(disk.path()).unwrap(), 0..100, 10);
    disk.make_read_only();
    let error = small().open(disk.path()).unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Misconfigured, "{error}");
    let error = small().open(disk.path().join("another")).unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Misconfigured, "{error}");
}

#[test]
fn a_directory_that_may_not_be_written_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(directory.path().join("probe"), "").is_ok() {
        // Modes mean nothing to root; `a_disk_that_is_read_only…` has the like.
        return;
    }
    let error = SledQueue::open(directory.path()).unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Misconfigured, "{error}");
}

#[test]
fn a_directory_that_is_deleted_under_a_queue_costs_what_was_in_it_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queue");
    let queue = uncached().generation_bytes(1).open(&path).unwrap();
    for start in (0..100).step_by(10) {
        queue.append(&[window(start..start + 10)], SystemTime::now()).unwrap();
        queue.sync().unwrap();
    }
    fs::remove_dir_all(&path).unwrap();
    let mut accepted = 100;
    for _ in 0..3 {
        accepted +=
            10 * u64::from(queue.append(&[window(accepted..accepted + 10)], SystemTime::now()).is_ok());
        let _ = queue.sync();
        let _ = queue.maintain();
    }
    assert_eq!(queue.depth().events, accepted);
    let (events, damaged) = drain(&queue);
    assert_eq!(events.len() as u64 + damaged, accepted);
    assert!(events.is_sorted());
}
