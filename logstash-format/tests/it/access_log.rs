//! A real server, and requests over sockets.

use std::convert::Infallible;
use std::future::{self, Future};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, MatchedPath};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::{HeaderName, Request, Response};
use http_body::{Body as HttpBody, Frame};
use logstash_format::{
    AccessLogLayer, Formatter, ForwardingHeader, Level, LogstashFormatter, Redaction, TracingAdapter,
    TrustedProxies,
};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tower_layer::Layer;
use tower_service::Service;
use tracing::{Dispatch, Span, info};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt};
use tracing_subscriber::registry::Registry;

use crate::tracing::Documents;

/// A layer for axum, as its documentation shows it.
fn layer() -> AccessLogLayer {
    AccessLogLayer::new()
        .peer_address(|extensions| Some(extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip()))
        .route(|extensions| Some(extensions.get::<MatchedPath>()?.as_str().to_owned()))
}

/// Starts a server in this task's runtime.
async fn serve(layer: AccessLogLayer) -> SocketAddr {
    let router = Router::new()
        .route(
            "/orders/{id}",
            get(async || {
                Span::current().record("user.name", "zoë");
                info!(target: "shop", "within");
                "tea"
            }),
        )
        .route("/echo", post(async |body: Bytes| (StatusCode::CREATED, body)))
        .route("/id", get(async |headers: HeaderMap| headers["x-request-id"].to_str().unwrap().to_owned()))
        .route("/own-id", get(async || ([("x-request-id", "of the service")], "")))
        .route("/chunks", get(async || Body::new(Chunks { left: 3, then: Then::End })))
        .route("/endless", get(async || Body::new(Chunks { left: 1, then: Then::Wait })))
        .route("/breaks", get(async || Body::new(Chunks { left: 1, then: Then::Fail })))
        .route("/body-panics", get(async || Body::new(Chunks { left: 1, then: Then::Panic })))
        .route("/panics", get(panics))
        .route("/unavailable", get(async || StatusCode::SERVICE_UNAVAILABLE))
        .layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async { axum::serve(listener, service).await.unwrap() });
    address
}

async fn never(Extension(entered): Extension<mpsc::UnboundedSender<()>>) {
    entered.send(()).unwrap();
    future::pending::<()>().await;
}

async fn panics() {
    panic!("the handler panicked, as it should");
}

/// A body of `left` chunks of four bytes.
struct Chunks {
    left: u32,
    then: Then,
}

#[derive(Clone, Copy)]
enum Then {
    End,
    Fail,
    Panic,
    Wait,
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        if self.left > 0 {
            self.left -= 1;
            info!(target: "shop", left = self.left, "chunk");
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"four")))));
        }
        match self.then {
            Then::End => Poll::Ready(None),
            Then::Fail => Poll::Ready(Some(Err("the body fails"))),
            Then::Panic => panic!("the body panicked, as it should"),
            Then::Wait => Poll::Pending,
        }
    }
}

/// Sends a request and returns the whole response.
async fn request(server: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = send(server, head, body).await;
    let mut response = String::new();
    // A handler that panics breaks the connection.
    let _ = stream.read_to_string(&mut response).await;
    response
}

async fn send(server: SocketAddr, head: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server).await.unwrap();
    let (first, headers) = head.split_once('\n').unwrap_or((head, ""));
    let mut text = format!("{first} HTTP/1.1\r\nhost: shop.example:8000\r\nconnection: close\r\n");
    for header in headers.lines() {
        text += &format!("{}\r\n", header.trim());
    }
    text += &format!("\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Runs a test with a subscriber, on one thread; what must not hang, fails.
fn run<F: Future>(test: impl FnOnce(Documents) -> F) -> F::Output {
    run_filtered(LevelFilter::TRACE, test)
}

fn run_filtered<F: Future>(filter: LevelFilter, test: impl FnOnce(Documents) -> F) -> F::Output {
    LazyLock::force(&OTHERS);
    let events = Documents::of(TracingAdapter::new());
    let own = tracing_subscriber::filter::filter_fn(|metadata| matches!(metadata.target(), "http" | "shop"));
    let subscriber = Registry::default().with(filter).with(events.clone().with_filter(own));
    let _guard = tracing::subscriber::set_default(subscriber);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(30), test(events)).await.expect("the test hangs")
    })
}

