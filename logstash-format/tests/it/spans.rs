//! What the spans around an event add to it.

use std::fmt;

use logstash_format::{SpanStyle, TracingAdapter};
use serde_json::{Value as Json, json};
use tracing::field::Empty;
use tracing::{Span, info, info_span};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

use crate::tracing::{Documents, documents, one};

/// The document of the one event of `log`, with spans grouped.
fn grouped(log: impl FnOnce()) -> Json {
    let events = Documents::of(TracingAdapter::new().span_style(SpanStyle::Grouped));
    tracing::subscriber::with_default(Registry::default().with(events.clone()), log);
    let [document] = events.take().try_into().unwrap();
    document
}

#[test]
fn grouped_spans() {
    let document = grouped(|| {
        let outer = info_span!("request", id = 1, name = "n", big = u128::MAX, user = Empty);
        outer.record("user", "zoë");
        let inner = info_span!(parent: &outer, "query", id = 2_u64, f = 0.5, b = true, i = -1_i128);
        let innermost = info_span!(parent: &inner, "bare");
        innermost.in_scope(|| info!(id = 3, "done"));
    });
    assert_eq!(document["extra"]["id"], 3);
    assert_eq!(document["extra"]["func_name"], "bare");
    assert_eq!(
        document["extra"]["spans"],
        json!([
            {"name": "request", "fields": {"id": 1, "name": "n", "big": u128::MAX.to_string(), "user": "zoë"}},
            {"name": "query", "fields": {"id": 2, "f": 0.5, "b": true, "i": -1}},
            {"name": "bare"},
        ])
    );
}

#[test]
fn grouped_without_spans() {
    assert_eq!(grouped(|| info!("alone"))["extra"].get("spans"), None);
}

#[test]
fn a_field_called_spans_stays() {
    let document = grouped(|| info_span!("request").in_scope(|| info!(spans = 2, "text")));
    assert_eq!(document["extra"]["spans"], 2);
    assert_eq!(document["extra"]["spans_"], json!([{"name": "request"}]));
}

/// `depth` spans, one within the other, with the number of each in fields.
fn nested(depth: u64, within: impl FnOnce()) {
    let mut span = Span::none();
    for number in 0..depth {
        span = info_span!(parent: &span, "level", number, first = (number == 0).then_some(true));
    }
    span.in_scope(within);
}

