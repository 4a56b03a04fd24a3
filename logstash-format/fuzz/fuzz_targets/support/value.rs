use std::error::Error;
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use logstash_format::Value;
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeStructVariant, Serializer};

use super::input::Input;

/// A value of any kind; as one that serde serialises, too.
pub(crate) enum Sample {
    Null,
    Bool(bool),
    I128(i128),
    U128(u128),
    F32(f32),
    F64(f64),
    Char(char),
    Text(String),
    Bytes(Vec<u8>),
    /// Displays a text and fails then.
    Failing(String),
    /// An error with its sources.
    Error(Caused),
    Time(u32),
    Option(Box<Self>),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
    Variant(Box<Self>),
}

impl Sample {
    /// A kind and what it needs.
    pub(crate) fn read(input: &mut Input<'_>, depth: usize) -> Self {
        let kind = input.byte();
        let most = if depth < MAX_DEPTH { usize::from(input.0.first().copied().unwrap_or(0)) % 9 } else { 0 };
        match kind % 20 {
            0 => Self::Null,
            1 => Self::Bool(input.byte() % 2 == 0),
            2 => Self::I128(i128::from(input.number()) << (input.byte() % 96)),
            3 => Self::I128(-(i128::from(input.number()) << (input.byte() % 95))),
            4 => Self::U128(u128::from(input.number()) << (input.byte() % 97)),
            5 => Self::F32(f32::from_bits(input.number())),
            6 => Self::F64(f64::from_bits(u64::from(input.number()) << 32 | u64::from(input.number()))),
            7 => Self::Char(char::from_u32(input.number()).unwrap_or('\u{2028}')),
            8 => Self::Text(input.text()),
            9 => Self::Bytes(input.bytes()),
            10 => Self::Failing(input.text()),
            11 => Self::Error(Caused(input.text(), None)),
            12 => {
                let source = Caused(input.text(), None);
                Self::Error(Caused(input.text(), Some(Box::new(source))))
            }
            13 => Self::Time(input.number()),
            // A text that is long for its input.
            14 => Self::Text(input.text().repeat(input.byte().into())),
            15 if depth < MAX_DEPTH => Self::Option(Box::new(Self::read(input, depth + 1))),
            16 => {
                input.byte();
                Self::List((0..most).map(|_| Self::read(input, depth + 1)).collect())
            }
            17 => {
                input.byte();
                Self::Map((0..most).map(|_| (input.text(), Self::read(input, depth + 1))).collect())
            }
            18 if depth < MAX_DEPTH => Self::Variant(Box::new(Self::read(input, depth + 1))),
            _ => Self::Text("text".to_owned()),
        }
    }

    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::from(*value),
            Self::I128(number) => Value::from(*number),
            Self::U128(number) => Value::from(*number),
            Self::F32(number) => Value::from(*number),
            Self::F64(number) => Value::from(*number),
            Self::Char(char) => Value::from(*char),
            Self::Text(text) => Value::from(text),
            Self::Bytes(bytes) => Value::from(bytes),
            Self::Failing(_) => Value::Debug(self),
            Self::Error(error) => Value::Error(error),
            Self::Time(seconds) => Value::from(UNIX_EPOCH + Duration::from_secs((*seconds).into())),
            _ => Value::serialize(self),
        }
    }
}

impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text}"),
            Self::Failing(text) => {
                f.write_str(text)?;
                Err(fmt::Error)
            }
            Self::Error(Caused(text, _)) => write!(f, "{text}"),
            Self::List(list) => f.debug_list().entries(list).finish(),
            Self::Map(map) => f.debug_map().entries(map.iter().map(|(name, value)| (name, value))).finish(),
            Self::Option(inner) | Self::Variant(inner) => write!(f, "{inner:?}"),
            _ => f.write_str("value"),
        }
    }
}

impl Serialize for Sample {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_unit(),
            Self::Bool(value) => to.serialize_bool(*value),
            Self::I128(number) => to.serialize_i128(*number),
            Self::U128(number) => to.serialize_u128(*number),
            Self::F32(number) => to.serialize_f32(*number),
            Self::F64(number) => to.serialize_f64(*number),
            Self::Char(char) => to.serialize_char(*char),
            Self::Text(text) => to.serialize_str(text),
            Self::Bytes(bytes) => to.serialize_bytes(bytes),
            Self::Failing(text) => Err(S::Error::custom(text)),
            Self::Error(error) => to.collect_str(error),
            Self::Time(seconds) => to.serialize_u32(*seconds),
            Self::Option(inner) => to.serialize_some(inner),
            Self::List(list) => to.collect_seq(list),
            Self::Map(map) => {
                let mut object = to.serialize_map(None)?;
                for (name, value) in map {
                    object.serialize_entry(name, value)?;
                }
                object.end()
            }
            Self::Variant(inner) => {
                let mut object = to.serialize_struct_variant("Sample", 0, "Variant", 1)?;
                object.serialize_field("inner", inner)?;
                object.end()
            }
        }
    }
}

/// An error with a source.
#[derive(Debug)]
pub(crate) struct Caused(String, Option<Box<Self>>);

impl fmt::Display for Caused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Caused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

/// Deeper than the deepest limit that an input can set and reach.
const MAX_DEPTH: usize = 80;