/// While there is but one subscriber, `tracing` asks that of the current thread alone whether it wants
/// an event, and keeps the answer for all threads even if there are more by then.
static OTHERS: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [Dispatch::new(Registry::default()), Dispatch::new(Registry::default())]);

/// The fields of the request in a document, without those that differ each time.
fn about_request(document: &Json) -> Json {
    let mut extra = document["extra"].clone();
    let fields = extra.as_object_mut().unwrap();
    fields.retain(|name, _| {
        name.starts_with("re") && name != "request_id"
            || matches!(&**name, "status_code" | "outcome" | "trace_id" | "error")
    });
    if let Some(duration) = fields.remove("resp_duration_ms") {
        assert!(duration.as_f64().unwrap() > 0.0);
    }
    extra
}

#[test]
fn a_request_is_one_event_and_context_for_others() {
    run(async |events| {
        let server = serve(layer()).await;
        let head = "GET /orders/7?x=1&access_token=c2VjcmV0
            user-agent: curl/8
            referer: https://u:p@shop.example/?password=1
            authorization: Bearer c2VjcmV0
            cookie: session=c2VjcmV0
            x-request-id: req-1
            x-forwarded-for: 1.2.3.4
            x-forwarded-proto: https
            traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let response = request(server, head, "").await;
        assert!(
            response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with("\r\n\r\ntea"),
            "{response}"
        );
        assert!(response.contains("\r\nx-request-id: req-1\r\n"), "{response}");

        let [within, last] = events.wait(2).await.try_into().unwrap();
        let known = json!({
            "req_method": "GET",
            "req_host": "shop.example:8000",
            "req_uri": "//shop.example:8000/orders/7?x=1&access_token=REDACTED",
            "req_route": "/orders/{id}",
            "req_http_version": "1.1",
            "req_remote_address": "127.0.0.1",
            "req_useragent": "curl/8",
            "req_referer": "https://REDACTED@shop.example/?password=REDACTED",
            "req_forwarded_for": ["1.2.3.4"],
            "req_forwarded_proto": "https",
            "req_user": "zoë",
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        });
        assert_eq!(within["message"], "within");
        assert_eq!(within["extra"]["request_id"], "req-1");
        assert_eq!(about_request(&within), known);

        let mut expected = known;
        expected["status_code"] = 200.into();
        expected["resp_bytes"] = 3.into();
        assert_eq!(about_request(&last), expected);
        assert_eq!(last["level"], "INFO");
        assert_eq!(last["extra"]["logger_name"], "http");
        assert_eq!(last["extra"]["func_name"], "request");
        assert_eq!(last["extra"]["request_id"], "req-1");
        let message = last["message"].as_str().unwrap();
        assert!(message.starts_with("GET /orders/7 200 in ") && message.ends_with(" ms"), "{message}");
        assert!(!within.to_string().contains("c2VjcmV0") && !last.to_string().contains("c2VjcmV0"));
        assert!(!last.to_string().contains("otel."), "{last}");
    });
}

/// The one event of a request of which nothing else logs.
async fn one(events: &Documents, server: SocketAddr, head: &str, body: &str) -> Json {
    request(server, head, body).await;
    let [document] = events.wait(1).await.try_into().unwrap();
    document
}

