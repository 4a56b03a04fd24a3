use std::net::SocketAddr;
use std::path::Path;

use super::super::collector::Collector;
use super::super::programs::Programs;
use super::super::sink::Destination;
use super::{Case, Job, rsyslog, syslog_ng};
use crate::failure::{Failure, fail};

/// A program that collects lines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) enum Side {
    Ours,
    Python,
    Rsyslog,
    SyslogNg,
}

/// What it is started for.
#[derive(Debug)]
pub(in super::super) struct Task<'a> {
    pub(in super::super) case: Case,
    pub(in super::super) output: &'a Destination,
    /// For its own files.
    pub(in super::super) folder: &'a Path,
}

impl Side {
    /// Those that are here and do that job.
    pub(in super::super) fn all(programs: &Programs, case: Case) -> Vec<Self> {
        let mut sides = vec![Self::Ours];
        sides.extend(programs.rsyslog.is_some().then_some(Self::Rsyslog));
        sides.extend(programs.syslog_ng.is_some().then_some(Self::SyslogNg));
        let does_python = case.job == Job::Lines && case.to_file;
        sides.extend((does_python && programs.python.is_some()).then_some(Self::Python));
        sides
    }

    pub(in super::super) const fn name(self) -> &'static str {
        match self {
            Self::Ours => OURS,
            Self::Python => "Python",
            Self::Rsyslog => "rsyslog",
            Self::SyslogNg => "syslog-ng",
        }
    }

    pub(in super::super) fn start(self, programs: &Programs, task: &Task<'_>) -> Result<Collector, Failure> {
        let Programs { rsyslog, syslog_ng, python, relay, .. } = programs;
        if self == Self::Ours {
            return Collector::relay(relay, task.folder, &relay_config(task));
        }
        Collector::start(|address: SocketAddr| match (self, rsyslog, syslog_ng, python, task.output) {
            (Self::Rsyslog, Some(program), ..) => program.start(task.folder, &rsyslog::config(task, address)),
            (Self::SyslogNg, _, Some(program), ..) => {
                program.start(task.folder, &syslog_ng::config(task, address))
            }
            (Self::Python, _, _, Some(program), Destination::File(path)) => {
                program.serve_lines(address, path)
            }
            _ => fail!("{} was to run and is not here", self.name()),
        })
    }
}

/// Everything as it is by default.
fn relay_config(task: &Task<'_>) -> String {
    let protocol = if task.case.job == Job::Lines { "lines" } else { "syslog" };
    let endpoint = match task.output {
        Destination::File(path) => format!("file:{}", path.display()),
        Destination::Tcp(address) => format!("tcp://{address}"),
    };
    let format = if task.case.job == Job::Json { "logstash" } else { "raw" };
    format!(
        "inputs.in.listen = \"{protocol}+tcp://127.0.0.1:0\"\n\
         outputs.out.endpoint = {endpoint:?}\noutputs.out.format = \"{format}\"\n"
    )
}

pub(super) const OURS: &str = "ours";
