use std::fmt;

use tracing_core::field::{Field, Visit};

/// Where a record of `log` came from that `tracing-log` made an event of.
#[derive(Default)]
pub(super) struct BridgedRecord {
    pub(super) target: Option<String>,
    pub(super) module: Option<String>,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
}

impl BridgedRecord {
    pub(super) const FIELDS: [&str; 4] = ["log.target", "log.module_path", "log.file", "log.line"];

    pub(super) fn of(event: &tracing_core::Event<'_>) -> Option<Self> {
        let metadata = event.metadata();
        if metadata.target() != "log" || metadata.fields().field("log.target").is_none() {
            return None;
        }
        let mut record = Self::default();
        event.record(&mut record);
        Some(record)
    }
}

impl Visit for BridgedRecord {
    fn record_str(&mut self, field: &Field, value: &str) {
        let part = match field.name() {
            "log.target" => &mut self.target,
            "log.module_path" => &mut self.module,
            "log.file" => &mut self.file,
            _ => return,
        };
        *part = Some(value.to_owned());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "log.line" {
            self.line = u32::try_from(value).ok();
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
