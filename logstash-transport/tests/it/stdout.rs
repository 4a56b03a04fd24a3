#![allow(clippy::print_stdout, reason = "what it prints is the matter")]

use crate::child::{send_and_report, start};
use crate::support::numbered;
use logstash_transport::{Batch, StdoutTransport, Transport};
use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What the child does with its standard output.
pub(crate) fn child(part: &str) {
    let mut transport = StdoutTransport::new();
    // Ends the line of the test harness.
    println!();
    match part {
        "once" => send_and_report(&mut transport, &mut Batch::from_events(numbered(0..20_000))),
        "patient" => {
            let mut transport = transport.write_timeout(Duration::from_millis(200));
            let mut batch = Batch::from_events(numbered(0..20_000));
            send_and_report(&mut transport, &mut batch);
            while !batch.is_done() {
                let _ = transport.send(&mut batch);
            }
            send_and_report(&mut transport, &mut batch);
        }
        "beside others" => {
            let mut transport = transport.write_timeout(Duration::from_millis(200));
            let mut batch = Batch::from_events(numbered(0..20_000));
            send_and_report(&mut transport, &mut batch);
            // Waits in the buffer of the library, because its line is not ended.
            print!("half a line");
            send_and_report(&mut transport, &mut batch);
            let printing = thread::spawn(|| println!(" and the rest of it"));
            send_and_report(&mut transport, &mut batch);
            eprintln!("{:?}", transport.probe().map_err(|error| error.kind()));
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
            printing.join().unwrap();
            while !batch.is_done() {
                let _ = transport.send(&mut batch);
            }
            send_and_report(&mut transport, &mut batch);
        }
        "after its reader" => {
            eprintln!("ready");
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
            send_and_report(&mut transport, &mut Batch::from_events(numbered(0..3)));
            // What the test harness prints at its end would fail too.
            std::process::exit(0);
        }
        other => panic!("unknown part {other}"),
    }
}

fn events(output: impl Read) -> Vec<String> {
    let lines = BufReader::new(output).lines().map(Result::unwrap);
    lines.filter(|line| line.starts_with('{')).collect()
}

#[test]
fn events_become_lines() {
    let (mut child, mut reports) = start("stdout", "once");
    let received = events(child.stdout.take().unwrap());
    assert!(received == numbered(0..20_000), "{} lines", received.len());
    assert_eq!(reports.next().unwrap().unwrap(), "20000 ok");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_does_not_read_is_given_up_and_gets_the_rest_later() {
    let (mut child, mut reports) = start("stdout", "patient");
    let report = reports.next().unwrap().unwrap();
    let (acknowledged, outcome) = report.split_once(' ').unwrap();
    assert_eq!(outcome, "Unavailable");
    let acknowledged: usize = acknowledged.parse().unwrap();
    assert!((1..20_000).contains(&acknowledged), "{acknowledged}");
    let received = events(child.stdout.take().unwrap());
    assert_eq!(reports.next().unwrap().unwrap(), "20000 ok");
    // The line that was half written when the time was over is ended, and then comes as a whole. How
    // often that happened depends on the reader.
    let halves = received.iter().filter(|line| !line.ends_with('}')).count();
    let whole: Vec<&String> = received.iter().filter(|line| line.ends_with('}')).collect();
    assert!(whole == numbered(0..20_000).iter().collect::<Vec<_>>(), "{} lines", whole.len());
    assert_eq!(received.len(), whole.len() + halves);
    assert!(child.wait().unwrap().success());
}

/// What others print waits for the reader without end, and keeps the lock meanwhile.
#[test]
fn what_others_print_into_a_full_pipe_holds_nothing_up() {
    let (mut child, reports) = start("stdout", "beside others");
    let (told, is_told) = mpsc::channel();
    let reporting =
        thread::spawn(move || reports.map(Result::unwrap).for_each(|report| told.send(report).unwrap()));
    let report = || is_told.recv_timeout(Duration::from_secs(60));
    let reports: Vec<_> = (0..4).map_while(|_| report().ok()).collect();
    // Now somebody reads, so that it ends in any case.
    drop(child.stdin.take());
    let received = events(child.stdout.take().unwrap());
    assert_eq!(reports.len(), 4, "{reports:?}");
    assert!(reports[..3].iter().all(|report| report.ends_with(" Unavailable")), "{reports:?}");
    assert_eq!(reports[3], "Err(Unavailable)");
    assert_eq!(report().unwrap(), "20000 ok");
    let whole: Vec<&String> = received.iter().filter(|line| line.ends_with('}')).collect();
    assert!(whole == numbered(0..20_000).iter().collect::<Vec<_>>(), "{} lines", whole.len());
    assert!(child.wait().unwrap().success());
    reporting.join().unwrap();
}

#[test]
fn a_broken_pipe_is_an_error_and_no_panic() {
    let (mut child, mut reports) = start("stdout", "after its reader");
    assert_eq!(reports.next().unwrap().unwrap(), "ready");
    drop(child.stdout.take());
    drop(child.stdin.take());
    assert_eq!(reports.next().unwrap().unwrap(), "0 Misconfigured");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_probe_finds_the_standard_output() {
    let report = StdoutTransport::new().probe().unwrap();
    assert_eq!(report.steps[0].name, "open");
}
