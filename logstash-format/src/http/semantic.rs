//! The names that OpenTelemetry gives to the parts of a request, as they stand in span fields.

use std::borrow::Cow;
use std::time::Duration;

use super::redaction::REDACTED;
use super::{HttpContext, Redaction};
use crate::Value;

/// Whether a name is worth looking at.
pub(crate) fn is_possible(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    let first_ones = ["client", "enduser", "http", "network", "otel", "server", "url", "user", "user_agent"];
    first.len() < name.len() && first_ones.contains(&first)
}

/// The text of a field without the secrets in it, if it has some: others fill these fields in without
/// knowing that they are logged.
pub(crate) fn redacted(name: &str, text: &str) -> Option<String> {
    if !is_possible(name) {
        return None;
    }
    let redaction = Redaction::new();
    let redacted = match name {
        "url.query" => redaction.query(text),
        "url.full" | "url.original" | "http.url" | "http.target" | "http.request.referrer" => {
            redaction.url(text)
        }
        "http.request.headers" => {
            let lines: Vec<_> = text.lines().map(|line| redacted_line(line, &redaction)).collect();
            Cow::Owned(lines.join("\n"))
        }
        _ => redacted_header(header_of(name)?, text, &redaction),
    };
    match redacted {
        Cow::Borrowed(_) => None,
        Cow::Owned(redacted) => Some(redacted),
    }
}

/// The header that a field is named after.
fn header_of(name: &str) -> Option<&str> {
    name.strip_prefix("http.request.header.").or_else(|| name.strip_prefix("http.response.header."))
}

fn redacted_line<'l>(line: &'l str, redaction: &Redaction) -> Cow<'l, str> {
    match line.split_once(": ") {
        Some((name, value)) => match redacted_header(name, value, redaction) {
            Cow::Borrowed(_) => line.into(),
            Cow::Owned(value) => format!("{name}: {value}").into(),
        },
        None => line.into(),
    }
}

fn redacted_header<'v>(name: &str, value: &'v str, redaction: &Redaction) -> Cow<'v, str> {
    match redaction.redacts_header(name) || redaction.redacts_header(&name.replace('_', "-")) {
        true => Cow::Owned(REDACTED.to_owned()),
        false => redaction.url(value),
    }
}

/// Takes a field over into `context`; `false` if it is none of a request, or its value none of such a
/// field.
pub(crate) fn set(context: &mut HttpContext<'static>, name: &str, value: Value<'_>) -> bool {
    match name {
        "http.request.method" => put(&mut context.method, text(value)),
        "http.route" => put(&mut context.route, text(value)),
        "http.response.status_code" => put(&mut context.status, small_number(value)),
        "http.request.body.size" => put(&mut context.request_bytes, number(value)),
        "http.response.body.size" => put(&mut context.response_bytes, number(value)),
        "http.server.request.duration" => put(&mut context.duration, seconds(value)),
        "http.request.id" => put(&mut context.request_id, text(value)),
        "http.request.referrer" | "http.request.header.referer" => put(&mut context.referer, text(value)),
        "http.request.headers" => put_list(&mut context.request_headers, lines(value)),
        "http.request.header.x-forwarded-for" => put_list(&mut context.forwarded_for, list(value)),
        "http.request.header.x-forwarded-proto" => put(&mut context.forwarded_proto, text(value)),
        "url.scheme" => put(&mut context.scheme, text(value)),
        "url.path" => put(&mut context.path, text(value)),
        "url.query" => put(&mut context.query, text(value)),
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
