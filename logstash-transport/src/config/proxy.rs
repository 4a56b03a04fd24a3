use crate::stream::Socks5Proxy;
use serde::Deserialize;

/// A proxy as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProxyFields {
    host: String,
    #[serde(default = "usual_port")]
    port: u16,
    user: Option<String>,
    password: Option<String>,
    #[serde(default)]
    local_resolution: bool,
}

impl TryFrom<ProxyFields> for Socks5Proxy {
    type Error = &'static str;

    fn try_from(fields: ProxyFields) -> Result<Self, Self::Error> {
        let proxy = Self::new(fields.host, fields.port).local_resolution(fields.local_resolution);
        match (fields.user, fields.password) {
            (None, None) => Ok(proxy),
            (Some(user), Some(password)) => Ok(proxy.credentials(user, password)),
            (Some(_), None) => Err("the proxy has a user without a password"),
            (None, Some(_)) => Err("the proxy has a password without a user"),
        }
    }
}

const fn usual_port() -> u16 {
    1080
}
