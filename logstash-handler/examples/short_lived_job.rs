//! A job that ends soon, also by `process::exit`, and whose events are delivered all the same.
//!
//!     LOGSTASH=logstash.example:5044 cargo run --example short_lived_job

use logstash_handler::{BeatsTransport, Handler, LogstashFormatter, SledQueue};
use std::env;
use std::error::Error;
use std::process;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::var("LOGSTASH").unwrap_or_else(|_| "localhost:5044".to_owned());
    let (handler, guard) = Handler::builder(LogstashFormatter::new(), BeatsTransport::new(&address)?)
        .queue(SledQueue::open("job-queue")?)
        .shutdown_timeout(Duration::from_secs(10))
        .start()?;
    // `process::exit` drops no guard.
    #[cfg(unix)]
    handler.exit_hook().install()?;
    handler.init_log(log::LevelFilter::Info)?;

    log::info!("the job begins");
    if let Err(error) = work() {
        log::error!(error = error.as_str(); "the job failed");
        process::exit(1);
    }
    drop(guard);
    Ok(())
}

fn work() -> Result<(), String> {
    match env::var("JOB_FAILS") {
        Ok(why) => Err(why),
        Err(_) => Ok(()),
    }
}
