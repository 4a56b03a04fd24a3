use super::clock::Clock;
use super::cursor::Cursor;
use super::message::SyslogMessage;
use super::{SyslogError, SyslogErrorKind, stamp, structured_data};
use crate::relay::text::text;

/// Whether a version and a timestamp follow the priority, as far as it takes to tell.
pub(super) fn begins(rest: &[u8]) -> bool {
    let mut cursor = Cursor::new(rest);
    let version = cursor.take_while(|byte| byte.is_ascii_digit());
    (1..=3).contains(&version.len())
        && version[0] != b'0'
        && cursor.take(b" ")
        && (cursor.rest().starts_with(b"- ") || stamp::begins_iso(cursor.rest()))
}

/// Reads what follows the priority. What stands before a fault is kept.
pub(super) fn read<'a>(
    message: &mut SyslogMessage<'a>,
    mut cursor: Cursor<'a>,
    clock: &Clock<'_>,
) -> Result<(), SyslogError> {
    cursor.take_while(|byte| byte.is_ascii_digit());
    cursor.take(b" ");
    if !cursor.take(b"- ") {
        let start = cursor.offset();
        let stamp = stamp::iso(&mut cursor).filter(|_| cursor.rest().starts_with(b" "));
        let Some(time) = stamp.and_then(|stamp| clock.time(stamp)) else {
            return Err(SyslogError::new(SyslogErrorKind::Timestamp, start));
        };
        cursor.skip(1);
        message.timestamp = Some(time);
    }
    message.hostname = field(&mut cursor, "host name")?;
    message.app_name = field(&mut cursor, "application name")?;
    message.proc_id = field(&mut cursor, "process id")?;
    message.msg_id = field(&mut cursor, "message id")?;
    message.structured_data = structured_data::read(&mut cursor)?;
    cursor.take(b"\xef\xbb\xbf");
    message.message = text(cursor.rest());
    Ok(())
}

/// A field and the space behind it.
fn field<'a>(cursor: &mut Cursor<'a>, name: &'static str) -> Result<Option<&'a str>, SyslogError> {
    let fault = SyslogError::new(SyslogErrorKind::Field(name), cursor.offset());
    let field = cursor.take_while(|byte| byte.is_ascii_graphic());
    match str::from_utf8(field) {
        Ok(field) if !field.is_empty() && cursor.take(b" ") => Ok(Some(field).filter(|field| *field != "-")),
        _ => Err(fault),
    }
}
