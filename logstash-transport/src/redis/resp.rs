//! The part of RESP2, Redis' protocol, that a producer needs.
//!
//! ```text
//! command   *3\r\n $5\r\nRPUSH\r\n $8\r\nlogstash\r\n $2\r\n{}\r\n
//! reply     +OK\r\n   -OOM command not allowed\r\n   :17\r\n   $2\r\n{}\r\n   *2\r\n+a\r\n:1\r\n
//! ```

use bytes::{Buf, BytesMut};
use std::fmt;

/// Appends a command of some words and a tail of values.
pub(super) fn command<'a>(
    words: &[&'a [u8]],
    values: impl ExactSizeIterator<Item = &'a [u8]>,
    out: &mut Vec<u8>,
) {
    header(b'*', words.len() + values.len(), out);
    for argument in words.iter().copied().chain(values) {
        header(b'$', argument.len(), out);
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
}

fn header(kind: u8, count: usize, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(count.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// What the server says to a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Reply {
    Array(Vec<Self>),
    /// `None` is null.
    Bulk(Option<Vec<u8>>),
    /// Code and text.
    Error(String),
    Integer(i64),
    Status(String),
}

/// Takes the next reply off the front of `input`; `None` when it has not all arrived.
pub(super) fn decode(input: &mut BytesMut) -> Result<Option<Reply>, NoReply> {
    let mut rest: &[u8] = input;
    let Some(reply) = next(&mut rest, ARRAYS_DEEP)? else { return Ok(None) };
    let consumed = input.len() - rest.len();
    input.advance(consumed);
    Ok(Some(reply))
}

fn next(input: &mut &[u8], arrays_deep: usize) -> Result<Option<Reply>, NoReply> {
    // What is no reply may never end its line.
    if input.first().is_some_and(|first| !b"+-:$*".contains(first)) {
        return Err(NoReply::Start);
    }
    let Some(line) = line(input)? else { return Ok(None) };
    let (kind, text) = line.split_at_checked(1).ok_or(NoReply::Start)?;
    let reply = match kind {
        b"+" => Reply::Status(String::from_utf8_lossy(text).into_owned()),
        b"-" => Reply::Error(String::from_utf8_lossy(text).into_owned()),
        b":" => Reply::Integer(number(text)?),
        b"$" => match number(text)? {
            -1 => Reply::Bulk(None),
            length => {
                let length = count(length, MAX_BULK)?;
                let Some((content, behind)) = input.split_at_checked(length + 2) else { return Ok(None) };
                let content = content.strip_suffix(b"\r\n").ok_or(NoReply::End)?;
                *input = behind;
                Reply::Bulk(Some(content.to_vec()))
            }
        },
        b"*" if arrays_deep > 0 => {
            let length = count(number(text)?, MAX_ARRAY)?;
            let mut items = Vec::new();
            for _ in 0..length {
                let Some(item) = next(input, arrays_deep - 1)? else { return Ok(None) };
                items.push(item);
            }
            Reply::Array(items)
        }
        _ => return Err(NoReply::Start),
    };
    Ok(Some(reply))
}

/// Takes a line off the front, without its end.
fn line<'a>(input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, NoReply> {
    match input.iter().take(MAX_LINE).position(|byte| *byte == b'\n') {
        Some(end) => {
            let (line, rest) = input.split_at(end + 1);
            *input = rest;
            line.strip_suffix(b"\r\n").map(Some).ok_or(NoReply::End)
        }
        None if input.len() >= MAX_LINE => Err(NoReply::TooLong),
        None => Ok(None),
    }
}

fn number(text: &[u8]) -> Result<i64, NoReply> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(NoReply::Number)
}

fn count(declared: i64, most: usize) -> Result<usize, NoReply> {
    let count = usize::try_from(declared).map_err(|_| NoReply::Number)?;
    if count > most { Err(NoReply::TooLong) } else { Ok(count) }
}

/// Bytes that are no reply of a Redis server to what is asked here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NoReply {
    End,
    Number,
    Start,
    TooLong,
}

impl fmt::Display for NoReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::End => "a reply does not end in a line break",
            Self::Number => "a reply has a length or a value that is no number",
            Self::Start => "what arrives does not begin like a reply of Redis",
            Self::TooLong => "a reply is longer than any that can be meant",
        })
    }
}

impl std::error::Error for NoReply {}

/// Error messages are the longest lines.
const MAX_LINE: usize = 4096;

/// The bulk replies to what is asked here are ids of stream entries and names of channels.
const MAX_BULK: usize = 64 * 1024;

/// The arrays are pairs.
const MAX_ARRAY: usize = 16;
const ARRAYS_DEEP: usize = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_declare_every_length() {
        let mut out = Vec::new();
        command(&[b"RPUSH", b"k"], [&b"{\r\n}"[..], b""].into_iter(), &mut out);
        assert_eq!(out, b"*4\r\n$5\r\nRPUSH\r\n$1\r\nk\r\n$4\r\n{\r\n}\r\n$0\r\n\r\n");
    }

    #[test]
    fn replies_are_read_however_they_are_cut() {
        let text = b"+OK\r\n-OOM no\r\n:-17\r\n$3\r\na\r\n\r\n$-1\r\n*2\r\n$1\r\nc\r\n:1\r\n*0\r\n";
        let all = [
            Reply::Status("OK".into()),
            Reply::Error("OOM no".into()),
            Reply::Integer(-17),
            Reply::Bulk(Some(b"a\r\n".to_vec())),
            Reply::Bulk(None),
            Reply::Array(vec![Reply::Bulk(Some(b"c".to_vec())), Reply::Integer(1)]),
            Reply::Array(vec![]),
        ];
        for step in 1..=text.len() {
            let (mut input, mut replies) = (BytesMut::new(), Vec::new());
            for piece in text.chunks(step) {
                input.extend_from_slice(piece);
                while let Some(reply) = decode(&mut input).unwrap() {
                    replies.push(reply);
                }
            }
            assert_eq!(replies, all, "in steps of {step}");
            assert!(input.is_empty());
        }
    }

    #[test]
    fn what_is_no_reply_is_refused_before_memory_is_touched() {
        let long = [b"+".to_vec(), vec![b'x'; MAX_LINE]].concat();
        for (bytes, expected) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], NoReply::Start),
            (b"\r\n", NoReply::Start),
            (b"2A\0\0\0\x01", NoReply::Start),
            (b"%1\r\n+a\r\n+b\r\n", NoReply::Start),
            (b"*1\r\n*1\r\n:1\r\n", NoReply::Start),
            (b":12x\r\n", NoReply::Number),
            (b"$-2\r\n", NoReply::Number),
            (b"$99999999999999999999\r\n", NoReply::Number),
            (b"$9223372036854775807\r\n", NoReply::TooLong),
            (b"*1000000000\r\n", NoReply::TooLong),
            (b"+OK\n", NoReply::End),
            (b"$1\r\nab\r\n", NoReply::End),
            (&long, NoReply::TooLong),
        ] {
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]);
            assert_eq!(decode(&mut BytesMut::from(bytes)), Err(expected), "{text}");
        }
    }
}
