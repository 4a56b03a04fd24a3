use super::config::Severity;
use super::pickle::PythonRecord;
use super::syslog::{SyslogMessage, SyslogPriority};
use logstash_format::Level;
use std::time::SystemTime;

/// One event as it came in.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    /// All of it, as it came.
    pub(crate) text: &'a [u8],
    /// What was understood of it.
    pub(crate) content: Content<'a>,
    /// When it came in.
    pub(crate) received: SystemTime,
    /// What is not right with it.
    pub(crate) tags: Tags,
}

/// What an event is.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    /// A JSON object on one line, to be passed on as it is.
    Document,
    /// Text, to be passed on as a message.
    Line,
    /// A record of Python's logging.
    Python(PythonRecord<'a>),
    /// A message of syslog.
    Syslog(SyslogMessage<'a>),
}

impl Record<'_> {
    /// How severe it is; what does not tell is information.
    pub(crate) fn severity(&self) -> Severity {
        match &self.content {
            Content::Document | Content::Line => Severity::Info,
            Content::Python(record) if record.is_critical() => Severity::Critical,
            Content::Python(record) => severity_of(record.level()),
            Content::Syslog(message) => message.priority.map_or(Severity::Info, severity),
        }
    }
}

const fn severity_of(level: Level) -> Severity {
    match level {
        Level::Error => Severity::Error,
        Level::Warn => Severity::Warning,
        Level::Info => Severity::Info,
        Level::Debug | Level::Trace => Severity::Debug,
    }
}

fn severity(priority: SyslogPriority) -> Severity {
    match priority.severity() {
        0 => Severity::Emergency,
        1 => Severity::Alert,
        2 => Severity::Critical,
        3 => Severity::Error,
        4 => Severity::Warning,
        5 => Severity::Notice,
        6 => Severity::Info,
        _ => Severity::Debug,
    }
}

/// What is not right with an event, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tags {
    tags: [&'static str; 2],
    count: usize,
}

impl Tags {
    pub(crate) fn add(&mut self, tag: &'static str) {
        // There is one for the extent of a message, and one for its content.
        if let Some(place) = self.tags.get_mut(self.count) {
            *place = tag;
            self.count += 1;
        }
    }

    pub(crate) fn all(&self) -> &[&'static str] {
        self.tags.get(..self.count).unwrap_or_default()
    }
}
