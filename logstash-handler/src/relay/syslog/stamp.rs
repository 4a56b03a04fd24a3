use super::cursor::{Cursor, number};
use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use std::time::{Duration, SystemTime};

/// A timestamp as it is written, which may lack its year and its zone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stamp {
    Civil { date: Date, time: Time, offset: Option<Offset> },
    Instant(SystemTime),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Date {
    pub(super) year: Option<i16>,
    pub(super) month: i8,
    pub(super) day: i8,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Time {
    hour: i8,
    minute: i8,
    /// Up to 60.
    second: i8,
    nanosecond: i32,
}

impl Date {
    /// This date in `year`, at `time`, if there is such a date; and how much later it is.
    pub(super) fn at(self, year: i16, time: Time) -> Option<(DateTime, SignedDuration)> {
        let second = time.second.min(59);
        let civil =
            DateTime::new(year, self.month, self.day, time.hour, time.minute, second, time.nanosecond);
        Some((civil.ok()?, SignedDuration::from_secs((time.second - second).into())))
    }
}

/// Takes a timestamp of RFC 3339, or something near to it.
pub(super) fn iso<'a>(cursor: &mut Cursor<'a>) -> Option<Stamp> {
    let start = cursor.clone();
    let stamp = read_iso(cursor);
    if stamp.is_none() {
        *cursor = start;
    }
    stamp
}

/// Whether the line goes on with a date of RFC 3339.
pub(super) fn begins_iso(rest: &[u8]) -> bool {
    matches!(rest, [a, b, c, d, b'-', e, f, b'-', g, h, ..]
        if [a, b, c, d, e, f, g, h].iter().all(|digit| digit.is_ascii_digit()))
}

fn read_iso(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    if !begins_iso(cursor.rest()) {
        return None;
    }
    let (century, year) = (two_digits(cursor)?, two_digits(cursor)?);
    cursor.skip(1);
    let month = two_digits(cursor)?;
    cursor.skip(1);
    let day = two_digits(cursor)?;
    if ![&b"T"[..], b"t", b" "].iter().any(|separator| cursor.take(separator)) {
        return None;
    }
    let time = time(cursor)?;
    let offset = match cursor.rest() {
        [b'Z' | b'z', ..] => {
            cursor.skip(1);
            Some(Offset::UTC)
        }
        [b'+' | b'-', ..] => Some(offset(cursor)?),
        _ => None,
    };
    let date = Date { year: Some(100 * i16::from(century) + i16::from(year)), month, day };
    Some(Stamp::Civil { date, time, offset })
}

/// Takes the timestamp of RFC 3164, with what devices add to it.
pub(super) fn bsd(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let start = cursor.clone();
    let stamp = read_bsd(cursor);
    if stamp.is_none() {
        *cursor = start;
    }
    stamp
}

fn read_bsd(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    // Cisco: the clock is not set, or not in step with its source.
    let _ = cursor.take(b"*") || cursor.take(b".");
    let mut year = take_year(cursor);
    let month = MONTHS.iter().position(|month| cursor.take(month))?;
    if !cursor.take(b" ") {
        return None;
    }
    cursor.take(b" ");
    let day = cursor.take_while(|byte| byte.is_ascii_digit());
    if day.len() > 2 || !cursor.take(b" ") {
        return None;
    }
    year = year.or_else(|| take_year(cursor));
    let time = time(cursor)?;
    year = year.or_else(|| take_trailing_year(cursor));
    let offset = trailing_zone(cursor);
    year = year.or_else(|| take_trailing_year(cursor));
    let date = Date { year, month: i8::try_from(month + 1).ok()?, day: i8::try_from(number(day)?).ok()? };
    Some(Stamp::Civil { date, time, offset })
}

/// Takes seconds since 1970 with a fraction, as Meraki devices write them.
pub(super) fn epoch(cursor: &mut Cursor<'_>) -> Option<Stamp> {
    let mut ahead = cursor.clone();
    let seconds = ahead.take_while(|byte| byte.is_ascii_digit());
    if !(9..=10).contains(&seconds.len()) || !ahead.take(b".") {
        return None;
    }
    let seconds = seconds.iter().fold(0, |seconds, digit| 10 * seconds + u64::from(digit - b'0'));
    let nanosecond = u32::try_from(fraction(&mut ahead)?).ok()?;
    *cursor = ahead;
    Some(Stamp::Instant(SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanosecond))?))
}

