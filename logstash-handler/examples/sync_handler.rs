//! An event that is delivered when the call returns, or an error that says why it was not: no queue, no threads.
//!
//!     LOGSTASH=logstash.example:5044 cargo run --example sync_handler

use logstash_handler::{BeatsTransport, Event, Level, LogstashFormatter, SyncHandler};
use std::env;
use std::error::Error;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::var("LOGSTASH").unwrap_or_else(|_| "localhost:5044".to_owned());
    let transport = BeatsTransport::new(&address)?.connect_timeout(Duration::from_secs(3));
    let handler = SyncHandler::new(LogstashFormatter::new(), transport);

    handler.emit(&Event::new(Level::Info, "backup", "backup is done"))?;
    eprintln!("Logstash has it");
    handler.close();
    Ok(())
}
