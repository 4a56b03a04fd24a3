//! What an answer means.

use super::client::Answer;
use crate::error::ErrorKind;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use std::time::{Duration, SystemTime};

/// What becomes of the events of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// The peer has taken them over.
    Accepted,
    /// Not delivered.
    Failed(ErrorKind),
    /// The body is too large; smaller ones may pass.
    TooLarge,
}

/// Judges an answer. `expected` are the statuses that acknowledge; any 2xx where it is empty.
pub(super) fn judge(answer: &Answer, expected: &[u16]) -> Verdict {
    let status = answer.status;
    let acknowledges =
        if expected.is_empty() { status.is_success() } else { expected.contains(&status.as_u16()) };
    if acknowledges {
        return Verdict::Accepted;
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return Verdict::TooLarge;
    }
    Verdict::Failed(match kind(status) {
        ErrorKind::Unavailable | ErrorKind::Throttled { .. } => {
            match retry_after(&answer.headers, SystemTime::now()) {
                Some(pause) => ErrorKind::Throttled { retry_after: Some(pause) },
                None => kind(status),
            }
        }
        kind => kind,
    })
}

/// The reaction to a status that does not acknowledge.
fn kind(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        // What was sent cannot be read; other events may be better.
        400 | 422 => ErrorKind::Rejected,
        // The peer, or something between, is slow, starting or gone for now.
        408 | 425 | 500 | 502 | 504 => ErrorKind::Unavailable,
        // Overloaded, under maintenance, out of space.
        429 | 503 | 507 => ErrorKind::Throttled { retry_after: None },
        // Not allowed, not there, not this method or content type, or an answer that nothing here
        // asked for: the next events would fare the same, so nothing is given up.
        0..=499 | 501 | 505 | 506 | 508 | 510 | 511 => ErrorKind::Misconfigured,
        _ => ErrorKind::Unavailable,
    }
}

/// What to do about a status that does not acknowledge.
pub(super) fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        300..=399 => "put the target into the address, if it is the right one",
        400 | 422 => "see whether the peer's codec takes what HttpTransport::body makes",
        401 | 403 | 407 => "compare user and password, token or key with what the peer wants",
        404 | 405 => "compare the path of the address with the one where the peer takes events",
        406 | 415 => "let the peer take what HttpTransport::body and gzip_level make, or choose other ones",
        413 => "let the peer take larger bodies, or make events shorter",
        429 | 503 | 507 => "see whether the peer's pipeline is slow or its queue is full",
        500..=599 => "see the log of the peer, and of what is between",
        _ => "see whether this is the address where the peer takes events",
    }
}

/// The pause that the peer asks for, in seconds or up to a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than can be counted are as good as the longest pause.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)).min(LONGEST_PAUSE));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    // By the peer's clock, where it tells the time: ours may differ.
    let now = date(headers, DATE).unwrap_or(now);
    Some(until.duration_since(now).unwrap_or_default().min(LONGEST_PAUSE))
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// No peer may ask for a longer pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn verdict(status: u16, headers: &[(HeaderName, &str)]) -> Verdict {
        let status = StatusCode::from_u16(status).unwrap();
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        let headers = headers.iter().map(|(name, text)| (name.clone(), value(text))).collect();
        judge(&Answer { status, headers, excerpt: String::new() }, &[])
    }

    #[test]
    fn every_status_has_its_reaction() {
        let throttled = Verdict::Failed(ErrorKind::Throttled { retry_after: None });
        for status in 100..=999 {
            let expected = match status {
                200..=299 => Verdict::Accepted,
                400 | 422 => Verdict::Failed(ErrorKind::Rejected),
                413 => Verdict::TooLarge,
                429 | 503 | 507 => throttled,
                408 | 425 | 500 | 502 | 504 | 509 | 512..=999 => Verdict::Failed(ErrorKind::Unavailable),
                _ => Verdict::Failed(ErrorKind::Misconfigured),
            };
            assert_eq!(verdict(status, &[]), expected, "{status}");
        }
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let pause = |seconds| {
            Verdict::Failed(ErrorKind::Throttled { retry_after: Some(Duration::from_secs(seconds)) })
        };
        let at = |status, text| verdict(status, &[(RETRY_AFTER, text)]);
        assert_eq!(at(429, "17"), pause(17));
        assert_eq!(at(503, " 0 "), pause(0));
        assert_eq!(at(500, "5"), pause(5), "whatever the status, a pause that is asked for is kept");
        assert_eq!(at(503, "99999999999999999999999"), pause(3600));
        assert_eq!(at(503, "Sun, 06 Nov 1994 08:49:37 GMT"), pause(0), "a date that has passed");
        let by_their_clock =
            [(RETRY_AFTER, "Sun, 06 Nov 1994 08:49:37 GMT"), (DATE, "Sun, 06 Nov 1994 08:49:00 GMT")];
        assert_eq!(verdict(503, &by_their_clock), pause(37));
        let none = Verdict::Failed(ErrorKind::Throttled { retry_after: None });
        for nonsense in ["", "-1", "soon", "1.5"] {
            assert_eq!(at(429, nonsense), none, "{nonsense:?}");
        }
        assert_eq!(at(400, "5"), Verdict::Failed(ErrorKind::Rejected));
    }

    #[test]
    fn only_expected_statuses_acknowledge() {
        let answer = |status| Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            excerpt: String::new(),
        };
        assert_eq!(judge(&answer(204), &[204]), Verdict::Accepted);
        assert_eq!(judge(&answer(200), &[204]), Verdict::Failed(ErrorKind::Misconfigured));
    }
}
