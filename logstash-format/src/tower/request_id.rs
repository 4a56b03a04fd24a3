use ::http::{HeaderMap, HeaderName, HeaderValue, Request};

/// The identifier of a request, to be repeated in its response.
#[derive(Debug)]
pub(super) struct Echo {
    name: HeaderName,
    value: HeaderValue,
}

/// Sees to it that a request has an identifier.
pub(super) fn ensure<B>(request: &mut Request<B>, name: &HeaderName) -> Echo {
    let given = request.headers().get(name).filter(|value| is_usable(value)).cloned();
    let value = given.unwrap_or_else(|| {
        let made_up = made_up();
        request.headers_mut().insert(name, made_up.clone());
        made_up
    });
    Echo { name: name.clone(), value }
}

impl Echo {
    pub(super) fn id(&self) -> String {
        String::from_utf8_lossy(self.value.as_bytes()).into_owned()
    }

    /// What the service set has its reasons.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        headers.entry(self.name).or_insert(self.value);
    }
}

fn is_usable(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    (1..=MAX_LEN).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

/// A random UUID, version 4.
fn made_up() -> HeaderValue {
    let random = fastrand::u128(..);
    let uuid = random & !(0xf << 76) & !(0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    let text = format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        uuid >> 96,
        uuid >> 80 & 0xffff,
        uuid >> 64 & 0xffff,
        uuid >> 48 & 0xffff,
        uuid & 0xffff_ffff_ffff,
    );
    // Digits and hyphens are always a value.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("-"))
}

/// In bytes; longer ones would fill the log.
const MAX_LEN: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_of_requests() {
        let name = HeaderName::from_static("x-request-id");
        let long = "a".repeat(128);
        for usable in ["a", "{b}", &long] {
            let mut request = Request::builder().header(&name, usable).body(()).unwrap();
            assert_eq!(ensure(&mut request, &name).id(), usable);
        }
        let too_long = "a".repeat(129);
        for unusable in [&b""[..], b"a b", b"\xff", too_long.as_bytes()] {
            let mut request = Request::builder().header(&name, unusable).body(()).unwrap();
            let id = ensure(&mut request, &name).id();
            assert_eq!(id.len(), 36);
            assert_eq!((&id[14..15], &id[8..9]), ("4", "-"), "{id}");
            assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
            assert_eq!(request.headers()[&name], id, "the service sees it too");
            assert_eq!(request.headers().get_all(&name).iter().count(), 1);
        }
    }
}
