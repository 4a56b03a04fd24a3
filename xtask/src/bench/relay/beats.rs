//! Windows of Beats, acknowledged and thrown away.

use std::path::Path;
use std::time::Instant;

use super::AREA;
use super::collector::Collector;
use super::programs::Programs;
use super::windows::{Sender, WINDOW, Windows};
use crate::bench::Settings;
use crate::bench::comparison::Comparison;
use crate::bench::measured::{Figures, Measured, Run};
use crate::bench::receiver::Receiver;
use crate::failure::{Failure, fail};
use crate::peers::Json;

pub(super) fn measure(settings: &Settings<'_>, programs: &Programs) -> Result<Vec<Comparison>, Failure> {
    let mut comparisons = Vec::new();
    for (size, level) in [(300, 0), (300, 3), (1024, 0), (1024, 3)] {
        let case = format!("Beats, {size} B, level {level}");
        if !settings.wants(&case) {
            continue;
        }
        let windows = Windows::new(size, level)?;
        let count = if settings.quick { 20 } else { 60_000_000 / size / WINDOW };
        let mut sides: Vec<(&'static str, Run<'_>)> = Vec::new();
        for side in Side::all(programs).into_iter().chain([Side::OursDecoding]) {
            let windows = &windows;
            sides.push((side.name(), Box::new(move || run(settings, programs, side, windows, count))));
        }
        let measured = Measured::run(AREA, settings.runs.min(RUNS), &mut sides)?;
        for peer in Side::all(programs).into_iter().filter(|side| !side.is_ours()) {
            comparisons.extend(measured.compare(&case, OURS, peer.name(), &[CPU, RATE]));
        }
        let (case, decoding) = (format!("decoded {case}"), Side::GoLumber(Json::Decoded));
        comparisons.extend(measured.compare(&case, OURS_DECODING, decoding.name(), &[CPU, RATE]));
    }
    Ok(comparisons)
}

/// Starts a receiver, sends a few windows to warm it up, and then those that count.
fn run(
    settings: &Settings<'_>,
    programs: &Programs,
    side: Side,
    windows: &Windows,
    count: usize,
) -> Result<Figures, Failure> {
    let scratch = settings.workspace.scratch("bench-relay")?;
    let mut collector = side.start(programs, scratch.path())?;
    let mut sender = Sender::connect(collector.address())?;
    let measured = (|| {
        sender.send(windows, WARM_UP)?;
        let (before, started) = (collector.cpu_time()?, Instant::now());
        sender.send(windows, count)?;
        Ok((collector.cpu_time()? - before, started.elapsed()))
    })();
    let (cpu, took) = measured.map_err(|failure| collector.blame(failure))?;
    let events = (count * WINDOW) as f64;
    Ok([(CPU, cpu.as_secs_f64() * 1e9 / events), (RATE, events / took.as_secs_f64())].into())
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Side {
    Ours,
    /// Not the relay, which has no need to.
    OursDecoding,
    Ferro,
    GoLumber(Json),
    LumberjackProtocol,
}

impl Side {
    /// Those that are here.
    pub(super) fn all(programs: &Programs) -> Vec<Self> {
        let mut sides = vec![Self::Ours];
        if programs.go.is_some() {
            sides.extend([Self::GoLumber(Json::Kept), Self::GoLumber(Json::Decoded)]);
        }
        sides.extend(programs.lumberjack_protocol.is_some().then_some(Self::LumberjackProtocol));
        sides.extend(programs.ferro.is_some().then_some(Self::Ferro));
        sides
    }

    const fn is_ours(self) -> bool {
        matches!(self, Self::Ours | Self::OursDecoding)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ours => OURS,
            Self::OursDecoding => OURS_DECODING,
            Self::Ferro => "ferro-lumberjack",
            Self::GoLumber(Json::Decoded) => "go-lumber, JSON decoded",
            Self::GoLumber(_) => "go-lumber, JSON as it came",
            Self::LumberjackProtocol => "lumberjack-protocol",
        }
    }

    pub(super) fn start(self, programs: &Programs, folder: &Path) -> Result<Collector, Failure> {
        match (self, &programs.go, &programs.ferro, &programs.lumberjack_protocol) {
            (Self::Ours, ..) => Collector::relay(&programs.relay, folder, RELAY),
            (Self::OursDecoding, ..) => Ok(Receiver::start(&["--json"])?.into()),
            (Self::GoLumber(json), Some(go), ..) => Ok(go.serve_and_discard(json)?.into()),
            (Self::Ferro, _, Some(rust), _) | (Self::LumberjackProtocol, _, _, Some(rust)) => {
                Ok(rust.serve_and_discard()?.into())
            }
            _ => fail!("{} was to run and is not here", self.name()),
        }
    }
}

/// Everything as it is by default: windows are acknowledged when they are in the queue, which is in memory.
const RELAY: &str = "inputs.in.listen = \"beats://127.0.0.1:0\"\noutputs.out.endpoint = \"discard:\"\n";

const OURS: &str = "ours";
const OURS_DECODING: &str = "ours, JSON decoded";

const CPU: &str = "ns CPU/event";
const RATE: &str = "events/s";

/// Windows before the clock starts.
const WARM_UP: usize = 5;

/// Runs that count. More would take longer than anybody waits.
const RUNS: usize = 5;
