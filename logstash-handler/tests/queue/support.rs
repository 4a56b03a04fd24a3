//! Windows of numbered events, and queues to put them in.

#[cfg(feature = "sled")]
use logstash_handler::queue::{Durability, SledOptions, SledQueue};
use logstash_handler::queue::{MemoryQueue, OnBacklog, Peek, Queue};
use lumberjack_codec::{EncodedWindow, WindowEncoder};
use std::ops::Range;
#[cfg(feature = "sled")]
use std::path::{Path, PathBuf};
#[cfg(feature = "sled")]
use std::time::Instant;
use std::time::{Duration, SystemTime};

/// A window of events that say their number.
pub(crate) fn window(events: Range<u64>) -> EncodedWindow {
    let payloads = events.map(|number| format!("{{\"n\":{number}}}"));
    WindowEncoder::new(1).encode(payloads).unwrap()
}

/// A window padded with noise, so that it has about `bytes` when it is deflated.
#[cfg(feature = "sled")]
pub(crate) fn noisy_window(events: Range<u64>, bytes: usize) -> EncodedWindow {
    const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // Six bits in each character of eight.
    let length = bytes * 4 / 3 / (events.end - events.start) as usize;
    let payloads = events.map(|number| {
        let mut random = fastrand::Rng::with_seed(number);
        let mut noise = vec![0; length];
        for chunk in noise.chunks_mut(10) {
            let mut bits = random.u64(..);
            for byte in chunk {
                *byte = SYMBOLS[(bits & 63) as usize];
                bits >>= 6;
            }
        }
        format!("{{\"n\":{number},\"noise\":\"{}\"}}", String::from_utf8(noise).unwrap())
    });
    WindowEncoder::new(1).encode(payloads).unwrap()
}

/// A window of one large event that is not deflated.
#[cfg(feature = "sled")]
pub(crate) fn large_window(number: u64, noise: &str) -> EncodedWindow {
    WindowEncoder::new(0).encode([format!("{{\"n\":{number},\"noise\":\"{noise}\"}}")]).unwrap()
}

/// The numbers of the events in a window.
pub(crate) fn numbers(window: &EncodedWindow) -> Vec<u64> {
    let number = |payload: &[u8]| {
        let digits =
            payload.strip_prefix(b"{\"n\":").unwrap().iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
    };
    window.payloads().unwrap().iter().map(|payload| number(payload)).collect()
}

/// The numbers of the events that a peek offers.
pub(crate) fn offered(peek: &Peek) -> Vec<u64> {
    peek.windows.iter().flat_map(numbers).skip(peek.skip as usize).collect()
}

/// The numbers of all events in a queue.
pub(crate) fn contents(queue: &dyn Queue) -> Vec<u64> {
    offered(&queue.peek(usize::MAX, usize::MAX).unwrap())
}

/// Takes everything out of a queue; returns the numbers, and how many events were damaged.
#[cfg(feature = "sled")]
pub(crate) fn drain(queue: &dyn Queue) -> (Vec<u64>, u64) {
    let (mut numbers, mut damaged) = (Vec::new(), 0);
    loop {
        let peek = queue.peek(16, usize::MAX).unwrap();
        damaged += peek.damaged;
        let events = offered(&peek);
        if events.is_empty() && peek.damaged == 0 {
            assert_eq!(queue.depth().events, 0, "nothing is offered, so nothing should be left");
            return (numbers, damaged);
        }
        queue.advance(events.len() as u64);
        numbers.extend(events);
    }
}

/// Where the first process keeps its windows.
#[cfg(feature = "sled")]
pub(crate) fn lane(queue: &Path) -> PathBuf {
    queue.join("lane-0000000001")
}

/// Its first database.
#[cfg(feature = "sled")]
pub(crate) fn generation(queue: &Path) -> PathBuf {
    lane(queue).join("generation-0000000001")
}

