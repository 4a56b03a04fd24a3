use serde::Deserialize;
use serde_json::{Map, Value};

use super::with;
use crate::{HostStyle, LevelNames, LevelValues, Limits, LogstashFormatter, Precision, Rules};

/// The formatter as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogstashFields {
    message_type: Option<String>,
    tags: Option<Vec<String>>,
    fqdn: Option<bool>,
    host: Option<String>,
    host_style: Option<HostStyle>,
    program: Option<String>,
    extra_prefix: Option<String>,
    extra: Map<String, Value>,
    metadata: Map<String, Value>,
    ensure_ascii: Option<bool>,
    precision: Option<Precision>,
    level_names: Option<LevelNames>,
    level_values: Option<LevelValues>,
    source_location: Option<bool>,
    event_id: Option<bool>,
    remember_pid: Option<bool>,
    limits: Option<Limits>,
    rules: Option<Rules>,
}

impl From<LogstashFields> for LogstashFormatter {
    fn from(fields: LogstashFields) -> Self {
        let mut made = Self::new();
        made = with(made, fields.message_type, |made, text| made.message_type(&text));
        made = with(made, fields.tags, Self::tags);
        made = with(made, fields.fqdn, Self::fqdn);
        made = with(made, fields.host, |made, name| made.host(&name));
        made = with(made, fields.host_style, Self::host_style);
        made = with(made, fields.program, |made, name| made.program(&name));
        made = with(made, fields.extra_prefix, |made, prefix| made.extra_prefix(prefix.as_str()));
        made = fields.extra.iter().fold(made, |made, (name, value)| made.extra(name, value));
        made = fields.metadata.iter().fold(made, |made, (name, value)| made.metadata(name, value));
        made = with(made, fields.ensure_ascii, Self::ensure_ascii);
        made = with(made, fields.precision, Self::precision);
        made = with(made, fields.level_names, Self::level_names);
        made = with(made, fields.level_values, Self::level_values);
        made = with(made, fields.source_location, Self::source_location);
        made = with(made, fields.event_id, Self::event_id);
        made = with(made, fields.remember_pid, Self::remember_pid);
        made = with(made, fields.limits, Self::limits);
        with(made, fields.rules, Self::rules)
    }
}
