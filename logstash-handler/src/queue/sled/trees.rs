use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The values of one sled database, in the order of their keys, a few of them in each of its trees.
///
/// sled writes all values of a leaf again when it has taken ten, and once more when it has to be split: each
/// value is on the disk three times in the end. A tree that takes no more than eight large ones has neither.
/// A tree has the name of its first key, and goes up to that of the next one. What comes before all of them is
/// in the default tree, where older versions kept everything.
pub(super) struct Trees {
    db: sled::Db,
    trees: Mutex<ByFirstKey>,
}

#[derive(Default)]
struct ByFirstKey {
    trees: BTreeMap<sled::IVec, sled::Tree>,
    /// The last key of all.
    last: Option<sled::IVec>,
    /// What the last tree has taken; `None` while it shall take no more.
    filled: Option<Filled>,
}

#[derive(Default)]
struct Filled {
    values: usize,
    bytes: usize,
}

impl Trees {
    pub(super) fn open(config: &sled::Config) -> sled::Result<Self> {
        let db = open_patiently(config)?;
        let mut known = ByFirstKey::default();
        for name in db.tree_names() {
            if name != DEFAULT {
                known.trees.insert(name.clone(), db.open_tree(name)?);
            }
        }
        for tree in known.trees.values().rev().chain([&*db]) {
            if let Some((last, _)) = tree.last()? {
                known.last = Some(last);
                break;
            }
        }
        Ok(Self { db, trees: Mutex::new(known) })
    }

    /// Stores a value, in the place of the one with the same key if there is one. One thread at a time does that.
    pub(super) fn insert(&self, key: &[u8], value: &[u8]) -> sled::Result<()> {
        // A reader never waits for the disk, so that nothing is locked while sled is at work.
        let (is_behind, is_full) = {
            let known = self.known();
            let is_behind = known.last.as_ref().is_none_or(|last| key > &**last);
            (is_behind, known.filled.as_ref().is_none_or(Filled::is_full))
        };
        if is_behind && is_full {
            let tree = self.db.open_tree(key)?;
            let mut known = self.known();
            known.trees.insert(key.into(), tree);
            known.filled = Some(Filled::default());
        }
        let tree = self.tree(key);
        tree.insert(key, value)?;
        if is_behind {
            let mut known = self.known();
            known.last = Some(key.into());
            if let Some(filled) = &mut known.filled {
                filled.values += 1;
                filled.bytes += value.len();
            }
        }
        Ok(())
    }

    pub(super) fn get(&self, key: &[u8]) -> sled::Result<Option<sled::IVec>> {
        self.tree(key).get(key)
    }

    #[cfg(test)]
    pub(super) fn remove(&self, key: &[u8]) -> sled::Result<Option<sled::IVec>> {
        self.tree(key).remove(key)
    }

    /// All trees, in the order of their keys.
    pub(super) fn in_order(&self) -> Vec<sled::Tree> {
        [&*self.db].into_iter().chain(self.known().trees.values()).cloned().collect()
    }

    /// Hands everything to the kernel.
    pub(super) fn flush(&self) -> sled::Result<()> {
        self.db.flush().map(drop)
    }

    /// The tree in which a key is, if it is anywhere.
    fn tree(&self, key: &[u8]) -> sled::Tree {
        let up_to_key = (Bound::Unbounded, Bound::Included(key));
        let known = self.known();
        let named = known.trees.range::<[u8], _>(up_to_key).next_back();
        named.map_or(&*self.db, |(_, tree)| tree).clone()
    }

    fn known(&self) -> MutexGuard<'_, ByFirstKey> {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Filled {
    const fn is_full(&self) -> bool {
        self.values >= VALUES && self.bytes >= BYTES
    }
}

impl std::fmt::Debug for Trees {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trees").field("trees", &self.known().trees.len()).finish_non_exhaustive()
    }
}

/// Opens a database that nobody else uses: who is here has the lock of the queue that it belongs to.
///
/// sled's own lock may be held for a little while all the same: by the threads of a handle that was closed just
/// now, or by a forked child, which has every lock of its parent until it ends or becomes another program.
fn open_patiently(config: &sled::Config) -> sled::Result<sled::Db> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match config.open() {
            Err(sled::Error::Io(cause))
                if cause.to_string().starts_with("could not acquire lock") && Instant::now() < deadline =>
            {
                thread::sleep(Duration::from_millis(5));
            }
            opened => return opened,
        }
    }
}

/// How long sled may take to let go of a database that was closed.
const PATIENCE: Duration = Duration::from_secs(2);
/// Of a tree. sled consolidates a leaf after ten writes.
const VALUES: usize = 8;
/// Of a tree; smaller ones would cost more for themselves than they save.
const BYTES: usize = 64 << 10;
/// The name that sled gives the tree that is always there.
const DEFAULT: &[u8] = b"__sled__default";

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &std::path::Path) -> Trees {
        Trees::open(&sled::Config::default().path(path)).unwrap()
    }

    fn keys(trees: &Trees) -> Vec<u64> {
        let trees = trees.in_order();
        let keys = trees.iter().flat_map(|tree| tree.iter().keys());
        keys.map(|key| u64::from_be_bytes(key.unwrap().as_ref().try_into().unwrap())).collect()
    }

    fn insert(trees: &Trees, key: u64, bytes: usize) {
        trees.insert(&key.to_be_bytes(), &vec![key as u8; bytes]).unwrap();
    }

    #[test]
    fn values_are_found_and_listed_in_order_across_trees_and_openings() {
        let folder = tempfile::tempdir().unwrap();
        let old = sled::Config::default().path(folder.path()).open().unwrap();
        old.insert(0u64.to_be_bytes(), "of an older version").unwrap();
        drop(old);
        for opening in 0..3u64 {
            let trees = open(folder.path());
            for key in 1..=20 {
                insert(&trees, opening * 20 + key, 16_000);
            }
            // What is stored again, goes where it was.
            insert(&trees, opening * 20 + 3, 100);
            for key in 1..=(opening + 1) * 20 {
                let length = if key % 20 == 3 { 100 } else { 16_000 };
                let value = trees.get(&key.to_be_bytes()).unwrap().unwrap();
                assert_eq!((value.len(), value[0]), (length, key as u8), "{key}");
            }
            assert_eq!(trees.get(&1000u64.to_be_bytes()).unwrap(), None);
            assert_eq!(keys(&trees), (0..=(opening + 1) * 20).collect::<Vec<_>>());
            assert_eq!(trees.in_order().len() as u64, 1 + (opening + 1) * 3, "eight in a tree");
        }
    }

    #[test]
    fn small_values_share_a_tree() {
        let folder = tempfile::tempdir().unwrap();
        let trees = open(folder.path());
        (1..=200).for_each(|key| insert(&trees, key, 300));
        assert_eq!(trees.in_order().len(), 2);
        assert_eq!(trees.remove(&7u64.to_be_bytes()).unwrap().unwrap().len(), 300);
        assert_eq!(keys(&trees).len(), 199);
    }
}
