//! `cargo xtask bench`: ours against others, in alternation on the same machine.

use std::env;
use std::fs;
use std::time::Duration;

use logstash_handler::Guard;
use serde_json::Value;

use crate::arguments::{Arguments, one_of};
use crate::failure::{Failure, Trying, fail};
use crate::process;
use crate::task::{Flag, Task};
use crate::workspace::Workspace;

mod codec;
mod comparison;
mod format;
mod handler;
mod measured;
mod program;
mod receiver;
mod relay;
mod sample;
mod target;
mod transport;

use comparison::{Comparison, table, verdict};
pub(crate) use sample::{Sized, formatter};

pub(crate) const TASK: Task = Task {
    name: "bench",
    summary: "Measures ours and others in alternation",
    operands: "[AREA]...",
    flags: &[
        Flag { name: "--quick", value: "", help: "few short runs: does it work, not how fast is it" },
        Flag {
            name: "--only",
            value: "TEXT",
            help: "handler, relay and transport: only cases whose name holds all of a list, such as `documents,300 B,level 3`",
        },
        Flag { name: "--json", value: "FILE", help: "write the comparisons to a file" },
    ],
    help: "\
Measures the areas that are named, all of them if none is:

  codec       the protocol without sockets, in at least 11 runs:
              `a J frame` in ns: encoded alone (ferro-lumberjack makes a new buffer for it, we and
              lumberjack-protocol write into one), only its head encoded for a vectored write, appended to a
              buffer that is to be sent, decoded from a full buffer with a counted payload, and with a borrowed
              one; peers: the crates ferro-lumberjack and lumberjack-protocol, in the same process, where they
              have one way only, against each of ours;
              `window` of 2,048 events in MB/s of payloads; peers: the same codec built on miniz_oxide and on
              zlib-ng (needs CMake and a C compiler), and at level 3 flate2 alone with the same bytes (`bare`),
              so that the ratio is the share of the time that is spent in zlib;
              `deflate window` alone at levels 1, 3 and 6, of documents of many fields and of text, where the peer
              takes its fastest level that makes no more bytes, or 1 % more; peers: libdeflate (needs a C compiler),
              miniz_oxide and zlib-ng
  format      ns for one event until it is a document, in at least 11 runs: bare, with 4 fields, with 12 fields in
              two spans, with an error and its causes; through `tracing` (peers: tracing-subscriber's JSON layer,
              tracing-logstash, tracing-ecs), from `log` (peer: ecs-logger), and the formatters alone (peers:
              serde_json with a structure of the same document, python-logstash-async). Allocations per event are
              counted in the same run, and none of ours is tolerated. Where the peer writes no process id, ours is
              remembered, as the handler does; where serde_json writes it, both ask the system for each event
  handler     `emit` is ns of a call that logs, as the thread that logs sees it (p50, p99, p99.9), for 1, 2 and 4
              threads: an event of `tracing` with four fields, and a record of `log`. `idle`: bursts for which there
              is room; `saturated`: nothing is taken away any more, and each side does what it does by default, which
              is to drop the event. Peers: tracing-appender behind the JSON layer of tracing-subscriber,
              opentelemetry-appender-tracing with its batch processor and no network, python-logstash-async.
              Allocations per event are counted in the same run, and none of ours is tolerated
              `deliver` is from that call to the acknowledgement, each side in a process of its own, to one receiver
              that verifies, counts and acknowledges: documents of 300 and 1,024 B, levels 0 and 3, every queue of
              ours; peers: go-lumber's async client, which stores nothing, from structures, and
              python-logstash-async, which compresses at level 6
              `backlog` is a million events that are stored before the first is sent, and then drained
              `lag` is from the call to the acknowledgement at a steady 5,000 events a second; Linux only
  relay       the relay, built in release mode and otherwise as it is by default, beside other collectors, each run of
              each in a process of its own; CPU is that of the collector, without that of the sender. Linux only
              `lines`, `syslog` and `syslog as JSON`: lines of 200 B over TCP, to a file and to a connection that
              throws them away, by 1 and 50 connections, until the last one has arrived there. `lines` go as they came;
              ours (`lines+tcp`) and syslog-ng (`no-parse`) do not look into them, rsyslog always parses. `syslog` are
              parsed and go as they came, `syslog as JSON` become documents with the same fields everywhere. Peers:
              rsyslog and syslog-ng, with what they do by default, but for syslog-ng's flow control, without which it
              loses lines (both are downloaded on Debian, and not installed), and a server of Python's standard library
              that logs each line. Target: no more CPU than rsyslog
              `Beats`: windows of 2,048 events, encoded before, 3 in flight, acknowledged when they are in the
              collector's memory, and thrown away: documents of 300 and 1,024 B, levels 0 and 3. Ours passes windows
              on as they came and decodes no JSON, and neither do the crates ferro-lumberjack and lumberjack-protocol;
              go-lumber does so with its default decoder, and not with one that keeps the bytes. Targets: half of its
              CPU without JSON, a tenth with it. `decoded Beats` is our codec's server with serde_json, without a
              relay, beside go-lumber with its default decoder
              `memory`: resident, before anything comes, and at a steady 50,000 lines a second over 50 connections,
              parsed and forwarded as JSON over TCP, or events in windows at level 3: the median of the second half,
              and the peak. Targets: 12 MB idle, 48 MB otherwise (1 MB is 1,000,000 B)
              `size` of the stripped program (needs strip). Target: 10 MB
  transport   the clients alone, each in a process of its own, CPU of the sender per event first: documents of 300
              and 1,024 B, levels 0, 1, 3 and 6, 1, 2 and 5 windows in flight, `documents` that are ready, each in
              memory of its own, and `encode` from structures, to our receiver and to a go-lumber server, which
              decodes JSON; also the bytes on the wire and the peak of the memory with 8 windows of documents,
              through a proxy that counts; 5 runs, about ten minutes on a quiet machine; Linux only
              peers: go-lumber's sync and async clients, the crates ferro-lumberjack and lumberjack-protocol, and
              pylogbeat (needs Python), where they take part

Each run measures ours and every peer in turn. The ratio is ours divided by the peer's, run by run: its median, and
the lowest and the highest. A peer that cannot run here is left out, loudly. Runs in release mode, whatever mode
the task itself was built in.",
    run,
};

