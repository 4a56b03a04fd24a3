//! Every file of a queue, damaged at seeded places in every way that disks and crashes know: opening it never
//! fails, panics or hangs, and each event is delivered or counted as lost, in order.

use crate::support::{copy_all, drain, noisy_window, uncached};
use logstash_handler::queue::{Queue, SledQueue};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const EVENTS: u64 = 200;

/// A directory that takes no time to sync, where there is one.
fn scratch() -> tempfile::TempDir {
    let in_memory = Path::new("/dev/shm");
    let has_room = fs4::available_space(in_memory).is_ok_and(|free| free > 1 << 30);
    if has_room { tempfile::tempdir_in(in_memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// A queue of several generations, the last of them not sealed.
fn fill(path: &Path) -> SledQueue {
    let queue = uncached().min_free_bytes(0).generation_bytes(60_000).open(path).unwrap();
    for start in (0..EVENTS).step_by(10) {
        // Some are in several parts.
        let bytes = if start % 50 == 0 { 20_000 } else { 4_000 };
        queue.append(&[noisy_window(start..start + 10, bytes)], SystemTime::now()).unwrap();
        queue.sync().unwrap();
    }
    queue
}

/// A queue that was closed, and one that looks as after a kill.
fn originals() -> [tempfile::TempDir; 2] {
    let [source, closed, killed] = std::array::from_fn(|_| scratch());
    let queue = fill(source.path());
    copy_all(source.path(), killed.path());
    drop(queue);
    copy_all(source.path(), closed.path());
    [closed, killed]
}

fn files(path: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
}

/// Does something to one of the files; tells what.
fn damage(queue: &Path, random: &mut fastrand::Rng) -> String {
    let mut all = Vec::new();
    files(queue, &mut all);
    // Half of the time where the windows are.
    let databases: Vec<_> = all.iter().filter(|path| path.ends_with("db")).cloned().collect();
    let candidates = if random.bool() { databases } else { all };
    let path = random.choice(candidates).unwrap();
    let name = path.strip_prefix(queue).unwrap().display().to_string();
    let mut bytes = fs::read(&path).unwrap();
    // Where there is content: the files of sled are much longer than that.
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    if end == 0 {
        fs::remove_file(&path).unwrap();
        return format!("{name} removed");
    }
    let place = random.usize(..end);
    let what = match random.u8(..8) {
        0 => {
            fs::remove_file(&path).unwrap();
            return format!("{name} removed");
        }
        1 | 2 => {
            bytes.truncate(place);
            "cut"
        }
        3 => {
            let end = bytes.len().min(place + 4_096);
            bytes[place..end].fill(0);
            "a page lost"
        }
        4 => {
            let (from, to) = (place & !4_095, random.usize(..end) & !4_095);
            let length = 4_096.min(bytes.len() - from.max(to));
            let page = bytes[from..from + length].to_vec();
            bytes.copy_within(to..to + length, from);
            bytes[to..to + length].copy_from_slice(&page);
            "pages exchanged"
        }
        5 => {
            let end = bytes.len().min(place + 700);
            bytes[place..end].iter_mut().for_each(|byte| *byte = random.u8(..));
            "torn"
        }
        _ => {
            bytes[place] ^= 1 << random.u8(..8);
            "a bit flipped"
        }
    };
    fs::write(&path, bytes).unwrap();
    format!("{name}: {what} at {place}")
}

fn survive(seeds: Range<u64>) {
    let originals = originals();
    let mut lossy = 0;
    for seed in seeds {
        let mut random = fastrand::Rng::with_seed(seed);
        let copy = scratch();
        copy_all(originals[(seed % 2) as usize].path(), copy.path());
        let what = damage(copy.path(), &mut random);
        let queue = uncached()
            .min_free_bytes(0)
            .open(copy.path())
            .unwrap_or_else(|error| panic!("seed {seed}, {what}: {error}"));
        assert_eq!(queue.depth().events, EVENTS, "seed {seed}, {what}");
        let (events, lost) = drain(&queue);
        assert!(events.is_sorted_by(|one, other| one < other), "seed {seed}, {what}: {events:?}");
        assert_eq!(events.len() as u64 + lost, EVENTS, "seed {seed}, {what}");
        lossy += u32::from(lost > 0);
        // It goes on, and what was counted is not counted again.
        queue.append(&[noisy_window(EVENTS..EVENTS + 10, 4_000)], SystemTime::now()).unwrap();
        queue.sync().unwrap();
        queue.maintain().unwrap();
        drop(queue);
        let queue = uncached().min_free_bytes(0).open(copy.path()).unwrap();
        assert_eq!(drain(&queue), ((EVENTS..EVENTS + 10).collect(), 0), "seed {seed}, {what}");
    }
    assert!(lossy > 10, "{lossy} of the damaged queues had losses");
}

macro_rules! places {
    ($($test:ident $seeds:expr),*) => { $(#[test] fn $test() { survive($seeds); })* };
}

// In parts, so that they are done at the same time.
places! {
    damaged_at_place_0_and_on 0..125, damaged_at_place_125_and_on 125..250,
    damaged_at_place_250_and_on 250..375, damaged_at_place_375_and_on 375..500,
    damaged_at_place_500_and_on 500..625, damaged_at_place_625_and_on 625..750,
    damaged_at_place_750_and_on 750..875, damaged_at_place_875_and_on 875..1_000
}
