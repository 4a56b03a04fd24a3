use tracing::Span;
use tracing::field::Empty;

use super::Outcome;
use crate::HttpContext;

/// The target of the span and the event.
pub(super) const TARGET: &str = "http";

/// The span in which a request is handled, with the names that `http::semantic` reads back.
pub(super) fn span_of(http: &HttpContext<'_>, trace_id: Option<&str>) -> Span {
    let span = tracing::error_span!(
        target: TARGET,
        "request",
        otel.kind = "server",
        otel.name = Empty,
        otel.status_code = Empty,
        http.request.method = http.method.as_deref(),
        http.route = http.route.as_deref(),
        http.request.id = http.request_id.as_deref(),
        http.request.referrer = http.referer.as_deref(),
        http.request.body.size = http.request_bytes,
        http.request.headers = Empty,
        "http.request.header.x-forwarded-for" = Empty,
        "http.request.header.x-forwarded-proto" = http.forwarded_proto.as_deref(),
        http.response.status_code = Empty,
        http.response.body.size = Empty,
        http.server.request.duration = Empty,
        url.scheme = http.scheme.as_deref(),
        url.path = http.path.as_deref(),
        url.query = http.query.as_deref(),
        server.address = http.host.as_deref(),
        server.port = http.port,
        client.address = http.client_address.as_deref(),
        user_agent.original = http.user_agent.as_deref(),
        user.name = Empty,
        network.protocol.version = http.version.as_deref(),
        trace.id = trace_id,
    );
    if span.is_disabled() {
        return span;
    }
    if let (Some(method), Some(route)) = (&http.method, &http.route) {
        span.record("otel.name", format!("{method} {route}"));
    }
    if !http.forwarded_for.is_empty() {
        span.record("http.request.header.x-forwarded-for", http.forwarded_for.join(", "));
    }
    if !http.request_headers.is_empty() {
        let lines: Vec<_> =
            http.request_headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        span.record("http.request.headers", lines.join("\n"));
    }
    span
}

pub(super) fn record_response(span: &Span, http: &HttpContext<'_>, outcome: Outcome) {
    let is_error =
        matches!(outcome, Outcome::Failed | Outcome::Panicked) || matches!(http.status, Some(500..));
    tracing::record_all!(
        span,
        otel.status_code = is_error.then_some("ERROR"),
        http.response.status_code = http.status,
        http.response.body.size = http.response_bytes,
        http.server.request.duration = http.duration.map(|duration| duration.as_secs_f64()),
    );
}
