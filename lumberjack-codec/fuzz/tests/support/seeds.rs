//! Running targets over their seeds; for the fuzz targets of all crates.

use std::fs;
use std::path::Path;

/// Each seed as it is, and cut after each of its bytes.
pub(crate) fn run_all(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut seeds = 0;
    for entry in fs::read_dir(&corpus).unwrap() {
        let seed = fs::read(entry.unwrap().path()).unwrap();
        for length in 0..=seed.len() {
            run(&seed[..length]);
        }
        seeds += 1;
    }
    assert!(seeds >= 5, "{seeds} seeds in {}", corpus.display());
}
