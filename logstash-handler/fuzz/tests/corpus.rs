//! Runs every target over its seeds, without the fuzzer.

#[path = "../fuzz_targets/framing.rs"]
mod framing;
#[path = "../fuzz_targets/pickle.rs"]
mod pickle;
#[path = "../fuzz_targets/proxy_protocol.rs"]
mod proxy_protocol;
#[path = "../../../lumberjack-codec/fuzz/tests/support/seeds.rs"]
mod seeds;
#[path = "../fuzz_targets/syslog.rs"]
mod syslog;

use seeds::run_all;

#[test]
fn the_framing_target_holds_over_its_corpus() {
    run_all("framing", framing::run);
}

#[test]
fn the_pickle_target_holds_over_its_corpus() {
    run_all("pickle", pickle::run);
}

#[test]
fn the_proxy_protocol_target_holds_over_its_corpus() {
    run_all("proxy_protocol", proxy_protocol::run);
}

#[test]
fn the_syslog_target_holds_over_its_corpus() {
    run_all("syslog", syslog::run);
}
