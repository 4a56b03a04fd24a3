use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

/// How fine the time in documents is. What is finer is cut, not rounded, so that no event seems
/// to be of the next second or year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Precision {
    /// `2025-10-09T08:53:20.123Z`, as fine as the type `date` of Elasticsearch.
    #[default]
    Milliseconds,
    /// `2025-10-09T08:53:20.123456Z`.
    Microseconds,
    /// `2025-10-09T08:53:20.123456789Z`, as fine as a Logstash timestamp and the type `date_nanos`.
    Nanoseconds,
}

/// Appends `time` as RFC 3339 in UTC, cut to `precision`: `2025-10-09T08:53:20.123Z`.
///
/// A time outside the years 0 to 9999, which the format cannot express, becomes the nearest one
/// that it can.
pub(crate) fn write_timestamp(time: SystemTime, precision: Precision, out: &mut Vec<u8>) {
    let (seconds, nanos) = unix_time(time);
    let (seconds, nanos) = match seconds {
        ..YEAR_0 => (YEAR_0, 0),
        YEAR_0..=YEAR_9999 => (seconds, nanos),
        _ => (YEAR_9999, 999_999_999),
    };
    let mut text = *b"0000-00-00T00:00:00.000000000Z";
    text[..WHOLE_SECONDS].copy_from_slice(&whole_seconds(seconds));
    let len = match precision {
        Precision::Milliseconds => {
            let millis = nanos / 1_000_000;
            text[20] = b'0' + (millis / 100) as u8;
            text[21..23].copy_from_slice(&two_digits(u64::from(millis % 100)));
            23
        }
        Precision::Microseconds => {
            put(&mut text[20..26], nanos / 1_000);
            26
        }
        Precision::Nanoseconds => {
            put(&mut text[20..29], nanos);
            29
        }
    };
    text[len] = b'Z';
    out.extend_from_slice(&text[..=len]);
}

/// `number`, which is below 100, in decimal.
pub(crate) fn two_digits(number: u64) -> [u8; 2] {
    TWO_DIGITS[number as usize]
}

/// The time without its fraction, as `2025-10-09T08:53:20`.
///
/// Events come many to a second, so that each thread keeps the text of the last one.
fn whole_seconds(seconds: i64) -> [u8; WHOLE_SECONDS] {
    thread_local! {
        static LAST: Cell<(i64, [u8; WHOLE_SECONDS])> = const { Cell::new((0, *b"1970-01-01T00:00:00")) };
    }
    let (last, text) = LAST.get();
    if last == seconds {
        return text;
    }
    let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
    let rest = seconds.rem_euclid(SECONDS_PER_DAY) as u32;
    let mut text = *b"0000-00-00T00:00:00";
    put(&mut text[0..4], year);
    put(&mut text[5..7], month);
    put(&mut text[8..10], day);
    put(&mut text[11..13], rest / 3600);
    put(&mut text[14..16], rest / 60 % 60);
    put(&mut text[17..19], rest % 60);
    LAST.set((seconds, text));
    text
}

/// Seconds since 1970, towards the past, and nanoseconds from there; saturates.
fn unix_time(time: SystemTime) -> (i64, u32) {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let seconds = i64::try_from(before.as_secs()).map_or(i64::MIN, |seconds| -seconds);
            match before.subsec_nanos() {
                0 => (seconds, 0),
                nanos => (seconds.saturating_sub(1), 1_000_000_000 - nanos),
            }
        }
    }
}

/// The date of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
///
/// Years are taken to begin in March, so that the leap day is the last day of its year and the
/// lengths of months follow a straight line; 400 years always have the same number of days.
fn civil_from_days(days: i64) -> (u32, u32, u32) {
    let days = days + DAYS_FROM_MARCH_0;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, year_on) = match month_from_march {
        0..=9 => (month_from_march + 3, 0),
        _ => (month_from_march - 9, 1),
    };
    let year = era * 400 + year_of_era + year_on;
    (year as u32, month as u32, day as u32)
}

