//! A request of Django or Flask as an HTTP context.

use logstash_format::HttpContext;
use serde_json::Value as Json;

use super::sample::Sample;

/// The request and the response of a sample, if it has any.
pub(super) fn http_context(sample: &Sample) -> Option<HttpContext<'_>> {
    let status = sample.record.get("status_code").and_then(Json::as_u64);
    let response = sample.record.get("response").and_then(|response| response["$repr"].as_str());
    let of_response = response.and_then(|repr| repr.trim_matches(['<', '>']).split(' ').nth(1)?.parse().ok());
    let status = of_response.or(status);
    let request = sample.request.as_ref().filter(|request| request.is_object());
    if request.is_none() && status.is_none() {
        return None;
    }
    let mut http = match request {
        Some(request) if request.get("META").is_some() => of_django(request),
        Some(request) => of_flask(request),
        None => HttpContext::new(),
    };
    if let Some(status) = status {
        http = http.status(status.try_into().unwrap());
    }
    Some(http)
}

fn of_django(request: &Json) -> HttpContext<'_> {
    let meta = |name: &str| request["META"][name].as_str();
    let host = meta("HTTP_HOST").unwrap_or("testserver");
    let mut http = with_host(HttpContext::new(), host).scheme("http");
    http.method = meta("REQUEST_METHOD").map(Into::into);
    http.path = meta("PATH_INFO").map(Into::into);
    http.query = meta("QUERY_STRING").map(Into::into);
    http.client_address = meta("REMOTE_ADDR").map(Into::into);
    http.user_agent = meta("HTTP_USER_AGENT").map(Into::into);
    http.referer = meta("HTTP_REFERER").map(Into::into);
    http.user = request["user"].as_str().map(Into::into);
    forwarded(http, meta("HTTP_X_FORWARDED_PROTO"), meta("HTTP_X_FORWARDED_FOR"))
}

fn of_flask(request: &Json) -> HttpContext<'_> {
    let header = |name: &str| request["headers"][name].as_str();
    let host = request["base_url"]
        .as_str()
        .map_or("localhost", |url| url.trim_matches('/').rsplit('/').next().unwrap());
    let mut http = with_host(HttpContext::new(), host).scheme("http");
    http.method = request["method"].as_str().or(Some("GET")).map(Into::into);
    http.path = request["path"].as_str().map(Into::into);
    http.query = request["query_string"].as_str().map(Into::into);
    http.client_address = request["environ_base"]["REMOTE_ADDR"].as_str().map(Into::into);
    http.user = request["environ_base"]["REMOTE_USER"].as_str().map(Into::into);
    http.user_agent = header("User-Agent").map(Into::into);
    http.referer = header("Referer").map(Into::into);
    http.request_id = header("X-Request-ID").map(Into::into);
    forwarded(http, header("X-Forwarded-Proto"), header("X-Forwarded-For"))
}

fn with_host<'a>(http: HttpContext<'a>, host: &'a str) -> HttpContext<'a> {
    match host.split_once(':') {
        Some((host, port)) => http.host(host).port(port.parse().unwrap()),
        None => http.host(host),
    }
}

fn forwarded<'a>(
    mut http: HttpContext<'a>,
    proto: Option<&'a str>,
    chain: Option<&'a str>,
) -> HttpContext<'a> {
    http.forwarded_proto = proto.map(Into::into);
    for address in chain.into_iter().flat_map(|chain| chain.split(',')) {
        http = http.forwarded_for(address.trim());
    }
    http
}
