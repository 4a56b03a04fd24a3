use super::exit::{Outcome, Trouble, tell};
use crate::{Guard, Handler, HandlerBuilder, Overflow};
use clap::Args;
use logstash_format::Formatter;
use logstash_transport::human::Time;
use logstash_transport::{Endpoint, TransportOptions};
use std::time::Duration;

/// Where events go, for commands that end when all have arrived.
#[derive(Args, Debug)]
pub(super) struct Output {
    /// Where to: beats://HOST, beats+tls://HOST, tcp://HOST:PORT, tcp+tls://…, udp://…, http://…, https://…,
    /// redis://HOST, rediss://…, file:PATH, stdout:, discard:
    #[arg(long, short, value_name = "URL")]
    output: Endpoint,
    /// How long to wait for an output that takes nothing, and for the last events to arrive
    #[arg(long, value_name = "TIME", default_value = "30 s")]
    timeout: Time,
}

impl Output {
    pub(super) const fn timeout(&self) -> Duration {
        self.timeout.duration()
    }

    /// Who delivers; events that find no room wait for the timeout.
    pub(super) fn handler(&self, formatter: impl Formatter + 'static) -> Result<HandlerBuilder, Trouble> {
        let output = self.output.clone();
        let transport = output
            .into_transport(&TransportOptions::new())
            .map_err(|error| Trouble::new("the output cannot be used").because(error))?;
        Ok(Handler::builder(formatter, transport).overflow(Overflow::Block { timeout: self.timeout() }))
    }

    /// Waits until all is delivered, ends the handler, and says what became of the events.
    pub(super) fn finish(&self, handler: &Handler, guard: Guard) -> Outcome {
        let is_delivered = handler.flush(self.timeout()).complete;
        let stats = handler.stats();
        let report = guard.shutdown(SHUTDOWN);
        tell(&report);
        for (reason, events) in report.dropped.reasons().filter(|(_, events)| *events > 0) {
            tell(format_args!("{events} events are lost: {reason}"));
        }
        if !is_delivered {
            let error = stats.last_error.unwrap_or_else(|| "the output takes its time".to_owned());
            tell(format_args!("not all is delivered after {:?}: {error}", self.timeout()));
        }
        let is_complete = is_delivered && report.dropped.total() == 0 && report.stored + report.unsaved == 0;
        if is_complete { Outcome::Done } else { Outcome::Incomplete }
    }
}

pub(super) fn start(builder: HandlerBuilder) -> Result<(Handler, Guard), Trouble> {
    builder.start().map_err(|error| Trouble::new("cannot start to deliver").because(error))
}

/// What a shutdown may take when all is delivered already, or will not be.
const SHUTDOWN: Duration = Duration::from_secs(5);
