//! Runs every target over its seeds, without the fuzzer.

#[path = "../fuzz_targets/event.rs"]
mod event;
#[path = "../fuzz_targets/masking.rs"]
mod masking;
#[path = "../../../lumberjack-codec/fuzz/tests/support/seeds.rs"]
mod seeds;

use seeds::run_all;

#[test]
fn the_event_target_holds_over_its_corpus() {
    run_all("event", event::run);
}

#[test]
fn the_masking_target_holds_over_its_corpus() {
    run_all("masking", masking::run);
}
