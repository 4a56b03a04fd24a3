//! Syslog messages as they are on the wire.

mod bsd;

mod clock;
pub use clock::{SyslogZone, UnknownZone};

mod cursor;

mod error;
pub use error::{SyslogError, SyslogErrorKind};

mod fields;
pub use fields::SyslogEcsFields;

mod message;
pub use message::{SyslogFormat, SyslogMessage};

mod priority;
pub use priority::SyslogPriority;

mod rfc5424;
mod stamp;

mod structured_data;
pub use structured_data::{SyslogElement, SyslogParameters, SyslogStructuredData};

use super::text::{text, without_end};
use cursor::Cursor;
use std::time::SystemTime;

/// Reads syslog messages: RFC 5424, RFC 3164, and what programs and devices send instead.
///
/// | part | what is understood |
/// | --- | --- |
/// | format | RFC 5424 where a version and a timestamp (or `-`) follow the priority; all else is the BSD format |
/// | timestamp | RFC 3339, also with a space, a comma, nine digits or without zone; `Oct  1 22:14:15`, also with a fraction, a year in any place, a zone, or Cisco's marks; seconds since 1970 (Meraki) |
/// | host | a name or an address, also in brackets; `-` is none. In the BSD format it may be missing, as from `/dev/log` |
/// | program | in the BSD format what stands before `:` or `[pid]`; the message may have none |
/// | message id | in the BSD format the mnemonic of Cisco, `%ASA-6-302013`, which stays in the message, too |
/// | structured data | may be left out, as Heroku does |
/// | priority | may be missing, as in log files, where there is a timestamp; `<6>` alone may stand before a message, as the kernel writes it |
///
/// Line feeds, carriage returns and NULs at the end are cut, and a byte order mark before the message
/// of RFC 5424. Header fields may be longer than the RFC allows.
///
/// Nothing is ever refused: the message of a line that cannot be understood is the whole line, and
/// [`SyslogMessage::defect`] says what is wrong with it, and where.
///
/// Text should be UTF-8. A byte that is not stands as `\xE4` in messages and in values of structured
/// data, and the message is tagged `_not_utf8`.
///
/// # Time
///
/// A BSD timestamp has no year. It is the latest year in which the time is at most seven days later
/// than that of the receipt: neither clocks that are somewhat wrong nor new year's eve make a
/// difference, and the 29th of February is that of the last leap year.
///
/// Nor does it have a zone; it is taken to be local time [here](Self::zone), where the clock is put
/// back the hour closer to the receipt, and where it is put forward, of the hour that is left out, the time of
/// a clock that was not. With [`infer_zone`](Self::infer_zone) it may be guessed.
///
/// ```
/// use logstash_handler::relay::SyslogParser;
/// use std::time::SystemTime;
///
/// let parser = SyslogParser::new();
/// let line = b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8";
/// let message = parser.parse(line, SystemTime::now());
/// assert_eq!(message.app_name, Some("su"));
/// assert_eq!(message.priority.map(|priority| priority.severity_label()), Some("Critical"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct SyslogParser {
    zone: SyslogZone,
    infer_zone: bool,
}

impl SyslogParser {
    /// A parser that takes times without zone for local time.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the zone of timestamps without one. Default: that of the system.
    #[must_use]
    pub fn zone(mut self, zone: SyslogZone) -> Self {
        self.zone = zone;
        self
    }

    /// Sets whether the zone of a timestamp without one is guessed where [`zone`](Self::zone) makes
    /// it more than five minutes early or late. Default: no.
    ///
    /// It is then the offset to UTC that makes it the time of the receipt, if a whole number of quarters
    /// of an hour does so to a minute. For devices in several zones which send at once: messages that
    /// were held back for about an hour are mistaken for some of another zone.
    #[must_use]
    pub const fn infer_zone(mut self, infer: bool) -> Self {
        self.infer_zone = infer;
        self
    }

    /// Reads one message, which was received at `received`.
    #[must_use]
    pub fn parse<'a>(&self, line: &'a [u8], received: SystemTime) -> SyslogMessage<'a> {
        let line = without_end(line);
        let clock = clock::Clock { zone: &self.zone, infer: self.infer_zone, received };

        let mut message = SyslogMessage::default();
        if let Err(defect) = read(&mut message, line, &clock) {
            message.message = text(line);
            message.defect = Some(defect);
        }
        message
    }
}

fn read<'a>(
    message: &mut SyslogMessage<'a>,
    line: &'a [u8],
    clock: &clock::Clock<'_>,
) -> Result<(), SyslogError> {
    let mut cursor = Cursor::new(line);
    message.priority = priority::read(&mut cursor)?;
    if message.priority.is_some() && rfc5424::begins(cursor.rest()) {
        message.format = Some(SyslogFormat::Rfc5424);
        return rfc5424::read(message, cursor, clock);
    }
    bsd::read(message, cursor, clock);
    if message.priority.is_none() && message.timestamp.is_none() {
        *message = SyslogMessage::default();
        return Err(SyslogError::new(SyslogErrorKind::NoPriority, 0));
    }
    message.format = Some(SyslogFormat::Bsd);
    Ok(())
}
