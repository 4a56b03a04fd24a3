//! Events make the body of a request.

use super::HttpBody;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use lumberjack_codec::window_prefix;
use std::io::{self, Write};

/// How many of the events go into one body of at most `max_bytes`, brackets, commas and line feeds
/// included. At least one, which may then be too large.
pub(super) fn prefix(events: &[Bytes], format: HttpBody, max_events: usize, max_bytes: usize) -> usize {
    // Each event has one byte behind it: a comma, the closing bracket, or a line feed.
    let lengths = events.iter().map(|event| event.len() + 1);
    match format {
        HttpBody::Array => window_prefix(lengths, max_events, max_bytes.saturating_sub(1)),
        HttpBody::Lines => window_prefix(lengths, max_events, max_bytes),
        HttpBody::Single => events.len().min(1),
    }
}

/// Length of the body before compression.
pub(super) fn length(events: &[Bytes], format: HttpBody) -> usize {
    let content: usize = events.iter().map(Bytes::len).sum();
    match format {
        HttpBody::Array => content + events.len().max(1) + 1,
        HttpBody::Lines => content + events.len(),
        HttpBody::Single => content,
    }
}

/// The body, gzipped unless `level` is 0.
pub(super) fn encode(events: &[Bytes], format: HttpBody, level: u32) -> io::Result<Vec<u8>> {
    let length = length(events, format);
    if level == 0 {
        let mut body = Vec::with_capacity(length);
        write(events, format, &mut body)?;
        return Ok(body);
    }
    let mut gzip = GzEncoder::new(Vec::with_capacity(length / 4), Compression::new(level));
    write(events, format, &mut gzip)?;
    gzip.finish()
}

fn write(events: &[Bytes], format: HttpBody, out: &mut impl Write) -> io::Result<()> {
    match format {
        HttpBody::Array => {
            out.write_all(b"[")?;
            for (index, event) in events.iter().enumerate() {
                if index > 0 {
                    out.write_all(b",")?;
                }
                out.write_all(event)?;
            }
            out.write_all(b"]")
        }
        HttpBody::Lines => {
            for event in events {
                write_line(event, out)?;
            }
            Ok(())
        }
        HttpBody::Single => events.iter().try_for_each(|event| out.write_all(event)),
    }
}

/// Line breaks within a JSON document stand between its tokens only, where a space means the same.
fn write_line(event: &[u8], out: &mut impl Write) -> io::Result<()> {
    for (index, piece) in event.split(|byte| matches!(byte, b'\n' | b'\r')).enumerate() {
        if index > 0 {
            out.write_all(b" ")?;
        }
        out.write_all(piece)?;
    }
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_fills_the_body_to_the_byte() {
        let events: Vec<Bytes> = ["{\"n\":1}", "{\"n\":22}", "{}"].map(Bytes::from).to_vec();
        for format in [HttpBody::Array, HttpBody::Lines] {
            for count in 1..=events.len() {
                let exact = length(&events[..count], format);
                assert_eq!(encode(&events[..count], format, 0).unwrap().len(), exact);
                assert_eq!(prefix(&events, format, 100, exact), count);
                assert_eq!(prefix(&events, format, 100, exact - 1), (count - 1).max(1));
            }
        }
        assert_eq!(prefix(&events, HttpBody::Single, 100, 1000), 1);
        assert_eq!(prefix(&events, HttpBody::Array, 2, 1000), 2);
    }

    #[test]
    fn bodies_are_what_their_content_type_says() {
        let events: Vec<Bytes> = ["{\"n\":1}", "{\n\"n\":\r\n2}"].map(Bytes::from).to_vec();
        let body = |format| String::from_utf8(encode(&events, format, 0).unwrap()).unwrap();
        assert_eq!(body(HttpBody::Array), "[{\"n\":1},{\n\"n\":\r\n2}]");
        assert_eq!(body(HttpBody::Lines), "{\"n\":1}\n{ \"n\":  2}\n");
        assert_eq!(encode(&[], HttpBody::Array, 0).unwrap(), b"[]");
        assert_eq!(length(&[], HttpBody::Array), 2);
    }
}
