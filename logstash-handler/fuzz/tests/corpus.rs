//! Runs every target over its seeds, without the fuzzer.

#[path = "../fuzz_targets/framing.rs"]
mod framing;
#[path = "../fuzz_targets/pickle.rs"]
mod pickle;
#[path = "../fuzz_targets/syslog.rs"]
mod syslog;

use std::fs;
use std::path::Path;

#[test]
fn the_framing_target_holds_over_its_corpus() {
    run_all("framing", framing::run);
}

#[test]
fn the_pickle_target_holds_over_its_corpus() {
    run_all("pickle", pickle::run);
}

#[test]
fn the_syslog_target_holds_over_its_corpus() {
    run_all("syslog", syslog::run);
}

/// Each seed as it is, and cut after each of its bytes.
fn run_all(target: &str, run: fn(&[u8])) {
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
