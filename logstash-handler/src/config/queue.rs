use super::{ConfigError, with};
use crate::builder::HandlerBuilder;
use crate::queue::MemoryQueue;
use logstash_transport::human::Size;
use serde::Deserialize;

#[cfg(feature = "sled")]
mod sled;

/// Where events wait for the peer, as a configuration file has it: a table whose `type` says what it is.
///
/// | `type` | key | value |
/// | --- | --- | --- |
/// | `"memory"` | `max_bytes` | a size, as in [`MemoryQueue`] |
/// | `"sled"` | `path` | the directory, which is created if it is not there |
/// | | `max_bytes`, `min_free_bytes`, `generation_bytes`, `cache_bytes` | sizes, as in `SledOptions` |
/// | | `durability` | as `Durability` |
/// | | `persistence` | `"always"`, the default, or `"on_backlog"`, which is [`OnBacklog`](crate::OnBacklog) |
/// | | `on_backlog` | its options, a table: `memory_bytes`, a size, and `after`, a duration |
///
/// `"sled"` needs the feature of this name.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(transparent)]
pub struct QueueConfig(Kind);

impl QueueConfig {
    /// Opens the queue, for that builder.
    pub(super) fn open_for(&self, builder: HandlerBuilder) -> Result<HandlerBuilder, ConfigError> {
        match &self.0 {
            Kind::Memory(memory) => Ok(builder.queue(memory.queue())),
            #[cfg(feature = "sled")]
            Kind::Sled(sled) => sled.open_for(builder),
        }
    }
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Kind {
    Memory(MemoryConfig),
    #[cfg(feature = "sled")]
    Sled(sled::SledConfig),
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct MemoryConfig {
    max_bytes: Option<Size>,
}

impl MemoryConfig {
    fn queue(&self) -> MemoryQueue {
        with(MemoryQueue::new(), self.max_bytes.map(Size::bytes), MemoryQueue::max_bytes)
    }
}
