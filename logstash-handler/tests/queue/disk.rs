//! What lies on the disk, and how it comes back.

use crate::support::{
    contents, drain, fill, generation, lane, large_window, noisy_window, numbers, time, uncached, window,
};
use logstash_handler::queue::{Durability, Queue, QueueErrorKind, SledOptions, SledQueue};
use std::fs;
#[cfg(target_os = "linux")]
use std::io::Read;
use std::path::Path;
#[cfg(unix)]
use std::time::Instant;
use std::time::{Duration, SystemTime};

/// Files that sled makes of values that are too large, and never removes.
fn blobs(queue: &Path) -> usize {
    let generations = fs::read_dir(lane(queue)).unwrap().flatten();
    let blobs = generations.filter_map(|generation| fs::read_dir(generation.path().join("blobs")).ok());
    blobs.map(Iterator::count).sum()
}

#[test]
fn comes_back_in_order_with_content_and_time() {
    let directory = tempfile::tempdir().unwrap();
    let windows = [window(0..10), noisy_window(10..20, 300_000), window(20..30)];
    let queue = SledQueue::open(directory.path()).unwrap();
    for (window, at) in windows.iter().zip([1_000, 2_000, 3_000]) {
        queue.append(std::slice::from_ref(window), time(at)).unwrap();
    }
    queue.sync().unwrap();
    let depth = queue.depth();
    drop(queue);

    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(queue.peek(9, usize::MAX).unwrap().windows, windows);
    let again = queue.depth();
    assert_eq!(
        (again.events, again.windows, again.bytes, again.oldest),
        (depth.events, depth.windows, depth.bytes, depth.oldest)
    );
    assert_eq!(queue.expire(time(2_000)), 10);
    drop(queue);

    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(contents(&queue), (10..30).collect::<Vec<_>>());
    fill(&queue, 30..40, 10);
    drop(queue);
    assert_eq!(contents(&SledQueue::open(directory.path()).unwrap()), (10..40).collect::<Vec<_>>());
}

#[test]
fn every_durability_stores_and_comes_back() {
    for durability in [Durability::Flush, Durability::Interval(Duration::ZERO), Durability::Os] {
        let directory = tempfile::tempdir().unwrap();
        let open = || SledOptions::new().durability(durability).open(directory.path()).unwrap();
        let queue = open();
        fill(&queue, 0..100, 10);
        queue.maintain().unwrap();
        drop(queue);
        assert_eq!(contents(&open()), (0..100).collect::<Vec<_>>(), "{durability:?}");
    }
}

#[test]
fn windows_of_several_parts_come_back_and_go() {
    let directory = tempfile::tempdir().unwrap();
    let queue = uncached().open(directory.path()).unwrap();
    // Around the sizes at which a part is added.
    let sizes = [15_000, 16_000, 17_000, 31_000, 33_000, 300_000, 1_000_000];
    let windows: Vec<_> =
        (0..).zip(sizes).map(|(number, bytes)| noisy_window(number * 10..number * 10 + 10, bytes)).collect();
    for window in &windows {
        queue.append(std::slice::from_ref(window), SystemTime::now()).unwrap();
        queue.sync().unwrap();
    }
    assert_eq!(queue.peek(99, usize::MAX).unwrap().windows, windows);
    drop(queue);
    let queue = uncached().open(directory.path()).unwrap();
    assert_eq!(queue.peek(99, usize::MAX).unwrap().windows, windows);
    queue.advance(55);
    queue.maintain().unwrap();
    assert_eq!(contents(&queue), (55..70).collect::<Vec<_>>());
    drop(queue);
    let queue = uncached().open(directory.path()).unwrap();
    assert_eq!(contents(&queue), (55..70).collect::<Vec<_>>());
    assert_eq!(blobs(directory.path()), 0);
}

#[test]
fn every_length_around_a_part_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let queue = uncached().open(directory.path()).unwrap();
    let payload = |length: usize| "x".repeat(length);
    // The header takes 48 bytes of the first part, a frame 10 more than its payload.
    let lengths = [16_000 - 48 - 10, 32_000 - 48 - 10, 320_000 - 48 - 10];
    let lengths: Vec<usize> = lengths.iter().flat_map(|&length| length - 1..=length + 1).collect();
    for &length in &lengths {
        let window = lumberjack_codec::WindowEncoder::new(0).encode([payload(length)]).unwrap();
        queue.append(&[window], SystemTime::now()).unwrap();
    }
    queue.sync().unwrap();
    drop(queue);
    let queue = uncached().open(directory.path()).unwrap();
    let windows = queue.peek(99, usize::MAX).unwrap().windows;
    let read: Vec<usize> = windows.iter().map(|window| window.payloads().unwrap()[0].len()).collect();
    assert_eq!(read, lengths);
}

