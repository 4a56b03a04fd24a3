use super::clock::Clock;
use super::cursor::Cursor;
use super::message::SyslogMessage;
use super::stamp::{self, Stamp};
use crate::relay::text::text;
use std::time::SystemTime;

/// Reads what follows the priority, if there was one: as much as can be told.
pub(super) fn read<'a>(message: &mut SyslogMessage<'a>, mut cursor: Cursor<'a>, clock: &Clock<'_>) {
    if let Some((host, time)) = header(&mut cursor, clock) {
        message.timestamp = Some(time);
        message.hostname = host;
        let is_followed_by_message = cursor.take(b":");
        cursor.take_while(|byte| byte == b' ');
        if message.hostname.is_none() && !is_followed_by_message && !is_repetition(cursor.rest()) {
            message.hostname = host_before_message(&mut cursor);
        }
    } else {
        cursor.take(b" ");
    }
    message.msg_id = mnemonic(cursor.rest());
    if message.msg_id.is_none()
        && let Some(tag) = tag(&mut cursor)
    {
        message.app_name = Some(tag.name);
        message.proc_id = tag.process;
    }
    message.message = text(cursor.rest());
}

/// Takes all up to the end of the timestamp; the host where it stands before that, as on Cisco routers:
/// `36: RouterA: *Mar  1 18:48:50.483`. HPE has a space before it, and Cisco ASA a colon.
fn header<'a>(cursor: &mut Cursor<'a>, clock: &Clock<'_>) -> Option<(Option<&'a str>, SystemTime)> {
    let mut ahead = cursor.clone();
    let mut host = None;
    let _ = ahead.take(b" ") || matches!(ahead.rest(), [b':', b'A'..=b'Z', ..]) && ahead.take(b":");
    for _ in 0..=PARTS_BEFORE_STAMP {
        if let Some(time) = timestamp(&mut ahead).and_then(|stamp| clock.time(stamp)) {
            *cursor = ahead;
            return Some((host, time));
        }
        if node(&mut ahead) {
            continue;
        }
        // Cisco WLC: the task, no host.
        let is_task = ahead.take(b"*");
        let part = ahead.take_while(is_host_byte);
        let has_space = ahead.take(b" ");
        let part = match part.strip_suffix(b":") {
            Some(part) => part,
            None if node(&mut ahead.clone()) => part,
            None => return None,
        };
        if !has_space {
            return None;
        }
        if !is_task && !part.iter().all(u8::is_ascii_digit) {
            host = Some(self::host(part)?);
        }
    }
    None
}

/// Takes what Cisco IOS XR has before its timestamp: `RP/0/RSP0/CPU0:`, a part of the host.
fn node(cursor: &mut Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    let node = ahead.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'/');
    let is_node = node.contains(&b'/') && ahead.take(b":") && matches!(ahead.rest(), [b'A'..=b'Z', ..]);
    if is_node {
        *cursor = ahead;
    }
    is_node
}

fn timestamp(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let mut ahead = cursor.clone();
    let stamp = stamp::iso(&mut ahead).or_else(|| stamp::bsd(&mut ahead)).or_else(|| {
        // Meraki: `1 1563249630.774247467 host`.
        if ahead.take(b"1 ") { stamp::epoch(&mut ahead) } else { None }
    })?;
    stamp::ends(ahead.rest()).then(|| {
        *cursor = ahead;
        stamp
    })
}

