use super::exit::{Outcome, Trouble, no_output};
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::timeout;
use url::Url;

/// Asks the address that `run` shows figures on (`--metrics`).
#[derive(Args, Debug)]
pub(super) struct Status {
    /// Shows it as JSON
    #[arg(long)]
    json: bool,
    /// Where the relay shows its state: http://127.0.0.1:9600
    #[arg(value_name = "URL")]
    url: Url,
}

impl Status {
    pub(super) fn run(self) -> Result<Outcome, Trouble> {
        let cannot =
            |cause: Box<dyn Error>| Trouble::new(format!("no state from {}", self.url)).because(cause);
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| cannot(error.into()))?;
        let answer = runtime.block_on(async { timeout(PATIENCE, ask(&self.url)).await });
        let body = answer.map_err(|_| cannot("it does not answer in time".into()))?.map_err(&cannot)?;
        let status: Value = serde_json::from_slice(&body).map_err(|error| cannot(error.into()))?;
        let text = if self.json { format!("{status:#}\n") } else { shown(&status) };
        io::stdout().lock().write_all(text.as_bytes()).map_err(no_output)?;
        Ok(Outcome::Done)
    }
}

async fn ask(url: &Url) -> Result<Bytes, Box<dyn Error>> {
    if url.scheme() != "http" {
        return Err("the relay answers in HTTP: http://ADDRESS:PORT".into());
    }
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err("it names no host".into());
    };
    let address = format!("{host}:{port}");
    let stream = TcpStream::connect(&address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get("/status.json").header(HOST, address).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    if response.status() != StatusCode::OK {
        return Err(format!("it answers {}: is this the address of --metrics?", response.status()).into());
    }
    let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
    Ok(body.map_err(|error| error as Box<dyn Error>)?.to_bytes())
}

/// A table of inputs, one of outputs, and what went wrong.
fn shown(status: &Value) -> String {
    let mut out = String::new();
    // Writing to a text does not fail.
    let _ = writeln!(out, "logstash-relay {}, up {} s", text(&status["version"]), status["uptime_seconds"]);
    let _ = writeln!(out, "\n{:<24} {:>10} {:>12} {:>11}", "input", "events/s", "events", "connections");
    for input in each(&status["inputs"]) {
        let figures = &input["figures"];
        // A value does not know of widths.
        let (received, open) = (figures["received"].to_string(), figures["open_connections"].to_string());
        let _ = writeln!(out, "{:<24} {:>10} {received:>12} {open:>11}", text(&input["name"]), pace(input));
    }
    let _ = writeln!(
        out,
        "\n{:<24} {:>10} {:>12} {:>11} {:>9} {:>9}  state",
        "output", "events/s", "delivered", "waiting", "dropped", "oldest"
    );
    for output in each(&status["outputs"]) {
        let dropped: u64 = output["dropped"]
            .as_object()
            .into_iter()
            .flat_map(|reasons| reasons.values())
            .filter_map(Value::as_u64)
            .sum();
        let oldest =
            output["oldest_seconds"].as_f64().map_or_else(|| "-".to_owned(), |age| format!("{age:.0} s"));
        let (delivered, waiting) = (output["acknowledged"].to_string(), output["pending"].to_string());
        let _ = writeln!(
            out,
            "{:<24} {:>10} {delivered:>12} {waiting:>11} {dropped:>9} {oldest:>9}  {}",
            text(&output["name"]),
            pace(output),
            text(&output["state"])
        );
        if let Some(error) = output["last_error"].as_str() {
            let _ = writeln!(out, "  last error: {error}");
        }
    }
    for problem in each(&status["problems"]) {
        let _ = writeln!(out, "\n{}: {}", text(&problem["place"]), text(&problem["text"]));
    }
    out
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn pace(of: &Value) -> String {
    of["per_second"].as_f64().map_or_else(|| "-".to_owned(), |pace| format!("{pace:.1}"))
}

const PATIENCE: Duration = Duration::from_secs(10);
const MOST_BYTES: usize = 16 * 1024 * 1024;
