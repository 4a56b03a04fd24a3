use serde::{Deserialize, Deserializer, de::Error};

use super::with;
use crate::Limits;

/// Limits as they are written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsFields {
    event: Option<Size>,
    depth: Option<usize>,
    fields: Option<usize>,
    string: Option<Size>,
    name: Option<Size>,
}

impl From<LimitsFields> for Limits {
    fn from(fields: LimitsFields) -> Self {
        let mut limits = Self::new();
        limits = with(limits, fields.event.map(Size::bytes), Self::event);
        limits = with(limits, fields.depth, Self::depth);
        limits = with(limits, fields.fields, Self::fields);
        limits = with(limits, fields.string.map(Size::bytes), Self::string);
        with(limits, fields.name.map(Size::bytes), Self::name)
    }
}

/// A number of bytes: `65536`, `"64 KiB"` or `"10 MB"`.
struct Size(u64);

impl Size {
    /// What is beyond memory is no limit.
    fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Written::deserialize(deserializer)? {
            Written::Number(bytes) => Ok(Self(bytes)),
            Written::Text(text) => parse_size::parse_size(&text).map(Self).map_err(|error| {
                let example = "write it like 65536, \"64 KiB\" or \"10 MB\"";
                D::Error::custom(format!("{text:?} is no size: {error}; {example}"))
            }),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number of bytes, or a size like \"64 KiB\" or \"10 MB\"")]
enum Written {
    Number(u64),
    Text(String),
}
