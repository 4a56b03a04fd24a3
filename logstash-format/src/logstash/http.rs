use std::borrow::Cow;

use crate::document::Document;
use crate::http::Headers;
use crate::{HttpContext, TraceContext, Value};

/// The request that the event belongs to.
pub(super) fn write_http(document: &mut Document<'_>, http: &HttpContext<'_>) {
    if let Some(status) = http.status {
        document.own("status_code", |to| to.u64(status.into()));
    }
    text(document, "req_useragent", &http.user_agent);
    text(document, "req_remote_address", &http.client_address);
    if let Some(url) = http.url() {
        if let Some(host) = url.host_and_port() {
            document.own("req_host", |to| to.display(host));
        }
        document.own("req_uri", |to| to.display(url));
    }
    text(document, "req_user", &http.user);
    text(document, "req_method", &http.method);
    text(document, "req_referer", &http.referer);
    text(document, "req_forwarded_proto", &http.forwarded_proto);
    if !http.forwarded_for.is_empty() {
        document.own("req_forwarded_for", |to| to.value(Value::serialize(&http.forwarded_for)));
    }
    text(document, "request_id", &http.request_id);
    text(document, "req_route", &http.route);
    text(document, "req_http_version", &http.version);
    if !http.request_headers.is_empty() {
        document.own("req_headers", |to| to.value(Value::serialize(&Headers(&http.request_headers))));
    }
    if let Some(bytes) = http.request_bytes {
        document.own("req_bytes", |to| to.u64(bytes));
    }
    if let Some(bytes) = http.response_bytes {
        document.own("resp_bytes", |to| to.u64(bytes));
    }
    if let Some(duration) = http.duration {
        let millis = duration.as_micros() as f64 / 1000.0;
        document.own("resp_duration_ms", |to| to.f64(millis));
    }
}

/// The trace that the event is part of.
pub(super) fn write_trace(document: &mut Document<'_>, trace: TraceContext<'_>) {
    let ids =
        [("trace_id", trace.trace_id), ("span_id", trace.span_id), ("transaction_id", trace.transaction_id)];
    for (name, id) in ids {
        if let Some(id) = id {
            document.own(name, |to| to.plain_text(id));
        }
    }
}

fn text(document: &mut Document<'_>, name: &str, text: &Option<Cow<'_, str>>) {
    if let Some(text) = text {
        document.own(name, |to| to.text(text));
    }
}
