//! python-logstash-async over TCP, TLS, UDP and Beats.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::rig::Rig;
use crate::failure::{Failure, fail};
use crate::integration::case::Case;
use crate::integration::events::{read_lines, same};
use crate::integration::logstash_async::{close, sorted_values};
use crate::peers::Python;
use crate::relay::Program;

pub(in super::super) fn cases(python: &Arc<Python>, program: &Arc<Program>, scratch: &Path) -> Vec<Case> {
    WAYS.iter()
        .map(|&(transport, scheme)| {
            let (python, program) = (Arc::clone(python), Arc::clone(program));
            let folder = scratch.join(format!("logstash-async-to-{scheme}"));
            Case::new(format!("its {transport} transport to our relay, {scheme}"), move || {
                log(&python, &program, &folder, transport, scheme)
            })
        })
        .collect()
}

/// Its transports, and the inputs that they are for.
const WAYS: &[(&str, &str)] = &[
    ("Tcp", "json+tcp"),
    ("Tcp", "json+tls"),
    ("Udp", "json+udp"),
    ("Beats", "beats"),
    ("Beats", "beats+tls"),
];

fn log(
    python: &Python,
    program: &Program,
    folder: &Path,
    transport: &str,
    scheme: &str,
) -> Result<String, Failure> {
    let rig = Rig::listening(program, folder, scheme)?;
    let (file, authority) = (folder.join("logged"), folder.join("server.pem"));
    let authority = scheme.ends_with("+tls").then_some(&*authority);
    python.log(transport, rig.address()?, EVENTS, PATIENCE, &file, authority).and_then(close)?;
    let logged = read_lines(&file)?;
    if logged.len() != EVENTS {
        fail!("its formatter was called {} times", logged.len());
    }
    // It sends the events in another order.
    let mut arrived: Vec<String> = rig.finish(EVENTS)?.iter().map(ToString::to_string).collect();
    arrived.sort();
    same(&sorted_values(&logged)?, &arrived)?;
    Ok(format!("{EVENTS} events as they were logged"))
}

/// As many datagrams as the buffer of a socket holds by default.
const EVENTS: usize = 100;

const PATIENCE: Duration = Duration::from_secs(60);
