//! Several Logstashes: events go to the first that takes them, and back to the first in the list when it has
//! been well for a while.
//!
//!     LOGSTASH=first.example:5044,second.example:5044 cargo run --example failover

use logstash_handler::{BeatsTransport, Handler, LogstashFormatter, SledQueue};
use logstash_transport::{Failover, error_chain};
use std::env;
use std::error::Error;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let addresses = env::var("LOGSTASH").unwrap_or_else(|_| "localhost:5044,localhost:5045".to_owned());
    let mut transports = Vec::new();
    for address in addresses.split(',') {
        transports.push(BeatsTransport::new(address)?);
    }
    let mut transports = transports.into_iter();
    let first = transports.next().ok_or("LOGSTASH names nobody")?;
    let transport = transports
        .fold(Failover::new(first), Failover::or)
        .return_after(Duration::from_secs(60))
        .on_failure(|member, error| eprintln!("number {member} failed: {}", error_chain(error)));

    let (handler, guard) =
        Handler::builder(LogstashFormatter::new(), transport).queue(SledQueue::open("log-queue")?).start()?;
    handler.init_log(log::LevelFilter::Info)?;

    log::info!("one of them has this");

    eprintln!("{}", guard.shutdown(Duration::from_secs(5)));
    Ok(())
}
