//! `BeatsTransport` over TLS to go-lumber's server behind Go's TLS, which demands a client certificate.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use logstash_transport::{
    Batch, BeatsTransport, ConnectionOptions, ErrorKind, TlsConfig, Transport, error_chain,
};

use super::case::Case;
use super::events::documents;
use super::our_client::{Outcome, connect, deliver, encode, exact};
use crate::failure::{Failure, Trying, fail};
use crate::peers::{GoLumber, ServerOptions};

pub(super) fn cases(go: &Arc<GoLumber>, scratch: &Path) -> Vec<Case> {
    EXERCISES
        .iter()
        .enumerate()
        .map(|(index, &(name, run))| {
            let (go, folder) = (Arc::clone(go), scratch.join(format!("tls-{index}")));
            Case::new(format!("our client to its server, TLS, {name}"), move || {
                fs::create_dir(&folder).trying(format_args!("cannot create {}", folder.display()))?;
                go.make_certificates(&folder)?;
                run(&go, &folder)
            })
        })
        .collect()
}

const EXERCISES: &[Exercise] =
    &[("with a client certificate", with_certificate), ("without a client certificate", without_certificate)];

type Exercise = (&'static str, fn(&GoLumber, &Path) -> Outcome);

fn with_certificate(go: &GoLumber, folder: &Path) -> Outcome {
    let file = folder.join("events");
    let server = go.serve_tls(folder, &ServerOptions { out: Some(&file), ..ServerOptions::default() })?;
    let tls = trusting(folder)
        .client_certificate_file(folder.join("client.pem"))
        .client_key_file(folder.join("client.key"));
    let mut transport = connect(server.address())?.connection(ConnectionOptions::new().tls(tls));
    let sent = documents(20_000)?;
    deliver(&mut transport, &mut Batch::from_windows(encode(&sent[..10_000], 1000, 3)?))?;
    deliver(&mut transport, &mut Batch::from_events(sent[10_000..].to_vec()))?;
    transport.close();
    exact(&sent, &file)
}

fn without_certificate(go: &GoLumber, folder: &Path) -> Outcome {
    let file = folder.join("events");
    let server = go.serve_tls(folder, &ServerOptions { out: Some(&file), ..ServerOptions::default() })?;
    let mut transport: BeatsTransport =
        connect(server.address())?.connection(ConnectionOptions::new().tls(trusting(folder)));
    let mut batch = Batch::from_events(documents(10)?);
    let Err(error) = transport.send(&mut batch) else {
        fail!("a server that demands a certificate took events without")
    };
    if error.kind() != ErrorKind::Misconfigured || batch.acknowledged() != 0 || error.advice().is_none() {
        return Err(Failure::because("the refusal is not understood", error));
    }
    Ok(format!("refused: {}", error_chain(&error)))
}

fn trusting(folder: &Path) -> TlsConfig {
    TlsConfig::new().ca_file(folder.join("ca.pem"))
}
