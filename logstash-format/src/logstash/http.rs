use std::borrow::Cow;
use std::fmt;

use super::document::Document;
use crate::json::Json;
use crate::{HttpContext, TraceContext};

impl Document<'_> {
    /// The request that the event belongs to.
    pub(super) fn http(&mut self, http: &HttpContext<'_>) {
        if let Some(status) = http.status {
            self.own_field("status_code", |to| to.u64(status.into()));
        }
        self.own_text("req_useragent", &http.user_agent);
        self.own_text("req_remote_address", &http.client_address);
        if let Some(url) = http.url() {
            if let Some(host) = url.host_and_port() {
                self.own_field("req_host", |to| to.text(host));
            }
            self.own_field("req_uri", |to| to.text(url));
        }
        self.own_text("req_user", &http.user);
        self.own_text("req_method", &http.method);
        self.own_text("req_referer", &http.referer);
        self.own_text("req_forwarded_proto", &http.forwarded_proto);
        if !http.forwarded_for.is_empty() {
            self.own_field("req_forwarded_for", |to| list(to, &http.forwarded_for));
        }
        self.own_text("request_id", &http.request_id);
        self.own_text("req_route", &http.route);
        self.own_text("req_http_version", &http.version);
        if !http.request_headers.is_empty() {
            self.own_field("req_headers", |to| object(to, &http.request_headers));
        }
        if let Some(bytes) = http.request_bytes {
            self.own_field("req_bytes", |to| to.u64(bytes));
        }
        if let Some(bytes) = http.response_bytes {
            self.own_field("resp_bytes", |to| to.u64(bytes));
        }
        if let Some(duration) = http.duration {
            let millis = duration.as_micros() as f64 / 1000.0;
            self.own_field("resp_duration_ms", |to| to.f64(millis));
        }
    }

    /// The trace that the event is part of.
    pub(super) fn trace(&mut self, trace: TraceContext<'_>) {
        let ids = [
            ("trace_id", trace.trace_id),
            ("span_id", trace.span_id),
            ("transaction_id", trace.transaction_id),
        ];
        for (name, id) in ids {
            if let Some(id) = id {
                self.own_field(name, |to| to.string(id));
            }
        }
    }

    fn own_text(&mut self, name: &str, text: &Option<Cow<'_, str>>) {
        if let Some(text) = text {
            self.own_field(name, |to| to.string(text));
        }
    }
}

fn list(to: &mut Json<'_>, texts: &[Cow<'_, str>]) {
    for (at, text) in texts.iter().enumerate() {
        to.raw(if at == 0 { "[" } else { "," });
        to.string(text);
    }
    to.raw("]");
}

/// Values of one name, which a header may have several of, are joined as RFC 9110 has it.
fn object(to: &mut Json<'_>, pairs: &[(Cow<'_, str>, Cow<'_, str>)]) {
    to.raw("{");
    let mut is_first = true;
    for (at, (name, _)) in pairs.iter().enumerate() {
        if pairs[..at].iter().any(|(earlier, _)| earlier == name) {
            continue;
        }
        if !is_first {
            to.raw(",");
        }
        is_first = false;
        to.string(name);
        to.raw(":");
        to.text(Joined { name, pairs });
    }
    to.raw("}");
}

struct Joined<'a> {
    name: &'a str,
    pairs: &'a [(Cow<'a, str>, Cow<'a, str>)],
}

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut values = self.pairs.iter().filter(|(name, _)| name == self.name).map(|(_, value)| value);
        if let Some(first) = values.next() {
            f.write_str(first)?;
        }
        values.try_for_each(|value| write!(f, ", {value}"))
    }
}
