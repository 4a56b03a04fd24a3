use super::cursor::Cursor;
use super::stamp::{self, Stamp};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

/// A time zone, for timestamps that do not tell theirs.
///
/// As text: `local`, `UTC`, an offset such as `+02:00`, or a name such as `Europe/Berlin`, for which the
/// system must have the time zone database.
///
/// ```
/// # use logstash_handler::relay::SyslogZone;
/// let zone: SyslogZone = "-05:00".parse()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SyslogZone(TimeZone);

impl SyslogZone {
    /// The zone of this system; UTC where it does not tell one.
    #[must_use]
    pub fn local() -> Self {
        Self(TimeZone::system())
    }

    /// Universal time.
    #[must_use]
    pub const fn utc() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Default for SyslogZone {
    fn default() -> Self {
        Self::local()
    }
}

impl FromStr for SyslogZone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        if text.eq_ignore_ascii_case("local") {
            return Ok(Self::local());
        }
        if text.eq_ignore_ascii_case("utc") {
            return Ok(Self::utc());
        }
        if text.starts_with(['+', '-']) {
            let mut cursor = Cursor::new(text.as_bytes());
            let offset = stamp::offset(&mut cursor).filter(|_| cursor.is_at_end());
            return offset
                .map(|offset| Self(TimeZone::fixed(offset)))
                .ok_or_else(|| UnknownZone(text.into()));
        }
        TimeZone::get(text).map(Self).map_err(|_| UnknownZone(text.into()))
    }
}

impl<'de> Deserialize<'de> for SyslogZone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// There is no zone of that name, here at least.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnknownZone(Box<str>);

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "there is no time zone {:?}; give `local`, `UTC`, an offset such as `+02:00`, or a name such as \
             `Europe/Berlin`, for which the system needs the time zone database (package tzdata)",
            self.0
        )
    }
}

impl Error for UnknownZone {}

/// Knows what timestamps leave out.
#[derive(Debug)]
pub(super) struct Clock<'a> {
    pub(super) zone: &'a SyslogZone,
    /// Whether the zone may be another one.
    pub(super) infer: bool,
    pub(super) received: SystemTime,
}

impl Clock<'_> {
    /// When it was; none if there is no such time.
    pub(super) fn time(&self, stamp: Stamp) -> Option<SystemTime> {
        let (date, time, offset) = match stamp {
            Stamp::Instant(instant) => return Some(instant),
            Stamp::Civil { date, time, offset } => (date, time, offset),
        };
        let received = Timestamp::try_from(self.received).ok()?;
        let at = |year: i16, zone: Zone<'_>| {
            let (civil, later) = date.at(year, time)?;
            let instant = zone.instant(civil, received)?;
            if later.is_zero() { Some(instant) } else { instant.checked_add(later).ok() }
        };
        let in_zone = |zone: Zone<'_>| match date.year {
            Some(year) => at(year, zone),
            None => {
                let latest = received.checked_add(AHEAD).ok()?;
                let year = self.zone.0.to_datetime(latest.checked_add(APART).ok()?).year();
                let mut years = (year.saturating_sub(YEARS)..=year).rev();
                years.find_map(|year| at(year, zone).filter(|time| *time <= latest))
            }
        };
        let instant = match offset {
            Some(offset) => in_zone(Zone::Offset(offset))?,
            None => {
                let expected = in_zone(Zone::Named(&self.zone.0))?;
                let inferred = (self.infer && !is_near(expected, received, SKEW))
                    .then(|| inferred(in_zone(Zone::Offset(Offset::UTC))?, received));
                inferred.flatten().unwrap_or(expected)
            }
        };
        Some(instant.into())
    }
}

#[derive(Clone, Copy)]
enum Zone<'a> {
    Offset(Offset),
    Named(&'a TimeZone),
}

impl Zone<'_> {
    fn instant(self, civil: DateTime, received: Timestamp) -> Option<Timestamp> {
        let zone = match self {
            Self::Offset(offset) => return offset.to_timestamp(civil).ok(),
            Self::Named(zone) => zone,
        };
        let offset = match zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            // Said by a clock that does not know of summer time.
            AmbiguousOffset::Gap { before, .. } => before,
            AmbiguousOffset::Fold { before, after } => {
                let first = before.to_timestamp(civil).ok()?;
                let second = after.to_timestamp(civil).ok()?;
                let distance = |instant: Timestamp| instant.duration_since(received).abs();
                return Some(if distance(second) < distance(first) { second } else { first });
            }
        };
        offset.to_timestamp(civil).ok()
    }
}

/// The time of a clock that is near `received` in some zone; none if there is no such zone.
fn inferred(as_utc: Timestamp, received: Timestamp) -> Option<Timestamp> {
    let ahead = as_utc.duration_since(received).as_secs();
    let offset = (ahead + QUARTER / 2).div_euclid(QUARTER) * QUARTER;
    let exists = (-12 * 3600..=14 * 3600).contains(&offset);
    let instant = as_utc.checked_sub(SignedDuration::from_secs(offset)).ok()?;
    (exists && is_near(instant, received, SignedDuration::from_secs(60))).then_some(instant)
}

fn is_near(a: Timestamp, b: Timestamp, distance: SignedDuration) -> bool {
    a.duration_since(b).abs() <= distance
}

/// How far ahead of ours the clock of a sender may be, its zone included, before its time is taken to be
/// one of the year before.
const AHEAD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// More than any two zones are apart.
const APART: SignedDuration = SignedDuration::from_hours(3 * 24);

/// How far apart clocks may be before zones are guessed.
const SKEW: SignedDuration = SignedDuration::from_secs(5 * 60);

/// Years to go back; there may be eight without leap year.
const YEARS: i16 = 8;

/// Seconds between zones.
const QUARTER: i64 = 15 * 60;
