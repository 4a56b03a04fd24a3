use super::exit::{Outcome, Trouble, no_output};
use super::ink::{Colour, Ink, printable};
use super::table::{Cell, Table};
use crate::relay::status::{InputStatus, OutputStatus, ProblemStatus, Status as State};
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::timeout;
use url::Url;

/// Asks the address that `run` shows figures on (`--metrics`). The exit code is 0 if all is well, 3 if an output
/// is away, events were lost or connections refused in the last minutes, or an input takes no events, and 1 if the
/// relay cannot be asked.
#[derive(Args, Debug)]
pub(super) struct Status {
    /// Shows nothing, and tells only whether the relay is alive, for supervisors: exit code 0 also while an output is
    /// away, which no restart would mend
    #[arg(long, conflicts_with = "json")]
    alive: bool,
    /// Shows it as JSON
    #[arg(long)]
    json: bool,
    /// Where the relay shows its state: http://127.0.0.1:9600
    #[arg(value_name = "URL", value_parser = url)]
    url: Url,
}

impl Status {
    pub(super) fn run(self) -> Result<Outcome, Trouble> {
        let cannot =
            |cause: Box<dyn Error>| Trouble::new(format!("no state from {}", self.url)).because(cause);
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| cannot(error.into()))?;
        let path = if self.alive { "/healthz" } else { "/status.json" };
        let answer = runtime.block_on(async { timeout(PATIENCE, ask(&self.url, path)).await });
        let body = answer.map_err(|_| cannot("it does not answer in time".into()))?.map_err(&cannot)?;
        if self.alive {
            return Ok(Outcome::Done);
        }
        let value: Value = serde_json::from_slice(&body).map_err(|error| cannot(error.into()))?;
        let json = format!("{value:#}\n");
        let state: State = serde_json::from_value(value).map_err(|error| cannot(error.into()))?;
        let text = if self.json { json } else { shown(&state, Ink::of_stdout()) };
        io::stdout().lock().write_all(text.as_bytes()).map_err(no_output)?;
        Ok(if state.concerns.is_empty() { Outcome::Done } else { Outcome::Incomplete })
    }
}

/// An address with or without its scheme, which `metrics` has not either.
fn url(text: &str) -> Result<Url, String> {
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("http://{text}")) };
    url.map_err(|error| format!("{error}; write it like http://127.0.0.1:9600"))
}

async fn ask(url: &Url, path: &str) -> Result<Bytes, Box<dyn Error>> {
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
    let request = Request::get(path).header(HOST, address).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    if response.status() != StatusCode::OK {
        return Err(format!("it answers {}: is this the address of --metrics?", response.status()).into());
    }
    let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
    Ok(body.map_err(|error| error as Box<dyn Error>)?.to_bytes())
}

/// What is to be looked at, a table of inputs, one of outputs, and what went wrong.
fn shown(state: &State, ink: Ink) -> String {
    let mut out =
        format!("logstash-relay {}, up {}\n", printable(&state.version), time(state.uptime_seconds as f64));
    if state.concerns.is_empty() {
        out += &format!("{}\n", ink.paint(Colour::Good, "all is well"));
    }
    for concern in &state.concerns {
        let text = printable(&format!("! {}: {}", concern.place, concern.text));
        out += &format!("{}\n", ink.paint(Colour::Bad, &text));
    }
    out += &format!("\n{}", inputs(&state.inputs).render(ink));
    out += &format!("\n{}", outputs(&state.outputs).render(ink));
    if !state.problems.is_empty() {
        out += &format!("\n{}", problems(&state.problems).render(ink));
    }
    out
}

fn inputs(inputs: &[InputStatus]) -> Table {
    let [rate, events, open] = ["events/s", "events", "connections"].map(Cell::number);
    let [name, address, flow, notes] = ["input", "listens on", "last minute", "notes"].map(Cell::text);
    let mut table = Table::new([name, address, rate, flow, events, open, notes]);
    for input in inputs {
        let figure = |name: &str| input.figures.get(name).copied().unwrap_or_default();
        let scheme = input.listen.split(':').next().unwrap_or_default();
        let address = input.address.as_ref().map(|address| format!("{scheme}://{address}"));
        let notes = NOTES.iter().map(|(name, text)| (figure(name), text)).filter(|(count, _)| *count > 0);
        let notes = notes.map(|(count, text)| format!("{count} {text}")).collect::<Vec<_>>().join(", ");
        table.row([
            Cell::text(&input.name),
            Cell::text(address.as_deref().unwrap_or(&input.listen)),
            Cell::number(pace(input.per_second)),
            Cell::text(plot(&input.received_history, MINUTE)),
            Cell::number(figure("received").to_string()),
            Cell::number(figure("open_connections").to_string()),
            Cell::text(notes).colour(Colour::Bad),
        ]);
    }
    table
}

