//! `HttpTransport` against a real server.
//!
//! | trap T-29 | test |
//! | --- | --- |
//! | 200, 201, 202, 204 | `t29_every_2xx_acknowledges` |
//! | 400, 413: split, then dead letter | `t29_413_halves_the_body_until_it_passes`, `t29_one_event_that_is_too_large_is_rejected`, `t29_what_the_peer_cannot_read_is_rejected` |
//! | 401, 403: no hot loop | `t29_what_only_a_human_can_mend_is_misconfigured` |
//! | 429, 503 with `Retry-After` in seconds and as a date | `t29_retry_after_in_both_forms` |
//! | 3xx | `t29_a_redirect_is_not_followed_and_its_target_named` |
//! | chunked answers, answers without a body | `t29_chunked_answers_and_answers_without_a_body` |
//! | keep-alive | `t29_one_connection_is_used_again`, `t29_a_connection_closed_while_idle_is_replaced` |
//! | gzip | `t29_gzip_bodies_inflate_to_the_same_bytes` |
//! | path, IPv6 brackets | `t29_paths_are_joined`, `t29_ipv6_hosts_stand_in_brackets` |
//! | exact limit | `t29_bodies_fill_their_limit_to_the_byte` |
//! | proxy | `t29_requests_go_through_a_proxy` |

use crate::http_server::{Answer, HttpServer, Request};
use bytes::Bytes;
use logstash_transport::{
    Batch, ErrorKind, HttpBody, HttpTransport, Interrupt, Transport, TransportError, error_chain,
};
use lumberjack_codec::WindowEncoder;
use std::io::Read;
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::{Duration, Instant};

fn transport(server: &HttpServer) -> HttpTransport {
    HttpTransport::new(&server.url()).unwrap()
}

fn numbered(range: std::ops::Range<usize>) -> Vec<Bytes> {
    range.map(|number| Bytes::from(format!("{{\"n\":{number}}}"))).collect()
}

/// Sends two events to a server that gives this answer.
fn answered(answer: Answer) -> Result<(), TransportError> {
    let server = HttpServer::start();
    server.script([answer]);
    let mut batch = Batch::from_events(numbered(0..2));
    let result = transport(&server).send(&mut batch);
    assert_eq!(batch.is_done(), result.is_ok());
    assert_eq!(server.requests().len(), 1, "one answer, one request");
    result
}

