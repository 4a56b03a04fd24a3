//! PyLogBeat and python-logstash-async to our receiver.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::case::Case;
use super::events::{documents, read_lines, same, write_lines};
use super::our_server::start;
use crate::failure::{Failure, fail};
use crate::peers::Python;

pub(super) fn pylogbeat(python: &Arc<Python>, scratch: &Path) -> Vec<Case> {
    // Its numbering runs on over the windows of a connection: from the second window on it is not 1..n.
    [
        ("one batch", 50, 50),
        ("several batches on one connection", 500, 20),
        ("a batch of 2,048 events", 2048, 2048),
    ]
    .into_iter()
    .map(|(name, events, batch)| {
        let (python, file) = (Arc::clone(python), scratch.join(format!("pylogbeat-{events}")));
        Case::new(format!("its client to our server, {name}"), move || {
            send_with_pylogbeat(&python, &file, events, batch)
        })
    })
    .collect()
}

fn send_with_pylogbeat(python: &Python, file: &Path, events: usize, batch: usize) -> Result<String, Failure> {
    let sent = documents(events)?;
    write_lines(file, &sent)?;
    let receiver = start()?;
    let port = receiver.address().port().to_string();
    let batch = batch.to_string();
    let mut client = python.start("pylogbeat_client.py", &[port.as_ref(), file, batch.as_ref()])?;
    let mut acked = 0;
    while acked < events {
        let line = client.expect_line("acked", PATIENCE)?;
        acked = line
            .parse()
            .map_err(|error| Failure::because(format!("the client wrote `acked {line}`"), error))?;
    }
    client.succeed(PATIENCE)?;
    same(&sent, &receiver.events())?;
    Ok(format!("{events} events in batches of {batch}, exact and in order, each batch acknowledged"))
}

pub(super) fn logstash_async(python: &Arc<Python>, scratch: &Path) -> Vec<Case> {
    let (python, file) = (Arc::clone(python), scratch.join("logstash-async"));
    vec![Case::new("its Beats transport with its defaults to our server, 200 events", move || {
        log_with_logstash_async(&python, file)
    })]
}

fn log_with_logstash_async(python: &Python, file: PathBuf) -> Result<String, Failure> {
    let receiver = start()?;
    let port = receiver.address().port().to_string();
    let mut client = python.start("logstash_async_client.py", &[port.as_ref(), "200".as_ref(), &file])?;
    client.expect_line("logged", PATIENCE)?;
    client.succeed(PATIENCE)?;

    // Its handler appends a line feed to every document.
    let mut sent = read_lines(&file)?;
    sent.iter_mut().for_each(|document| document.push(b'\n'));
    if sent.len() != 200 {
        fail!("its formatter was called {} times", sent.len());
    }
    let mut received = receiver.events();
    // Its queue is a priority queue of the documents: order is lost before they are sent.
    sent.sort();
    received.sort();
    same(&sent, &received)?;
    for document in &received {
        let parsed: serde_json::Value = serde_json::from_slice(document)
            .map_err(|error| Failure::because("a document is not JSON", error))?;
        if !parsed["message"].is_string() {
            fail!("a document has no message: {parsed}");
        }
    }
    let (windows, connections) = (receiver.windows(), receiver.connections());
    Ok(format!("200 events exact, none twice, in {windows} windows over {connections} connections"))
}

const PATIENCE: Duration = Duration::from_secs(60);
