//! What configuration files say about transports.

use logstash_transport::human::{Size, Time, TimeOrNone};
use logstash_transport::{Endpoint, TransportConfig};
use serde::de::DeserializeOwned;
use std::time::Duration;

fn error<T: DeserializeOwned>(toml: &str) -> String {
    toml::from_str::<T>(toml).map(drop).unwrap_err().to_string()
}

#[test]
fn sizes_are_exact_in_all_units() {
    let sizes = [
        ("65536", 65_536),
        ("64 KiB", 65_536),
        ("64KiB", 65_536),
        ("500 kB", 500_000),
        ("64 MiB", 64 << 20),
        ("1.5GB", 1_500_000_000),
        ("2 TiB", 2 << 40),
        ("9007199254740993", 9_007_199_254_740_993),
    ];
    for (text, bytes) in sizes {
        assert_eq!(text.parse::<Size>().unwrap().bytes(), bytes, "{text}");
    }
    let written: Vec<Size> = serde_json::from_str(r#"[1024, "1 KiB"]"#).unwrap();
    assert_eq!(written[0], written[1]);
}

#[test]
fn what_is_no_size_is_refused_with_advice() {
    for text in ["", "-1", "10 MX", "MiB", "99999999999 TB", "ten"] {
        let error = text.parse::<Size>().unwrap_err().to_string();
        assert!(error.contains(text) && error.contains("64 KiB"), "{error}");
    }
    for json in ["-1", "true", "1.5", "[]"] {
        let error = serde_json::from_str::<Size>(json).unwrap_err().to_string();
        assert!(error.contains("a number of bytes, or a size like"), "{error}");
    }
}

#[test]
fn durations_have_units() {
    let times = [
        ("20 ms", Duration::from_millis(20)),
        ("5s", Duration::from_secs(5)),
        ("1.5 s", Duration::from_millis(1500)),
        ("1 m 30 s", Duration::from_secs(90)),
        ("1m30s", Duration::from_secs(90)),
        ("2 h", Duration::from_secs(7200)),
        ("7 days", Duration::from_secs(7 * 86_400)),
        ("0", Duration::ZERO),
    ];
    for (text, duration) in times {
        assert_eq!(text.parse::<Time>().unwrap().duration(), duration, "{text}");
    }
    assert_eq!("none".parse::<TimeOrNone>().unwrap().duration(), None);
    assert_eq!("2 s".parse::<TimeOrNone>().unwrap().duration(), Some(Duration::from_secs(2)));
}

#[test]
fn what_is_no_duration_is_refused_with_advice() {
    for text in ["5", "", "-5s", "5 parsecs", "none", "99999999999999999999 s"] {
        let error = text.parse::<Time>().unwrap_err().to_string();
        assert!(error.contains(text) && error.contains("5 s"), "{error}");
    }
    // A month to some, a minute to most.
    assert!("5 M".parse::<Time>().unwrap_err().to_string().contains("minutes are \"m\""));
    let error = serde_json::from_str::<Time>("30").unwrap_err().to_string();
    assert!(error.contains("a duration with its unit in quotes, like \"20 ms\""), "{error}");
}

#[test]
fn an_endpoint_is_a_text_and_its_error_names_the_place() {
    let endpoint: Endpoint = serde_json::from_str(r#""beats://logstash:5044?level=1""#).unwrap();
    assert_eq!(endpoint.to_string(), "beats://logstash:5044?level=1");
    let error = error::<TransportConfig>("endpoint = 'beats://logstash:port'");
    assert!(error.contains("line 1") && error.contains("cannot read the port"), "{error}");
}

#[test]
fn one_endpoint_must_be_there() {
    assert!(error::<TransportConfig>("").contains("missing field `endpoint`"));
    assert!(error::<TransportConfig>("endpoint = []").contains("endpoint is an empty list"));
    assert!(error::<TransportConfig>("endpoint = 5044").contains("a text or a list of texts"));
    let mistyped = error::<TransportConfig>("endpoint = ['beats://a', 'beets://b']");
    assert!(mistyped.contains("did you mean beats"), "{mistyped}");
}

#[test]
fn a_missing_feature_is_named_when_the_transport_is_made() {
    let config: TransportConfig = toml::from_str("endpoint = 'tcp://127.0.0.1:5000'").unwrap();
    assert_eq!(config.endpoints().len(), 1);
    let missing = config.transport().err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(missing.contains("needs the feature tcp"), !cfg!(feature = "tcp"), "{missing}");
}

#[cfg(all(feature = "beats", feature = "testing"))]
#[test]
fn several_endpoints_are_used_in_order_or_in_turn() {
    use logstash_transport::testing::Receiver;
    use logstash_transport::{Batch, Transport};

    let receivers = [Receiver::start().unwrap(), Receiver::start().unwrap()];
    let [first, second] = receivers.each_ref().map(|receiver| format!("\"beats://{}\"", receiver.address()));
    let send_twice = |several: &str| {
        let text = format!("endpoint = [{first}, {second}]\n{several}");
        let config: TransportConfig = toml::from_str(&text).unwrap();
        let mut transport = config.transport().unwrap();
        for event in ["{\"n\":1}", "{\"n\":2}"] {
            transport.send(&mut Batch::from_events([event])).unwrap();
        }
        receivers.each_ref().map(|receiver| receiver.events().len())
    };
    assert_eq!(send_twice(""), [2, 0]);
    assert_eq!(send_twice("several = 'round_robin'"), [3, 1]);
    assert_eq!(send_twice("several = 'least_latency'").iter().sum::<usize>(), 6);
}

#[cfg(feature = "beats")]
mod connection {
    use super::error;
    use logstash_transport::{ConnectionOptions, Socks5Proxy, TransportConfig, TransportOptions};
    use std::time::Duration;

    fn same(one: &ConnectionOptions, other: &ConnectionOptions) -> bool {
        format!("{one:?}") == format!("{other:?}")
    }

    #[test]
    fn what_is_not_said_is_as_in_code() {
        let empty: ConnectionOptions = toml::from_str("").unwrap();
        assert!(same(&empty, &ConnectionOptions::new()));
        let empty: TransportOptions = serde_json::from_str("{}").unwrap();
        assert_eq!(format!("{empty:?}"), format!("{:?}", TransportOptions::new()));
    }

    #[test]
    fn every_option_has_the_name_of_its_method() {
        let written: ConnectionOptions = toml::from_str(
            r#"
            connect_timeout = "3 s"
            handshake_timeout = "4 s"
            write_timeout = "1 m"
            keepalive = "none"
            user_timeout = "1 m 30 s"
            proxy = { host = "proxy.example", user = "shop", password = "secret", local_resolution = true }
            "#,
        )
        .unwrap();
        let seconds = Duration::from_secs;
        let proxy = Socks5Proxy::new("proxy.example", 1080);
        let built = ConnectionOptions::new()
            .connect_timeout(seconds(3))
            .handshake_timeout(seconds(4))
            .write_timeout(seconds(60))
            .keepalive(None)
            .user_timeout(Some(seconds(90)))
            .proxy(proxy.credentials("shop", "secret").local_resolution(true));
        assert!(same(&written, &built), "{written:?}");
    }

    #[test]
    fn what_is_unknown_or_incomplete_is_refused() {
        let unknown =
            error::<TransportConfig>("endpoint = 'beats://a'\n[connection]\nconect_timeout = '1 s'");
        assert!(
            unknown.contains("line 3") && unknown.contains("unknown field `conect_timeout`"),
            "{unknown}"
        );
        let half = error::<ConnectionOptions>("proxy = { host = 'a', user = 'b' }");
        assert!(half.contains("a user without a password"), "{half}");
    }
}

#[cfg(all(feature = "beats", feature = "tls"))]
mod tls {
    use super::error;
    use logstash_transport::{TlsConfig, TlsVersion, Verification};

    fn same(one: &TlsConfig, other: &TlsConfig) -> bool {
        format!("{one:?}") == format!("{other:?}")
    }

    #[test]
    fn what_is_not_said_is_as_in_code() {
        assert!(same(&toml::from_str("").unwrap(), &TlsConfig::new()));
    }

    #[test]
    fn every_option_has_the_name_of_its_method() {
        let written: TlsConfig = toml::from_str(
            r#"
            ca_file = ["/etc/a.pem", "/etc/b.pem"]
            ca_bytes = "-----BEGIN CERTIFICATE-----"
            ca_fingerprint = "ab:cd"
            system_roots = true
            client_certificate_file = "/etc/client.pem"
            client_key_file = "/etc/client.key"
            client_key_password = "secret"
            server_name = "logstash"
            sni = false
            verification = "certificate"
            minimum_version = "1.2"
            maximum_version = "1.3"
            "#,
        )
        .unwrap();
        let built = TlsConfig::new()
            .ca_file("/etc/a.pem")
            .ca_file("/etc/b.pem")
            .ca_bytes("-----BEGIN CERTIFICATE-----")
            .ca_fingerprint("ab:cd")
            .system_roots(true)
            .client_certificate_file("/etc/client.pem")
            .client_key_file("/etc/client.key")
            .client_key_password("secret")
            .server_name("logstash")
            .sni(false)
            .verification(Verification::Certificate)
            .minimum_version(TlsVersion::Tls12)
            .maximum_version(TlsVersion::Tls13);
        assert!(same(&written, &built), "{written:?}");
        let written: TlsConfig = serde_json::from_str(
            r#"{
                "client_certificate_bytes": "certificate",
                "client_key_bytes": "key",
                "client_pkcs12_file": "/etc/client.p12",
                "client_pkcs12_password": "secret",
                "verification": "danger_none"
            }"#,
        )
        .unwrap();
        let built = TlsConfig::new()
            .client_certificate_bytes("certificate")
            .client_key_bytes("key")
            .client_pkcs12_file("/etc/client.p12", "secret")
            .verification(Verification::DangerNone);
        assert!(same(&written, &built), "{written:?}");
    }

    #[test]
    fn what_is_unknown_or_contradicts_itself_is_refused() {
        let cases = [
            ("ca = '/etc/ca.pem'", "unknown field `ca`"),
            ("verification = 'none'", "danger_none"),
            ("minimum_version = '1.1'", "unknown variant `1.1`"),
            ("client_key_file = 'a'\nclient_key_bytes = 'b'", "exclude each other"),
            ("client_certificate_file = 'a'\nclient_certificate_bytes = 'b'", "exclude each other"),
            ("client_pkcs12_password = 'a'", "without client_pkcs12_file"),
        ];
        for (toml, reason) in cases {
            let error = error::<TlsConfig>(toml);
            assert!(error.contains(reason), "{error}");
        }
    }
}

#[cfg(feature = "http")]
#[test]
fn requests_go_through_the_proxy_that_is_named() {
    use crate::http_server::HttpServer;
    use logstash_transport::Batch;

    let proxy = HttpServer::start();
    let config = format!("endpoint = 'http://logstash.invalid'\nhttp_proxy = '{}'", proxy.url());
    let config: TransportConfig = toml::from_str(&config).unwrap();
    config.transport().unwrap().send(&mut Batch::from_events(["{}"])).unwrap();
    assert_eq!(proxy.requests()[0].line, "POST http://logstash.invalid/ HTTP/1.1");
    let wrong = "endpoint = 'http://logstash'\nhttp_proxy = 'https://user:hidden@proxy'";
    let config: TransportConfig = toml::from_str(wrong).unwrap();
    let error = config.transport().map(drop).unwrap_err().to_string();
    assert!(error.ends_with("write http://") && !error.contains("hidden"), "{error}");
}