#[test]
fn a_request_is_what_it_should_be_byte_by_byte() {
    let server = HttpServer::start();
    let url = format!("{}/in?pipeline=a%20b", server.url().replace("http://", "http://us%40er:pass@"));
    let mut transport = HttpTransport::new(&url).unwrap();
    transport.send(&mut Batch::from_events([r#"{"m":"größe"}"#, r#"{"m":"\n"}"#])).unwrap();
    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /in?pipeline=a%20b HTTP/1.1");
    assert_eq!(request.text(), r#"[{"m":"größe"},{"m":"\n"}]"#);
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("content-length"), Some(request.body.len().to_string().as_str()));
    assert_eq!(request.header("host"), Some(server.address().to_string().as_str()));
    assert_eq!(request.header("authorization"), Some("Basic dXNAZXI6cGFzcw=="));
    assert!(request.header("user-agent").unwrap().starts_with("logstash-transport/"));
    assert_eq!(request.header("accept-encoding"), None);
    assert_eq!(request.header("content-encoding"), None);
}

#[test]
fn bodies_come_as_lines_or_one_by_one_too() {
    let server = HttpServer::start();
    transport(&server).body(HttpBody::Lines).send(&mut Batch::from_events(numbered(0..3))).unwrap();
    transport(&server).body(HttpBody::Single).send(&mut Batch::from_events(numbered(3..5))).unwrap();
    let requests = server.requests();
    let bodies: Vec<&str> = requests.iter().map(Request::text).collect();
    assert_eq!(bodies, ["{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n", "{\"n\":3}", "{\"n\":4}"]);
    assert_eq!(requests[0].header("content-type"), Some("application/x-ndjson"));
    assert_eq!(requests[1].header("content-type"), Some("application/json"));
}

#[test]
fn encoded_windows_are_unpacked() {
    let server = HttpServer::start();
    let mut encoder = WindowEncoder::new(3);
    let windows = [encoder.encode(numbered(0..3)).unwrap(), encoder.encode(numbered(3..5)).unwrap()];
    let mut batch = Batch::from_windows(windows).starting_at(1);
    transport(&server).send(&mut batch).unwrap();
    assert!(batch.is_done());
    assert_eq!(server.requests()[0].text(), r#"[{"n":1},{"n":2},{"n":3},{"n":4}]"#);
}

#[test]
fn t29_every_2xx_acknowledges() {
    for status in ["200 OK", "201 Created", "202 Accepted", "299 Whatever"] {
        answered(Answer::with(status, "", "ok")).unwrap();
    }
    answered(Answer::raw("HTTP/1.1 204 No Content\r\n\r\n")).unwrap();
}

#[test]
fn only_expected_statuses_acknowledge() {
    let server = HttpServer::start();
    server.script([Answer::status("202 Accepted"), Answer::status("200 OK")]);
    let mut transport = transport(&server).expected_statuses([202]);
    transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
    let error = transport.send(&mut Batch::from_events(numbered(0..1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("200 OK, which is none of the expected"), "{error}");
}

#[test]
fn t29_what_the_peer_cannot_read_is_rejected() {
    for status in ["400 Bad Request", "422 Unprocessable Entity"] {
        let error = answered(Answer::with(status, "", "no JSON\r\n at\tbyte 7\u{7}")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(error.to_string().ends_with(&format!("answers {status}: no JSON at byte 7")), "{error}");
    }
}

#[test]
fn t29_413_halves_the_body_until_it_passes() {
    let server = HttpServer::start();
    server.script([Answer::status("413 Payload Too Large"), Answer::status("413 Payload Too Large")]);
    let mut transport = transport(&server);
    let mut batch = Batch::from_events(numbered(0..8));
    transport.send(&mut batch).unwrap();
    assert!(batch.is_done());
    let counts: Vec<usize> =
        server.requests().iter().map(|request| request.text().matches("n").count()).collect();
    assert_eq!(counts[..3], [8, 4, 2]);
    assert_eq!(counts[2..].iter().sum::<usize>(), 8, "every event once: {counts:?}");
    assert!(counts[2..].iter().all(|count| *count <= 2), "what was learned holds: {counts:?}");
    transport.close();
    transport.send(&mut Batch::from_events(numbered(0..8))).unwrap();
    assert_eq!(server.requests().last().unwrap().text().matches("n").count(), 8, "until it is closed");
}

#[test]
fn t29_one_event_that_is_too_large_is_rejected() {
    let server = HttpServer::start();
    server.script(vec![Answer::status("413 Payload Too Large"); 3]);
    let mut batch = Batch::from_events(numbered(0..4));
    let error = transport(&server).send(&mut batch).unwrap_err();
    assert_eq!((error.kind(), batch.acknowledged()), (ErrorKind::Rejected, 0));
    assert_eq!(server.requests().len(), 3, "four, two, one");
}

#[test]
fn t29_what_only_a_human_can_mend_is_misconfigured() {
    for status in ["401 Unauthorized", "403 Forbidden", "404 Not Found", "405 Method Not Allowed", "415 No"] {
        assert_eq!(answered(Answer::status(status)).unwrap_err().kind(), ErrorKind::Misconfigured);
    }
}

#[test]
fn t29_a_redirect_is_not_followed_and_its_target_named() {
    let error = answered(Answer::with("302 Found", "Location: https://elsewhere/in\r\n", "")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("its target is https://elsewhere/in"), "{error}");
    let error = answered(Answer::status("301 Moved Permanently")).unwrap_err();
    assert!(error.to_string().contains("its target is not named"), "{error}");
}

#[test]
fn t29_retry_after_in_both_forms() {
    let kind = |status, headers: &str| answered(Answer::with(status, headers, "")).unwrap_err().kind();
    let throttled = |seconds| ErrorKind::Throttled { retry_after: Some(Duration::from_secs(seconds)) };
    assert_eq!(kind("429 Too Many Requests", "Retry-After: 17\r\n"), throttled(17));
    let date = "Date: Fri, 01 Jan 2100 00:00:00 GMT\r\nRetry-After: Fri, 01 Jan 2100 00:01:30 GMT\r\n";
    assert_eq!(kind("503 Service Unavailable", date), throttled(90));
    assert_eq!(kind("429 Too Many Requests", ""), ErrorKind::Throttled { retry_after: None });
    assert_eq!(kind("503 Service Unavailable", ""), ErrorKind::Throttled { retry_after: None });
}

#[test]
fn a_server_in_trouble_is_unavailable() {
    for status in
        ["500 Internal Server Error", "502 Bad Gateway", "504 Gateway Timeout", "408 Request Timeout"]
    {
        let error = answered(Answer::with(status, "", "oops")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().ends_with(&format!("answers {status}: oops")), "{error}");
    }
}

#[test]
fn t29_chunked_answers_and_answers_without_a_body() {
    let server = HttpServer::start();
    server.script([
        Answer::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        Answer::raw("HTTP/1.1 204 No Content\r\n\r\n"),
        Answer::raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Answer::Close(b"HTTP/1.0 200 OK\r\n\r\nup to the end".to_vec()),
    ]);
    let mut transport = transport(&server);
    for round in 0..4 {
        transport.send(&mut Batch::from_events(numbered(round..round + 1))).unwrap();
    }
    assert_eq!(server.requests().len(), 4);
    assert_eq!(server.connections(), 1);
}

#[test]
fn t29_one_connection_is_used_again() {
    let server = HttpServer::start();
    let mut transport = transport(&server).max_body_events(10);
    for _ in 0..3 {
        transport.send(&mut Batch::from_events(numbered(0..35))).unwrap();
    }
    let error = Answer::with("400 Bad Request", "", &"x".repeat(10_000));
    server.script([error]);
    transport.send(&mut Batch::from_events(numbered(0..1))).unwrap_err();
    transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
    assert_eq!((server.requests().len(), server.connections()), (14, 1));
}

#[test]
fn t29_a_connection_closed_while_idle_is_replaced() {
    let server = HttpServer::start();
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec();
    server.script(vec![Answer::Close(ok); 5]);
    let mut transport = transport(&server);
    for round in 0..5 {
        transport.send(&mut Batch::from_events(numbered(round..round + 1))).unwrap();
    }
    let bodies: Vec<String> = server.requests().iter().map(|request| request.text().to_owned()).collect();
    assert_eq!(bodies, (0..5).map(|round| format!("[{{\"n\":{round}}}]")).collect::<Vec<_>>());
    assert_eq!(server.connections(), 5);
}

#[test]
fn a_new_connection_that_fails_is_not_tried_again_at_once() {
    let server = HttpServer::start();
    server.script([Answer::Close(Vec::new())]);
    let error = transport(&server).send(&mut Batch::from_events(numbered(0..1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_reset_in_the_middle_of_the_head_leaves_the_events_undelivered() {
    let server = HttpServer::start();
    server.script([Answer::status("200 OK"), Answer::Reset(b"HTTP/1.1 200 O".to_vec())]);
    let mut transport = transport(&server).max_body_events(10);
    server.script([Answer::Reset(Vec::new())]);
    let mut batch = Batch::from_events(numbered(0..20));
    let error = transport.send(&mut batch).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(batch.acknowledged(), 10, "what came before is kept");
    transport.send(&mut batch).unwrap();
    assert_eq!(server.requests().last().unwrap().text(), body(10..20));
}

fn body(range: std::ops::Range<usize>) -> String {
    let events: Vec<String> = range.map(|number| format!("{{\"n\":{number}}}")).collect();
    format!("[{}]", events.join(","))
}

#[test]
fn a_reset_or_a_stall_behind_the_status_does_not_matter() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf".to_vec();
    let started = Instant::now();
    for answer in [Answer::Reset(head.clone()), Answer::Close(head.clone()), Answer::Stall(head)] {
        let server = HttpServer::start();
        server.script([answer]);
        let mut transport = transport(&server);
        transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
        transport.send(&mut Batch::from_events(numbered(1..2))).unwrap();
        assert_eq!((server.requests().len(), server.connections()), (2, 2));
    }
    assert!(started.elapsed() < Duration::from_secs(30), "nobody waits for the request timeout");
}

#[test]
fn an_endless_body_is_not_read_to_its_end() {
    let server = HttpServer::start();
    let mut endless = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 1000000000\r\n\r\n".to_vec();
    endless.extend(vec![b'x'; 300_000]);
    server.script([Answer::Stall(endless)]);
    let error = transport(&server).send(&mut Batch::from_events(numbered(0..1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.to_string().len() < 1000);
}

#[test]
fn a_silent_server_costs_the_request_timeout() {
    let server = HttpServer::start();
    server.script([Answer::Stall(b"HTTP/1.1 200".to_vec())]);
    let mut transport = transport(&server).request_timeout(Duration::from_millis(300));
    let error = transport.send(&mut Batch::from_events(numbered(0..1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error_chain(&error).contains("timed out"), "{}", error_chain(&error));
}

#[test]
fn the_interrupt_ends_the_wait() {
    let server = HttpServer::start();
    server.script([Answer::Stall(Vec::new())]);
    let mut transport = transport(&server);
    let interrupt = Interrupt::new();
    transport.interrupt_by(interrupt.clone());
    let started = Instant::now();
    let error = std::thread::scope(|scope| {
        let sending = scope.spawn(|| transport.send(&mut Batch::from_events(numbered(0..1))).unwrap_err());
        server.wait_for_requests(1);
        interrupt.raise();
        sending.join().unwrap()
    });
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error_chain(&error).contains("interrupted"), "{}", error_chain(&error));
    assert!(started.elapsed() < Duration::from_secs(50), "the request timeout is longer");
}

#[test]
fn t29_gzip_bodies_inflate_to_the_same_bytes() {
    for level in [1, 6, 9] {
        let server = HttpServer::start();
        transport(&server).gzip_level(level).send(&mut Batch::from_events(numbered(0..1000))).unwrap();
        let request = &server.requests()[0];
        assert_eq!(request.header("content-encoding"), Some("gzip"));
        let mut inflated = String::new();
        flate2::read::GzDecoder::new(&request.body[..]).read_to_string(&mut inflated).unwrap();
        assert_eq!(inflated, body(0..1000));
        assert!(request.body.len() < inflated.len() / 2);
    }
}

#[test]
fn t29_bodies_fill_their_limit_to_the_byte() {
    let events = || Batch::from_events(numbered(0..10));
    for format in [HttpBody::Array, HttpBody::Lines] {
        let server = HttpServer::start();
        // Events of 7 bytes each: five of them make an array of 5 * 7 + 6 bytes, or 5 lines of 8.
        let exact = if format == HttpBody::Array { 41 } else { 40 };
        transport(&server).body(format).max_body_bytes(exact).send(&mut events()).unwrap();
        let lengths: Vec<usize> = server.requests().iter().map(|request| request.body.len()).collect();
        assert_eq!(lengths, [exact, exact]);
        transport(&server).body(format).max_body_bytes(exact - 1).send(&mut events()).unwrap();
        assert_eq!(server.requests().len(), 2 + 3);
    }
}

#[test]
fn an_event_over_the_limit_or_without_content_is_rejected_and_not_sent() {
    let server = HttpServer::start();
    let mut transport = transport(&server).max_body_bytes(20);
    for (bad, text) in
        [("x".repeat(19), "a body of 21 bytes, where 20 are allowed"), (String::new(), "without content")]
    {
        let mut batch = Batch::from_events(["{\"n\":1}".to_owned(), bad.clone()]);
        let error = transport.send(&mut batch).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(error.to_string().contains(text), "{error}");
    }
    assert!(server.requests().iter().all(|request| request.text() == "[{\"n\":1}]"));
}

#[test]
fn t29_paths_are_joined() {
    let server = HttpServer::start();
    for (address, path, target) in
        [("", "", "/"), ("/", "a", "/a"), ("/a", "b", "/a/b"), ("/a/", "/b", "/a/b"), ("/a/b/", "", "/a/b/")]
    {
        let mut transport = HttpTransport::new(&format!("{}{address}", server.url())).unwrap().path(path);
        transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
        assert_eq!(server.requests().last().unwrap().line, format!("POST {target} HTTP/1.1"));
    }
}

#[test]
fn t29_ipv6_hosts_stand_in_brackets() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        eprintln!("skipped: this machine has no IPv6");
        return;
    };
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let length = socket.read(&mut request).unwrap();
        std::io::Write::write_all(&mut socket, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
        String::from_utf8_lossy(&request[..length]).to_ascii_lowercase()
    });
    let mut transport = HttpTransport::new(&format!("http://{address}/in")).unwrap();
    transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
    let request = server.join().unwrap();
    assert!(request.contains(&format!("host: {address}")), "{request}");
}

#[test]
fn t29_requests_go_through_a_proxy() {
    let proxy = HttpServer::start();
    let address = proxy.url().replace("http://", "http://user:secret@");
    let mut transport =
        HttpTransport::new("http://logstash.invalid:8080/in").unwrap().proxy(&address).unwrap();
    transport.send(&mut Batch::from_events(numbered(0..2))).unwrap();
    let request = &proxy.requests()[0];
    assert_eq!(request.line, "POST http://logstash.invalid:8080/in HTTP/1.1");
    assert_eq!(request.header("proxy-authorization"), Some("Basic dXNlcjpzZWNyZXQ="));
    assert_eq!(request.header("host"), Some("logstash.invalid:8080"));
    assert_eq!(request.text(), body(0..2));
    proxy.script([Answer::status("407 Proxy Authentication Required")]);
    let error = transport.send(&mut Batch::from_events(numbered(0..2))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
}

#[test]
fn t29_a_transport_made_of_an_address_goes_through_a_proxy() {
    use logstash_transport::{Endpoint, TransportOptions};

    let proxy = HttpServer::start();
    let endpoint: Endpoint = "http://logstash.invalid:8080/in".parse().unwrap();
    let through = |proxy: &str| {
        endpoint.clone().into_transport(&TransportOptions::new().http_proxy(proxy.parse().unwrap()))
    };
    through(&proxy.url()).unwrap().send(&mut Batch::from_events(numbered(0..1))).unwrap();
    assert_eq!(proxy.requests()[0].line, "POST http://logstash.invalid:8080/in HTTP/1.1");
    let error = through("tcp://user.invalid:1").map(drop).unwrap_err();
    assert!(error.to_string().ends_with("write http://"), "{error}");
}

#[test]
fn credentials_come_in_every_form_and_are_never_shown() {
    let server = HttpServer::start();
    let with_user = server.url().replace("http://", "http://user:hidden@");
    let new = || HttpTransport::new(&with_user).unwrap();
    for (mut transport, value) in [
        (new(), "Basic dXNlcjpoaWRkZW4="),
        (new().basic_auth("", ""), "Basic Og=="),
        (new().bearer_token("hidden").unwrap(), "Bearer hidden"),
        (new().api_key("hidden").unwrap(), "ApiKey hidden"),
        (new().header("Authorization", "Own hidden").unwrap(), "Own hidden"),
    ] {
        server.script([Answer::status("401 Unauthorized")]);
        let error = transport.send(&mut Batch::from_events(numbered(0..1))).unwrap_err();
        assert_eq!(server.requests().last().unwrap().header("authorization"), Some(value));
        for shown in [format!("{transport:?}"), format!("{error:?}"), error_chain(&error)] {
            assert!(!shown.contains("hidden") && !shown.contains("aGlkZGVu"), "{shown}");
        }
    }
    let mut transport = new().header("X-Tenant", "shop").unwrap();
    transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
    assert_eq!(server.requests().last().unwrap().header("x-tenant"), Some("shop"));
    for wrong in [new().header("X Tenant", "shop"), new().header("X", "a\nb"), new().bearer_token("\r\n")] {
        assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Misconfigured);
    }
}

#[test]
fn a_port_without_a_server_and_a_name_without_an_address_are_unavailable() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for address in [format!("http://127.0.0.1:{port}"), "http://logstash.invalid:8080".to_owned()] {
        let started = Instant::now();
        let mut transport = HttpTransport::new(&address).unwrap();
        let error = transport.send(&mut Batch::from_events(numbered(0..1))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error_chain(&error));
        assert!(error.to_string().contains(&address), "{error}");
        // A machine without a network may ask its name server in vain.
        assert!(started.elapsed() < Duration::from_secs(50), "all timeouts together are longer");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_proxy_that_does_not_answer_costs_a_probe_the_time_for_connecting() {
    let (listener, _waiting) = crate::support::black_hole();
    let options = logstash_transport::ConnectionOptions::new().connect_timeout(Duration::from_millis(200));
    let transport = HttpTransport::new("http://logstash.invalid").unwrap().connection(options);
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let started = Instant::now();
    let error = transport.proxy(&proxy).unwrap().probe().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[test]
fn a_timeout_may_be_as_long_as_one_likes() {
    let server = HttpServer::start();
    let options = logstash_transport::ConnectionOptions::new()
        .connect_timeout(Duration::MAX)
        .handshake_timeout(Duration::MAX)
        .keepalive(Some(Duration::MAX))
        .user_timeout(Some(Duration::MAX));
    let transport = transport(&server).connection(options);
    let mut transport = transport.request_timeout(Duration::MAX).idle_timeout(Duration::MAX);
    transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
    transport.send(&mut Batch::from_events(numbered(1..2))).unwrap();
    assert_eq!((server.requests().len(), server.connections()), (2, 1));
}

#[test]
fn what_does_not_speak_http_is_unavailable() {
    let server = HttpServer::start();
    server.script([Answer::Close(b"2A\0\0\0\x01".to_vec())]);
    let error = transport(&server).send(&mut Batch::from_events(numbered(0..1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", error_chain(&error));
}

#[test]
fn sending_works_on_a_thread_that_runs_another_runtime() {
    let server = HttpServer::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut transport = transport(&server);
        transport.send(&mut Batch::from_events(numbered(0..3))).unwrap();
        transport.send(&mut Batch::from_events(numbered(3..6))).unwrap();
        drop(transport);
    });
    assert_eq!((server.requests().len(), server.connections()), (2, 1));
}

#[test]
fn a_probe_sends_no_event() {
    let server = HttpServer::start();
    transport(&server).probe().unwrap();
    transport(&server).body(HttpBody::Lines).probe().unwrap();
    transport(&server).body(HttpBody::Single).probe().unwrap();
    let requests = server.requests();
    let seen: Vec<(&str, &str)> =
        requests.iter().map(|request| (request.line.split(' ').next().unwrap(), request.text())).collect();
    assert_eq!(seen, [("POST", "[]"), ("POST", ""), ("HEAD", "")]);
    server.script([Answer::status("400 Bad Request"), Answer::status("403 Forbidden")]);
    let report = transport(&server).probe().unwrap();
    assert!(report.to_string().contains("answers 400"), "{report}");
    assert_eq!(transport(&server).probe().unwrap_err().kind(), ErrorKind::Misconfigured);
}

#[cfg(not(feature = "tls"))]
#[test]
fn https_without_tls_names_the_feature() {
    let error = HttpTransport::new("https://localhost").unwrap().send(&mut Batch::from_events(["{}"]));
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured);
    assert!(error.to_string().contains("feature tls"), "{error}");
}

/// What the library logs must come from the thread that sends: only then its owner can tell these
/// records from those of the application.
#[test]
fn the_library_logs_on_the_calling_thread_alone() {
    static SEEN: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
    struct Recorder;
    impl log::Log for Recorder {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }
        fn log(&self, record: &log::Record<'_>) {
            let thread = std::thread::current().name().unwrap_or("without name").to_owned();
            SEEN.lock().unwrap().push((thread, record.target().to_owned()));
        }
        fn flush(&self) {}
    }
    log::set_logger(&Recorder).unwrap();
    log::set_max_level(log::LevelFilter::Trace);

    let server = HttpServer::start();
    let sender = std::thread::Builder::new().name("the sender".to_owned());
    let address = server.url().replace("127.0.0.1", "localhost");
    let send = move || {
        let mut transport = HttpTransport::new(&address).unwrap();
        transport.send(&mut Batch::from_events(numbered(0..3))).unwrap();
        transport.close();
    };
    sender.spawn(send).unwrap().join().unwrap();

    let seen = SEEN.lock().unwrap().clone();
    let logs =
        |thread: &str, target: &str| seen.iter().any(|(on, of)| on == thread && of.starts_with(target));
    assert!(logs("the sender", "reqwest"), "{seen:?}");
    // Tests beside this one send too, on threads with other names than those that resolve or block.
    let at_work = |thread: &str| thread.starts_with("logstash-resolve") || thread.starts_with("tokio");
    assert!(!seen.iter().any(|(thread, _)| at_work(thread)), "{seen:?}");
}

/// Counted in a process of its own, because other tests open files and start threads.
#[cfg(target_os = "linux")]
#[test]
fn a_thousand_failed_connects_leave_nothing_behind() {
    const ALONE: &str = "LOGSTASH_TRANSPORT_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "http::a_thousand_failed_connects_leave_nothing_behind";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let output = child.args([name, "--exact", "--nocapture"]).env(ALONE, "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("constant over 1000 failed connects"), "{text}");
        return;
    }
    let count = |folder: &str| std::fs::read_dir(folder).unwrap().count();
    let usage = || (count("/proc/self/fd"), count("/proc/self/task"));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut transport = HttpTransport::new(&format!("http://localhost:{port}")).unwrap();
    let mut fail = || {
        let error = transport.send(&mut Batch::from_events(numbered(0..1))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    };
    fail();
    let before = usage();
    (0..1000).for_each(|_| fail());
    // A thread that resolved may still be on its way out, now as well as before.
    let has_grown = || {
        let now = usage();
        now.0 > before.0 || now.1 > before.1
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while has_grown() && Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert!(!has_grown(), "{:?} after {before:?}", usage());
    println!("{before:?} files and threads, constant over 1000 failed connects");
}

#[test]
fn where_no_connection_comes_about_there_is_advice() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // No resolver asks the network for a label that long.
    let nameless = format!("http://{}.example", "x".repeat(64));
    for (address, part) in [(format!("http://{gone}"), "listens"), (nameless, "name servers")] {
        let mut transport = HttpTransport::new(&address).unwrap();
        let error = transport.send(&mut Batch::from_events(["{}"])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(
            error.advice().is_some_and(|advice| advice.contains(part)),
            "{address}: {:?}",
            error.advice()
        );
    }
}
