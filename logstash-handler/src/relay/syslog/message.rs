use super::fields::SyslogEcsFields;
use super::{SyslogError, SyslogPriority, SyslogStructuredData};
use logstash_format::{Event, Fields, Level};
use std::borrow::Cow;
use std::time::SystemTime;

/// One syslog message, borrowed from the bytes that were received.
///
/// As [`Fields`] it has the names that Logstash users know, and those of RFC 5424:
///
/// | field | type | content |
/// | --- | --- | --- |
/// | `priority` | integer | 8 times the facility plus the severity |
/// | `facility`, `severity` | integer | |
/// | `facility_label`, `severity_label` | text | their names, as the syslog input of Logstash writes them |
/// | `hostname`, `appname`, `procid`, `msgid` | text | |
/// | `structured_data` | object | `{"id": {"name": "value"}}`; values that come several times as a list |
/// | `tags` | list of texts | the [tags](Self::tags) |
///
/// What the message does not tell is left out.
///
/// ```
/// use logstash_format::{Formatter, LogstashFormatter};
/// use logstash_handler::relay::SyslogParser;
/// use std::time::SystemTime;
///
/// let received = SystemTime::now();
/// let message = SyslogParser::new().parse(b"<165>1 2003-08-24T05:14:15-07:00 web-1 shop 42 - - order placed", received);
/// let mut document = Vec::new();
/// LogstashFormatter::new().format(&message.event(received).fields(&message), &mut document)?;
/// # let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
/// # assert_eq!((&document["message"], &document["extra"]["appname"]), (&"order placed".into(), &"shop".into()));
/// # Ok::<(), logstash_format::FormatError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SyslogMessage<'a> {
    /// How it was written; none if it is no syslog message.
    pub format: Option<SyslogFormat>,
    /// Facility and severity.
    pub priority: Option<SyslogPriority>,
    /// When it was written, by the clock of the sender.
    pub timestamp: Option<SystemTime>,
    /// The machine that wrote it.
    pub hostname: Option<&'a str>,
    /// The program that wrote it.
    pub app_name: Option<&'a str>,
    /// The process that wrote it; usually a number.
    pub proc_id: Option<&'a str>,
    /// What kind of message it is.
    pub msg_id: Option<&'a str>,
    /// What it says for machines.
    pub structured_data: SyslogStructuredData<'a>,
    /// What it says for people; the whole line if that cannot be told.
    pub message: Cow<'a, str>,
    /// Why it could not be read, or not to its end.
    pub defect: Option<SyslogError>,
}

/// How a message was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SyslogFormat {
    /// By RFC 3164, or in one of the many ways before and beside it.
    Bsd,
    /// By RFC 5424.
    Rfc5424,
}

impl SyslogMessage<'_> {
    /// The event, as of `received` if the message has no timestamp of its own.
    ///
    /// Its logger is the program, or `syslog`; its level is made of the severity, and
    /// [`Level::Info`] if there is none.
    #[must_use]
    pub fn event(&self, received: SystemTime) -> Event<'_> {
        let level = self.priority.map_or(Level::Info, SyslogPriority::level);
        let mut event = Event::new(level, self.app_name.unwrap_or("syslog"), &*self.message)
            .at(self.timestamp.unwrap_or(received))
            .fields(self);
        event.pid = self.proc_id.and_then(|process| process.parse().ok());
        event
    }

    /// The fields under their names in the Elastic Common Schema, for
    /// [`EcsFormatter`](logstash_format::EcsFormatter).
    #[must_use]
    pub const fn ecs_fields(&self) -> SyslogEcsFields<'_> {
        SyslogEcsFields::new(self)
    }

    /// What is to be said of the event: `_syslog_parse_failure` if there is a [defect](Self::defect),
    /// `_not_utf8` if the message has bytes that are not.
    pub fn tags(&self) -> impl Iterator<Item = &'static str> + use<> {
        let is_defective = self.defect.is_some().then_some("_syslog_parse_failure");
        let is_not_utf8 = matches!(self.message, Cow::Owned(_)).then_some("_not_utf8");
        is_defective.into_iter().chain(is_not_utf8)
    }
}

impl Fields for SyslogMessage<'_> {
    fn for_each(&self, visit: &mut dyn FnMut(&str, logstash_format::Value<'_>)) {
        super::fields::logstash(self, visit);
    }

    fn may_hold_error(&self) -> bool {
        false
    }
}
