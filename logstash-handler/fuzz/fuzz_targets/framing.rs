//! Any stream: the messages are the same however it arrives, none is longer than the limit, nothing is
//! kept beyond it, and no byte is lost that is not counted.
//!
//! Input: a byte of options, the limit, a number that cuts are made of, then the stream.

#![cfg_attr(fuzzing, no_main)]

use bytes::{Bytes, BytesMut};
use logstash_handler::relay::{Extent, Frame, Framer, FramerOptions, Framing, TooLong};

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| run(input));

/// Runs the files that are named, such as what the fuzzer found.
#[cfg(not(fuzzing))]
#[allow(dead_code, reason = "the tests call run themselves")]
fn main() -> std::io::Result<()> {
    for file in std::env::args_os().skip(1) {
        run(&std::fs::read(file)?);
    }
    Ok(())
}

pub(crate) fn run(input: &[u8]) {
    let [options, limit, cuts, stream @ ..] = input else {
        return;
    };
    let framing = match options % 3 {
        0 => Framing::Lines,
        1 => Framing::Syslog,
        _ => Framing::LengthPrefixed,
    };
    let too_long = if options & 0x10 == 0 { TooLong::Truncate } else { TooLong::Split };
    let max = usize::from(*limit).max(1);
    let options =
        FramerOptions::new(framing).max_length(max).too_long(too_long).keep_empty(options & 0x20 != 0);

    let (whole, skipped) = receive(&options, max, [stream]);
    let step = usize::from(cuts % 16) + 1;
    assert_eq!(receive(&options, max, stream.chunks(step)), (whole.clone(), skipped), "in steps of {step}");
    assert_eq!(receive(&options, max, stream.chunks(1)), (whole.clone(), skipped), "byte by byte");

    let kept: usize = whole.iter().map(|frame| frame.content.len()).sum();
    assert!(kept as u64 + skipped <= stream.len() as u64, "there is more than came");
    // Between lines there is a line feed, perhaps behind a carriage return, and nothing else.
    if framing == Framing::Lines {
        let ends = stream.iter().filter(|byte| **byte == b'\n').count();
        assert!(kept as u64 + skipped + 2 * ends as u64 + 1 >= stream.len() as u64, "bytes are lost");
    }
    if too_long == TooLong::Split {
        assert_eq!(skipped, 0, "there are pieces of everything");
    }
}

fn receive<'s>(
    options: &FramerOptions,
    max: usize,
    parts: impl IntoIterator<Item = &'s [u8]>,
) -> (Vec<Frame>, u64) {
    let (mut framer, mut buffer, mut frames) = (Framer::new(options.clone()), BytesMut::new(), Vec::new());
    for part in parts {
        buffer.extend_from_slice(part);
        while let Some(frame) = framer.next(&mut buffer) {
            frames.push(frame);
        }
        assert!(buffer.len() <= max + 12, "{} bytes are kept", buffer.len());
    }
    while let Some(frame) = framer.finish(&mut buffer) {
        frames.push(frame);
    }
    assert!(buffer.is_empty(), "bytes are left");
    for Frame { content, extent, .. } in &frames {
        // What is there of a length is no message.
        assert!(content.len() <= max.max(3), "longer than the limit");
        assert!(*extent == Extent::Whole || *content != Bytes::new(), "a part of nothing");
    }
    (frames, framer.skipped())
}