const AREAS: &[Area] = &[
    Area { name: "codec", measure: codec::measure },
    Area { name: "format", measure: format::measure },
    Area { name: "handler", measure: handler::measure },
    Area { name: "relay", measure: relay::measure },
    Area { name: "transport", measure: transport::measure },
];

struct Area {
    name: &'static str,
    measure: fn(&Settings<'_>) -> Result<Vec<Comparison>, Failure>,
}

/// What every area is told.
#[derive(Debug)]
struct Settings<'a> {
    workspace: &'a Workspace,
    /// Runs that count.
    runs: usize,
    quick: bool,
    /// What the names of the cases that are wanted hold.
    only: Vec<&'a str>,
}

impl Settings<'_> {
    /// Whether the case of that name is wanted; says so if it is.
    fn wants(&self, name: &str) -> bool {
        let is_wanted = self.only.iter().all(|part| name.contains(part.trim()));
        if is_wanted {
            eprintln!("  {name}");
        }
        is_wanted
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let known: Vec<&str> = AREAS.iter().map(|area| area.name).collect();
    let mut wanted = Vec::new();
    for name in arguments.operands() {
        wanted.push(one_of("area", name, &known)?);
    }
    if cfg!(debug_assertions) {
        return again_in_release_mode();
    }

    let workspace = Workspace::load()?;
    let quick = arguments.has("--quick");
    let settings = Settings {
        workspace: &workspace,
        runs: if quick { 2 } else { 7 },
        quick,
        only: arguments.values("--only").collect(),
    };
    let mut comparisons = Vec::new();
    for area in AREAS {
        if wanted.is_empty() || wanted.contains(&area.name) {
            eprintln!("measuring {}", area.name);
            comparisons.extend((area.measure)(&settings)?);
        }
    }

    print!("{}{}", table(&comparisons), verdict(&comparisons));
    if let Some(file) = arguments.value("--json") {
        let list: Value = comparisons.iter().map(Comparison::to_json).collect();
        fs::write(file, format!("{list:#}\n")).trying(format_args!("cannot write {file}"))?;
    }
    Ok(())
}

fn again_in_release_mode() -> Result<(), Failure> {
    process::run(
        process::cargo()
            .args(["run", "--quiet", "--release", "--package", "xtask", "--"])
            .args(env::args_os().skip(1)),
        Duration::from_secs(2 * 3600),
    )
}

/// Stops a handler and checks that nothing was lost: a figure counts only if every event arrived.
pub(crate) fn shut_down(guard: Guard, events: u64) -> Result<(), Failure> {
    let report = guard.shutdown(Duration::from_secs(30));
    if report.acknowledged != events {
        fail!("{events} events were logged, not all were acknowledged: {report}");
    }
    Ok(())
}
