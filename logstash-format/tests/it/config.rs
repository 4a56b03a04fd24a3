//! Formatters made by configuration files.

use logstash_format::{
    DataStream, EcsCustom, EcsFormatter, EcsLayout, Event, Formatter, FormatterConfig, HostStyle, Level,
    LevelNames, LevelValues, Limits, LogstashFormatter, Precision, Rules, Value,
};

fn document(formatter: &dyn Formatter) -> String {
    let fields = [("password", Value::from("secret")), ("ip", Value::from("192.0.2.7"))];
    let event = Event::new(Level::Warn, "shop", "out of tea").at(std::time::UNIX_EPOCH).fields(&fields);
    let mut out = Vec::new();
    formatter.format(&event, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn from_toml(toml: &str) -> String {
    document(&*toml::from_str::<FormatterConfig>(toml).unwrap().formatter())
}

fn error(toml: &str) -> String {
    toml::from_str::<FormatterConfig>(toml).map(drop).unwrap_err().to_string()
}

#[test]
fn what_is_not_said_is_as_in_code() {
    assert_eq!(from_toml("type = 'logstash'"), document(&LogstashFormatter::new()));
    assert_eq!(from_toml("type = 'ecs'"), document(&EcsFormatter::new()));
    let bare: (LogstashFormatter, EcsFormatter) = serde_json::from_str("[{}, {}]").unwrap();
    assert_eq!(document(&bare.0), document(&LogstashFormatter::new()));
    assert_eq!(document(&bare.1), document(&EcsFormatter::new()));
    assert_eq!(toml::from_str::<Limits>("").unwrap(), Limits::new());
    assert_eq!(format!("{:?}", toml::from_str::<Rules>("").unwrap()), format!("{:?}", Rules::new()));
}

#[test]
fn every_option_of_the_logstash_formatter_has_the_name_of_its_method() {
    let written = from_toml(
        r#"
        type = "logstash"
        message_type = "shop"
        tags = ["a", "b"]
        host = "web-1"
        host_style = "object"
        program = "till"
        extra_prefix = "more"
        extra = { version = "1.4.2", nested = { deep = [1, 2.5, true] } }
        metadata = { index = "logs" }
        ensure_ascii = true
        precision = "microseconds"
        level_names = "upper"
        level_values = "syslog"
        source_location = false
        remember_pid = true
        limits = { event = "64 KiB", depth = 3, fields = 9, string = 1024, name = "100 B" }
        rules = { drop = ["process_name"], mask = ["password"], rename = { ip = "client" } }
        "#,
    );
    let built = LogstashFormatter::new()
        .message_type("shop")
        .tags(["a", "b"])
        .host("web-1")
        .host_style(HostStyle::Object)
        .program("till")
        .extra_prefix("more")
        .extra("nested", serde_json::json!({ "deep": [1, 2.5, true] }))
        .extra("version", "1.4.2")
        .metadata("index", "logs")
        .ensure_ascii(true)
        .precision(Precision::Microseconds)
        .level_names(LevelNames::Upper)
        .level_values(LevelValues::Syslog)
        .source_location(false)
        .remember_pid(true)
        .limits(Limits::new().event(64 * 1024).depth(3).fields(9).string(1024).name(100))
        .rules(Rules::new().drop("process_name").mask("password").rename("ip", "client"));
    assert_eq!(written, document(&built));
    assert!(from_toml("type = 'logstash'\nevent_id = true").contains("\"event_id\":\""));
    let flat = document(&LogstashFormatter::new().extra_prefix(None));
    assert_eq!(from_toml("type = 'logstash'\nextra_prefix = ''"), flat);
}

#[test]
fn every_option_of_the_ecs_formatter_has_the_name_of_its_method() {
    let written = serde_json::from_str::<FormatterConfig>(
        r#"{
        "type": "ecs",
        "service_name": "shop",
        "service_version": "1.4.2",
        "service_environment": "production",
        "service_node_name": "a",
        "event_dataset": "shop.log",
        "data_stream": { "dataset": "shop", "namespace": "production" },
        "tags": ["a"],
        "host": "web-1",
        "layout": "dotted",
        "custom": { "namespace": "shop" },
        "field": { "cloud.region": "eu" },
        "metadata": { "index": "logs" },
        "ensure_ascii": true,
        "ecs_version": "9.0.0",
        "precision": "nanoseconds",
        "level_names": "lower",
        "level_values": "python",
        "source_location": false,
        "remember_pid": true,
        "limits": { "event": 65536 },
        "rules": { "mask_secrets": true }
    }"#,
    );
    let built = EcsFormatter::new()
        .service_name("shop")
        .service_version("1.4.2")
        .service_environment("production")
        .service_node_name("a")
        .event_dataset("shop.log")
        .data_stream(DataStream::new("shop", "production").unwrap())
        .tags(["a"])
        .host("web-1")
        .layout(EcsLayout::Dotted)
        .custom(EcsCustom::Namespace("shop".to_owned()))
        .field("cloud.region", "eu")
        .metadata("index", "logs")
        .ensure_ascii(true)
        .ecs_version("9.0.0")
        .precision(Precision::Nanoseconds)
        .level_names(LevelNames::Lower)
        .level_values(LevelValues::Python)
        .source_location(false)
        .remember_pid(true)
        .limits(Limits::new().event(65_536))
        .rules(Rules::new().mask_secrets());
    assert_eq!(document(&*written.unwrap().formatter()), document(&built));
    assert!(from_toml("type = 'ecs'\nevent_id = true").contains("\"id\":\""));
    let custom = document(&EcsFormatter::new().custom(EcsCustom::TopLevel));
    assert_eq!(from_toml("type = 'ecs'\ncustom = 'top_level'"), custom);
}

#[test]
fn what_is_unknown_or_senseless_is_refused_with_its_reason() {
    let cases = [
        ("", "missing field `type`"),
        ("type = 'xml'", "unknown variant `xml`, expected `ecs` or `logstash`"),
        ("type = 'ecs'\nmessage_type = 'a'", "unknown field `message_type`"),
        ("type = 'logstash'\nlevel_names = 'loud'", "unknown variant `loud`"),
        ("type = 'logstash'\nlimits = { event = '1 XB' }", "\"1 XB\" is no size"),
        ("type = 'logstash'\nlimits = { event = true }", "a number of bytes, or a size like"),
        ("type = 'logstash'\nlimits = { bytes = 1 }", "unknown field `bytes`"),
        ("type = 'logstash'\nrules = { hide = ['a'] }", "unknown field `hide`"),
        ("type = 'ecs'\ndata_stream = { dataset = 'a-b', namespace = 'c' }", "cannot stand in the dataset"),
    ];
    for (toml, reason) in cases {
        let error = error(toml);
        assert!(error.contains(reason), "{toml}: {error}");
    }
}

#[cfg(feature = "regex")]
#[test]
fn patterns_mask_what_they_match_and_are_checked_when_they_are_read() {
    let masked = from_toml("type = 'logstash'\nrules = { mask_pattern = ['\\d+\\.\\d+\\.\\d+\\.\\d+'] }");
    assert!(masked.contains("\"ip\":\"[masked]\""), "{masked}");
    let error = error("type = 'logstash'\nrules = { mask_pattern = ['a(b'] }");
    assert!(error.contains("a(b") && error.contains("unclosed group"), "{error}");
}