#[test]
fn a_long_run_of_large_windows_leaves_no_blobs() {
    const WINDOWS: u64 = 600;
    let directory = tempfile::tempdir().unwrap();
    // 60 MB through a backlog of 4 MB; a third of the windows are in several parts.
    let queue = uncached().durability(Durability::Os).open(directory.path()).unwrap();
    let (small, large) = ("s".repeat(60_000), "l".repeat(180_000));
    let mut largest = 0;
    for number in 0..WINDOWS {
        let noise = if number % 3 == 0 { &large } else { &small };
        queue.append(&[large_window(number, noise)], SystemTime::now()).unwrap();
        if number % 8 == 7 {
            queue.sync().unwrap();
            queue.maintain().unwrap();
        }
        if number >= 40 {
            assert_eq!(numbers(&queue.peek(1, 0).unwrap().windows[0]), [number - 40]);
            queue.advance(1);
        }
        largest = largest.max(queue.depth().bytes_on_disk);
    }
    queue.sync().unwrap();
    assert_eq!(queue.depth().windows, 40);
    assert_eq!(blobs(directory.path()), 0);
    assert!(largest > 4_000_000, "{largest} bytes on disk");
    drop(queue);
    assert_eq!(blobs(directory.path()), 0);
    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(drain(&queue), ((WINDOWS - 40..WINDOWS).collect(), 0));
}

#[test]
fn a_run_of_huge_windows_leaves_no_blobs() {
    let directory = tempfile::tempdir().unwrap();
    let queue = uncached().durability(Durability::Os).open(directory.path()).unwrap();
    let noise = "h".repeat(900_000);
    for number in 0..25 {
        queue.append(&[large_window(number, &noise)], SystemTime::now()).unwrap();
        queue.sync().unwrap();
    }
    assert_eq!(blobs(directory.path()), 0);
    assert_eq!(drain(&queue), ((0..25).collect(), 0));
    queue.maintain().unwrap();
    drop(queue);
    assert_eq!(blobs(directory.path()), 0);
}

/// Directories of generations.
fn generations(queue: &Path) -> Vec<String> {
    let names = fs::read_dir(lane(queue)).unwrap().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("generation-")).collect();
    names.sort();
    names
}

#[test]
fn generations_are_begun_by_size_and_deleted_when_they_are_delivered() {
    let directory = tempfile::tempdir().unwrap();
    let open = || uncached().generation_bytes(100_000).open(directory.path()).unwrap();
    let queue = open();
    for start in (0..300).step_by(10) {
        queue.append(&[noisy_window(start..start + 10, 20_000)], time(start)).unwrap();
        queue.sync().unwrap();
    }
    let count = generations(directory.path()).len();
    assert!((5..10).contains(&count), "{count} generations");
    let depth = queue.depth();
    assert_eq!((depth.events, depth.windows, depth.oldest), (300, 30, Some(time(0))));
    assert_eq!(contents(&queue), (0..300).collect::<Vec<_>>());
    drop(queue);

    let queue = open();
    let again = queue.depth();
    assert_eq!((again.events, again.windows, again.bytes), (300, 30, depth.bytes));
    assert_eq!(queue.expire(time(75)), 80);
    queue.advance(25);
    queue.maintain().unwrap();
    assert!(generations(directory.path()).len() < count, "the first is deleted");
    drop(queue);

    let queue = open();
    assert_eq!(drain(&queue), ((105..300).collect(), 0));
    queue.maintain().unwrap();
    assert_eq!(generations(directory.path()), Vec::<String>::new());
    fill(&queue, 300..310, 10);
    drop(queue);
    assert_eq!(drain(&open()), ((300..310).collect(), 0));
}

