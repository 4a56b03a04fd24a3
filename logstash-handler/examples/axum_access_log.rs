//! A web service that logs each request, and what it does within one. Ends at Ctrl-C.
//!
//!     LOGSTASH=logstash.example:5044 cargo run --example axum_access_log

use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath, Path};
use axum::routing::get;
use logstash_format::{AccessLogLayer, EcsFormatter};
use logstash_handler::{BeatsTransport, Handler, SledQueue};
use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::var("LOGSTASH").unwrap_or_else(|_| "localhost:5044".to_owned());
    let formatter = EcsFormatter::new().service_name("shop");
    let (handler, guard) = Handler::builder(formatter, BeatsTransport::new(&address)?)
        .queue(SledQueue::open("log-queue")?)
        .start()?;
    tracing_subscriber::registry().with(handler.layer().with_filter(LevelFilter::INFO)).init();

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve())?;
    drop(runtime);
    eprintln!("{}", guard.shutdown(Duration::from_secs(5)));
    Ok(())
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let access_log = AccessLogLayer::new()
        .peer_address(|extensions| Some(extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip()))
        .route(|extensions| Some(extensions.get::<MatchedPath>()?.as_str().to_owned()));
    let service = Router::new().route("/orders/{id}", get(order)).layer(access_log);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    eprintln!("listening on {}", listener.local_addr()?);
    let interrupted = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, service.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(interrupted)
        .await?;
    Ok(())
}

async fn order(Path(id): Path<u64>) -> String {
    tracing::info!(order = id, "looking the order up");
    format!("order {id}\n")
}