/// Writes `number` in decimal over the whole of `text`, from its end.
#[inline]
fn put(text: &mut [u8], mut number: u32) {
    let (first, pairs) = text.as_rchunks_mut();
    for pair in pairs.iter_mut().rev() {
        *pair = TWO_DIGITS[number as usize % 100];
        number /= 100;
    }
    if let [digit] = first {
        *digit = b'0' + (number % 10) as u8;
    }
}

const TWO_DIGITS: [[u8; 2]; 100] = {
    let mut digits = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        digits[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    digits
};

/// Bytes of a time without its fraction.
const WHOLE_SECONDS: usize = 19;
const SECONDS_PER_DAY: i64 = 86_400;
const DAYS_PER_ERA: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const DAYS_FROM_MARCH_0: i64 = 719_468;
/// 0000-01-01T00:00:00Z.
const YEAR_0: i64 = -62_167_219_200;
/// 9999-12-31T23:59:59Z.
const YEAR_9999: i64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn written_to(time: SystemTime, precision: Precision) -> String {
        let mut out = Vec::new();
        write_timestamp(time, precision, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn written(time: SystemTime) -> String {
        written_to(time, Precision::Milliseconds)
    }

    /// `SystemTime` of seconds and nanoseconds after them.
    fn at(seconds: i64, nanos: u32) -> SystemTime {
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let base = match seconds {
            0.. => UNIX_EPOCH + whole,
            _ => UNIX_EPOCH - whole,
        };
        base + Duration::from_nanos(nanos.into())
    }

    #[test]
    fn milliseconds_are_cut_not_rounded() {
        assert_eq!(written(at(1_760_000_000, 123_999_999)), "2025-10-09T08:53:20.123Z");
        assert_eq!(written(at(-1, 999_999_999)), "1969-12-31T23:59:59.999Z");
        assert_eq!(written(at(-1, 500)), "1969-12-31T23:59:59.000Z");
        assert_eq!(written(UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn finer_times_are_cut_too() {
        let time = at(1_760_000_000, 123_456_789);
        assert_eq!(written_to(time, Precision::Microseconds), "2025-10-09T08:53:20.123456Z");
        assert_eq!(written_to(time, Precision::Nanoseconds), "2025-10-09T08:53:20.123456789Z");
        let far = UNIX_EPOCH + Duration::from_secs(i64::MAX as u64 / 2);
        assert_eq!(written_to(far, Precision::Nanoseconds), "9999-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn calendar_edges() {
        for (seconds, text) in [
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799, "9999-12-31T23:59:59.000Z"),
            (-62_167_219_200, "0000-01-01T00:00:00.000Z"),
            (-11_670_912_001, "1600-02-29T23:59:59.000Z"),
        ] {
            assert_eq!(written(at(seconds, 0)), text);
        }
    }

    #[test]
    fn beyond_the_format_is_the_nearest_time() {
        assert_eq!(written(at(253_402_300_800, 0)), "9999-12-31T23:59:59.999Z");
        assert_eq!(written(at(-62_167_219_201, 0)), "0000-01-01T00:00:00.000Z");
        let far = UNIX_EPOCH + Duration::from_secs(i64::MAX as u64 / 2);
        assert_eq!(written(far), "9999-12-31T23:59:59.999Z");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        #[test]
        fn same_as_jiff(seconds in -62_135_596_800_i64..=253_402_207_199, nanos in 0..1_000_000_000_u32) {
            let time = at(seconds, nanos);
            let by_jiff = Timestamp::try_from(time).unwrap();
            for (precision, format) in [
                (Precision::Milliseconds, "%Y-%m-%dT%H:%M:%S.%3fZ"),
                (Precision::Microseconds, "%Y-%m-%dT%H:%M:%S.%6fZ"),
                (Precision::Nanoseconds, "%Y-%m-%dT%H:%M:%S.%9fZ"),
            ] {
                prop_assert_eq!(written_to(time, precision), by_jiff.strftime(format).to_string());
            }
        }
    }
}
