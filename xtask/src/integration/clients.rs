//! The clients of others, and what is known of them.

use std::path::Path;
use std::sync::Arc;

use super::case::Case;
use super::our_server;
use crate::failure::Failure;
use crate::peers::{Client, ClientKind, GoLumber, Python, RustPeer};
use crate::process::Running;

/// A client that sends what it is told to.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) name: &'static str,
    /// Who sends to whom, in the matrix.
    pub(super) pair: &'static str,
    pub(super) kind: ClientKind,
    /// Windows that it has on the wire at most.
    pub(super) in_flight: usize,
    pub(super) always_compresses: bool,
    /// Its fault, if it does not bear keepalives.
    pub(super) fails_on_keepalives: Option<Fault>,
    pub(super) send: Send,
}

type Send = Arc<dyn Fn(&Client<'_>) -> Result<Running, Failure> + std::marker::Send + Sync>;

/// What a client does wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    /// What is written about it in the report.
    pub(super) what: &'static str,
    /// What the client itself says when it fails for it.
    pub(super) says: &'static str,
}

pub(super) fn go_lumber(go: &Arc<GoLumber>) -> [Subject; 2] {
    let go = Arc::clone(go);
    let sync = Subject {
        name: "its sync client",
        pair: "go-lumber client, sync -> ours",
        kind: ClientKind::Sync,
        in_flight: 1,
        always_compresses: false,
        fails_on_keepalives: None,
        send: Arc::new(move |client| go.send(client)),
    };
    let asynchronous = Subject {
        name: "its async client",
        pair: "go-lumber client, async -> ours",
        kind: ClientKind::Async { in_flight: 5 },
        // It puts two windows more on the wire than it is told to.
        in_flight: 5 + 2,
        ..sync.clone()
    };
    [sync, asynchronous]
}

/// Its numbering runs on over the windows of a connection: from the second window on it is not 1..n.
pub(super) fn pylogbeat(python: &Arc<Python>) -> [Subject; 1] {
    let python = Arc::clone(python);
    [Subject {
        name: "its client",
        pair: "pylogbeat client -> ours",
        kind: ClientKind::Sync,
        in_flight: 1,
        always_compresses: true,
        fails_on_keepalives: None,
        send: Arc::new(move |client| python.send(client)),
    }]
}

/// Its numbering runs on over windows and connections.
pub(super) fn ferro_lumberjack(peer: &Arc<RustPeer>, scratch: &Path) -> Vec<Case> {
    let fault = Fault {
        what: "ferro-lumberjack is at fault: its client takes a keepalive, which acknowledges 0, for the answer to \
               its window, gives the window up and drops the connection",
        says: "seq=0",
    };
    let pair = "ferro-lumberjack client -> ours";
    our_server::cases(&Subject { fails_on_keepalives: Some(fault), ..rust(peer, pair) }, scratch)
}

pub(super) fn lumberjack_protocol(peer: &Arc<RustPeer>, scratch: &Path) -> Vec<Case> {
    our_server::cases(&rust(peer, "lumberjack-protocol client -> ours"), scratch)
}

fn rust(peer: &Arc<RustPeer>, pair: &'static str) -> Subject {
    let peer = Arc::clone(peer);
    Subject {
        name: "its client",
        pair,
        kind: ClientKind::Sync,
        in_flight: 1,
        always_compresses: false,
        fails_on_keepalives: None,
        send: Arc::new(move |client| peer.send(client)),
    }
}
