/// How severe an event is; ordered from [`Trace`](Self::Trace) up to [`Error`](Self::Error).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(
    clippy::exhaustive_enums,
    reason = "the levels of log and tracing, complete since their first release"
)]
pub enum Level {
    /// Every step, for one who follows the program closely.
    Trace,
    /// What a developer wants to know.
    Debug,
    /// What an operator wants to know.
    Info,
    /// Something is odd, and the program goes on.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// The name in documents: `TRACE`, `DEBUG`, `INFO`, `WARNING` or `ERROR`.
    ///
    /// `WARNING`, not `WARN`, because that is what the documents of the Python handlers say and
    /// what existing pipelines compare with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

/// How documents name levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum LevelNames {
    /// [`Level::name`]: `TRACE`, `DEBUG`, `INFO`, `WARNING`, `ERROR`.
    #[default]
    Python,
    /// As `log` and `tracing` show them: `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR`.
    Upper,
    /// The same in lower case: `trace`, `debug`, `info`, `warn`, `error`.
    Lower,
    /// The severities of syslog: `debug` (also for traces), `info`, `warning`, `err`.
    Syslog,
}

impl LevelNames {
    /// The name of `level`.
    pub fn name(self, level: Level) -> &'static str {
        let names = match self {
            Self::Python => return level.name(),
            Self::Upper => ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"],
            Self::Lower => ["trace", "debug", "info", "warn", "error"],
            Self::Syslog => ["debug", "debug", "info", "warning", "err"],
        };
        names[level as usize]
    }
}

/// How documents number levels, for filters that compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum LevelValues {
    /// The numbers of Python's logging, more is worse: 5, 10, 20, 30, 40.
    Python,
    /// The severities of syslog, less is worse: 7 (also for traces), 7, 6, 4, 3.
    Syslog,
}

impl LevelValues {
    /// The number of `level`.
    pub fn value(self, level: Level) -> u8 {
        let values = match self {
            Self::Python => [5, 10, 20, 30, 40],
            Self::Syslog => [7, 7, 6, 4, 3],
        };
        values[level as usize]
    }
}

#[cfg(feature = "log")]
impl From<log::Level> for Level {
    fn from(level: log::Level) -> Self {
        match level {
            log::Level::Trace => Self::Trace,
            log::Level::Debug => Self::Debug,
            log::Level::Info => Self::Info,
            log::Level::Warn => Self::Warn,
            log::Level::Error => Self::Error,
        }
    }
}

#[cfg(feature = "tracing")]
impl From<tracing_core::Level> for Level {
    fn from(level: tracing_core::Level) -> Self {
        match level {
            tracing_core::Level::TRACE => Self::Trace,
            tracing_core::Level::DEBUG => Self::Debug,
            tracing_core::Level::INFO => Self::Info,
            tracing_core::Level::WARN => Self::Warn,
            tracing_core::Level::ERROR => Self::Error,
        }
    }
}
