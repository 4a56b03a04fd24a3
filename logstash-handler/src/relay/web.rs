//! State and figures over HTTP.

use super::error::RelayError;
use super::metrics;
use super::status::Concern;
use super::view::View;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// A small server, until it is dropped.
pub(crate) struct Web {
    /// As it was asked for.
    wanted: SocketAddr,
    address: SocketAddr,
    /// Answers, and takes samples of what it tells.
    task: JoinHandle<(Infallible, Infallible)>,
}

impl Web {
    pub(crate) async fn start(wanted: SocketAddr, view: &Arc<View>) -> Result<Self, RelayError> {
        let failed = |error| RelayError::new(format!("metrics: cannot listen on {wanted}")).caused_by(error);
        let socket = TcpListener::bind(wanted).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let view = Arc::clone(view);
        let task = tokio::spawn(async move { tokio::join!(run(socket, Arc::clone(&view)), view.watch()) });
        Ok(Self { wanted, address, task })
    }

    /// Waits until the address is free again.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        // It ends with that.
        let _ = (&mut self.task).await;
    }

    pub(crate) const fn wanted(&self) -> SocketAddr {
        self.wanted
    }

    /// With the port that the system chose.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(socket: TcpListener, view: Arc<View>) -> Infallible {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok((stream, _)) = socket.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let view = Arc::clone(&view);
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let response = answer(&request, &view);
                async { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(READ_TIMEOUT)
                .max_buf_size(MOST_HEADERS)
                .serve_connection(TokioIo::new(stream), answer);
            // Whoever breaks off does not want to know more.
            let _ = timeout(LIFETIME, connection).await;
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, view: &View) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET is answered\n");
    }
    match request.uri().path() {
        "/" => page(),
        "/status.json" => match serde_json::to_vec(&view.status()) {
            Ok(status) => response(StatusCode::OK, "application/json", status),
            Err(error) => response(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{error}\n")),
        },
        "/metrics" => {
            let text = metrics::text(&view.stats(), view.obstacles().is_empty());
            response(StatusCode::OK, PROMETHEUS, text)
        }
        "/healthz" => response(StatusCode::OK, TEXT, "ok\n"),
        "/readyz" => match view.obstacles().first() {
            None => response(StatusCode::OK, TEXT, "ready\n"),
            Some(Concern { place, text }) => {
                let text = format!("not ready: {place}: {text}\n");
                response(StatusCode::SERVICE_UNAVAILABLE, TEXT, text)
            }
        },
        _ => {
            let text = "there are /, /status.json, /metrics, /healthz and /readyz\n";
            response(StatusCode::NOT_FOUND, TEXT, text)
        }
    }
}

/// The page, whose own script and style may do what they do, and nothing else.
fn page() -> Response<Full<Bytes>> {
    // What nobody can guess: the keys of the hasher are random.
    let nonce = format!("{:016x}", RandomState::new().hash_one(()));
    let policy = format!(
        "default-src 'none'; connect-src 'self'; img-src data:; script-src 'nonce-{nonce}'; \
         style-src 'nonce-{nonce}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    );
    let mut page = response(StatusCode::OK, "text/html; charset=utf-8", PAGE.replace("NONCE", &nonce));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        page.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    page
}

fn response(status: StatusCode, content: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

const PAGE: &str = include_str!("page.html");

const TEXT: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Of what is no page.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

const MOST_CONNECTIONS: usize = 64;
const MOST_HEADERS: usize = 16 * 1024;
const READ_TIMEOUT: Duration = Duration::from_secs(5);
const LIFETIME: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(100);
