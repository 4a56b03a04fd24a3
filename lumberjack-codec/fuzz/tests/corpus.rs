//! Runs every target over its seeds, without the fuzzer.

#[path = "../fuzz_targets/client.rs"]
mod client;
#[path = "../fuzz_targets/decoder.rs"]
mod decoder;
#[path = "../fuzz_targets/encoder.rs"]
mod encoder;
#[path = "support/seeds.rs"]
mod seeds;
#[path = "../fuzz_targets/server.rs"]
mod server;

use seeds::run_all;

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
