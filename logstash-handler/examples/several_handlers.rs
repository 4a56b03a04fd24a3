//! Two handlers that share nothing: all events go to one, those of the payments to another as well.
//!
//!     LOGSTASH=logs.example:5044 AUDIT=audit.example:5044 cargo run --example several_handlers

use logstash_handler::{BeatsTransport, Handler, LogstashFormatter, SledQueue};
use std::env;
use std::error::Error;
use std::time::Duration;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

fn main() -> Result<(), Box<dyn Error>> {
    let address = |name| env::var(name).unwrap_or_else(|_| "localhost:5044".to_owned());
    let (logs, logs_guard) =
        Handler::builder(LogstashFormatter::new(), BeatsTransport::new(&address("LOGSTASH"))?).start()?;
    let formatter = LogstashFormatter::new().tags(["audit"]).event_id(true);
    let (audit, audit_guard) = Handler::builder(formatter, BeatsTransport::new(&address("AUDIT"))?)
        .queue(SledQueue::open("audit-queue")?)
        .start()?;

    let payments = Targets::new().with_target("shop::payments", LevelFilter::INFO);
    tracing_subscriber::registry()
        .with(logs.layer().with_filter(LevelFilter::INFO))
        .with(audit.layer().with_filter(payments))
        .init();

    tracing::info!(target: "shop::orders", "order placed");
    tracing::info!(target: "shop::payments", amount = 59.9, "payment received");

    eprintln!("logs:  {}", logs_guard.shutdown(Duration::from_secs(5)));
    eprintln!("audit: {}", audit_guard.shutdown(Duration::from_secs(5)));
    Ok(())
}
