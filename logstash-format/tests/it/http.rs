use std::time::Duration;

use logstash_format::{Event, HttpContext, Level, TraceContext, Value};
use serde_json::{Value as Json, json};

use crate::rig::{document, formatter};

/// What an event adds to one without context.
fn added(event: &Event<'_>) -> Json {
    let plain = document(&formatter(), &Event::new(Level::Info, "shop", ""));
    let mut extra = document(&formatter(), event)["extra"].take();
    for name in plain["extra"].as_object().unwrap().keys() {
        extra.as_object_mut().unwrap().remove(name);
    }
    extra
}

#[test]
fn the_whole_request() {
    let http = HttpContext::new()
        .method("POST")
        .scheme("http")
        .host("shop.example")
        .port(8000)
        .path("/orders")
        .query("x=1&y=%C3%A9")
        .route("/orders")
        .version("1.1")
        .status(201)
        .request_bytes(17)
        .response_bytes(2048)
        .duration(Duration::from_micros(12_345))
        .referer("https://shop.example/")
        .user_agent("Mozilla/5.0 (X11)")
        .client_address("192.0.2.9")
        .forwarded_for("1.2.3.4")
        .forwarded_for("::1")
        .forwarded_proto("https")
        .user("zoë")
        .request_id("req-1")
        .request_header("accept", "a")
        .request_header("x-tenant", "t")
        .request_header("accept", "b")
        .into_owned();
    let event = Event::new(Level::Info, "shop", "").http(&http);
    assert_eq!(
        added(&event),
        json!({
            "status_code": 201,
            "req_useragent": "Mozilla/5.0 (X11)",
            "req_remote_address": "192.0.2.9",
            "req_host": "shop.example:8000",
            "req_uri": "http://shop.example:8000/orders?x=1&y=%C3%A9",
            "req_user": "zoë",
            "req_method": "POST",
            "req_referer": "https://shop.example/",
            "req_forwarded_proto": "https",
            "req_forwarded_for": ["1.2.3.4", "::1"],
            "request_id": "req-1",
            "req_route": "/orders",
            "req_http_version": "1.1",
            "req_headers": {"accept": "a, b", "x-tenant": "t"},
            "req_bytes": 17,
            "resp_bytes": 2048,
            "resp_duration_ms": 12.345,
        })
    );
}

#[test]
fn what_is_not_known_is_left_out() {
    let http = HttpContext::new();
    assert_eq!(added(&Event::new(Level::Info, "shop", "").http(&http)), json!({}));
}

#[test]
fn urls() {
    let url = |http: HttpContext<'_>| http.url().map(|url| url.to_string());
    let shop = HttpContext::new().host("shop.example").path("/a");
    assert_eq!(url(HttpContext::new().query("q")), None);
    assert_eq!(url(HttpContext::new().path("/a").query("q")).unwrap(), "/a?q");
    assert_eq!(url(shop.clone()).unwrap(), "//shop.example/a");
    assert_eq!(url(shop.clone().scheme("https").port(443)).unwrap(), "https://shop.example/a");
    assert_eq!(url(shop.clone().scheme("http").port(443)).unwrap(), "http://shop.example:443/a");
    assert_eq!(url(HttpContext::new().host("[::1]").port(80).path("*")).unwrap(), "//[::1]:80");
}

#[test]
fn a_trace() {
    let trace = TraceContext::new().trace_id("4bf92f3577b34da6a3ce929d0e0e4736").span_id("00f067aa0ba902b7");
    let event = Event::new(Level::Info, "shop", "").trace(trace);
    let expected = json!({"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7"});
    assert_eq!(added(&event), expected);
    assert_eq!(
        added(&event.clone().trace(trace.transaction_id("1"))).get("transaction_id"),
        Some(&"1".into())
    );
}

#[test]
fn fields_cannot_pass_for_the_request() {
    let http = HttpContext::new().method("GET");
    let fields = [("req_method", Value::from("PUT")), ("req_user", Value::from("of the event"))];
    let event = Event::new(Level::Info, "shop", "").http(&http).fields(&fields);
    assert_eq!(added(&event), json!({"req_method": "GET", "req_method_": "PUT", "req_user": "of the event"}));
}

#[test]
fn a_backtrace_follows_the_error() {
    let error = std::fmt::Error;
    let event = Event::new(Level::Error, "shop", "").error(&error).backtrace(&"0: main");
    let expected = json!({"error_message": error.to_string(), "stack_trace": format!("{error}\n0: main")});
    assert_eq!(added(&event), expected);
}
