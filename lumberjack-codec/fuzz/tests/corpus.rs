//! Runs every target over its seeds, without the fuzzer.

#[path = "../fuzz_targets/client.rs"]
mod client;
#[path = "../fuzz_targets/decoder.rs"]
mod decoder;
#[path = "../fuzz_targets/encoder.rs"]
mod encoder;
#[path = "../fuzz_targets/server.rs"]
mod server;

use std::fs;
use std::path::Path;

#[test]
fn the_client_target_holds_over_its_corpus() {
    run_all("client", client::run);
}

#[test]
fn the_decoder_target_holds_over_its_corpus() {
    run_all("decoder", decoder::run);
}

#[test]
fn the_encoder_target_holds_over_its_corpus() {
    run_all("encoder", encoder::run);
}

#[test]
fn the_server_target_holds_over_its_corpus() {
    run_all("server", server::run);
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
