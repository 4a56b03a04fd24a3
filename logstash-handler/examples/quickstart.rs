//! Records of the `log` crate go to a Beats input of Logstash, through a queue on disk.
//!
//!     LOGSTASH=logstash.example:5044 cargo run --example quickstart

use logstash_handler::{BeatsTransport, Handler, LogstashFormatter, SledQueue};
use std::env;
use std::error::Error;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::var("LOGSTASH").unwrap_or_else(|_| "localhost:5044".to_owned());
    let (handler, guard) = Handler::builder(LogstashFormatter::new(), BeatsTransport::new(&address)?)
        .queue(SledQueue::open("log-queue")?)
        .start()?;
    handler.panic_hook().install();
    handler.init_log(log::LevelFilter::Info)?;

    log::info!(order = 1001, amount = 59.9; "order placed");
    log::debug!("below the level");

    // Without Logstash the event stays in the queue, for the next run.
    let report = guard.shutdown(Duration::from_secs(5));
    eprintln!("{report}");
    Ok(())
}
