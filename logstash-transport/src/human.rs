//! How people write sizes and times in configuration files.
//!
//! ```
//! use logstash_transport::human::{Size, Time};
//! use std::time::Duration;
//!
//! #[derive(serde::Deserialize)]
//! struct Buffer {
//!     bytes: Size,
//!     age: Time,
//! }
//!
//! let buffer: Buffer = toml::from_str(r#"
//!     bytes = "64 MiB"
//!     age = "1 m 30 s"
//! "#)?;
//! assert_eq!(buffer.bytes.bytes(), 64 * 1024 * 1024);
//! assert_eq!(buffer.age.duration(), Duration::from_secs(90));
//! # Ok::<(), toml::de::Error>(())
//! ```

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes: `65536`, `"64 KiB"`, `"500 kB"`, `"1.5 GB"`.
///
/// `k`, `M`, `G` and `T` are powers of 1,000, `Ki`, `Mi`, `Gi` and `Ti` of 1,024; upper and lower case
/// are the same, and so is a `B` after them.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Size(u64);

impl Size {
    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// In bytes, as far as memory can have so many; what is more counts as all of it.
    #[must_use]
    pub fn in_memory(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for Size {
    type Err = HumanError;

    fn from_str(text: &str) -> Result<Self, HumanError> {
        let wrong = |error| HumanError(format!("{text:?} is no size: {error}; write it like {SIZE}"));
        parse_size::parse_size(text).map(Self).map_err(wrong)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a number of bytes, or a size like {SIZE}")
            }

            fn visit_u64<E: Error>(self, bytes: u64) -> Result<Size, E> {
                Ok(Size(bytes))
            }

            fn visit_i64<E: Error>(self, bytes: i64) -> Result<Size, E> {
                let wrong = |_| E::invalid_value(Unexpected::Signed(bytes), &self);
                u64::try_from(bytes).map(Size).map_err(wrong)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Written)
    }
}

/// A duration: `"20 ms"`, `"5s"`, `"1 m 30 s"`, `"2 h"`, `"7 days"`. It always has a unit, but for `"0"`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Time(Duration);

impl Time {
    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Time {
    type Err = HumanError;

    fn from_str(text: &str) -> Result<Self, HumanError> {
        if text.contains('M') {
            // What is a month to the library is a minute to most who write it.
            let text = format!("{text:?} is ambiguous: minutes are \"m\", months have no fixed length");
            return Err(HumanError(text));
        }
        let wrong = |error| HumanError(format!("{text:?} is no duration: {error}; write it like {TIME}"));
        humantime::parse_duration(text).map(Self).map_err(wrong)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text::new(""))
    }
}

/// A [`Time`], or `"none"` where a limit is switched off.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TimeOrNone(Option<Duration>);

impl TimeOrNone {
    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Option<Duration> {
        self.0
    }
}

impl FromStr for TimeOrNone {
    type Err = HumanError;

    fn from_str(text: &str) -> Result<Self, HumanError> {
        match text {
            "none" => Ok(Self(None)),
            _ => text.parse().map(|Time(time)| Self(Some(time))),
        }
    }
}

impl<'de> Deserialize<'de> for TimeOrNone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text::new(", or \"none\""))
    }
}

/// Takes a text for a duration, and nothing else: numbers would leave the unit open.
struct Text<T> {
    also: &'static str,
    read: PhantomData<T>,
}

impl<T> Text<T> {
    const fn new(also: &'static str) -> Self {
        Self { also, read: PhantomData }
    }
}

impl<T: FromStr<Err = HumanError>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a duration with its unit in quotes, like {TIME}{}", self.also)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// A text that is no size or no duration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HumanError(String);

impl fmt::Display for HumanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HumanError {}

const SIZE: &str = "65536, \"64 KiB\" or \"10 MB\"";
const TIME: &str = "\"20 ms\", \"5 s\" or \"1 m 30 s\"";

/// For fields of options that are the time for something.
#[cfg(feature = "_stream")]
pub(crate) fn timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let time = Time::deserialize(deserializer)?.duration();
    if time.is_zero() {
        return Err(D::Error::custom("it would be over before it begins: give it time, or leave it out"));
    }
    Ok(time)
}

/// For fields of options that are durations or none.
#[cfg(feature = "_stream")]
pub(crate) fn duration_or_none<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    TimeOrNone::deserialize(deserializer).map(TimeOrNone::duration)
}