#[test]
fn however_deep_spans_are_all_count() {
    for depth in [1, 7, 8, 9, 30] {
        let document = one(|| nested(depth, || info!("merged")));
        assert_eq!(document["extra"]["number"], depth - 1);
        assert_eq!(document["extra"]["first"], true);
        let document = grouped(|| nested(depth, || info!("grouped")));
        let spans = document["extra"]["spans"].as_array().unwrap();
        let numbers: Vec<_> = spans.iter().map(|span| span["fields"]["number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (0..depth).collect::<Vec<_>>());
    }
}

#[test]
fn a_request_in_a_span() {
    let document = one(|| {
        let request = info_span!(
            "request",
            http.request.method = "POST",
            http.route = "/orders/{id}",
            http.response.status_code = Empty,
            http.request.body.size = 17,
            http.response.body.size = 2_u64,
            http.server.request.duration = 0.25,
            http.request.id = "req-1",
            http.request.referrer = "https://u:p@shop.example/",
            "http.request.header.x-forwarded-for" = "1.2.3.4, ::1",
            "http.request.header.x-forwarded-proto" = "https",
            url.scheme = "https",
            url.path = %"/orders/7",
            url.query = "x=1&token=2",
            server.address = "shop.example",
            server.port = 8443,
            client.address = ?std::net::Ipv4Addr::LOCALHOST,
            user_agent.original = "curl/8",
            user.name = Empty,
            network.protocol.version = "1.1",
            otel.kind = "server",
            otel.name = "POST /orders/{id}",
            tenant = "t",
        );
        request.record("http.response.status_code", 201);
        request.record("user.name", "zoë");
        let _entered = request.enter();
        info_span!("query", table = "orders").in_scope(|| info!("inserted"));
    });
    let mut extra = document["extra"].clone();
    for name in ["line", "logger_name", "path", "process_name", "thread_name", "func_name"] {
        assert!(extra.as_object_mut().unwrap().remove(name).is_some(), "{name}");
    }
    assert_eq!(
        extra,
        json!({
            "status_code": 201,
            "req_useragent": "curl/8",
            "req_remote_address": "127.0.0.1",
            "req_host": "shop.example:8443",
            "req_uri": "https://shop.example:8443/orders/7?x=1&token=REDACTED",
            "req_user": "zoë",
            "req_method": "POST",
            "req_referer": "https://REDACTED@shop.example/",
            "req_forwarded_proto": "https",
            "req_forwarded_for": ["1.2.3.4", "::1"],
            "request_id": "req-1",
            "req_route": "/orders/{id}",
            "req_http_version": "1.1",
            "req_bytes": 17,
            "resp_bytes": 2,
            "resp_duration_ms": 250.0,
            "table": "orders",
            "tenant": "t",
        })
    );
}

#[test]
fn a_request_that_this_program_makes_is_not_the_one_it_serves() {
    let document = one(|| {
        let served = info_span!("request", http.request.method = "GET", url.path = "/served");
        let made = info_span!(
            parent: &served, "call",
            otel.kind = "Client", http.request.method = "PUT", url.path = "/made",
        );
        made.in_scope(|| info!("calling"));
    });
    assert_eq!(document["extra"]["req_method"], "GET");
    assert_eq!(document["extra"]["req_uri"], "/served");
    assert_eq!(document["extra"]["http.request.method"], "PUT");
    assert_eq!(document["extra"]["url.path"], "/made");
}

#[test]
fn a_value_that_tells_nothing_of_the_request_stays_a_field() {
    let document = one(|| {
        let request = info_span!(
            "request",
            http.request.method = "GET",
            http.response.status_code = 70_000,
            http.route = true,
            server.port = "none",
            http.server.request.duration = -1.0,
            http.request.body.size = -1,
        );
        request.in_scope(|| info!("within"));
    });
    let extra = &document["extra"];
    assert_eq!(extra["req_method"], "GET");
    assert_eq!(extra["http.response.status_code"], 70_000);
    assert_eq!(extra["http.route"], true);
    assert_eq!(extra["server.port"], "none");
    assert_eq!(extra["http.server.request.duration"], -1.0);
    assert_eq!(extra["http.request.body.size"], -1);
}

#[test]
fn without_a_method_it_is_no_request() {
    let documents = documents(|| {
        let span = info_span!("span", url.path = "/a", http.request.method = Empty, httpish = 1);
        let _entered = span.enter();
        info!("before");
        span.record("http.request.method", "GET");
        info!("after");
    });
    assert_eq!(documents[0]["extra"]["url.path"], "/a");
    assert_eq!(documents[0]["extra"].get("req_uri"), None);
    assert_eq!(documents[1]["extra"]["req_uri"], "/a");
    assert_eq!(documents[1]["extra"].get("url.path"), None);
    assert_eq!(documents[1]["extra"]["httpish"], 1);
}

#[test]
fn a_trace_in_spans() {
    let document = one(|| {
        let outer = info_span!("outer", trace.id = "t", transaction_id = "x", span_id = "outer");
        let inner = info_span!(parent: &outer, "inner", span.id = "inner", trace_id = 7);
        inner.in_scope(|| info!("traced"));
    });
    let extra = &document["extra"];
    assert_eq!(extra["trace_id"], "t");
    assert_eq!(extra["transaction_id"], "x");
    assert_eq!(extra["span_id"], "inner");
    assert_eq!(extra["trace_id_"], 7);
    assert_eq!(extra.get("trace.id"), None);
}

/// Records a field of the request's span while it is formatted.
struct Records(Span);

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.record("user.name", "meanwhile");
        f.write_str("recorded")
    }
}

#[test]
fn a_value_that_records_a_field_of_its_request_does_not_lock_up() {
    let events = Documents::of(TracingAdapter::new());
    tracing::subscriber::with_default(Registry::default().with(events.clone()), || {
        let request = info_span!("request", http.request.method = "GET", user.name = "before");
        let _entered = request.enter();
        info!(value = ?Records(request.clone()), "first");
        info!("second");
    });
    let documents = events.take();
    assert_eq!(documents[0]["extra"]["value"], "recorded");
    assert_eq!(documents[0]["extra"]["req_user"], "before");
    assert_eq!(documents[1]["extra"]["req_user"], "meanwhile");
}

#[test]
fn secrets_of_requests_are_redacted_in_all_spans() {
    let log = || {
        let client = info_span!(
            "client",
            otel.kind = "client",
            http.request.method = "GET",
            url.full = %"https://u:s3cret@h/?token=s3cret&a=1",
            http.request.header.authorization = ?["s3cret"],
            "http.response.header.set-cookie" = "s3cret",
            "http.request.header.x_api_key" = "s3cret",
            "http.request.header.origin" = "https://h/?code=s3cret",
        );
        let bare = info_span!(parent: &client, "bare", url.query = "token=s3cret", http.target = Empty);
        bare.record("http.target", "/a?key=s3cret");
        let served = info_span!(
            parent: &bare,
            "served",
            http.request.method = "GET",
            http.request.headers = "cookie: s3cret\norigin: o\nx-original-url: /?sig=s3cret",
        );
        served.in_scope(|| info!("text"));
    };
    for document in [documents(log).remove(0), grouped(log)] {
        let written = document.to_string();
        assert!(!written.contains("s3cret"), "{written}");
        let headers = json!({"cookie": "REDACTED", "origin": "o", "x-original-url": "/?sig=REDACTED"});
        assert_eq!(document["extra"]["req_headers"], headers);
        for kept in ["https://REDACTED@h/?token=REDACTED&a=1", "token=REDACTED", "/a?key=REDACTED"] {
            assert!(written.contains(kept), "{kept}: {written}");
        }
    }
}
