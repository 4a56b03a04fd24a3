//! What collectors of logs have fallen for, each with the test that says we do not. Names without a path are here;
//! `parsers` and `cli` are the tests of those names.
//!
//! | trap | test |
//! | --- | --- |
//! | T-41: one peer that is silent in the TLS handshake holds up all | `tls::peers_that_never_shake_hands_hold_nobody_up`, `tls::a_handshake_has_its_time_and_plain_text_is_refused`, `limits::hundreds_of_peers_that_say_nothing_or_little_hold_nobody_up` |
//! | T-42: bytes that are not expected | [`whatever_a_stream_holds_its_messages_come_whole_and_in_order`], `parsers::framing`, each stream split at each byte, `streams::a_long_line_is_cut_tagged_and_counted_and_the_next_one_is_whole`, `parsers::framing::memory_is_bounded_by_the_limit_whatever_is_declared`; `cargo xtask fuzz framing` |
//! | T-43: plain text, because the certificate or the key is missing | `tls::half_of_the_files_or_files_that_do_not_fit_start_nothing`, `cli::lines::only_a_certificate_or_only_a_key_is_refused` |
//! | T-44: a pickle that is run | `python::code_is_refused_and_the_next_record_is_read`, `parsers::pickle::what_would_run_code_is_refused_and_named`; `cargo xtask fuzz pickle` |
//! | T-44: memory for a length that is only declared | `python::a_length_of_4_gib_takes_no_memory_and_an_end_within_a_record_ends_the_connection`, `parsers::pickle::declared_lengths_take_no_memory` |
//! | T-44: an end within a record is waited for in a loop | `program::peers_that_end_within_a_record_take_no_time` |
//! | T-45: memory grows while an output is slow | [`what_waits_for_an_output_is_bounded_and_arrives`], `back_pressure::an_output_may_drop_instead_and_counts_it`, `back_pressure::datagrams_are_dropped_and_counted` |

use crate::support::{LONG, Rig, lines};
use logstash_transport::testing::Receiver;
use std::fs;
use std::io::Write;
use std::thread;

#[test]
fn whatever_a_stream_holds_its_messages_come_whole_and_in_order() {
    let rig = Rig::start(
        r#"
        inputs.in.listen = "syslog+tcp://127.0.0.1:0"
        outputs.out = { endpoint = "file:FOLDER/out", format = "raw" }
        "#,
    );
    let long = [&b"<13>"[..], &[b'x'; 10_000_000]].concat();
    let stream: &[&[u8]] = &[
        b"<13>not UTF-8: \xff\xc3\n",
        b"<14>carriage return\r\n",
        b"<15>NUL at the end\0",
        b"18 <16>of two\nlines \xff",
        b"<17>mixed\n10 <18>framin7 <19>one",
        b"\n\r\n",
        &long,
        b"\n12 <20>after it",
        b"<21>without an end",
    ];
    rig.send("in", &stream.concat());
    rig.eventually(|stats| stats.inputs["in"].connections == 1 && stats.inputs["in"].open_connections == 0);
    lines(&rig.path("out"), 10);
    let found = fs::read(rig.path("out")).unwrap();
    let found: Vec<&[u8]> = found.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n').collect();
    let expected: &[&[u8]] = &[
        b"<13>not UTF-8: \xff\xc3",
        b"<14>carriage return",
        b"<15>NUL at the end",
        b"<16>of two#012lines \xff",
        b"<17>mixed",
        b"<18>framin",
        b"<19>one",
        &long[..64 * 1024],
        b"<20>after it",
        b"<21>without an end",
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert!(found == expected, "{} instead of {}", found.escape_ascii(), expected.escape_ascii());
    }
    assert_eq!(found.len(), expected.len());
    let stats = &rig.relay.stats().inputs["in"];
    assert_eq!((stats.received, stats.truncated), (10, 1));
    assert_eq!(stats.truncated_bytes, (long.len() - 64 * 1024) as u64);
}

#[test]
fn what_waits_for_an_output_is_bounded_and_arrives() {
    const CONNECTIONS: usize = 20;
    const LINES: usize = 200;
    const QUEUE: u64 = 64 * 1024;
    let receiver = Receiver::start().unwrap();
    receiver.go_away();
    let rig = Rig::start(&format!(
        r#"
        inputs.in.listen = "lines+tcp://127.0.0.1:0"
        [outputs.out]
        endpoint = "beats://{}"
        [outputs.out.handler]
        arena_bytes = "64 KiB"
        max_event_bytes = "32 KiB"
        compression_level = 0
        queue = {{ type = "memory", max_bytes = "64 KiB" }}
        retry = {{ base = "10 ms", max = "100 ms" }}
        "#,
        receiver.address()
    ));
    // Each sends more than the queue holds.
    let text = format!("{}\n", "x".repeat(1023)).repeat(LINES);
    let all = (CONNECTIONS * LINES) as u64;
    thread::scope(|scope| {
        for mut stream in (0..CONNECTIONS).map(|_| rig.connect("in")).collect::<Vec<_>>() {
            let text = &text;
            scope.spawn(move || {
                // A relay that takes nothing for so long has failed.
                stream.set_write_timeout(Some(LONG)).unwrap();
                stream.write_all(text.as_bytes()).unwrap();
            });
        }
        rig.eventually(|stats| stats.outputs["out"].queue_bytes > QUEUE / 2);
        receiver.come_back().unwrap();
        rig.eventually(|stats| {
            let out = &stats.outputs["out"];
            assert!(out.queue_bytes <= QUEUE, "{out:?}");
            assert_eq!(out.dropped.total(), 0, "{out:?}");
            out.acknowledged == all
        });
    });
    assert_eq!(receiver.received(), all);
}
