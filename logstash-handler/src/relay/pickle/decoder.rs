use super::error::{PickleError, PickleErrorKind};
use super::expansion::expand;
use super::opcode::*;
use super::reader::Reader;
use super::value::{Id, Node};
use super::{Pickle, PickleLimits, number, string};
use crate::relay::text::text;
use std::borrow::Cow;
use std::collections::HashMap;

/// The machine that a pickle is a program for, as far as it only makes data.
pub(super) struct Decoder<'a, 'l> {
    reader: Reader<'a>,
    limits: &'l PickleLimits,
    nodes: Vec<Node<'a>>,
    stack: Vec<Id>,
    /// Lengths of the stack where marks are; each at most that of the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

type Step<T> = Result<T, PickleErrorKind>;

impl<'a, 'l> Decoder<'a, 'l> {
    pub(super) fn new(bytes: &'a [u8], limits: &'l PickleLimits) -> Self {
        Self {
            reader: Reader::new(bytes),
            limits,
            nodes: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        }
    }

    pub(super) fn decode(mut self) -> Result<Pickle<'a>, PickleError> {
        loop {
            let start = self.reader.offset();
            let fault = |kind| PickleError::new(kind, start);
            let opcode = self.reader.byte().map_err(fault)?;
            if opcode == STOP {
                let root = self.pop().map_err(fault)?;
                if !self.reader.is_at_end() {
                    return Err(fault(PickleErrorKind::Malformed("bytes follow its end")));
                }
                expand(&self.nodes, root, self.limits).map_err(fault)?;
                return Ok(Pickle { nodes: self.nodes, root });
            }
            self.step(opcode).map_err(fault)?;
        }
    }

