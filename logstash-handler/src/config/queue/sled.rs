use crate::builder::HandlerBuilder;
use crate::config::{ConfigError, with};
use crate::queue::{Durability, OnBacklog, SledOptions, SledQueue};
use logstash_transport::human::{Size, Time};
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(try_from = "Fields")]
pub(super) struct SledConfig(Fields);

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Fields {
    path: PathBuf,
    max_bytes: Option<Size>,
    min_free_bytes: Option<Size>,
    generation_bytes: Option<Size>,
    cache_bytes: Option<Size>,
    durability: Option<Durability>,
    #[serde(default)]
    persistence: Persistence,
    on_backlog: Option<OnBacklogConfig>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Persistence {
    #[default]
    Always,
    OnBacklog,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct OnBacklogConfig {
    memory_bytes: Option<Size>,
    after: Option<Time>,
}

impl TryFrom<Fields> for SledConfig {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        match (fields.persistence, &fields.on_backlog) {
            // Silently ignored they would not do what they say.
            (Persistence::Always, Some(_)) => Err("on_backlog needs persistence = \"on_backlog\""),
            _ => Ok(Self(fields)),
        }
    }
}

impl SledConfig {
    pub(super) fn open_for(&self, builder: HandlerBuilder) -> Result<HandlerBuilder, ConfigError> {
        let queue = self.options().open(&self.0.path).map_err(ConfigError::Queue)?;
        Ok(match self.0.persistence {
            Persistence::Always => builder.queue(queue),
            Persistence::OnBacklog => builder.queue(self.on_backlog(queue)),
        })
    }

    fn options(&self) -> SledOptions {
        let fields = &self.0;
        let mut options = SledOptions::new();
        options = with(options, fields.max_bytes.map(Size::bytes), SledOptions::max_bytes);
        options = with(options, fields.min_free_bytes.map(Size::bytes), SledOptions::min_free_bytes);
        options = with(options, fields.generation_bytes.map(Size::bytes), SledOptions::generation_bytes);
        options = with(options, fields.cache_bytes.map(Size::bytes), SledOptions::cache_bytes);
        with(options, fields.durability, SledOptions::durability)
    }

    fn on_backlog(&self, store: SledQueue) -> OnBacklog<SledQueue> {
        let fields = self.0.on_backlog.clone().unwrap_or_default();
        let queue = OnBacklog::new(store);
        let queue = with(queue, fields.memory_bytes.map(Size::bytes), OnBacklog::memory_bytes);
        with(queue, fields.after.map(Time::duration), OnBacklog::after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn read(toml: &str) -> Result<SledConfig, toml::de::Error> {
        toml::from_str(toml)
    }

    #[test]
    fn every_option_reaches_the_queue() {
        let built = |options: SledOptions| format!("{options:?}");
        let empty = read("path = 'queue'").unwrap();
        assert_eq!(built(empty.options()), built(SledOptions::new()));
        let full = read(
            r#"
            path = "queue"
            max_bytes = "512 MiB"
            min_free_bytes = "1 GiB"
            generation_bytes = "16 MiB"
            cache_bytes = 1048576
            durability = { interval = "2 s" }
            "#,
        );
        let options = SledOptions::new()
            .max_bytes(512 << 20)
            .min_free_bytes(1 << 30)
            .generation_bytes(16 << 20)
            .cache_bytes(1 << 20)
            .durability(Durability::Interval(Duration::from_secs(2)));
        assert_eq!(built(full.unwrap().options()), built(options));
    }

    #[test]
    fn memory_before_the_store_is_asked_for_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let queue = |toml: &str| {
            let store = SledQueue::open(directory.path()).unwrap();
            format!("{:?}", read(toml).unwrap().on_backlog(store))
        };
        let asked = "path = 'queue'\npersistence = 'on_backlog'";
        let plain = queue(asked);
        assert!(plain.contains("memory_bytes: 8388608") && plain.contains("after: 1s"), "{plain}");
        let more = queue(&format!("{asked}\non_backlog = {{ memory_bytes = '1 MB', after = '50 ms' }}"));
        assert!(more.contains("memory_bytes: 1000000") && more.contains("after: 50ms"), "{more}");
        let error = read("path = 'queue'\non_backlog = { after = '1 s' }").unwrap_err().to_string();
        assert!(error.contains("on_backlog needs persistence"), "{error}");
    }
}
