//! Something is done only if the event that says so is safe on the disk.
//!
//!     LOGSTASH=logstash.example:5044 cargo run --example audit

use logstash_format::Value;
use logstash_handler::{BeatsTransport, EmitError, Event, Handler, Level, LogstashFormatter, SledQueue};
use std::env;
use std::error::Error;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::var("LOGSTASH").unwrap_or_else(|_| "localhost:5044".to_owned());
    // The queue is durable on each sync, unless it is told otherwise: a power cut loses nothing.
    let formatter = LogstashFormatter::new().event_id(true);
    let (handler, guard) = Handler::builder(formatter, BeatsTransport::new(&address)?)
        .queue(SledQueue::open("audit-queue")?)
        .start()?;

    transfer(&handler, "alice", "bob", 100)?;

    eprintln!("{}", guard.shutdown(Duration::from_secs(5)));
    Ok(())
}

fn transfer(handler: &Handler, from: &str, to: &str, amount: u64) -> Result<(), EmitError> {
    let fields = [("from", Value::from(from)), ("to", Value::from(to)), ("amount", Value::from(amount))];
    let event = Event::new(Level::Info, "bank::audit", "transfer").fields(&fields);
    handler.emit_durable(&event, Duration::from_secs(2))?;
    // From here on it will be known, so the money may move.
    Ok(())
}