    fn step(&mut self, opcode: u8) -> Step<()> {
        match opcode {
            PROTO => match self.reader.byte()? {
                0..=LAST_PROTOCOL => Ok(()),
                later => Err(PickleErrorKind::Unknown(later)),
            },
            // Only says how much to read at once.
            FRAME => self.reader.take(8).map(drop),

            NONE => self.push(Node::None),
            NEWTRUE => self.push(Node::Bool(true)),
            NEWFALSE => self.push(Node::Bool(false)),
            INT => {
                let line = self.reader.line()?;
                let node = match line {
                    b"00" => Node::Bool(false),
                    b"01" => Node::Bool(true),
                    _ => number::decimal(line)?,
                };
                self.push(node)
            }
            LONG => {
                let line = self.reader.line()?;
                let node = number::decimal(line.strip_suffix(b"L").unwrap_or(line))?;
                self.push(node)
            }
            BININT => {
                let value = i32::from_le_bytes(self.reader.array()?);
                self.push(Node::Int(value.into()))
            }
            BININT1 => {
                let value = self.reader.byte()?;
                self.push(Node::Int(value.into()))
            }
            BININT2 => {
                let value = u16::from_le_bytes(self.reader.array()?);
                self.push(Node::Int(value.into()))
            }
            LONG1 => {
                let length = self.reader.byte()?.into();
                let bytes = self.reader.take(length)?;
                self.push(number::little_endian(bytes))
            }
            LONG4 => {
                let length = self.reader.signed_length()?;
                let bytes = self.reader.take(length)?;
                self.push(number::little_endian(bytes))
            }
            FLOAT => {
                let value = number::float(self.reader.line()?)?;
                self.push(Node::Float(value))
            }
            BINFLOAT => {
                let value = f64::from_be_bytes(self.reader.array()?);
                self.push(Node::Float(value))
            }

            STRING => {
                let value = string::quoted(self.reader.line()?)?;
                self.push(Node::Str(Cow::Owned(value)))
            }
            UNICODE => {
                let value = string::raw_unicode(self.reader.line()?);
                self.push(Node::Str(Cow::Owned(value)))
            }
            SHORT_BINSTRING | SHORT_BINUNICODE => {
                let length = self.reader.byte()?.into();
                self.text(length)
            }
            BINSTRING => {
                let length = self.reader.signed_length()?;
                self.text(length)
            }
            BINUNICODE => {
                let length = self.reader.length4()?;
                self.text(length)
            }
            BINUNICODE8 => {
                let length = self.reader.length8()?;
                self.text(length)
            }
            SHORT_BINBYTES => {
                let length = self.reader.byte()?.into();
                self.raw(length)
            }
            BINBYTES => {
                let length = self.reader.length4()?;
                self.raw(length)
            }
            BINBYTES8 | BYTEARRAY8 => {
                let length = self.reader.length8()?;
                self.raw(length)
            }

            EMPTY_LIST => self.push(Node::List(Vec::new())),
            EMPTY_TUPLE => self.push(Node::Tuple(Vec::new())),
            EMPTY_DICT => self.push(Node::Dict(Vec::new())),
            EMPTY_SET => self.push(Node::Set(Vec::new())),
            LIST => {
                let items = self.pop_mark()?;
                self.push(Node::List(items))
            }
            TUPLE => {
                let items = self.pop_mark()?;
                self.push(Node::Tuple(items))
            }
            FROZENSET => {
                let items = self.pop_mark()?;
                self.push(Node::Set(items))
            }
            DICT => {
                let entries = self.pop_mark()?;
                is_even(&entries)?;
                self.push(Node::Dict(entries))
            }
            TUPLE1 | TUPLE2 | TUPLE3 => {
                let mut items = Vec::new();
                for _ in TUPLE1..=opcode {
                    items.push(self.pop()?);
                }
                items.reverse();
                self.push(Node::Tuple(items))
            }
            APPEND => {
                let item = self.pop()?;
                self.extend(Collection::List, &[item])
            }
            APPENDS => {
                let items = self.pop_mark()?;
                self.extend(Collection::List, &items)
            }
            ADDITEMS => {
                let items = self.pop_mark()?;
                self.extend(Collection::Set, &items)
            }
            SETITEM => {
                let value = self.pop()?;
                let entry = [self.pop()?, value];
                self.extend(Collection::Dict, &entry)
            }
            SETITEMS => {
                let entries = self.pop_mark()?;
                is_even(&entries)?;
                self.extend(Collection::Dict, &entries)
            }

            MARK => {
                if self.marks.len() >= self.limits.values {
                    return Err(self.too_many());
                }
                self.marks.push(self.stack.len());
                Ok(())
            }
            POP => {
                // A mark is something, too.
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                    return Ok(());
                }
                self.pop().map(drop)
            }
            POP_MARK => self.pop_mark().map(drop),
            DUP => {
                let top = self.top()?;
                self.push_again(top)
            }

            PUT => {
                let index = number::index(self.reader.line()?)?;
                self.remember(index)
            }
            BINPUT => {
                let index = self.reader.byte()?.into();
                self.remember(index)
            }
            LONG_BINPUT => {
                let index = u32::from_le_bytes(self.reader.array()?);
                self.remember(index)
            }
            MEMOIZE => {
                let index = u32::try_from(self.memo.len()).map_err(|_| self.too_many())?;
                self.remember(index)
            }
            GET => {
                let index = number::index(self.reader.line()?)?;
                self.recall(index)
            }
            BINGET => {
                let index = self.reader.byte()?.into();
                self.recall(index)
            }
            LONG_BINGET => {
                let index = u32::from_le_bytes(self.reader.array()?);
                self.recall(index)
            }

            _ => match code(opcode) {
                Some(instruction) => Err(self.refuse(opcode, instruction)),
                None => Err(PickleErrorKind::Unknown(opcode)),
            },
        }
    }

    /// The error for an instruction that asks for more than data.
    fn refuse(&mut self, opcode: u8, instruction: &'static str) -> PickleErrorKind {
        let names = match opcode {
            GLOBAL | INST => match (self.reader.line(), self.reader.line()) {
                (Ok(module), Ok(name)) => Some(format!("{}.{}", text(module), text(name))),
                _ => None,
            },
            STACK_GLOBAL => match self.stack.as_slice() {
                [.., module, name] => match (&self.nodes[*module as usize], &self.nodes[*name as usize]) {
                    (Node::Str(module), Node::Str(name)) => Some(format!("{module}.{name}")),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        };
        let object = names.map(|names| names.escape_debug().take(LONGEST_NAME).collect());
        PickleErrorKind::Code { instruction, object }
    }

    fn push(&mut self, node: Node<'a>) -> Step<()> {
        if self.nodes.len() >= self.limits.values {
            return Err(self.too_many());
        }
        let id = Id::try_from(self.nodes.len()).map_err(|_| self.too_many())?;
        self.nodes.push(node);
        self.push_again(id)
    }

    fn push_again(&mut self, id: Id) -> Step<()> {
        if self.stack.len() >= self.limits.values {
            return Err(self.too_many());
        }
        self.stack.push(id);
        Ok(())
    }

    /// The stack above the last mark.
    fn top(&self) -> Step<Id> {
        match self.stack.get(self.marks.last().copied().unwrap_or(0)..) {
            Some([.., top]) => Ok(*top),
            _ => Err(PickleErrorKind::Malformed("it takes a value where there is none")),
        }
    }

    fn pop(&mut self) -> Step<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_mark(&mut self) -> Step<Vec<Id>> {
        let Some(mark) = self.marks.pop() else {
            return Err(PickleErrorKind::Malformed("it looks for a mark where there is none"));
        };
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    /// Adds to the collection on top of the stack.
    fn extend(&mut self, collection: Collection, ids: &[Id]) -> Step<()> {
        let top = self.top()?;
        match (collection, &mut self.nodes[top as usize]) {
            (Collection::Dict, Node::Dict(items))
            | (Collection::List, Node::List(items))
            | (Collection::Set, Node::Set(items)) => {
                items.extend_from_slice(ids);
                Ok(())
            }
            _ => Err(PickleErrorKind::Malformed("it adds to a value of another kind")),
        }
    }

    fn remember(&mut self, index: u32) -> Step<()> {
        if self.memo.len() >= self.limits.values {
            return Err(self.too_many());
        }
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Step<()> {
        match self.memo.get(&index) {
            Some(id) => self.push_again(*id),
            None => Err(PickleErrorKind::Malformed("it refers to a value that there is not")),
        }
    }

    fn text(&mut self, length: usize) -> Step<()> {
        let value = text(self.reader.take(length)?);
        self.push(Node::Str(value))
    }

    fn raw(&mut self, length: usize) -> Step<()> {
        let value = self.reader.take(length)?;
        self.push(Node::Bytes(value))
    }

    fn too_many(&self) -> PickleErrorKind {
        PickleErrorKind::TooManyValues { limit: self.limits.values }
    }
}

/// What an instruction adds to.
#[derive(Clone, Copy)]
enum Collection {
    Dict,
    List,
    Set,
}

fn is_even(entries: &[Id]) -> Step<()> {
    match entries.len() % 2 {
        0 => Ok(()),
        _ => Err(PickleErrorKind::Malformed("a key has no value")),
    }
}

/// Characters of a name in an error.
const LONGEST_NAME: usize = 200;
