//! Events of `tracing`, filtered by RUST_LOG; the filter is changed while the program runs.
//!
//!     RUST_LOG=info,shop=debug LOGSTASH=logstash.example:5044 cargo run --example tracing_env_filter

use logstash_handler::{BeatsTransport, Handler, LogstashFormatter};
use std::env;
use std::error::Error;
use std::time::Duration;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::var("LOGSTASH").unwrap_or_else(|_| "localhost:5044".to_owned());
    let (handler, guard) =
        Handler::builder(LogstashFormatter::new(), BeatsTransport::new(&address)?).start()?;
    let directives = EnvFilter::try_from_default_env().or_else(|_| EnvFilter::try_new("info"))?;
    let (filter, reloading) = reload::Layer::new(directives);
    tracing_subscriber::registry().with(handler.layer().with_filter(filter)).init();

    // The event has the fields of its span.
    let request = tracing::info_span!("request", id = 42);
    let _entered = request.enter();
    tracing::info!(order = 1001, "order placed");
    tracing::debug!("not of interest yet");

    // Such as when an operator asks for it.
    reloading.reload(EnvFilter::try_new("debug")?)?;
    tracing::debug!("of interest now");

    eprintln!("{}", guard.shutdown(Duration::from_secs(5)));
    Ok(())
}
