//! The last step of a probe: does the peer speak the protocol?

use super::connection::{Connection, because, closed};
use super::options::Options;
use crate::batch::Batch;
use crate::error::{ErrorKind, TransportError};
use crate::interrupt::Interrupt;
use crate::probe::ProbeReport;
use crate::stream::{Connected, Connector, Stream, is_pause};
use bytes::BytesMut;
use lumberjack_codec::{ClientConfig, ClientEvent, ClientSession, Version, encode};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

/// Connects, sends the event of the options and wants it acknowledged; without one, an empty window, which need
/// not be answered.
pub(super) fn protocol(
    connector: &mut Connector,
    options: &Options,
    interrupt: &Interrupt,
) -> Result<ProbeReport, TransportError> {
    let Connected { stream, mut report } = connector.connect(interrupt)?;
    let (endpoint, passed) = (connector.endpoint().clone(), report.clone());
    let started = Instant::now();
    let failed = |error: TransportError| {
        let text = format!("{endpoint} was reached, but the protocol step failed");
        TransportError::new(error.kind(), text).advise(advice(&error)).caused_by(error).after(&passed)
    };
    let detail = match &options.probe_event {
        Some(event) => {
            let mut connection = Connection::new(stream, options);
            let mut batch = Batch::from_events([event.clone()]);
            let write_timeout = connector.options().write_timeout;
            let result = connection.deliver(&mut batch, options, &mut None, write_timeout, interrupt);
            result.map_err(|undelivered| failed(undelivered.error))?;
            connection.close(interrupt);
            "an event was acknowledged"
        }
        None => match empty_window(stream, interrupt).map_err(failed)? {
            Answer::Acknowledged => "an empty window was acknowledged",
            Answer::None => {
                "no answer to an empty window, as usual but for Logstash; set probe_event to know more"
            }
            // So does Logstash where it has TLS, without a word.
            Answer::Closed if wants_tls(connector, interrupt) => {
                let error = TransportError::new(ErrorKind::Misconfigured, "the peer speaks TLS on this port");
                return Err(failed(error.advise("encrypt: beats+tls:// instead of beats://")));
            }
            Answer::Closed => "the peer closed after an empty window; set probe_event to know more",
        },
    };
    report.push("protocol", detail, started.elapsed());
    Ok(report)
}

#[cfg(feature = "tls")]
fn wants_tls(connector: &mut Connector, interrupt: &Interrupt) -> bool {
    connector.wants_tls(interrupt)
}

#[cfg(not(feature = "tls"))]
const fn wants_tls(_: &mut Connector, _: &Interrupt) -> bool {
    false
}

/// What comes of an empty window.
enum Answer {
    Acknowledged,
    Closed,
    None,
}

fn empty_window(mut stream: Stream, interrupt: &Interrupt) -> Result<Answer, TransportError> {
    let lost = |error| because(TransportError::new(ErrorKind::Unavailable, "connection failed"), error);
    let mut session = ClientSession::new(ClientConfig::new());
    let mut window = BytesMut::new();
    encode::window(Version::V2, 0, &mut window);
    // Six bytes fit into the empty buffer of a new connection.
    stream.write_all(&window).map_err(lost)?;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline && !interrupt.is_raised() {
        let mut buffer = [0; 64];
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(Answer::Closed),
            Ok(length) => {
                let mut input = BytesMut::from(buffer.get(..length).unwrap_or_default());
                session.receive(&mut input, Instant::now());
            }
            Err(error) if is_pause(&error) => {}
            Err(error) => return Err(lost(error)),
        }
        while let Some(event) = session.poll_event() {
            match event {
                ClientEvent::Keepalive => {
                    stream.close(PATIENCE, interrupt);
                    return Ok(Answer::Acknowledged);
                }
                ClientEvent::Closed { reason } => return Err(closed(&reason)),
                _ => {}
            }
        }
    }
    stream.close(PATIENCE, interrupt);
    Ok(Answer::None)
}

fn advice(error: &TransportError) -> String {
    match (error.advice(), error.kind()) {
        (Some(advice), _) => advice.to_owned(),
        (None, ErrorKind::Misconfigured) => {
            "connect to the port of a beats input, and with TLS where it has TLS".into()
        }
        (None, _) => "see the log of the peer; a beats input under load closes, or stops answering".into(),
    }
}

/// How long an answer may take that need not come.
const PATIENCE: Duration = Duration::from_secs(1);
