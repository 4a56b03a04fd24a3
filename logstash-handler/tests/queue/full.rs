//! File systems that have no room, cannot be written, or go away.

use crate::child;
use crate::mounted::Mounted;
use crate::support::{contents, drain, fill, large_window, uncached, window};
use logstash_handler::queue::{Durability, Queue, QueueErrorKind, SledOptions, SledQueue};
use logstash_handler::{BeatsTransport, Event, Guard, Handler, Level, LogstashFormatter};
use logstash_transport::testing::Receiver;
use lumberjack_codec::Backoff;
use std::fs;
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

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
    let deadline = Instant::now() + LONG;
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
    let queue = directory.path().join("queue");
    fs::create_dir(&queue).unwrap();
    fs::set_permissions(&queue, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(queue.join("probe"), "").is_err() {
        let error = SledQueue::open(&queue).unwrap_err();
        return assert_eq!(error.kind(), QueueErrorKind::Misconfigured, "{error}");
    }
    // Modes mean nothing to root, so that somebody else has to try.
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut child = child::start_as_nobody("opener", &queue, directory.path());
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(output.contains("refused Misconfigured") && output.contains("queue"), "{output}");
}

/// A handler on a queue, and who it delivers to; that one is away.
fn handler_without_peer(queue: SledQueue) -> (Receiver, Handler, Guard) {
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let transport = BeatsTransport::new(&receiver.address().to_string()).unwrap();
    let retry = Backoff::new().base(Duration::from_millis(5)).max(Duration::from_millis(50));
    let builder = Handler::builder(LogstashFormatter::new(), transport).retry(retry).report_losses(false);
    let (handler, guard) = builder.queue(queue).compression_level(0).stderr(false).start().unwrap();
    (receiver, handler, guard)
}

/// The numbers at the end of the messages that arrived.
fn arrived(receiver: &Receiver) -> Vec<u64> {
    let number = |event: bytes::Bytes| {
        let document: serde_json::Value = serde_json::from_slice(&event).unwrap();
        document["message"].as_str().unwrap().rsplit_once(' ').unwrap().1.parse().unwrap()
    };
    receiver.events().into_iter().map(number).collect()
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_handler_on_a_full_disk_drops_what_has_no_room_and_delivers_the_rest_in_order() {
    let Some(disk) = Mounted::tmpfs("32m") else { return };
    let (receiver, handler, guard) = handler_without_peer(small().open(disk.path()).unwrap());
    let noise = "f".repeat(20_000);
    let (mut taken, mut has_room) = (Vec::new(), true);
    // More than the disk and the arena together have room for.
    for number in 0..2_500 {
        let message = format!("{noise} {number}");
        let started = Instant::now();
        if handler.try_emit(&Event::new(Level::Info, "test", message.as_str())).is_ok() {
            taken.push(number);
        }
        assert!(started.elapsed() < LONG / 4, "who logs does not wait for a disk");
        assert!(handler.stats().is_balanced());
        if number % 50 == 0 && has_room {
            // Not faster than the disk, so that it is the disk that has no room.
            has_room = handler.sync(Duration::from_secs(1)).complete;
        }
    }
    let stats = handler.stats();
    assert!(stats.dropped.overflow > 0 && stats.dropped.overflow == stats.dropped.total(), "{stats:?}");
    assert!(stats.last_error.is_some() || stats.failures == 0, "{stats:?}");
    receiver.come_back().unwrap();
    let report = handler.flush(LONG);
    assert!(report.complete, "{report}");
    assert!(guard.shutdown(LONG).complete);
    assert_eq!(arrived(&receiver), taken);
    assert_eq!(report.acknowledged + report.dropped.total(), 2_500);
}

#[test]
fn a_handler_whose_directory_is_deleted_goes_on_and_counts_what_was_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queue");
    let (receiver, handler, guard) =
        handler_without_peer(uncached().generation_bytes(1).open(&path).unwrap());
    let log = |number: u64| {
        let message = format!("event {number}");
        handler.emit(&Event::new(Level::Info, "test", message.as_str()));
    };
    (0..100).for_each(log);
    assert!(handler.sync(LONG).complete);
    fs::remove_dir_all(&path).unwrap();
    (100..200).for_each(log);
    receiver.come_back().unwrap();
    let report = handler.flush(LONG);
    assert!(report.complete, "{report}");
    let stats = handler.stats();
    assert!(stats.is_balanced(), "{stats:?}");
    assert_eq!(stats.dropped.damaged, stats.dropped.total(), "{stats:?}");
    let arrived = arrived(&receiver);
    assert_eq!(arrived.len() as u64 + stats.dropped.damaged, 200);
    assert!(arrived.is_sorted() && arrived.ends_with(&(100..200).collect::<Vec<_>>()), "{arrived:?}");
    let _ = guard.shutdown(LONG);
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
    queue.maintain().unwrap();
    assert_eq!(queue.reports(), Vec::<String>::new());
    fs::remove_dir_all(&path).unwrap();
    let mut accepted = 100;
    for _ in 0..3 {
        accepted +=
            10 * u64::from(queue.append(&[window(accepted..accepted + 10)], SystemTime::now()).is_ok());
        let _ = queue.sync();
        let _ = queue.maintain();
    }
    let reports = queue.reports().join("\n");
    assert_eq!(reports.matches("was removed while it is in use").count(), 1, "{reports}");
    assert_eq!(queue.depth().events, accepted);
    let (events, damaged) = drain(&queue);
    assert_eq!(events.len() as u64 + damaged, accepted);
    assert!(events.is_sorted());
}
