//! The names that OpenTelemetry gives to the parts of a request, as they stand in span fields.

use std::borrow::Cow;
use std::time::Duration;

use super::{HttpContext, Redaction};
use crate::Value;

/// Whether a name is worth looking at.
pub(crate) fn is_possible(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    let first_ones = ["client", "enduser", "http", "network", "otel", "server", "url", "user", "user_agent"];
    first.len() < name.len() && first_ones.contains(&first)
}

/// Takes a field over into `context`; `false` if it is none of a request, or its value none of such a
/// field.
///
/// Secrets are redacted, because others fill these fields in without knowing that they are logged.
pub(crate) fn set(context: &mut HttpContext<'static>, name: &str, value: Value<'_>) -> bool {
    match name {
        "http.request.method" => put(&mut context.method, text(value)),
        "http.route" => put(&mut context.route, text(value)),
        "http.response.status_code" => put(&mut context.status, small_number(value)),
        "http.request.body.size" => put(&mut context.request_bytes, number(value)),
        "http.response.body.size" => put(&mut context.response_bytes, number(value)),
        "http.server.request.duration" => put(&mut context.duration, seconds(value)),
        "http.request.id" => put(&mut context.request_id, text(value)),
        "http.request.referrer" | "http.request.header.referer" => {
            let redacted = text(value).map(|url| Redaction::new().url(&url).into_owned().into());
            put(&mut context.referer, redacted)
        }
        "http.request.headers" => put_list(&mut context.request_headers, lines(value)),
        "http.request.header.x-forwarded-for" => put_list(&mut context.forwarded_for, list(value)),
        "http.request.header.x-forwarded-proto" => put(&mut context.forwarded_proto, text(value)),
        "url.scheme" => put(&mut context.scheme, text(value)),
        "url.path" => put(&mut context.path, text(value)),
        "url.query" => {
            let redacted = text(value).map(|query| Redaction::new().query(&query).into_owned().into());
            put(&mut context.query, redacted)
        }
        "server.address" => put(&mut context.host, text(value)),
        "server.port" => put(&mut context.port, small_number(value)),
        "client.address" => put(&mut context.client_address, text(value)),
        "user_agent.original" => put(&mut context.user_agent, text(value)),
        "user.name" | "enduser.id" => put(&mut context.user, text(value)),
        "network.protocol.version" => put(&mut context.version, text(value)),
        _ => is_directive(name),
    }
}

fn put<T>(part: &mut Option<T>, value: Option<T>) -> bool {
    *part = value;
    part.is_some()
}

fn put_list<T>(part: &mut Vec<T>, value: Vec<T>) -> bool {
    *part = value;
    !part.is_empty()
}

/// What is said to the OpenTelemetry layer, and not about the request.
fn is_directive(name: &str) -> bool {
    matches!(name, "otel.kind" | "otel.name" | "otel.status_code")
}

fn text(value: Value<'_>) -> Option<Cow<'static, str>> {
    match value {
        Value::Str("") => None,
        Value::Str(text) => Some(text.to_owned().into()),
        Value::U64(number) => Some(number.to_string().into()),
        Value::I64(number) => Some(number.to_string().into()),
        _ => None,
    }
}

fn number(value: Value<'_>) -> Option<u64> {
    match value {
        Value::U64(number) => Some(number),
        Value::I64(number) => number.try_into().ok(),
        Value::Str(text) => text.parse().ok(),
        _ => None,
    }
}

fn small_number(value: Value<'_>) -> Option<u16> {
    number(value)?.try_into().ok()
}

fn seconds(value: Value<'_>) -> Option<Duration> {
    match value {
        Value::F64(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        _ => None,
    }
}

fn list(value: Value<'_>) -> Vec<Cow<'static, str>> {
    let text = text(value).unwrap_or_default();
    let elements = text.split(',').map(str::trim).filter(|element| !element.is_empty());
    elements.map(|element| Cow::Owned(element.to_owned())).collect()
}

/// Headers as the access log layer puts them into one field, because their names are not known to the
/// compiler.
fn lines(value: Value<'_>) -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
    let text = text(value).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| line.split_once(": "));
    pairs.map(|(name, value)| (Cow::Owned(name.to_owned()), Cow::Owned(value.to_owned()))).collect()
}
