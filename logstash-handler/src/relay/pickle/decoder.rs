use super::error::{PickleError, PickleErrorKind};
use super::opcode::*;
use super::value::{Id, Node};
use super::{Pickle, PickleLimits, number, string};
use crate::relay::text::text;
use std::borrow::Cow;
use std::collections::HashMap;

/// The machine that a pickle is a program for, as far as it only makes data.
pub(super) struct Decoder<'a, 'l> {
    bytes: &'a [u8],
    /// `at <= bytes.len()`
    at: usize,
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
            bytes,
            at: 0,
            limits,
            nodes: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        }
    }

    pub(super) fn decode(mut self) -> Result<Pickle<'a>, PickleError> {
        loop {
            let start = self.at;
            let fault = |kind| PickleError::new(kind, start);
            let opcode = self.byte().map_err(fault)?;
            if opcode == STOP {
                let root = self.pop().map_err(fault)?;
                if self.at < self.bytes.len() {
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
            PROTO => match self.byte()? {
                0..=LAST_PROTOCOL => Ok(()),
                later => Err(PickleErrorKind::Unknown(later)),
            },
            // Only says how much to read at once.
            FRAME => self.take(8).map(drop),

            NONE => self.push(Node::None),
            NEWTRUE => self.push(Node::Bool(true)),
            NEWFALSE => self.push(Node::Bool(false)),
            INT => {
                let line = self.line()?;
                let node = match line {
                    b"00" => Node::Bool(false),
                    b"01" => Node::Bool(true),
                    _ => number::decimal(line)?,
                };
                self.push(node)
            }
            LONG => {
                let line = self.line()?;
                let node = number::decimal(line.strip_suffix(b"L").unwrap_or(line))?;
                self.push(node)
            }
            BININT => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Node::Int(value.into()))
            }
            BININT1 => {
                let value = self.byte()?;
                self.push(Node::Int(value.into()))
            }
            BININT2 => {
                let value = u16::from_le_bytes(self.array()?);
                self.push(Node::Int(value.into()))
            }
            LONG1 => {
                let length = self.byte()?.into();
                let bytes = self.take(length)?;
                self.push(number::little_endian(bytes))
            }
            LONG4 => {
                let length = self.signed_length()?;
                let bytes = self.take(length)?;
                self.push(number::little_endian(bytes))
            }
            FLOAT => {
                let value = number::float(self.line()?)?;
                self.push(Node::Float(value))
            }
            BINFLOAT => {
                let value = f64::from_be_bytes(self.array()?);
                self.push(Node::Float(value))
            }

            STRING => {
                let value = string::quoted(self.line()?)?;
                self.push(Node::Str(Cow::Owned(value)))
            }
            UNICODE => {
                let value = string::raw_unicode(self.line()?);
                self.push(Node::Str(Cow::Owned(value)))
            }
            SHORT_BINSTRING | SHORT_BINUNICODE => {
                let length = self.byte()?.into();
                self.text(length)
            }
            BINSTRING => {
                let length = self.signed_length()?;
                self.text(length)
            }
            BINUNICODE => {
                let length = self.length4()?;
                self.text(length)
            }
            BINUNICODE8 => {
                let length = self.length8()?;
                self.text(length)
            }
            SHORT_BINBYTES => {
                let length = self.byte()?.into();
                self.raw(length)
            }
            BINBYTES => {
                let length = self.length4()?;
                self.raw(length)
            }
            BINBYTES8 | BYTEARRAY8 => {
                let length = self.length8()?;
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
                let index = number::index(self.line()?)?;
                self.remember(index)
            }
            BINPUT => {
                let index = self.byte()?.into();
                self.remember(index)
            }
            LONG_BINPUT => {
                let index = u32::from_le_bytes(self.array()?);
                self.remember(index)
            }
            MEMOIZE => {
                let index = u32::try_from(self.memo.len()).map_err(|_| self.too_many())?;
                self.remember(index)
            }
            GET => {
                let index = number::index(self.line()?)?;
                self.recall(index)
            }
            BINGET => {
                let index = self.byte()?.into();
                self.recall(index)
            }
            LONG_BINGET => {
                let index = u32::from_le_bytes(self.array()?);
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
            GLOBAL | INST => self
                .line()
                .and_then(|module| Ok((text(module), text(self.line()?))))
                .map(|(module, name)| format!("{module}.{name}"))
                .ok(),
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
        let value = text(self.take(length)?);
        self.push(Node::Str(value))
    }

    fn raw(&mut self, length: usize) -> Step<()> {
        let value = self.take(length)?;
        self.push(Node::Bytes(value))
    }

    fn byte(&mut self) -> Step<u8> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        let array = self.bytes[self.at..].first_chunk().ok_or(PickleErrorKind::Truncated)?;
        self.at += N;
        Ok(*array)
    }

    fn take(&mut self, length: usize) -> Step<&'a [u8]> {
        let (taken, _) = self.bytes[self.at..].split_at_checked(length).ok_or(PickleErrorKind::Truncated)?;
        self.at += length;
        Ok(taken)
    }

    /// Up to the line feed, which is taken, too.
    fn line(&mut self) -> Step<&'a [u8]> {
        let length = memchr::memchr(b'\n', &self.bytes[self.at..]).ok_or(PickleErrorKind::Truncated)?;
        let line = self.take(length)?;
        self.at += 1;
        Ok(line)
    }

    fn signed_length(&mut self) -> Step<usize> {
        usize::try_from(i32::from_le_bytes(self.array()?))
            .map_err(|_| PickleErrorKind::Malformed("a length is negative"))
    }

    fn length4(&mut self) -> Step<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).map_err(|_| PickleErrorKind::Truncated)
    }

    fn length8(&mut self) -> Step<usize> {
        usize::try_from(u64::from_le_bytes(self.array()?)).map_err(|_| PickleErrorKind::Truncated)
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

/// Checks that the value has an end and how large it is with everything written out, without doing so.
fn expand(nodes: &[Node<'_>], root: Id, limits: &PickleLimits) -> Step<()> {
    let mut sizes = vec![Size::Unknown; nodes.len()];
    let mut path = vec![(root, 0)];
    sizes[root as usize] = Size::InPath;
    while let Some((id, next)) = path.last_mut() {
        let node = &nodes[*id as usize];
        if let Some(child) = node.children().get(*next) {
            *next += 1;
            match sizes[*child as usize] {
                Size::Known { .. } => {}
                Size::InPath => return Err(PickleErrorKind::Cyclic),
                Size::Unknown => {
                    sizes[*child as usize] = Size::InPath;
                    path.push((*child, 0));
                }
            }
            continue;
        }
        let own = VALUE + node.text_length() as u64;
        let (mut bytes, mut depth) = (own, 0);
        for child in node.children() {
            if let Size::Known { bytes: more, depth: below } = sizes[*child as usize] {
                bytes = bytes.saturating_add(more);
                depth = depth.max(below + 1);
            }
        }
        if bytes > limits.expanded_bytes {
            return Err(PickleErrorKind::TooLarge { limit: limits.expanded_bytes });
        }
        if depth > limits.depth {
            return Err(PickleErrorKind::TooDeep { limit: limits.depth });
        }
        sizes[*id as usize] = Size::Known { bytes, depth };
        path.pop();
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Size {
    Unknown,
    /// Its children are being looked at.
    InPath,
    Known {
        bytes: u64,
        /// Levels below it.
        depth: usize,
    },
}

/// What a value counts for, without its text.
const VALUE: u64 = 8;

/// Characters of a name in an error.
const LONGEST_NAME: usize = 200;
