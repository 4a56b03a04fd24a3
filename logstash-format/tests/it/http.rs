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

#[cfg(feature = "http")]
mod requests {
    use http::{HeaderValue, Request, Response};
    use logstash_format::{HttpContext, Redaction};

    /// A context of a request with nothing but headers.
    #[track_caller]
    fn check(headers: &[(&str, &[u8])], expected: HttpContext<'_>) {
        let mut request = Request::new(());
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, HeaderValue::from_bytes(value).unwrap());
        }
        let expected = expected.method("GET").path("/").version("1.1");
        assert_eq!(HttpContext::from(&request), expected);
    }

    fn known() -> HttpContext<'static> {
        HttpContext::new()
    }

    #[test]
    fn a_request_and_its_response() {
        let request = Request::post("https://zoe:secret@shop.example:8443/orders/7?id=1&token=2")
            .header("content-length", "17")
            .header("user-agent", "curl/8")
            .header("referer", "https://u:p@shop.example/?password=1")
            .header("x-request-id", "req-1")
            .header("authorization", "Bearer secret")
            .header("cookie", "session=secret")
            .body(())
            .unwrap();
        let response = Response::builder().status(404).header("content-length", "9").body(()).unwrap();
        let expected = known()
            .method("POST")
            .scheme("https")
            .host("shop.example")
            .port(8443)
            .path("/orders/7")
            .query("id=1&token=REDACTED")
            .version("1.1")
            .request_bytes(17)
            .user_agent("curl/8")
            .referer("https://REDACTED@shop.example/?password=REDACTED")
            .request_id("req-1")
            .status(404)
            .response_bytes(9);
        let context = HttpContext::from(&request).response(&response);
        assert_eq!(context, expected);
        assert!(!format!("{context:?}").contains("secret"));
    }

    #[test]
    fn hosts() {
        check(&[("host", b"shop.example")], known().host("shop.example"));
        check(&[("host", b"shop.example:8000")], known().host("shop.example").port(8000));
        check(&[("host", b"[::1]")], known().host("[::1]"));
        check(&[("host", b"[::1]:80")], known().host("[::1]").port(80));
        check(&[("host", b"u:p@h:1")], known().host("h").port(1));
        check(&[("host", b"h:99999")], known().host("h:99999"));
        check(&[("host", b"")], known());
        check(&[("host", b"h\xff")], known().host("h\u{fffd}"));
    }

    #[test]
    fn addresses_it_came_through() {
        check(
            &[
                ("x-forwarded-for", b"1.2.3.4, 10.0.0.1,,"),
                ("x-forwarded-for", b"::1"),
                ("x-forwarded-proto", b"https"),
            ],
            known()
                .forwarded_for("1.2.3.4")
                .forwarded_for("10.0.0.1")
                .forwarded_for("::1")
                .forwarded_proto("https"),
        );
        let many = vec![b"1.1.1.1".as_slice(); 1000].join(&b',');
        let request = Request::builder().header("x-forwarded-for", many.as_slice()).body(()).unwrap();
        assert_eq!(HttpContext::from(&request).forwarded_for.len(), 32);
    }

    #[test]
    fn malformed_headers() {
        check(
            &[
                ("user-agent", b"caf\xe9"),
                ("referer", b"\xff\xfe?token=1"),
                ("content-length", b"-1"),
                ("x-request-id", b"\xe2\x82"),
            ],
            known()
                .user_agent("caf\u{fffd}")
                .referer("\u{fffd}\u{fffd}?token=REDACTED")
                .request_id("\u{fffd}"),
        );
        check(&[("content-length", b"99999999999999999999")], known());
    }

    #[test]
    fn chosen_headers() {
        let mut request = Request::builder()
            .header("x-tenant", "t")
            .header("accept", "a")
            .header("accept", "b")
            .header("authorization", "Bearer secret")
            .header("x-pin", "1234")
            .body(())
            .unwrap();
        let mut marked = HeaderValue::from_static("secret");
        marked.set_sensitive(true);
        request.headers_mut().insert("x-marked", marked);
        let names =
            ["accept", "authorization", "x-marked", "x-none", "x-pin"].map(http::HeaderName::from_static);
        let context = known().headers_of(request.headers(), &names, &Redaction::new().header("X-Pin"));
        let pairs: Vec<_> = context.request_headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(
            pairs,
            [
                ("accept", "a"),
                ("accept", "b"),
                ("authorization", "REDACTED"),
                ("x-marked", "REDACTED"),
                ("x-pin", "REDACTED"),
            ]
        );
    }

    #[test]
    fn requests_without_a_path() {
        let connect = Request::connect("shop.example:443").body(()).unwrap();
        let context = HttpContext::from(&connect);
        assert_eq!((context.path.clone(), context.port), (None, Some(443)));
        assert_eq!(context.url().unwrap().to_string(), "//shop.example:443");
        let options = Request::options("*").header("host", "h").body(()).unwrap();
        assert_eq!(HttpContext::from(&options).url().unwrap().to_string(), "//h");
    }
}