#[test]
fn levels_and_sizes() {
    run(async |events| {
        let server = serve(layer().scheme("https")).await;
        let posted = one(&events, server, "POST /echo\ncontent-length: 5", "hello").await;
        assert_eq!(posted["level"], "INFO");
        assert_eq!(posted["extra"]["status_code"], 201);
        assert_eq!(posted["extra"]["req_bytes"], 5);
        assert_eq!(posted["extra"]["resp_bytes"], 5);
        assert_eq!(posted["extra"]["req_uri"], "https://shop.example:8000/echo");

        let missing = one(&events, server, "GET /missing", "").await;
        assert_eq!(missing["level"], "WARNING");
        assert_eq!(missing["extra"]["status_code"], 404);
        assert_eq!(missing["extra"].get("req_route"), None);

        let unavailable = one(&events, server, "GET /unavailable", "").await;
        assert_eq!(unavailable["level"], "ERROR");
        assert_eq!(unavailable["extra"]["status_code"], 503);
        assert_eq!(unavailable["extra"]["resp_bytes"], 0);
        assert_eq!(unavailable["extra"].get("outcome"), None);

        let [_, head] = {
            request(server, "HEAD /orders/7", "").await;
            events.wait(2).await.try_into().unwrap()
        };
        assert_eq!(head["extra"]["req_method"], "HEAD");
        assert_eq!(head["extra"]["resp_bytes"], 0);
        assert_eq!(head["extra"].get("outcome"), None);
    });
}

#[test]
fn a_body_that_streams_is_counted() {
    run(async |events| {
        let server = serve(layer()).await;
        let response = request(server, "GET /chunks", "").await;
        assert_eq!(response.matches("four").count(), 3);
        let documents = events.wait(4).await;
        for (document, left) in documents.iter().zip([2, 1, 0]) {
            assert_eq!(document["extra"]["left"], left);
            assert_eq!(document["extra"]["req_route"], "/chunks", "a body is in the span too");
        }
        assert_eq!(documents[3]["extra"]["resp_bytes"], 12);
        assert_eq!(documents[3]["extra"].get("outcome"), None);
    });
}

/// The last event of a request, which must tell how it ended.
#[track_caller]
fn check_end(document: &Json, level: &str, outcome: &str, status: Option<u16>) {
    assert_eq!(document["level"], level);
    assert_eq!(document["extra"]["outcome"], outcome);
    assert_eq!(document["extra"].get("status_code"), status.map(Json::from).as_ref());
    assert!(document["extra"]["resp_duration_ms"].is_number());
    assert!(document["message"].as_str().unwrap().contains(outcome));
}

#[test]
fn a_client_that_goes_away() {
    run(async |events| {
        let (entered, mut is_entered) = mpsc::unbounded_channel::<()>();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        let router = Router::new().route("/never", get(never)).layer(layer()).layer(Extension(entered));
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        let stream = send(server, "GET /never", "").await;
        is_entered.recv().await.unwrap();
        drop(stream);
        let [document] = events.wait(1).await.try_into().unwrap();
        check_end(&document, "WARNING", "cancelled", None);
    });
}

#[test]
fn a_client_that_goes_away_during_the_body() {
    run(async |events| {
        let server = serve(layer()).await;
        let mut stream = send(server, "GET /endless", "").await;
        let mut response = Vec::new();
        while !response.ends_with(b"four\r\n") {
            assert_ne!(stream.read_buf(&mut response).await.unwrap(), 0);
        }
        drop(stream);
        let [_, document] = events.wait(2).await.try_into().unwrap();
        check_end(&document, "WARNING", "aborted", Some(200));
        assert_eq!(document["extra"]["resp_bytes"], 4);
    });
}

#[test]
fn what_fails_and_what_panics() {
    run(async |events| {
        let server = serve(layer()).await;
        let panicked = one(&events, server, "GET /panics", "").await;
        check_end(&panicked, "ERROR", "panicked", None);

        request(server, "GET /breaks", "").await;
        let [_, broken] = events.wait(2).await.try_into().unwrap();
        check_end(&broken, "ERROR", "failed", Some(200));

        request(server, "GET /body-panics", "").await;
        let [_, panicked] = events.wait(2).await.try_into().unwrap();
        check_end(&panicked, "ERROR", "panicked", Some(200));
    });
}

/// A service that fails, or panics before there is a future.
#[derive(Clone)]
struct Faulty;

