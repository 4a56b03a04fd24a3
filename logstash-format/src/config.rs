mod ecs;
pub(crate) use ecs::{DataStreamFields, EcsFields};

mod limits;
pub(crate) use limits::LimitsFields;

mod logstash;
pub(crate) use logstash::LogstashFields;

mod rules;
pub(crate) use rules::RulesFields;

use serde::Deserialize;

use crate::{EcsFormatter, Formatter, LogstashFormatter};

/// How documents look, as a configuration file has it: a table whose `type` is `"logstash"` or `"ecs"`.
///
/// The other keys have the names of the methods of [`LogstashFormatter`] or [`EcsFormatter`]; what is not
/// said is as there, and keys that are unknown are refused. `rules` and `limits` are tables, as in
/// [`Rules`](crate::Rules) and [`Limits`](crate::Limits); `extra`, `field` and `metadata` are tables too.
/// What the methods take as an enum is its name, as in `level_names = "upper"`; no prefix is
/// `extra_prefix = ""`.
///
/// ```
/// use logstash_format::{Formatter, FormatterConfig};
///
/// let config: FormatterConfig = toml::from_str(r#"
///     type = "logstash"
///     tags = ["shop"]
///     level_names = "upper"
///     extra = { version = "1.4.2" }
///
///     [limits]
///     event = "64 KiB"
///
///     [rules]
///     drop = ["line", "path"]
///     mask_secrets = true
/// "#)?;
/// let formatter: Box<dyn Formatter> = config.formatter();
/// # let _ = formatter;
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
#[must_use = "a configuration does nothing until its formatter is used"]
pub struct FormatterConfig(Kind);

impl FormatterConfig {
    /// The formatter that it describes.
    pub fn formatter(self) -> Box<dyn Formatter> {
        match self.0 {
            Kind::Ecs(formatter) => formatter,
            Kind::Logstash(formatter) => formatter,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Kind {
    Ecs(Box<EcsFormatter>),
    Logstash(Box<LogstashFormatter>),
}

/// The options with a value, if there is one.
fn with<B, T>(options: B, value: Option<T>, set: impl FnOnce(B, T) -> B) -> B {
    match value {
        Some(value) => set(options, value),
        None => options,
    }
}