fn outputs(outputs: &[OutputStatus]) -> Table {
    let [name, state, depth, given_up] = ["output", "state", "last 5 minutes", "given up"].map(Cell::text);
    let [waiting, oldest, drained, rate, delivered, queue] =
        ["waiting", "oldest", "drained in", "delivered/s", "delivered", "queue"].map(Cell::number);
    let mut table =
        Table::new([name, state, waiting, depth, oldest, drained, rate, delivered, queue, given_up]);
    for output in outputs {
        let (state, colour) = match &*output.state {
            "misconfigured" => ("misconfigured", Colour::Bad),
            _ if output.away => ("away", Colour::Bad),
            state => (state, Colour::Good),
        };
        let dropped = output.dropped.iter().filter(|(_, count)| **count > 0);
        let dropped =
            dropped.map(|(reason, count)| format!("{count} {reason}")).collect::<Vec<_>>().join(", ");
        let drained = output.drain_seconds.filter(|_| !output.away);
        table.row([
            Cell::text(&output.name),
            Cell::text(state).colour(colour),
            Cell::number(output.pending.to_string()),
            Cell::text(plot(&output.pending_history, FIVE_MINUTES)),
            Cell::number(time(output.oldest_seconds.unwrap_or_default())),
            Cell::number(drained.map_or_else(|| "-".to_owned(), time)),
            Cell::number(pace(output.per_second)),
            Cell::number(output.acknowledged.to_string()),
            Cell::number(bytes(output.queue_bytes.max(output.queue_bytes_on_disk))),
            Cell::text(dropped).colour(Colour::Bad),
        ]);
    }
    table
}

fn problems(problems: &[ProblemStatus]) -> Table {
    let mut table = Table::new(["recent problems", "where", "what"].map(Cell::text));
    for problem in problems.iter().rev() {
        let often = if problem.count > 1 { format!(" ({} times)", problem.count) } else { String::new() };
        let text = format!("{}{often}", problem.text);
        table.row([Cell::text(clock(problem.at)), Cell::text(&problem.place), Cell::text(text)]);
    }
    table
}

/// What is worth a note about an input, where it is not nothing.
const NOTES: &[(&str, &str)] = &[
    ("unrouted", "without a route"),
    ("unparsed", "not understood"),
    ("truncated", "cut"),
    ("kernel_drops", "lost by the system"),
    ("refused_connections", "connections refused"),
    ("failed_handshakes", "handshakes failed"),
    ("failed_connections", "connections broken off"),
    ("unacknowledged", "not acknowledged"),
];

/// A line of bars for the samples of a time, as high as the highest of those that each stands for.
fn plot(history: &[Option<u64>], samples: usize) -> String {
    let recent = &history[history.len().saturating_sub(samples)..];
    let most = recent.iter().flatten().max().copied().unwrap_or_default().max(1);
    let bar = |part: &[Option<u64>]| match part.iter().flatten().max() {
        None => ' ',
        Some(0) => BARS[0],
        Some(count) => BARS[(*count as f64 / most as f64 * (BARS.len() - 1) as f64).ceil() as usize],
    };
    let size = samples.div_ceil(BARS_IN_A_PLOT);
    let bars: Vec<char> = recent.rchunks(size).map(bar).collect();
    bars.into_iter().rev().collect()
}

fn pace(per_second: Option<f64>) -> String {
    per_second.map_or_else(|| "-".to_owned(), |pace| format!("{pace:.1}"))
}

fn time(seconds: f64) -> String {
    match seconds {
        ..1.0 => "< 1 s".to_owned(),
        ..120.0 => format!("{seconds:.0} s"),
        ..7200.0 => format!("{:.0} min", seconds / 60.0),
        ..259_200.0 => format!("{:.0} h", seconds / 3600.0),
        _ => format!("{:.0} d", seconds / 86_400.0),
    }
}

fn bytes(count: u64) -> String {
    let (mut size, mut unit) = (count as f64, "B");
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if size < 1024.0 {
            break;
        }
        (size, unit) = (size / 1024.0, larger);
    }
    if unit == "B" { format!("{count} B") } else { format!("{size:.1} {unit}") }
}

/// By the clock on the wall of whoever asks.
fn clock(millis: u64) -> String {
    let at = i64::try_from(millis).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    let at = at.map(|at| at.to_zoned(TimeZone::system()).strftime("%F %T").to_string());
    at.unwrap_or_else(|| "-".to_owned())
}

const PATIENCE: Duration = Duration::from_secs(10);
const MOST_BYTES: usize = 16 * 1024 * 1024;
const MINUTE: usize = 60;
const FIVE_MINUTES: usize = 300;
const BARS_IN_A_PLOT: usize = 15;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_no_scheme() {
        for text in ["localhost:9600", "127.0.0.1:9600", "[::1]:9600"] {
            assert_eq!(url(text), url(&format!("http://{text}")), "{text}");
        }
        assert_eq!(url("https://relay.example/").unwrap().scheme(), "https");
        assert!(url("127.0.0.1:96000").unwrap_err().ends_with("write it like http://127.0.0.1:9600"));
    }

    #[test]
    fn a_plot_shows_the_highest_of_each_part_and_nothing_where_nothing_is_known() {
        assert_eq!(plot(&[], MINUTE), "");
        assert_eq!(plot(&[None, None, None, None, Some(0), Some(0), Some(0), Some(0)], MINUTE), " ▁");
        let mut history = vec![Some(0); 300];
        history[299] = Some(100);
        history[279] = Some(1);
        assert_eq!(plot(&history, FIVE_MINUTES), "▁▁▁▁▁▁▁▁▁▁▁▁▁▂█");
        assert_eq!(plot(&[Some(u64::MAX)], MINUTE), "█");
    }

    #[test]
    fn times_and_sizes_are_for_people() {
        let texts = [0.0, 59.6, 600.0, 10_000.0, 1e6].map(time);
        assert_eq!(texts, ["< 1 s", "60 s", "10 min", "3 h", "12 d"]);
        assert_eq!([0, 1023, 1536, 5 << 40].map(bytes), ["0 B", "1023 B", "1.5 KiB", "5.0 TiB"]);
    }
}