impl Service<Request<()>> for Faulty {
    type Response = Response<String>;
    type Error = &'static str;
    type Future = future::Ready<Result<Response<String>, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        match request.uri().path() {
            "/panics" => panic!("the service panicked, as it should"),
            _ => future::ready(Err("no database")),
        }
    }
}

#[test]
fn a_service_that_returns_an_error() {
    run(async |events| {
        let mut service = layer().layer(Faulty);
        assert_eq!(service.call(Request::new(())).await.unwrap_err(), "no database");
        let request = Request::get("/panics").body(()).unwrap();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(service.call(request))));
        assert!(panicked.is_err());
        let [failed, panicked] = events.take().try_into().unwrap();
        check_end(&failed, "ERROR", "failed", None);
        assert_eq!(failed["extra"]["error"], "no database");
        check_end(&panicked, "ERROR", "panicked", None);
    });
}

#[test]
fn request_ids() {
    run(async |events| {
        let server = serve(layer()).await;
        let response = request(server, "GET /id\nx-request-id: has blanks", "").await;
        let (head, id) = response.split_once("\r\n\r\n").unwrap();
        assert_eq!(id.len(), 36, "{id}");
        assert!(head.contains(&format!("x-request-id: {id}")));
        assert_eq!(events.wait(1).await[0]["extra"]["request_id"], id);

        let response = request(server, "GET /own-id", "").await;
        assert!(response.contains("x-request-id: of the service\r\n"));
        assert_eq!(response.matches("x-request-id").count(), 1);
        events.wait(1).await;

        let without = serve(layer().request_id_header(None)).await;
        let response = request(without, "GET /chunks\nx-request-id: req-1", "").await;
        assert!(!response.contains("x-request-id"));
        assert_eq!(events.wait(4).await[3]["extra"].get("request_id"), None);
    });
}

#[test]
fn only_trusted_proxies_are_believed() {
    run(async |events| {
        let trusting = layer().trusted_proxies(TrustedProxies::parse(["127.0.0.0/8", "10.0.0.1"]).unwrap());
        let server = serve(trusting.clone()).await;
        let head = "GET /unavailable
            x-forwarded-for: 6.6.6.6, 1.2.3.4, 10.0.0.1
            x-forwarded-proto: https
            forwarded: for=7.7.7.7";
        let document = one(&events, server, head, "").await;
        assert_eq!(document["extra"]["req_remote_address"], "1.2.3.4");
        assert_eq!(document["extra"]["req_uri"], "https://shop.example:8000/unavailable");

        let proxies = TrustedProxies::parse(["127.0.0.1"]).unwrap().header(ForwardingHeader::Forwarded);
        let server = serve(layer().trusted_proxies(proxies)).await;
        let document = one(&events, server, head, "").await;
        assert_eq!(document["extra"]["req_remote_address"], "7.7.7.7");

        let server = serve(layer().trusted_proxies(TrustedProxies::parse(["192.0.2.0/24"]).unwrap())).await;
        let document = one(&events, server, head, "").await;
        assert_eq!(document["extra"]["req_remote_address"], "127.0.0.1");
        assert_eq!(document["extra"]["req_uri"], "//shop.example:8000/unavailable");
    });
}

#[test]
fn malformed_headers() {
    run(async |events| {
        let server = serve(layer()).await;
        let mut stream = TcpStream::connect(server).await.unwrap();
        let mut text = b"GET /unavailable HTTP/1.1\r\nhost: h\r\nconnection: close\r\n".to_vec();
        text.extend_from_slice(b"user-agent: caf\xe9\r\nreferer: \xff\r\nx-forwarded-for: \xfe,,\r\n");
        text.extend_from_slice(b"traceparent: \xff\r\nx-request-id: \xff\r\nforwarded: \"\r\n\r\n");
        stream.write_all(&text).await.unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await.unwrap();
        let [document] = events.wait(1).await.try_into().unwrap();
        assert_eq!(document["extra"]["req_useragent"], "caf\u{fffd}");
        assert_eq!(document["extra"]["req_forwarded_for"], json!(["\u{fffd}"]));
        assert_eq!(document["extra"]["request_id"].as_str().unwrap().len(), 36);
    });
}

