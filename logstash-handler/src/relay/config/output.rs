use super::error::ConfigError;
use super::format::FormatName;
use super::read_table;
use crate::HandlerConfig;
use logstash_transport::TransportConfig;
use serde::Deserialize;
use toml::{Table, Value};

/// Where events go.
///
/// | key | value | default |
/// | --- | --- | --- |
/// | `endpoint`, `several`, `connection` | as [`TransportConfig`] has them | |
/// | `format` | a [`FormatName`] | `"logstash"` |
/// | `when_full` | `"wait"` or `"drop"` | `"wait"` |
/// | `handler` | a table, [`HandlerConfig`] | its queue is on disk where the relay has a directory for queues |
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutputConfig {
    transport: TransportConfig,
    format: FormatName,
    when_full: WhenFull,
    handler: HandlerConfig,
    /// Whether `handler` says what queue it has.
    has_queue: bool,
    /// As it was written: what tells whether it has changed.
    written: Table,
}

impl OutputConfig {
    /// An output with the defaults.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which tells what is wrong with the address.
    pub fn to(endpoint: &str) -> Result<Self, ConfigError> {
        let table = Table::from_iter([("endpoint".to_owned(), Value::from(endpoint))]);
        Self::read("", table)
    }

    /// How events look.
    #[must_use]
    pub const fn format(mut self, format: FormatName) -> Self {
        self.format = format;
        self
    }

    pub(super) fn read(key: &str, written: Table) -> Result<Self, ConfigError> {
        let fields: Fields = read_table(key, written.clone())?;
        let Fields { endpoint, several, connection, format, when_full, handler } = fields;
        let mut transport = Table::from_iter([("endpoint".to_owned(), endpoint)]);
        let optional = [("several", several), ("connection", connection)];
        transport.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        let transport = read_table(key, transport)?;
        let handler = handler.unwrap_or_default();
        let has_queue = handler.contains_key("queue");
        let handler = read_table(&format!("{key}.handler"), handler)?;
        Ok(Self { transport, format, when_full, handler, has_queue, written })
    }

    /// The name of an output that was given none: its first address.
    pub(super) fn name(&self) -> String {
        self.transport.endpoints().first().map(ToString::to_string).unwrap_or_default()
    }

    pub(crate) const fn transport(&self) -> &TransportConfig {
        &self.transport
    }

    pub(crate) const fn format_name(&self) -> FormatName {
        self.format
    }

    pub(crate) const fn handler(&self) -> &HandlerConfig {
        &self.handler
    }

    pub(crate) const fn has_queue(&self) -> bool {
        self.has_queue
    }

    pub(crate) const fn when_full(&self) -> WhenFull {
        self.when_full
    }
}

impl PartialEq for OutputConfig {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written && self.format == other.format
    }
}

/// What happens to events while an output has no room.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WhenFull {
    /// They are dropped and counted, and the other outputs go on.
    Drop,
    /// Inputs over connections stop reading until there is room; datagrams are dropped and counted.
    #[default]
    Wait,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    endpoint: Value,
    several: Option<Value>,
    connection: Option<Value>,
    #[serde(default)]
    format: FormatName,
    #[serde(default)]
    when_full: WhenFull,
    handler: Option<Table>,
}
