use super::cursor::{Cursor, number};
use super::{SyslogError, SyslogErrorKind};
use logstash_format::Level;

/// Facility and severity of a message: the number in `<34>`, from 0 to 191.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SyslogPriority(u8);

impl SyslogPriority {
    /// The priority of that number; none above 191.
    #[must_use]
    pub const fn new(priority: u8) -> Option<Self> {
        if priority < 192 { Some(Self(priority)) } else { None }
    }

    /// The number, 8 times the facility plus the severity.
    #[must_use]
    pub const fn value(self) -> u8 {
        self.0
    }

    /// What kind of program it was: 0 (the kernel) to 23 (`local7`).
    #[must_use]
    pub const fn facility(self) -> u8 {
        self.0 / 8
    }

    /// How severe it is: 0 (emergency) to 7 (debug).
    #[must_use]
    pub const fn severity(self) -> u8 {
        self.0 % 8
    }

    /// The facility as configurations of syslog name it: `kern`, `authpriv`, `local0`.
    #[must_use]
    pub const fn facility_name(self) -> &'static str {
        FACILITIES[self.facility() as usize].0
    }

    /// The facility as Logstash names it: `kernel`, `security/authorization`, `local0`.
    #[must_use]
    pub const fn facility_label(self) -> &'static str {
        FACILITIES[self.facility() as usize].1
    }

    /// The severity as Logstash names it: `Emergency`, `Informational`.
    #[must_use]
    pub const fn severity_label(self) -> &'static str {
        SEVERITIES[self.severity() as usize]
    }

    /// The level of an event: errors up to severity 3, then a warning, informations, and debugging.
    #[must_use]
    pub const fn level(self) -> Level {
        match self.severity() {
            0..=3 => Level::Error,
            4 => Level::Warn,
            5 | 6 => Level::Info,
            _ => Level::Debug,
        }
    }
}

/// Takes `<34>`, if the line goes on with such a thing.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Option<SyslogPriority>, SyslogError> {
    if !cursor.take(b"<") {
        return Ok(None);
    }
    let digits = cursor.take_while(|byte| byte.is_ascii_digit());
    let priority = number(digits).filter(|_| digits.len() <= 3).and_then(|number| u8::try_from(number).ok());
    match priority.and_then(SyslogPriority::new) {
        Some(priority) if cursor.take(b">") => Ok(Some(priority)),
        _ => Err(SyslogError::new(SyslogErrorKind::Priority, 1)),
    }
}

const FACILITIES: [(&str, &str); 24] = [
    ("kern", "kernel"),
    ("user", "user-level"),
    ("mail", "mail"),
    ("daemon", "system"),
    ("auth", "security/authorization"),
    ("syslog", "syslogd"),
    ("lpr", "line printer"),
    ("news", "network news"),
    ("uucp", "UUCP"),
    ("cron", "clock"),
    ("authpriv", "security/authorization"),
    ("ftp", "FTP"),
    ("ntp", "NTP"),
    ("audit", "log audit"),
    ("alert", "log alert"),
    ("clock", "clock"),
    ("local0", "local0"),
    ("local1", "local1"),
    ("local2", "local2"),
    ("local3", "local3"),
    ("local4", "local4"),
    ("local5", "local5"),
    ("local6", "local6"),
    ("local7", "local7"),
];

const SEVERITIES: [&str; 8] =
    ["Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"];
