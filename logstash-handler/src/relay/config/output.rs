use super::error::ConfigError;
use super::format::FormatName;
use super::read_table;
use crate::HandlerConfig;
use logstash_transport::{Endpoint, Scheme, TransportConfig};
use serde::Deserialize;
use std::fmt;
use toml::{Table, Value};

/// Where events go.
///
/// | key | value | default |
/// | --- | --- | --- |
/// | `endpoint`, `several`, `connection` | as [`TransportConfig`] has them | |
/// | `format` | a [`FormatName`] | `"logstash"` |
/// | `when_full` | `"wait"` or `"drop"` | `"wait"` |
/// | `handler` | a table, [`HandlerConfig`] without `overflow` and `shutdown_timeout` | its queue is on disk where the relay has a directory for queues; it compresses what goes to Beats or to disk, and nothing else |
#[derive(Clone)]
#[non_exhaustive]
pub struct OutputConfig {
    transport: TransportConfig,
    format: FormatName,
    when_full: WhenFull,
    handler: HandlerConfig,
    /// The type of the queue, where `handler` says what queue it has.
    queue: Option<String>,
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
        Self::read(table)
    }

    /// How events look.
    #[must_use]
    pub const fn format(mut self, format: FormatName) -> Self {
        self.format = format;
        self
    }

    pub(super) fn read(written: Table) -> Result<Self, ConfigError> {
        let fields: Fields = read_table(written.clone())?;
        let Fields { endpoint, several, connection, format, when_full, handler } = fields;
        let mut transport = Table::from_iter([("endpoint".to_owned(), endpoint)]);
        let optional = [("several", several), ("connection", connection)];
        transport.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        let transport = read_table(transport)?;
        let handler = handler.unwrap_or_default();
        let instead = [("overflow", "when_full of the output"), ("shutdown_timeout", "that of the relay")];
        if let Some((name, instead)) = instead.iter().find(|(name, _)| handler.contains_key(*name)) {
            let text = format!("it means nothing to a relay: {instead} counts");
            return Err(ConfigError::new(text).at(name).at("handler"));
        }
        let queue = handler.get("queue").and_then(|queue| queue.get("type")?.as_str().map(str::to_owned));
        let in_handler = |error: ConfigError| error.at("handler");
        let handler: HandlerConfig = read_table(handler).map_err(in_handler)?;
        handler.check().map_err(|error| in_handler(ConfigError::new(error.to_string())))?;
        Ok(Self { transport, format, when_full, handler, queue, written })
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

    /// Whether it has a queue of its own, and not one in the directory of the relay.
    pub(crate) const fn has_queue(&self) -> bool {
        self.queue.is_some()
    }

    /// Whether events that are compressed stay so on their way, or where they wait. `has_directory`: whether the
    /// relay has one for queues.
    pub(crate) fn is_compressed(&self, has_directory: bool) -> bool {
        let is_beats = |endpoint: &Endpoint| matches!(endpoint.scheme(), Scheme::Beats | Scheme::BeatsTls);
        let is_on_disk = self.queue.as_ref().map_or(has_directory, |queue| queue != "memory");
        is_on_disk || self.transport.endpoints().iter().any(is_beats)
    }

    /// The directory of its queue, where the output names one.
    pub(crate) fn queue_directory(&self) -> Option<&str> {
        self.written.get("handler")?.get("queue")?.get("path")?.as_str()
    }

    pub(crate) const fn when_full(&self) -> WhenFull {
        self.when_full
    }
}

impl fmt::Debug for OutputConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transport, format, when_full, handler, .. } = self;
        // What was written may hold passwords.
        f.debug_struct("OutputConfig")
            .field("transport", transport)
            .field("format", format)
            .field("when_full", when_full)
            .field("handler", handler)
            .finish_non_exhaustive()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_to_beats_or_to_disk_is_compressed() {
        let output = |text: &str| OutputConfig::read(text.parse().unwrap()).unwrap();
        let memory = "[handler]\nqueue = { type = \"memory\" }";
        let disk = "[handler]\nqueue = { type = \"sled\", path = \"queue\" }";
        for (endpoint, own, in_memory, on_disk) in [
            ("[\"tcp://a:1\", \"beats://b\"]", "", true, true),
            ("\"file:x\"", "", false, true),
            ("\"file:x\"", memory, false, false),
            ("\"file:x\"", disk, true, true),
        ] {
            let output = output(&format!("endpoint = {endpoint}\n{own}"));
            assert_eq!(output.is_compressed(false), in_memory, "{endpoint} {own}");
            assert_eq!(output.is_compressed(true), on_disk, "{endpoint} {own}");
        }
    }
}
