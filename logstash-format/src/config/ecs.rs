use serde::Deserialize;
use serde_json::{Map, Value};

use super::with;
use crate::{
    DataStream, DataStreamError, EcsCustom, EcsFormatter, EcsLayout, LevelNames, LevelValues, Limits,
    Precision, Rules,
};

/// The formatter as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EcsFields {
    service_name: Option<String>,
    service_version: Option<String>,
    service_environment: Option<String>,
    service_node_name: Option<String>,
    event_dataset: Option<String>,
    data_stream: Option<DataStream>,
    tags: Option<Vec<String>>,
    fqdn: Option<bool>,
    host: Option<String>,
    layout: Option<EcsLayout>,
    custom: Option<EcsCustom>,
    field: Map<String, Value>,
    metadata: Map<String, Value>,
    ensure_ascii: Option<bool>,
    ecs_version: Option<String>,
    precision: Option<Precision>,
    level_names: Option<LevelNames>,
    level_values: Option<LevelValues>,
    source_location: Option<bool>,
    remember_pid: Option<bool>,
    event_id: Option<bool>,
    limits: Option<Limits>,
    rules: Option<Rules>,
}

/// A data stream as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataStreamFields {
    dataset: String,
    namespace: String,
}

impl TryFrom<DataStreamFields> for DataStream {
    type Error = DataStreamError;

    fn try_from(fields: DataStreamFields) -> Result<Self, DataStreamError> {
        Self::new(&fields.dataset, &fields.namespace)
    }
}

impl From<EcsFields> for EcsFormatter {
    fn from(fields: EcsFields) -> Self {
        let mut made = Self::new();
        made = with(made, fields.service_name, |made, name| made.service_name(&name));
        made = with(made, fields.service_version, |made, version| made.service_version(&version));
        made = with(made, fields.service_environment, |made, name| made.service_environment(&name));
        made = with(made, fields.service_node_name, |made, name| made.service_node_name(&name));
        made = with(made, fields.event_dataset, |made, name| made.event_dataset(&name));
        made = with(made, fields.data_stream, Self::data_stream);
        made = with(made, fields.tags, Self::tags);
        made = with(made, fields.fqdn, Self::fqdn);
        made = with(made, fields.host, |made, name| made.host(&name));
        made = with(made, fields.layout, Self::layout);
        made = with(made, fields.custom, Self::custom);
        made = fields.field.iter().fold(made, |made, (name, value)| made.field(name, value));
        made = fields.metadata.iter().fold(made, |made, (name, value)| made.metadata(name, value));
        made = with(made, fields.ensure_ascii, Self::ensure_ascii);
        made = with(made, fields.ecs_version, |made, version| made.ecs_version(&version));
        made = with(made, fields.precision, Self::precision);
        made = with(made, fields.level_names, Self::level_names);
        made = with(made, fields.level_values, Self::level_values);
        made = with(made, fields.source_location, Self::source_location);
        made = with(made, fields.remember_pid, Self::remember_pid);
        made = with(made, fields.event_id, Self::event_id);
        made = with(made, fields.limits, Self::limits);
        with(made, fields.rules, Self::rules)
    }
}