/// The database of a queue that is closed, without what the queue makes of it.
#[cfg(feature = "sled")]
pub(crate) fn database(directory: &Path, segment: usize) -> sled::Db {
    let config = sled::Config::default().path(directory).segment_size(segment);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match config.open() {
            Ok(db) => return db,
            // sled lets go of its lock a little after it was closed.
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Changes the database of a queue that is closed; `change` gets what finds the tree that a key is in.
#[cfg(feature = "sled")]
pub(crate) fn tamper(queue: &Path, change: impl FnOnce(&dyn Fn(&[u8]) -> sled::Tree)) {
    let db = database(&generation(queue), 2 << 20);
    change(&|key| {
        let named = db.tree_names().into_iter().filter(|name| name != b"__sled__default" && &**name <= key);
        named.max().map_or_else(|| (*db).clone(), |name| db.open_tree(name).unwrap())
    });
    db.flush().unwrap();
}

/// Where each writing of a part of a window is in the file of a store.
#[cfg(feature = "sled")]
pub(crate) fn places(file: &[u8], window: u64, part: u16) -> Vec<usize> {
    let is_it = |&at: &usize| {
        file[at..].starts_with(b"LSQW")
            && file.get(at + 6..at + 8) == Some(&part.to_be_bytes())
            && file.get(at + 12..at + 20) == Some(&window.to_be_bytes())
    };
    (0..file.len()).filter(|&at| file[at] == b'L').filter(is_it).collect()
}

/// Changes every writing of a part of a window in the first generation of a queue.
#[cfg(feature = "sled")]
pub(crate) fn spoil(queue: &Path, window: u64, part: u16, change: impl Fn(&mut [u8])) {
    let path = generation(queue).join("db");
    let mut file = std::fs::read(&path).unwrap();
    let places = places(&file, window, part);
    assert!(!places.is_empty(), "window {window} is in the file");
    for at in places {
        change(&mut file[at..]);
    }
    std::fs::write(path, file).unwrap();
}

/// Copies a queue as it is on the disk; while it is open, as a kill would leave it.
#[cfg(feature = "sled")]
pub(crate) fn copy_all(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(crate) fn time(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

/// A queue of a kind, and what has to live as long.
pub(crate) struct Fixture {
    pub(crate) queue: Box<dyn Queue>,
    _directory: Option<tempfile::TempDir>,
}

pub(crate) fn memory(max_bytes: u64) -> Fixture {
    Fixture { queue: Box::new(MemoryQueue::new().max_bytes(max_bytes)), _directory: None }
}

/// A queue that moves to its store, which takes no more than the whole may, after a few windows.
pub(crate) fn on_backlog(max_bytes: u64) -> Fixture {
    let queue = OnBacklog::new(MemoryQueue::new().max_bytes(max_bytes)).memory_bytes(max_bytes.min(200));
    Fixture { queue: Box::new(queue), _directory: None }
}

#[cfg(feature = "sled")]
pub(crate) fn on_disk(max_bytes: u64) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let queue = SledOptions::new().max_bytes(max_bytes).open(directory.path()).unwrap();
    Fixture { queue: Box::new(queue), _directory: Some(directory) }
}

/// A queue on disk that keeps nothing in memory once it is synced.
#[cfg(feature = "sled")]
pub(crate) fn on_disk_without_cache(max_bytes: u64) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let queue = uncached().max_bytes(max_bytes).open(directory.path()).unwrap();
    Fixture { queue: Box::new(queue), _directory: Some(directory) }
}

/// A queue on disk that begins a generation with each append.
#[cfg(feature = "sled")]
pub(crate) fn on_disk_in_generations(max_bytes: u64) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let queue = uncached().generation_bytes(1).max_bytes(max_bytes).open(directory.path()).unwrap();
    Fixture { queue: Box::new(queue), _directory: Some(directory) }
}

/// A queue on disk that puts nothing on it before it must.
#[cfg(feature = "sled")]
pub(crate) fn on_disk_without_sync(max_bytes: u64) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let options = SledOptions::new().durability(Durability::Os).cache_bytes(700).generation_bytes(2_000);
    let queue = options.max_bytes(max_bytes).open(directory.path()).unwrap();
    Fixture { queue: Box::new(queue), _directory: Some(directory) }
}

/// Memory before a queue on disk.
#[cfg(feature = "sled")]
pub(crate) fn on_backlog_of_sled(max_bytes: u64) -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let store = uncached().max_bytes(max_bytes).open(directory.path()).unwrap();
    let queue = OnBacklog::new(store).memory_bytes(0);
    Fixture { queue: Box::new(queue), _directory: Some(directory) }
}

#[cfg(feature = "sled")]
pub(crate) fn uncached() -> SledOptions {
    SledOptions::new().cache_bytes(0)
}

/// Appends and syncs windows of `size` events until `events` are in the queue.
#[cfg(feature = "sled")]
pub(crate) fn fill(queue: &SledQueue, events: Range<u64>, size: usize) {
    for start in events.clone().step_by(size) {
        let end = events.end.min(start + size as u64);
        queue.append(&[window(start..end)], SystemTime::now()).unwrap();
    }
    queue.sync().unwrap();
}
