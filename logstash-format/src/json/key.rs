use std::fmt;

use serde::ser::{self, Impossible, Serialize};

use super::{Json, SerializeError};

/// Writes the key of a map as a string; numbers and other simple values become their text.
pub(super) struct KeySerializer<'j, 'o> {
    json: &'j mut Json<'o>,
    is_uncut: bool,
}

impl<'j, 'o> KeySerializer<'j, 'o> {
    pub(super) fn new(json: &'j mut Json<'o>) -> Self {
        Self { json, is_uncut: false }
    }

    /// Not for a name, but for a value that is text and will be read again.
    pub(super) fn uncut(json: &'j mut Json<'o>) -> Self {
        Self { json, is_uncut: true }
    }
}

macro_rules! as_text {
    ($($method:ident($type:ty),)*) => {
        $(fn $method(self, value: $type) -> Result<(), SerializeError> {
            self.json.quoted(value);
            Ok(())
        })*
    };
}

impl ser::Serializer for KeySerializer<'_, '_> {
    type Ok = ();
    type Error = SerializeError;
    type SerializeSeq = Impossible<(), SerializeError>;
    type SerializeTuple = Impossible<(), SerializeError>;
    type SerializeTupleStruct = Impossible<(), SerializeError>;
    type SerializeTupleVariant = Impossible<(), SerializeError>;
    type SerializeMap = Impossible<(), SerializeError>;
    type SerializeStruct = Impossible<(), SerializeError>;
    type SerializeStructVariant = Impossible<(), SerializeError>;

    as_text! {
        serialize_bool(bool),
        serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_i128(i128),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64),
        serialize_u128(u128),
        serialize_f32(f32), serialize_f64(f64),
        serialize_char(char),
    }

    fn serialize_str(self, value: &str) -> Result<(), SerializeError> {
        if self.is_uncut {
            self.json.quoted(value);
        } else {
            self.json.name(value);
        }
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), SerializeError> {
        self.serialize_str(&String::from_utf8_lossy(value))
    }

    fn serialize_none(self) -> Result<(), SerializeError> {
        Err(not_a_key())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), SerializeError> {
        Err(not_a_key())
    }

    fn serialize_unit(self) -> Result<(), SerializeError> {
        Err(not_a_key())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), SerializeError> {
        Err(not_a_key())
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
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), SerializeError> {
        Err(not_a_key())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, SerializeError> {
        Err(not_a_key())
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, SerializeError> {
        Err(not_a_key())
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, SerializeError> {
        Err(not_a_key())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, SerializeError> {
        Err(not_a_key())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, SerializeError> {
        Err(not_a_key())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, SerializeError> {
        Err(not_a_key())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, SerializeError> {
        Err(not_a_key())
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), SerializeError> {
        self.json.display_name(value);
        Ok(())
    }
}

fn not_a_key() -> SerializeError {
    SerializeError::new("the key of a map must be text or a number")
}
