use std::borrow::Cow;
use std::net::IpAddr;

use super::own::number;
use crate::HttpContext;
use crate::json::Json;

/// Writes the value of a field; nothing if it is not known.
pub(super) type WriteRequest = fn(&mut Json<'_>, &HttpContext<'_>);

/// The fields for the request that an event belongs to.
pub(super) const REQUEST_FIELDS: [(&str, WriteRequest); 19] = [
    ("client.address", |to, http| text(to, &http.client_address)),
    ("client.ip", |to, http| {
        if let Some(address) = http.client_address.as_deref()
            && let Ok(ip) = address.parse::<IpAddr>()
        {
            to.quoted(ip);
        }
    }),
    ("event.duration", |to, http| {
        let nanos = http.duration.map(|duration| duration.as_nanos());
        number(to, nanos.map(|nanos| i64::try_from(nanos).unwrap_or(i64::MAX).unsigned_abs()));
    }),
    ("http.request.body.bytes", |to, http| number(to, http.request_bytes)),
    ("http.request.id", |to, http| text(to, &http.request_id)),
    ("http.request.method", |to, http| text(to, &http.method)),
    ("http.request.referrer", |to, http| text(to, &http.referer)),
    ("http.response.body.bytes", |to, http| number(to, http.response_bytes)),
    ("http.response.status_code", |to, http| number(to, http.status)),
    ("http.version", |to, http| text(to, &http.version)),
    ("network.forwarded_ip", |to, http| {
        if let Some(ip) = http.forwarded_for.iter().find_map(|address| address.parse::<IpAddr>().ok()) {
            to.quoted(ip);
        }
    }),
    ("url.domain", |to, http| text(to, &http.host)),
    ("url.original", |to, http| {
        if let Some(url) = http.url() {
            to.display(url);
        }
    }),
    ("url.path", |to, http| text(to, &http.path)),
    ("url.port", |to, http| number(to, http.port)),
    ("url.query", |to, http| text(to, &http.query)),
    ("url.scheme", |to, http| text(to, &http.scheme)),
    ("user.name", |to, http| text(to, &http.user)),
    ("user_agent.original", |to, http| text(to, &http.user_agent)),
];

fn text(to: &mut Json<'_>, text: &Option<Cow<'_, str>>) {
    if let Some(text) = text {
        to.text(text);
    }
}
