use std::error::Error;
use std::fmt;
use std::net::Ipv4Addr;

use log::kv::{Source, Value as KvValue};
use logstash_format::log_event;
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::rig::{document, formatter};

fn of(key_values: &dyn Source) -> Json {
    log_event(
        &log::Record::builder()
            .level(log::Level::Warn)
            .target("shop")
            .module_path(Some("shop::orders"))
            .file(Some("src/orders.rs"))
            .line(Some(42))
            .args(format_args!("{} is late", "order"))
            .key_values(&key_values)
            .build(),
        |event| document(&formatter(), event),
    )
}

#[test]
fn the_record() {
    let document = of(&[] as &[(&str, u8); 0]);
    assert_eq!(document["level"], "WARNING");
    assert_eq!(document["message"], "order is late");
    assert_eq!(document["extra"]["logger_name"], "shop");
    assert_eq!(document["extra"]["module_path"], "shop::orders");
    assert_eq!(document["extra"]["path"], "src/orders.rs");
    assert_eq!(document["extra"]["line"], 42);
    assert_eq!(document["extra"].get("func_name"), None);
}

#[derive(Serialize)]
struct Order {
    id: u32,
    items: Vec<&'static str>,
    ratio: f64,
}

#[derive(Debug)]
struct Lost(fmt::Error);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("order lost")
    }
}

impl Error for Lost {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn key_values_keep_their_types() {
    let order = Order { id: 7, items: vec!["tea"], ratio: f64::NAN };
    let document = of(&[
        ("null", KvValue::null()),
        ("bool", true.into()),
        ("i64", i64::MIN.into()),
        ("u64", u64::MAX.into()),
        ("i128", i128::MIN.into()),
        ("u128", u128::MAX.into()),
        ("small_u128", 5_u128.into()),
        ("f64", 1.5.into()),
        ("inf", f64::INFINITY.into()),
        ("char", 'ü'.into()),
        ("str", "text".into()),
        ("display", KvValue::from_display(&Ipv4Addr::LOCALHOST)),
        ("debug", KvValue::from_debug(&Some("text"))),
        ("serde", KvValue::from_serde(&order)),
        ("cause", KvValue::from_dyn_error(&Lost(fmt::Error))),
    ]);
    let extra = &document["extra"];
    assert_eq!(extra["null"], json!(null));
    assert_eq!(extra["bool"], true);
    assert_eq!(extra["i64"], i64::MIN);
    assert_eq!(extra["u64"], u64::MAX);
    assert_eq!(extra["i128"], i128::MIN.to_string());
    assert_eq!(extra["u128"], u128::MAX.to_string());
    assert_eq!(extra["small_u128"], 5);
    assert_eq!(extra["f64"], 1.5);
    assert_eq!(extra["inf"], "Infinity");
    assert_eq!(extra["char"], "ü");
    assert_eq!(extra["str"], "text");
    assert_eq!(extra["display"], "127.0.0.1");
    assert_eq!(extra["debug"], "Some(\"text\")");
    assert_eq!(extra["serde"], json!({"id": 7, "items": ["tea"], "ratio": "NaN"}));
    assert_eq!(extra["cause"], format!("order lost\ncaused by: {}", fmt::Error));
}

#[test]
fn an_error_keeps_its_sources() {
    let lost = Lost(fmt::Error);
    for name in ["error", "err"] {
        let document = of(&[(name, KvValue::from_dyn_error(&lost))]);
        let extra = &document["extra"];
        assert_eq!(extra["error_message"], "order lost");
        assert_eq!(extra["stack_trace"], format!("order lost\ncaused by: {}", fmt::Error));
        assert_eq!(extra.get(name), None);
    }
}

struct Fails;

impl fmt::Display for Fails {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

#[test]
fn a_value_that_fails_is_marked() {
    let document = of(&[("value", KvValue::from_display(&Fails)), ("fine", 1.into())]);
    assert_eq!(document["extra"]["value"], "[formatting failed]");
    assert_eq!(document["extra"]["fine"], 1);
}

#[test]
fn levels() {
    use logstash_format::Level;
    for (theirs, ours) in [
        (log::Level::Trace, Level::Trace),
        (log::Level::Debug, Level::Debug),
        (log::Level::Info, Level::Info),
        (log::Level::Warn, Level::Warn),
        (log::Level::Error, Level::Error),
    ] {
        assert_eq!(Level::from(theirs), ours);
    }
}
