//! The HTTP library on a runtime of its own.

use crate::interrupt::Interrupt;
use bytes::Bytes;
use reqwest::header::{HOST, HeaderMap, HeaderValue};
use reqwest::{Method, Request, Response, StatusCode, Url};
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::{Instant, timeout, timeout_at};

/// A client whose runtime works on the calling thread, and only while somebody waits for an answer.
///
/// Whatever the library logs, it therefore logs on the thread that sends, of whose records the owner
/// of the transport wants none.
pub(super) struct Client {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    http: reqwest::Client,
    url: Url,
    /// Where it is not that of the URL.
    host: Option<HeaderValue>,
}

/// What the peer answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// How the body begins, fit to be shown; empty for a success.
    pub(super) excerpt: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    Http(reqwest::Error),
    Interrupted,
    Thread(io::Error),
}

impl Client {
    pub(super) fn new(http: reqwest::Client, url: Url, host: Option<HeaderValue>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime: Some(runtime), http, url, host })
    }

    /// Sends a request and waits for the answer.
    pub(super) fn execute(
        &self,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
        interrupt: &Interrupt,
    ) -> Result<Answer, Failure> {
        let Some(runtime) = &self.runtime else { return Err(Failure::Interrupted) };
        let mut request = Request::new(method, self.url.clone());
        request.headers_mut().extend(self.host.clone().map(|host| (HOST, host)));
        request.headers_mut().extend(headers);
        if !body.is_empty() {
            *request.body_mut() = Some(body.into());
        }
        let exchange = async {
            let response = unless(interrupt, self.http.execute(request)).await?.map_err(Failure::Http)?;
            let status = response.status();
            let headers = response.headers().clone();
            // Once the head says that the events are taken over, nothing in the body can change it.
            let excerpt = unless(interrupt, read(response)).await.unwrap_or_default();
            Ok(Answer { status, headers, excerpt })
        };
        if Handle::try_current().is_err() {
            return runtime.block_on(exchange);
        }
        // A runtime must not be entered on a thread that works for another one.
        thread::scope(|scope| {
            let thread = thread::Builder::new().name("logstash-http".into());
            let thread =
                thread.spawn_scoped(scope, || runtime.block_on(exchange)).map_err(Failure::Thread)?;
            let panicked = |_| Err(Failure::Thread(io::Error::other("the HTTP client panicked")));
            thread.join().unwrap_or_else(panicked)
        })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Dropping a runtime on a thread that works for another one would panic.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// Waits for `work` unless the interrupt is raised.
async fn unless<T>(interrupt: &Interrupt, work: impl Future<Output = T>) -> Result<T, Failure> {
    let mut work = pin!(work);
    loop {
        if interrupt.is_raised() {
            return Err(Failure::Interrupted);
        }
        if let Ok(done) = timeout(Interrupt::SLICE, work.as_mut()).await {
            return Ok(done);
        }
    }
}

/// Reads the body, within bounds, so that the connection can be used again; keeps how it begins.
async fn read(mut response: Response) -> String {
    let deadline = Instant::now() + BODY_TIME;
    let wanted = if response.status().is_success() { 0 } else { EXCERPT };
    let mut excerpt = Vec::new();
    let mut length = 0;
    while let Ok(Ok(Some(chunk))) = timeout_at(deadline, response.chunk()).await {
        length += chunk.len();
        let missing = wanted - excerpt.len();
        excerpt.extend_from_slice(&chunk[..missing.min(chunk.len())]);
        if length > BODY_BYTES {
            break;
        }
    }
    printable(&excerpt)
}

/// One line without control characters.
fn printable(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// A body that takes longer, or is longer, costs the connection instead.
const BODY_TIME: Duration = Duration::from_secs(1);
const BODY_BYTES: usize = 64 * 1024;

/// Bytes of an error's body that go into its message.
const EXCERPT: usize = 512;
