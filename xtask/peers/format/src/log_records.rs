//! Records of `log`. As with `tracing`, ours remember the id of the process.

use log::{Level, Record};
use logstash_format::{EcsFormatter, Formatter, LogstashFormatter, log_event};

use crate::case::{BARE, FIELDS};
use crate::sink::{self, Sink};
use crate::{Settings, Side};

pub(crate) fn measure(settings: &Settings) {
    let logstash = LogstashFormatter::new().program("shop").remember_pid(true);
    let ecs = EcsFormatter::new().service_name("shop").remember_pid(true);

    let (case, facts) = BARE;
    let sides = vec![
        Side::new("logstash", || write(&logstash, &record().build())),
        Side::new("ecs", || write(&ecs, &record().build())),
        Side::new("ecs-logger", || {
            assert!(ecs_logger::format(&mut Sink, &record().build()).is_ok(), "a record was not formatted");
        }),
    ];
    Side::measure_all(settings, "log", case, facts, sides);

    // ecs-logger leaves key-values out.
    let (case, facts) = FIELDS;
    let fields: [(&str, log::kv::Value<'_>); 4] = [
        ("order", 1001_u64.into()),
        ("customer", "Ada Lovelace".into()),
        ("amount", 59.9.into()),
        ("express", true.into()),
    ];
    let sides = vec![
        Side::new("logstash", || write(&logstash, &record().key_values(&fields).build())),
        Side::new("ecs", || write(&ecs, &record().key_values(&fields).build())),
    ];
    Side::measure_all(settings, "log", case, facts, sides);
}

fn record<'a>() -> log::RecordBuilder<'a> {
    let mut record = Record::builder();
    record
        .args(format_args!("order placed"))
        .level(Level::Info)
        .target("shop::orders")
        .module_path(Some("shop::orders"))
        .file(Some("src/orders.rs"))
        .line(Some(42));
    record
}

fn write(formatter: &impl Formatter, record: &Record<'_>) {
    let written = log_event(record, |event| sink::with(|out| formatter.format(event, out)));
    assert!(written.is_ok(), "a record was not formatted");
}
