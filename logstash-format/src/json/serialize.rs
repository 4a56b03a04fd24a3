use std::error::Error;
use std::fmt;

use serde::ser::{self, Serialize};

use super::Json;
use super::compound::{Compound, Token};
use super::text::FAILED;
use crate::limits::Cuts;
use crate::rules::Fate;

/// Writes any serialisable value, with the conversions of [`Value`](crate::Value), as deep as the
/// limits let.
pub(crate) struct Serializer<'j, 'o> {
    json: &'j mut Json<'o>,
    level: usize,
}

impl<'j, 'o> Serializer<'j, 'o> {
    pub(crate) fn new(json: &'j mut Json<'o>) -> Self {
        Self { json, level: 0 }
    }

    pub(super) fn at_level(json: &'j mut Json<'o>, level: usize) -> Self {
        Self { json, level }
    }

    /// Writes `value`, which stands inside this one, or a marker if that is too deep.
    pub(super) fn inner<T: Serialize + ?Sized>(mut self, value: &T) -> Result<(), SerializeError> {
        if self.is_too_deep() {
            self.too_deep();
            return Ok(());
        }
        value.serialize(Serializer { json: self.json, level: self.level + 1 })
    }

    fn open(mut self, open: &str, close: &'static str) -> Compound<'j, 'o> {
        let is_too_deep = self.is_too_deep();
        if is_too_deep {
            self.too_deep();
        } else {
            self.json.raw(open);
        }
        Compound::new(self.json, self.level, close, is_too_deep)
    }

    fn is_too_deep(&self) -> bool {
        self.level >= self.json.policy.limits.depth
    }

    fn too_deep(&mut self) {
        self.json.string(TOO_DEEP);
        self.json.cuts.add(Cuts::DEPTH);
    }

    /// Opens `{"variant":` and then `open`.
    fn open_variant(mut self, variant: &str, open: &str, close: &'static str) -> Compound<'j, 'o> {
        if self.is_too_deep() {
            return self.open(open, close);
        }
        // The object of the variant is a level too.
        self.level += 1;
        self.json.raw("{");
        let start = self.json.out.len();
        self.json.name(variant);
        let is_masked = match self.json.inner_fate(start) {
            Fate::Drop => {
                self.json.out.truncate(start);
                self.json.raw("}");
                return Compound::new(self.json, self.level, close, true);
            }
            Fate::Write { name: None, is_masked } => is_masked,
            Fate::Write { name: Some(name), is_masked } => {
                self.json.out.truncate(start);
                self.json.name(name);
                is_masked
            }
        };
        self.json.cut_name(start);
        self.json.raw(":");
        if is_masked {
            self.json.mask();
            self.json.raw("}");
            return Compound::new(self.json, self.level, close, true);
        }
        if self.is_too_deep() {
            self.too_deep();
            self.json.raw("}");
            return Compound::new(self.json, self.level, close, true);
        }
        self.open(open, close)
    }
}

impl<'j, 'o> ser::Serializer for Serializer<'j, 'o> {
    type Ok = ();
    type Error = SerializeError;
    type SerializeSeq = Compound<'j, 'o>;
    type SerializeTuple = Compound<'j, 'o>;
    type SerializeTupleStruct = Compound<'j, 'o>;
    type SerializeTupleVariant = Compound<'j, 'o>;
    type SerializeMap = Compound<'j, 'o>;
    type SerializeStruct = Compound<'j, 'o>;
    type SerializeStructVariant = Compound<'j, 'o>;

    fn serialize_bool(self, value: bool) -> Result<(), SerializeError> {
        self.json.bool(value);
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), SerializeError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), SerializeError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), SerializeError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), SerializeError> {
        self.json.i64(value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), SerializeError> {
        self.json.i128(value);
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), SerializeError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), SerializeError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), SerializeError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), SerializeError> {
        self.json.u64(value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), SerializeError> {
        self.json.u128(value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), SerializeError> {
        self.json.f32(value);
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), SerializeError> {
        self.json.f64(value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), SerializeError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), SerializeError> {
        self.json.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), SerializeError> {
        self.json.bytes(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), SerializeError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), SerializeError> {
        self.inner(value)
    }

    fn serialize_unit(self) -> Result<(), SerializeError> {
        self.json.raw("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), SerializeError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), SerializeError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), SerializeError> {
        self.inner(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), SerializeError> {
        let mut object = self.open("{", "}");
        object.field(variant, value)?;
        object.finish()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'j, 'o>, SerializeError> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'j, 'o>, SerializeError> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'j, 'o>, SerializeError> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'j, 'o>, SerializeError> {
        Ok(self.open_variant(variant, "[", "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'j, 'o>, SerializeError> {
        Ok(self.open("{", "}"))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Compound<'j, 'o>, SerializeError> {
        match name {
            NUMBER => Ok(self.open("", "").holding(Token::Number)),
            RAW_VALUE => Ok(self.open("", "").holding(Token::RawValue)),
            _ => Ok(self.open("{", "}")),
        }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'j, 'o>, SerializeError> {
        Ok(self.open_variant(variant, "{", "}}"))
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), SerializeError> {
        self.json.display(value);
        Ok(())
    }
}

/// Why a value cannot be JSON.
#[derive(Debug)]
pub(crate) struct SerializeError(String);

impl SerializeError {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl ser::Error for SerializeError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        // Not `to_string`, which panics if the reason fails to display itself.
        let mut text = String::new();
        if fmt::write(&mut text, format_args!("{reason}")).is_err() {
            text.push_str(FAILED);
        }
        Self(text)
    }
}

impl fmt::Display for SerializeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for SerializeError {}

/// The names under which serde_json passes what serde has no type for.
const NUMBER: &str = "$serde_json::private::Number";
const RAW_VALUE: &str = "$serde_json::private::RawValue";

const TOO_DEEP: &str = "[nested too deep]";