#[test]
fn headers_of_choice() {
    run(async |events| {
        let names = ["x-tenant", "authorization", "x-pin", "referer"].map(HeaderName::from_static);
        let server = serve(layer().request_headers(names).redaction(Redaction::new().header("x-pin"))).await;
        let head = "GET /unavailable\nx-tenant: a: b\nx-tenant: c\nauthorization: Bearer x\nx-pin: 1\naccept: x\nreferer: /?token=1";
        let document = one(&events, server, head, "").await;
        assert_eq!(
            document["extra"]["req_headers"],
            json!({
                "x-tenant": "a: b, c",
                "authorization": "REDACTED",
                "x-pin": "REDACTED",
                "referer": "/?token=REDACTED",
            })
        );
    });
}

#[test]
fn a_filter_by_level_keeps_the_request_of_an_error() {
    run_filtered(LevelFilter::ERROR, async |events| {
        let server = serve(layer()).await;
        request(server, "GET /orders/7", "").await;
        let document = one(&events, server, "GET /unavailable", "").await;
        assert_eq!(document["extra"]["status_code"], 503);
        assert_eq!(document["extra"]["req_method"], "GET");
    });
}

#[test]
fn requests_and_levels_of_choice() {
    run(async |events| {
        let layer = layer()
            .filter(|http, _| http.path.as_deref() != Some("/echo"))
            .level(|http, _| if http.status == Some(503) { Level::Debug } else { Level::Trace });
        let server = serve(layer).await;
        request(server, "POST /echo\ncontent-length: 0", "").await;
        assert_eq!(one(&events, server, "GET /unavailable", "").await["level"], "DEBUG");
        assert_eq!(one(&events, server, "GET /missing", "").await["level"], "TRACE");
    });
}

#[test]
fn events_go_to_a_function() {
    let (sender, mut events) = mpsc::unbounded_channel();
    let formatter = LogstashFormatter::new();
    let layer = layer().emit_to(move |event| {
        let mut out = Vec::new();
        formatter.format(event, &mut out).unwrap();
        sender.send(serde_json::from_slice::<Json>(&out).unwrap()).unwrap();
    });
    run(async |traced| {
        let server = serve(layer).await;
        let head = "GET /orders/7\nx-tenant: t
            traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        request(server, head, "").await;
        let document = events.recv().await.unwrap();
        assert_eq!(
            about_request(&document),
            json!({
                "req_method": "GET",
                "req_host": "shop.example:8000",
                "req_uri": "//shop.example:8000/orders/7",
                "req_route": "/orders/{id}",
                "req_http_version": "1.1",
                "req_remote_address": "127.0.0.1",
                "status_code": 200,
                "resp_bytes": 3,
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            })
        );
        request(server, "GET /breaks", "").await;
        check_end(&events.recv().await.unwrap(), "ERROR", "failed", Some(200));
        let messages: Vec<_> = traced.take().iter().map(|event| event["message"].clone()).collect();
        assert_eq!(messages, ["within", "chunk"], "no event of the layer itself");
    });
}

#[test]
fn a_body_that_is_never_asked_for() {
    LazyLock::force(&OTHERS);
    let bodies = [("", "complete", 0), ("x", "aborted", 0)];
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&outcomes);
    let layer = AccessLogLayer::new().emit_to(|_| ()).filter(move |http, outcome| {
        seen.lock().unwrap().push((outcome.name(), http.response_bytes));
        true
    });
    for (body, ..) in bodies {
        let service = Answers(body);
        let mut service = layer.layer(service);
        let mut future = std::pin::pin!(service.call(Request::new(())));
        let Poll::Ready(Ok(response)) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("the service is always ready")
        };
        drop(response);
    }
    assert_eq!(*outcomes.lock().unwrap(), bodies.map(|(_, outcome, bytes)| (outcome, Some(bytes))));
}

#[derive(Clone)]
struct Answers(&'static str);

impl Service<Request<()>> for Answers {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = future::Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        future::ready(Ok(Response::new(self.0.to_owned())))
    }
}