fn time(cursor: &mut Cursor<'_>) -> Option<Time> {
    let hour = two_digits(cursor)?;
    let minute = cursor.take(b":").then(|| two_digits(cursor))??;
    let second = cursor.take(b":").then(|| two_digits(cursor))??;
    let has_fraction = matches!(cursor.rest(), [b'.' | b',', digit, ..] if digit.is_ascii_digit());
    let nanosecond = if has_fraction {
        cursor.skip(1);
        fraction(cursor)?
    } else {
        0
    };
    let exists = hour < 24 && minute < 60 && second <= 60;
    exists.then_some(Time { hour, minute, second, nanosecond })
}

/// Nanoseconds, of one to nine digits.
fn fraction(cursor: &mut Cursor<'_>) -> Option<i32> {
    let digits = cursor.take_while(|byte| byte.is_ascii_digit());
    let number = i32::try_from(number(digits)?).ok()?;
    Some(number * 10_i32.pow(9 - u32::try_from(digits.len()).ok()?))
}

fn two_digits(cursor: &mut Cursor<'_>) -> Option<i8> {
    let [tens @ b'0'..=b'9', ones @ b'0'..=b'9', ..] = cursor.rest() else {
        return None;
    };
    cursor.skip(2);
    i8::try_from(10 * (tens - b'0') + (ones - b'0')).ok()
}

/// `+02:00`, `+0200`, `+02` or `-6`.
pub(super) fn offset(cursor: &mut Cursor<'_>) -> Option<Offset> {
    let sign = if cursor.take(b"-") { -1 } else { cursor.take(b"+").then_some(1)? };
    let digits = cursor.take_while(|byte| byte.is_ascii_digit());
    let (hours, minutes) = match digits.len() {
        1 | 2 => {
            let mut ahead = cursor.clone();
            let minutes = ahead.take(b":").then(|| two_digits(&mut ahead)).flatten();
            if minutes.is_some() {
                *cursor = ahead;
            }
            (number(digits)?, minutes.map_or(0, i32::from))
        }
        4 => (number(&digits[..2])?, i32::try_from(number(&digits[2..])?).ok()?),
        _ => return None,
    };
    let hours = i32::try_from(hours).ok()?;
    let exists = hours < 24 && minutes < 60;
    exists.then(|| Offset::from_seconds(sign * (3600 * hours + 60 * minutes)).ok()).flatten()
}

/// Takes a year and the space behind it.
fn take_year(cursor: &mut Cursor<'_>) -> Option<i16> {
    let [digits @ .., b' '] = cursor.rest().get(..5)? else {
        return None;
    };
    let year = i16::try_from(number(digits)?).ok()?;
    (1970..2100).contains(&year).then(|| {
        cursor.skip(5);
        year
    })
}

/// Takes a space and a year, behind which something else follows.
fn take_trailing_year(cursor: &mut Cursor<'_>) -> Option<i16> {
    let mut ahead = cursor.clone();
    if !ahead.take(b" ") {
        return None;
    }
    let digits = ahead.take_while(|byte| byte.is_ascii_digit());
    let year = i16::try_from(number(digits)?).ok()?;
    (ends(ahead.rest()) && digits.len() == 4 && (1970..2100).contains(&year)).then(|| {
        *cursor = ahead;
        year
    })
}

/// Takes a space and a zone, if what follows is one that means the same everywhere.
fn trailing_zone(cursor: &mut Cursor<'_>) -> Option<Offset> {
    let mut ahead = cursor.clone();
    if !ahead.take(b" ") {
        return None;
    }
    let name = ahead.take_while(|byte| byte.is_ascii_uppercase());
    let zone = match ahead.rest() {
        [b'+' | b'-', ..] if matches!(name, b"" | b"UTC" | b"GMT" | b"TZ") => offset(&mut ahead)?,
        _ => {
            let (_, hours) = ZONES.iter().find(|(zone, _)| zone.as_bytes() == name)?;
            Offset::from_seconds(hours * 3600).ok()?
        }
    };
    ends(ahead.rest()).then(|| {
        *cursor = ahead;
        zone
    })
}

/// Whether a timestamp may end before `rest`.
pub(super) fn ends(rest: &[u8]) -> bool {
    matches!(rest, [] | [b' ', ..] | [b':'] | [b':', b' ', ..])
}

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Hours east of UTC: the zones of RFC 2822, and those of Central Europe.
const ZONES: [(&str, i32); 13] = [
    ("CDT", -5),
    ("CEST", 2),
    ("CET", 1),
    ("CST", -6),
    ("EDT", -4),
    ("EST", -5),
    ("GMT", 0),
    ("MDT", -6),
    ("MST", -7),
    ("PDT", -7),
    ("PST", -8),
    ("UTC", 0),
    ("Z", 0),
];
