//! A service that ends in order at SIGTERM, SIGINT and SIGHUP: `systemctl stop`, a container that stops, Ctrl-C.
//!
//!     LOGSTASH=logstash.example:5044 cargo run --example signals

use logstash_handler::{BeatsTransport, Handler, LogstashFormatter, SledQueue};
use std::env;
use std::error::Error;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    // First of all, so that no signal ends the program on the spot from here on.
    let (signal, signalled) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = signal.send(());
    })?;
    let address = env::var("LOGSTASH").unwrap_or_else(|_| "localhost:5044".to_owned());
    let (handler, guard) = Handler::builder(LogstashFormatter::new(), BeatsTransport::new(&address)?)
        .queue(SledQueue::open("log-queue")?)
        .start()?;
    handler.init_log(log::LevelFilter::Info)?;

    thread::spawn(|| {
        log::info!("the service works");
        eprintln!("working");
    });

    // The work is done elsewhere: `main` waits for a signal.
    signalled.recv()?;
    log::info!("the service ends");
    // Shorter than the time after which the others lose their patience and send SIGKILL.
    eprintln!("{}", guard.shutdown(Duration::from_secs(5)));
    Ok(())
}