/// Takes a host and the spaces behind it, where a message follows that is not its own.
fn host_before_message<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let mut ahead = cursor.clone();
    if ahead.take(FORWARDED) {
        let name = ahead.take_while(|byte| byte != b':');
        let host = host(name).filter(|_| ahead.take(b": "));
        if host.is_some() {
            *cursor = ahead;
        }
        return host;
    }
    if mnemonic(ahead.rest()).is_some() || tag(&mut ahead.clone()).is_some() && !is_cisco_host(ahead.rest()) {
        return None;
    }
    let host = ahead.take_while(|byte| byte != b' ');
    let host = if is_cisco_host(cursor.rest()) { host.strip_suffix(b":")? } else { host };
    if ahead.is_at_end() && cursor.rest().contains(&b':') {
        return None;
    }
    let is_none = host == b"-";
    let host = if is_none { None } else { Some(self::host(host)?) };
    ahead.take_while(|byte| byte == b' ');
    // Cisco ASA: `asa01 : %ASA-6-302013: Built`.
    let mut behind = ahead.clone();
    if behind.take(b": ") {
        ahead = behind;
    }
    *cursor = ahead;
    host
}

/// Cisco: `asa01: %ASA-4-106023: Deny`.
fn is_cisco_host(rest: &[u8]) -> bool {
    let mut cursor = Cursor::new(rest);
    let host = cursor.take_while(|byte| byte != b' ');
    cursor.take(b" ");
    host.ends_with(b":") && mnemonic(cursor.rest()).is_some()
}

/// A name or an address of a host.
fn host(host: &[u8]) -> Option<&str> {
    let host = match host {
        [b'[', address @ .., b']'] => address,
        _ => host,
    };
    let is_host = (1..=LONGEST_NAME).contains(&host.len()) && host.iter().all(|byte| is_host_byte(*byte));
    if is_host { str::from_utf8(host).ok() } else { None }
}

/// Hosts through which syslog-ng got a message stand behind `/` and `@`.
const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/' | b'@' | b'%')
}

/// What syslog daemons say instead of the same message again.
fn is_repetition(rest: &[u8]) -> bool {
    rest.starts_with(b"last message repeated ") || rest.starts_with(b"message repeated ")
}

struct Tag<'a> {
    name: &'a str,
    process: Option<&'a str>,
}

/// Takes `name:`, `name[process]:` or `name[process]`, and a space. Numbers are no names, but what Cisco
/// devices count messages with.
fn tag<'a>(cursor: &mut Cursor<'a>) -> Option<Tag<'a>> {
    let mut ahead = cursor.clone();
    let name = ahead.take_while(is_tag_byte);
    let is_name = name.len() <= LONGEST_NAME && !name.iter().all(u8::is_ascii_digit);
    let name = str::from_utf8(name).ok().filter(|_| is_name)?;
    let process = if ahead.take(b"[") {
        let process = ahead.take_while(|byte| byte.is_ascii_graphic() && byte != b']');
        if process.len() > LONGEST_NAME || !ahead.take(b"]") {
            return None;
        }
        Some(str::from_utf8(process).ok()?).filter(|process| !process.is_empty())
    } else {
        None
    };
    let has_colon = ahead.take(b":");
    if !has_colon && process.is_none() || !(ahead.is_at_end() || ahead.take(b" ")) {
        return None;
    }
    *cursor = ahead;
    Some(Tag { name, process })
}

/// No quotes and braces: a message may be JSON.
fn is_tag_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'_' | b'.' | b'/' | b'(' | b')' | b'@' | b'#' | b'+' | b'*' | b'~' | b'$' | b'\\'
        )
        || byte >= 0x80
}

/// What Cisco devices call their messages: `%ASA-6-302013` of `%ASA-6-302013: Built`.
fn mnemonic(rest: &[u8]) -> Option<&str> {
    let mut cursor = Cursor::new(rest.strip_prefix(b"%")?);
    let name = cursor.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let is_mnemonic = name.contains(&b'-') && name.len() <= LONGEST_NAME && cursor.take(b":");
    is_mnemonic.then(|| str::from_utf8(&rest[..=name.len()]).ok()).flatten()
}

/// What AIX says before the host.
const FORWARDED: &[u8] = b"Message forwarded from ";

/// Sequence numbers and hosts.
const PARTS_BEFORE_STAMP: usize = 3;

/// What is longer is neither a host nor a program.
const LONGEST_NAME: usize = 255;
