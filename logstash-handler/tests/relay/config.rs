//! What configurations say, and what is wrong with them.

use logstash_handler::relay::RelayConfig;

const GOOD: &str = r#"
    metrics = "127.0.0.1:9600"
    shutdown_timeout = "30 s"
    [inputs.net]
    listen = "syslog+tcp://0.0.0.0:514"
    max_length = "1 MiB"
    idle_timeout = "none"
    [outputs.out]
    endpoint = ["beats://one", "beats://two"]
    several = "round_robin"
    [[routes]]
    inputs = ["net"]
    peers = ["10.0.0.0/8", "192.0.2.1"]
    severity = "warning"
    outputs = ["out"]
"#;

fn error(config: &str) -> String {
    RelayConfig::parse(config).unwrap_err().to_string()
}

#[test]
fn a_configuration_is_read() {
    let config = RelayConfig::parse(GOOD).unwrap();
    assert_eq!(config.metrics, Some("127.0.0.1:9600".parse().unwrap()));
    assert_eq!(config.shutdown_timeout.as_secs(), 30);
    assert_eq!(config.inputs["net"].listen.to_string(), "syslog+tcp://0.0.0.0:514");
    assert_eq!(config.routes.len(), 1);
    assert_eq!(config, RelayConfig::parse(GOOD).unwrap());
    assert_ne!(config, RelayConfig::parse(&GOOD.replace("round_robin", "failover")).unwrap());
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let wrong = |old: &str, new: &str| error(&GOOD.replace(old, new));
    let cases = [
        (wrong("max_length = \"1 MiB\"", "time_zone = \"Mars/Olympus\""), "line 6: inputs.net.time_zone: "),
        (wrong("max_length = \"1 MiB\"", "time_zone = \"Mars/Olympus\""), "`Europe/Berlin`"),
        (wrong("max_length", "max_lenght"), "inputs.net: unknown field `max_lenght`"),
        (wrong("max_length", "max_lenght"), "did you mean `max_length`?"),
        (wrong("several", "severals"), "did you mean `several`?"),
        (wrong("metrics", "metric"), "did you mean `metrics`?"),
        (wrong("round_robin", "robin"), "outputs.out.several: unknown variant `robin`"),
        (wrong("beats://one", "beat://one"), "outputs.out"),
        (wrong("1 MiB", "1 Mib/s"), "line 6: inputs.net.max_length: "),
        (wrong("10.0.0.0/8", "10.0.0.0/80"), "is no address and no network"),
        (
            wrong("inputs = [\"net\"]", "inputs = [\"nett\"]"),
            "line 12: routes.1.inputs: there is no input \"nett\"; did you mean \"net\"?",
        ),
        (
            wrong("outputs = [\"out\"]", "outputs = [\"in\"]"),
            "line 15: routes.1.outputs: there is no output \"in\"",
        ),
        (wrong("outputs = [\"out\"]", "outputs = []"), "routes.1.outputs: it names none"),
        (wrong("warning", "warn"), "unknown variant `warn`"),
        (
            wrong("syslog+tcp://0.0.0.0:514", "syslog+tls://0.0.0.0"),
            "inputs.net: TLS needs tls_cert and tls_key",
        ),
        (
            wrong("beats://one", "beats://${NO_SUCH_VARIABLE}"),
            "outputs.out.endpoint: ${NO_SUCH_VARIABLE} is not set",
        ),
        (wrong("[outputs.out]", "[outputs.out"), "TOML parse error at line"),
        (
            wrong("max_length = \"1 MiB\"", "acknowledge = \"stored\""),
            "line 6: inputs.net.acknowledge: it is for Beats",
        ),
        (wrong("max_length = \"1 MiB\"", "receive_buffer = \"1 MiB\""), "receive_buffer: it is for UDP"),
        (wrong("max_length = \"1 MiB\"", "handshake_timeout = \"1 s\""), "handshake_timeout: it is for TLS"),
        (
            wrong("max_length = \"1 MiB\"", "allow = []"),
            "line 6: inputs.net.allow: the list is empty: leave the key out",
        ),
        (
            wrong("max_length = \"1 MiB\"", "tls_client_names = []"),
            "inputs.net.tls_client_names: the list is empty",
        ),
        (
            wrong("severity = \"warning\"", "tls_client_names = []"),
            "line 14: routes.1.tls_client_names: the list is",
        ),
        (wrong("inputs = [\"net\"]", "inputs = []"), "line 12: routes.1.inputs: the list is empty"),
        (wrong("max_length = \"1 MiB\"", "tls_key_password = \"x\""), "tls_key_password: it is for TLS"),
        (
            wrong("max_length = \"1 MiB\"", "tls_key_password = 271828"),
            "a password is a text: put it in quotes",
        ),
        (
            error(
                r#"
                inputs.in = { listen = "beats://127.0.0.1:0", tags = ["edge"] }
                outputs.out.endpoint = "stdout:"
                "#,
            ),
            "tags: it is for events that are no JSON yet",
        ),
        (wrong("syslog+tcp", "syslog+udp"), "idle_timeout: it is for connections"),
        (
            wrong("several =", "handler.overflow = \"drop_oldest\"\nseveral ="),
            "outputs.out.handler.overflow: it means nothing to a relay: when_full",
        ),
        (
            wrong("several =", "handler.shutdown_timeout = \"1 s\"\nseveral ="),
            "shutdown_timeout: it means nothing to a relay",
        ),
        (
            error(
                r#"
                inputs.in.listen = "lines+tcp://127.0.0.1:0"
                outputs.a = { endpoint = "stdout:", handler.queue = { type = "sled", path = "/queue" } }
                outputs.b = { endpoint = "stdout:", handler.queue = { type = "sled", path = "/queue" } }
                "#,
            ),
            "outputs \"a\" and \"b\" have the queue /queue",
        ),
        (error("inputs.a.listen = \"beats://0.0.0.0\""), "there is no output"),
        (error("outputs.a.endpoint = \"stdout:\""), "there is no input"),
    ];
    for (found, expected) in cases {
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn sizes_and_times_that_make_no_sense_are_refused_with_line_and_key() {
    let connection = "[outputs.out.connection]\nconnect_timeout = \"0 s\"";
    let cases = [
        (
            "",
            connection,
            "line 10: outputs.out.connection.connect_timeout: it would be over before it begins",
        ),
        ("max_length = 0", "", "line 4: inputs.in.max_length: it is from 1 byte to 64 MiB"),
        (
            "max_length = -1",
            "",
            "line 4: inputs.in.max_length: invalid value: integer `-1`, expected a number of bytes",
        ),
        (
            "max_length = 1.5",
            "",
            "inputs.in.max_length: invalid type: floating point `1.5`, expected a number of bytes",
        ),
        ("max_length = \"1 h\"", "", "inputs.in.max_length: \"1 h\" is no size"),
        ("max_length = 18446744073709551615", "", "line 4, column 14: the number is too large"),
        ("max_length = 9223372036854775807", "", "inputs.in.max_length: it is from 1 byte to 64 MiB"),
        ("max_connections = 0", "", "line 4: inputs.in.max_connections: it is from 1 to 1000000"),
        ("max_connections = 1000001", "", "inputs.in.max_connections: it is from 1 to 1000000"),
        (
            "max_connections = \"1\"",
            "",
            "in.max_connections: invalid type: string \"1\", expected a whole number, without quotes",
        ),
        ("max_connections_per_peer = 0", "", "inputs.in.max_connections_per_peer: it is 1 at least"),
        (
            "idle_timeout = \"0 s\"",
            "",
            "inputs.in.idle_timeout: every connection would be closed at once; \"none\"",
        ),
        ("idle_timeout = \"-1s\"", "", "line 4: inputs.in.idle_timeout: \"-1s\" is no duration"),
        (
            "idle_timeout = nan",
            "",
            "inputs.in.idle_timeout: invalid type: floating point `NaN`, expected a duration",
        ),
        ("idle_timeout = 10", "", "integer `10`, expected a duration with its unit in quotes"),
        (
            "handshake_timeout = \"0\"\nproxy_protocol = [\"::1\"]",
            "",
            "line 4: inputs.in.handshake_timeout: without any time",
        ),
        ("", "arena_bytes = 0", "line 8: outputs.out.handler: arena_bytes of 0 cannot hold"),
        ("", "max_event_bytes = 0", "outputs.out.handler: max_event_bytes of 0, from 1 to"),
        ("", "batch = 0", "outputs.out.handler: batch of 0 windows"),
        (
            "",
            "batch = -1",
            "line 9: outputs.out.handler.batch: invalid value: integer `-1`, expected a whole number",
        ),
        ("", "ttl = \"0 s\"", "outputs.out.handler: ttl of 0"),
        ("", "window = { events = 0 }", "outputs.out.handler: window of 0 events"),
        ("", "window.bytes = \"0 B\"", "outputs.out.handler: window of 0 bytes"),
        ("", "compression_level = 10", "outputs.out.handler: compression_level of 10, from 0 to 9"),
        ("", "linger = \"1e9 s\"", "line 9: outputs.out.handler.linger: \"1e9 s\" is no duration"),
    ];
    for (input, handler, expected) in cases {
        let found = error(&format!(
            "\n[inputs.in]\nlisten = \"lines+tcp://127.0.0.1:0\"\n{input}\n\n[outputs.out]\nendpoint = \"discard:\"\n\
             [outputs.out.handler]\n{handler}\n"
        ));
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn variables_of_the_environment_are_put_in() {
    let path = std::env::var("PATH").unwrap();
    let config = GOOD.replace("[inputs.net]", "queue = \"/${PATH}\"\n[inputs.net]");
    let config = RelayConfig::parse(&config).unwrap();
    assert_eq!(config.queue.unwrap().to_str().unwrap(), format!("/{path}"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = RelayConfig::read("/no/such/file.toml".as_ref()).unwrap_err().to_string();
    assert!(error.contains("/no/such/file.toml"), "{error}");
}

#[test]
fn the_examples_are_right() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/relay");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            // Their secrets are those of whoever uses them.
            let text = std::fs::read_to_string(&path).unwrap().replace("${REDIS_PASSWORD}", "secret");
            let config = RelayConfig::parse(&text);
            assert!(config.is_ok(), "{}: {config:?}", path.display());
            count += 1;
        }
    }
    assert_eq!(count, 5);
}

#[test]
fn passwords_are_in_no_message() {
    let secrets = r#"
        [inputs.in]
        listen = "lines+tls://127.0.0.1:0?tls_cert=c&tls_key=k"
        tls_key_password = "hunter 1"
        [outputs.out]
        endpoint = "redis://:hunter2@127.0.0.1:1/0?key=logstash"
        connection.tls.client_certificate_file = "c"
        connection.tls.client_key_file = "k"
        connection.tls.client_key_password = "hunter 3"
    "#;
    let config = format!("{:?}", RelayConfig::parse(secrets).unwrap());
    assert!(config.contains("127.0.0.1") && !config.contains("hunter"), "{config}");
    let error = error(&secrets.replace("logstash\"", "logstash"));
    assert!(error.contains("line 6") && !error.contains("hunter"), "{error}");
}
