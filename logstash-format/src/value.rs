use std::borrow::Cow;
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::json::{Json, SerializeError, Serializer};
use crate::policy::PLAIN;

/// The value of a field, borrowed for as long as a visit lasts.
///
/// | value | in JSON |
/// | --- | --- |
/// | integers | a number; as text where 64 bits do not hold it |
/// | floats | a number; `"NaN"`, `"Infinity"` and `"-Infinity"` as text |
/// | bytes, paths and other text of the system | text, with U+FFFD for what is not UTF-8 |
/// | times | text, `2025-10-09T08:53:20.123456789Z` |
/// | durations | a number of seconds |
/// | `Display`, `Debug` | text; a marker at its end says that the implementation failed |
/// | errors | text, with a line `caused by: ...` for each source |
/// | [`Structured`] | what serde makes of it; a marker as text where that fails |
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Nothing, said so.
    Null,
    /// Truth.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A large signed integer.
    I128(i128),
    /// A large unsigned integer.
    U128(u128),
    /// A floating point number with few digits.
    F32(f32),
    /// A floating point number.
    F64(f64),
    /// Text.
    Str(&'a str),
    /// One character.
    Char(char),
    /// Bytes that should be UTF-8.
    Bytes(&'a [u8]),
    /// A point in time.
    Time(SystemTime),
    /// A span of time.
    Duration(Duration),
    /// What displays itself.
    Display(&'a dyn fmt::Display),
    /// What can only be displayed for debugging.
    Debug(&'a dyn fmt::Debug),
    /// An error with its sources.
    Error(&'a (dyn Error + 'static)),
    /// Lists, maps and structures.
    Structured(Structured<'a>),
}

impl<'a> Value<'a> {
    /// Anything that serde can serialise.
    ///
    /// ```
    /// use logstash_format::Value;
    ///
    /// let mut json = Vec::new();
    /// Value::serialize(&["a", "b"]).write_json(&mut json);
    /// assert_eq!(json, br#"["a","b"]"#);
    /// ```
    pub fn serialize<T: Serialize>(value: &'a T) -> Self {
        Self::Structured(Structured(value))
    }

    /// Appends the value as JSON, on one line; for formatters of your own.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        Json::new(out, &PLAIN).value(*self);
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut json = Vec::new();
        self.write_json(&mut json);
        f.write_str(&String::from_utf8_lossy(&json))
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident,)*) => {
        $(impl<'a> From<$type> for Value<'a> {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

from! {
    bool => Bool,
    i8 => I64, i16 => I64, i32 => I64, i64 => I64, i128 => I128,
    u8 => U64, u16 => U64, u32 => U64, u64 => U64, u128 => U128,
    f32 => F32, f64 => F64,
    char => Char,
    &'a str => Str,
    &'a [u8] => Bytes,
    SystemTime => Time,
    Duration => Duration,
    &'a (dyn Error + 'static) => Error,
}

impl From<isize> for Value<'_> {
    fn from(value: isize) -> Self {
        Self::I64(value as i64)
    }
}

impl From<usize> for Value<'_> {
    fn from(value: usize) -> Self {
        Self::U64(value as u64)
    }
}

macro_rules! from_reference {
    ($($type:ty => $variant:ident($convert:expr),)*) => {
        $(impl<'a> From<&'a $type> for Value<'a> {
            fn from(value: &'a $type) -> Self {
                let convert: fn(&'a $type) -> _ = $convert;
                Self::$variant(convert(value))
            }
        })*
    };
}

from_reference! {
    String => Str(|text| text),
    Box<str> => Str(|text| text),
    Arc<str> => Str(|text| text),
    Cow<'_, str> => Str(|text| text),
    Vec<u8> => Bytes(|bytes| bytes),
    OsStr => Bytes(|text| text.as_encoded_bytes()),
    OsString => Bytes(|text| text.as_encoded_bytes()),
    Path => Bytes(|path| path.as_os_str().as_encoded_bytes()),
    PathBuf => Bytes(|path| path.as_os_str().as_encoded_bytes()),
    IpAddr => Display(|address| address),
    Ipv4Addr => Display(|address| address),
    Ipv6Addr => Display(|address| address),
    SocketAddr => Display(|address| address),
    fmt::Arguments<'_> => Display(|text| text),
}

impl<T: Into<Self>> From<Option<T>> for Value<'_> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A serialisable value behind a reference; made by [`Value::serialize`].
///
/// Nested deeper than 64 levels, an `Option` or newtype counting as one, it is cut, and a marker
/// stands in place of what is deeper: a value that contains itself ends neither the stack nor the
/// program. Names of a map are unique; the first entry counts.
#[derive(Clone, Copy)]
pub struct Structured<'a>(&'a dyn SerializeJson);

impl Structured<'_> {
    pub(crate) fn write(self, to: Serializer<'_, '_>) -> Result<(), SerializeError> {
        self.0.serialize_json(to)
    }
}

impl fmt::Debug for Structured<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Value::Structured(*self).fmt(f)
    }
}

/// `Serialize` for the one serialiser that this crate has, so that it can be a trait object.
trait SerializeJson {
    fn serialize_json(&self, to: Serializer<'_, '_>) -> Result<(), SerializeError>;
}

impl<T: Serialize> SerializeJson for T {
    fn serialize_json(&self, to: Serializer<'_, '_>) -> Result<(), SerializeError> {
        self.serialize(to)
    }
}
