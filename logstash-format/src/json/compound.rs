use std::mem;

use serde::ser::{self, Serialize};

use super::key::KeySerializer;
use super::{Claim, Digest, Json, Names, SerializeError, Serializer};
use crate::limits::Cuts;
use crate::rules::Fate;

/// A list or an object that is being written.
pub(crate) struct Compound<'j, 'o> {
    json: &'j mut Json<'o>,
    level: usize,
    close: &'static str,
    /// Nothing of this is written: a marker stands for it, because it is too deep.
    is_muted: bool,
    is_first: bool,
    names: Names,
    /// What becomes of the value after the name just written.
    next: Next,
    /// Length of the path to this.
    path: usize,
    holding: Option<Token>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Write,
    Mask,
    /// Left out together with its name.
    Skip,
}

/// What serde_json disguises as a structure with one field.
#[derive(Clone, Copy)]
pub(super) enum Token {
    /// The text of a number, with its feature `arbitrary_precision`.
    Number,
    /// JSON text, which may have line breaks.
    RawValue,
}

impl<'j, 'o> Compound<'j, 'o> {
    pub(super) fn new(json: &'j mut Json<'o>, level: usize, close: &'static str, is_muted: bool) -> Self {
        let path = json.memory.path.len();
        Self {
            json,
            level,
            close,
            is_muted,
            is_first: true,
            names: Names::default(),
            next: Next::Write,
            path,
            holding: None,
        }
    }

    pub(super) fn holding(mut self, token: Token) -> Self {
        self.holding = Some(token);
        self
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        if self.is_muted || !self.json.has_room() {
            return Ok(());
        }
        self.comma();
        self.value(value)
    }

    /// Writes a field, unless the object has one of that name.
    pub(super) fn field<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        value: &T,
    ) -> Result<(), SerializeError> {
        match self.holding {
            Some(_) if self.is_muted => Ok(()),
            Some(Token::Number) => self.number(value),
            Some(Token::RawValue) => self.raw_value(value),
            None => {
                self.key(name)?;
                self.value(value)
            }
        }
    }

    fn key<K: Serialize + ?Sized>(&mut self, name: &K) -> Result<(), SerializeError> {
        if self.is_muted {
            return Ok(());
        }
        let before = (self.json.out.len(), self.is_first);
        self.comma();
        let start = self.json.out.len();
        name.serialize(KeySerializer::new(self.json))?;
        self.next = self.claim(start);
        if self.next == Next::Skip {
            self.json.out.truncate(before.0);
            self.is_first = before.1;
        } else {
            self.json.raw(":");
        }
        Ok(())
    }

    /// Decides on the entry whose name stands from `start` to the end.
    fn claim(&mut self, start: usize) -> Next {
        let is_masked = match self.json.inner_fate(start) {
            Fate::Drop => return Next::Skip,
            Fate::Write { name: None, is_masked } => is_masked,
            Fate::Write { name: Some(name), is_masked } => {
                self.json.out.truncate(start);
                self.json.name(name);
                is_masked
            }
        };
        self.json.cut_name(start);
        let name = start..self.json.out.len();
        let digest = Digest::of(&self.json.out[start..]);
        let is_free = self.names.check(self.json.out, name.clone(), digest) == Claim::Free;
        if !is_free && self.json.ends_in_cut_name() {
            self.json.add_cut(Cuts::FIELDS);
        }
        if !is_free || !self.json.has_room() || !self.json.take_field() {
            return Next::Skip;
        }
        self.names.insert(self.json.out, name, digest, false);
        if is_masked { Next::Mask } else { Next::Write }
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        if self.is_muted {
            return Ok(());
        }
        let result = match mem::replace(&mut self.next, Next::Write) {
            Next::Write => Serializer::at_level(self.json, self.level).inner(value),
            Next::Mask => {
                self.json.mask();
                Ok(())
            }
            Next::Skip => Ok(()),
        };
        self.json.memory.path.truncate(self.path);
        result
    }

    /// A number of any size: as one where the types of [`Value`](crate::Value) hold it.
    fn number<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        let start = self.json.out.len();
        value.serialize(KeySerializer::uncut(self.json))?;
        let text = serde_json::from_slice::<String>(&self.json.out[start..])
            .map_err(|error| SerializeError::new(error.to_string()))?;
        self.json.out.truncate(start);
        let is_integer = !text.contains(['.', 'e', 'E']);
        let fits = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(value) if is_integer => value.is_i64() || value.is_u64(),
            Ok(value) => value.as_f64().is_some_and(f64::is_finite),
            Err(_) => false,
        };
        if fits && text.len() <= LONGEST_NUMBER {
            self.json.raw(&text);
        } else {
            self.json.text(&text);
        }
        Ok(())
    }

    /// JSON of someone else, read and written anew, so that it is valid and on one line.
    fn raw_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        let start = self.json.out.len();
        value.serialize(KeySerializer::uncut(self.json))?;
        let inner = serde_json::from_slice::<String>(&self.json.out[start..])
            .and_then(|json| serde_json::from_str::<serde_json::Value>(&json))
            .map_err(|error| SerializeError::new(error.to_string()))?;
        self.json.out.truncate(start);
        self.value(&inner)
    }

    fn comma(&mut self) {
        if !self.is_first {
            self.json.raw(",");
        }
        self.is_first = false;
    }

    pub(super) fn finish(self) -> Result<(), SerializeError> {
        if !self.is_muted {
            self.json.raw(self.close);
        }
        Ok(())
    }
}

impl ser::SerializeSeq for Compound<'_, '_> {
    type Ok = ();
    type Error = SerializeError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        self.element(value)
    }

    fn end(self) -> Result<(), SerializeError> {
        self.finish()
    }
}

impl ser::SerializeTuple for Compound<'_, '_> {
    type Ok = ();
    type Error = SerializeError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        self.element(value)
    }

    fn end(self) -> Result<(), SerializeError> {
        self.finish()
    }
}

impl ser::SerializeTupleStruct for Compound<'_, '_> {
    type Ok = ();
    type Error = SerializeError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        self.element(value)
    }

    fn end(self) -> Result<(), SerializeError> {
        self.finish()
    }
}

impl ser::SerializeTupleVariant for Compound<'_, '_> {
    type Ok = ();
    type Error = SerializeError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        self.element(value)
    }

    fn end(self) -> Result<(), SerializeError> {
        self.finish()
    }
}

impl ser::SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = SerializeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), SerializeError> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        self.value(value)
    }

    fn end(self) -> Result<(), SerializeError> {
        self.finish()
    }
}

impl ser::SerializeStruct for Compound<'_, '_> {
    type Ok = ();
    type Error = SerializeError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), SerializeError> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), SerializeError> {
        self.finish()
    }
}

impl ser::SerializeStructVariant for Compound<'_, '_> {
    type Ok = ();
    type Error = SerializeError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), SerializeError> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), SerializeError> {
        self.finish()
    }
}

/// Of digits. What is longer has more than a reader keeps.
const LONGEST_NUMBER: usize = 40;