#[cfg(unix)]
#[test]
fn the_disk_is_given_back_when_everything_is_delivered() {
    let directory = tempfile::tempdir().unwrap();
    let queue = uncached().durability(Durability::Os).open(directory.path()).unwrap();
    for number in 0..60 {
        queue.append(&[large_window(number, &"x".repeat(800_000))], SystemTime::now()).unwrap();
    }
    queue.sync().unwrap();
    queue.maintain().unwrap();
    assert!(size(directory.path()) > 48_000_000);
    assert_eq!(drain(&queue), ((0..60).collect(), 0));
    let deadline = Instant::now() + Duration::from_secs(10);
    while size(directory.path()) > 32_000_000 {
        assert!(Instant::now() < deadline, "{} bytes on disk", size(directory.path()));
        std::thread::sleep(queue.maintain_in().unwrap().min(Duration::from_millis(100)));
        queue.maintain().unwrap();
    }
    fill(&queue, 60..70, 5);
    assert_eq!(contents(&queue), (60..70).collect::<Vec<_>>());
}

/// Bytes that a directory takes on the disk.
#[cfg(unix)]
fn size(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::read_dir(path).map_or(0, |entries| {
        entries
            .flatten()
            .map(|entry| match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => size(&entry.path()),
                Ok(metadata) => metadata.blocks() * 512,
                Err(_) => 0,
            })
            .sum()
    })
}

#[cfg(unix)]
#[test]
fn takes_no_more_of_the_disk_than_it_may() {
    const BUDGET: u64 = 64 << 20;
    let directory = tempfile::tempdir().unwrap();
    let queue = uncached().durability(Durability::Os).max_bytes(BUDGET).open(directory.path()).unwrap();
    let noise = "b".repeat(400_000);
    let mut accepted = 0;
    let mut store = |queue: &SledQueue| {
        let result = queue.append(&[large_window(accepted, &noise)], SystemTime::now());
        accepted += u64::from(result.is_ok());
        queue.sync().unwrap();
        assert!(size(directory.path()) <= BUDGET, "{}", size(directory.path()));
        result
    };
    let error = (0..400).find_map(|_| store(&queue).err()).expect("a budget that is reached");
    assert_eq!(error.kind(), QueueErrorKind::Full);
    assert!(error.to_string().contains("on disk"), "{error}");
    // Delivery makes room again, a generation at a time.
    let mut delivered = 0;
    while store(&queue).is_err() {
        assert_eq!(crate::support::offered(&queue.peek(1, 0).unwrap()), [delivered]);
        queue.advance(1);
        delivered += 1;
        queue.maintain().unwrap();
    }
    assert!(delivered > 5);
    assert_eq!(drain(&queue), ((delivered..accepted).collect(), 0));
}

#[test]
fn leaves_some_of_the_disk_free() {
    let directory = tempfile::tempdir().unwrap();
    let queue = SledOptions::new().min_free_bytes(u64::MAX / 2).open(directory.path()).unwrap();
    let error = queue.append(&[window(0..10)], SystemTime::now()).unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::Full);
    assert!(error.to_string().contains("are free"), "{error}");
    assert_eq!(queue.depth().events, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fails_for_a_while_costs_nothing_that_was_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = crate::child::start_limited("survivor", directory.path(), 10_000_000);
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert!(child.wait().unwrap().success(), "{output}");
    let accepted = output.lines().find_map(|line| line.strip_prefix("accepted ")).expect(&output);
    let accepted: u64 = accepted.parse().unwrap();
    assert!(accepted > 10);
    let queue = SledQueue::open(directory.path()).unwrap();
    assert_eq!(drain(&queue), ((0..accepted).collect(), 0));
}

#[test]
fn tells_what_it_takes_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let queue = SledQueue::open(directory.path()).unwrap();
    queue.append(&[noisy_window(0..10, 1_000_000)], SystemTime::now()).unwrap();
    queue.sync().unwrap();
    drop(queue);
    // Measured when it is opened, and by the writer's maintenance.
    let queue = SledQueue::open(directory.path()).unwrap();
    let bytes = queue.depth().bytes_on_disk;
    assert!((1_000_000..30_000_000).contains(&bytes), "{bytes}");
    assert_eq!(queue.depth().bytes, queue.peek(1, 0).unwrap().windows[0].bytes().len() as u64);
}

#[cfg(unix)]
#[test]
fn is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("var").join("queue");
    fill(&SledQueue::open(&directory).unwrap(), 0..10, 5);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&generation(&directory)), 0o700);
    for file in ["lock", "cursor", "generation-0000000001/db", "generation-0000000001/conf"] {
        assert_eq!(mode(&lane(&directory).join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&directory.join("lock")), 0o600);
}

#[test]
fn a_path_that_is_a_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "content").unwrap();
    for path in [path.clone(), path.join("below")] {
        let error = SledQueue::open(&path).unwrap_err();
        assert_eq!(error.kind(), QueueErrorKind::Misconfigured, "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), b"content");
}
