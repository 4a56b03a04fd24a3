use bytes::BytesMut;
use logstash_handler::relay::Extent::{Piece, Truncated, Unfinished, Whole};
use logstash_handler::relay::{Extent, Framer, FramerOptions, Framing, TooLong};
use proptest::prelude::*;

/// Messages, and how much of each there is.
type Frames = Vec<(Vec<u8>, Extent)>;

/// What comes out of a stream that arrives in `parts`, and how many bytes are in no frame.
fn receive(options: &FramerOptions, parts: &[&[u8]]) -> (Frames, u64) {
    let (mut framer, mut buffer, mut frames) = (Framer::new(options.clone()), BytesMut::new(), Vec::new());
    for part in parts {
        buffer.extend_from_slice(part);
        while let Some(frame) = framer.next(&mut buffer) {
            frames.push((frame.content.to_vec(), frame.extent));
        }
    }
    while let Some(frame) = framer.finish(&mut buffer) {
        frames.push((frame.content.to_vec(), frame.extent));
    }
    assert!(buffer.is_empty(), "{buffer:?} is left");
    (frames, framer.skipped())
}

/// Receives `stream` at once, in two and three parts by all ways to cut it, and byte by byte.
fn check(options: &FramerOptions, stream: &[u8], expected: &[(&[u8], Extent)], skipped: u64) {
    let expected: Frames = expected.iter().map(|(content, extent)| (content.to_vec(), *extent)).collect();
    let expected = (expected, skipped);
    assert_eq!(receive(options, &[stream]), expected, "at once");
    for second in 0..=stream.len() {
        for first in 0..=second {
            let parts = [&stream[..first], &stream[first..second], &stream[second..]];
            assert_eq!(receive(options, &parts), expected, "cut at {first} and {second}");
        }
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(receive(options, &bytes), expected, "byte by byte");
}

fn lines() -> FramerOptions {
    FramerOptions::new(Framing::Lines)
}

fn syslog() -> FramerOptions {
    FramerOptions::new(Framing::Syslog)
}

fn prefixed() -> FramerOptions {
    FramerOptions::new(Framing::LengthPrefixed)
}

#[test]
fn lines_end_with_a_line_feed_and_perhaps_a_carriage_return() {
    check(&lines(), b"a\nb\r\n\nc\rd\n\r\n", &[(b"a", Whole), (b"b", Whole), (b"c\rd", Whole)], 0);
}

#[test]
fn a_last_line_needs_no_end() {
    check(&lines(), b"a\nlast", &[(b"a", Whole), (b"last", Whole)], 0);
    check(&lines(), b"last\r", &[(b"last", Whole)], 0);
    check(&lines(), b"", &[], 0);
}

#[test]
fn empty_lines_are_lines_if_asked_for() {
    let options = lines().keep_empty(true);
    check(&options, b"\na\n\r\n", &[(b"", Whole), (b"a", Whole), (b"", Whole)], 0);
}

#[test]
fn raw_lines_may_hold_any_byte_but_a_line_feed() {
    check(&lines(), b"a\0b\xff\n5 <1>x\n", &[(b"a\0b\xff", Whole), (b"5 <1>x", Whole)], 0);
}

#[test]
fn a_line_of_exactly_the_limit_is_whole() {
    let options = lines().max_length(4);
    check(&options, b"abcd\nabcd\r\nabcd", &[(&b"abcd"[..], Whole); 3], 0);
}

#[test]
fn the_rest_of_a_line_that_is_too_long_is_counted() {
    let options = lines().max_length(4);
    check(&options, b"abcdefg\r\nhi\n", &[(b"abcd", Truncated), (b"hi", Whole)], 3);
    check(&options, b"abcde\nhi", &[(b"abcd", Truncated), (b"hi", Whole)], 1);
    check(&options, b"abcde", &[(b"abcd", Truncated)], 1);
    check(&options, b"abcdef\rg\r", &[(b"abcd", Truncated)], 5);
}

#[test]
fn a_line_that_is_too_long_comes_in_pieces_if_asked_for() {
    let options = lines().max_length(4).too_long(TooLong::Split);
    check(
        &options,
        b"abcdefghi\r\njk\n",
        &[(b"abcd", Piece), (b"efgh", Piece), (b"i", Whole), (b"jk", Whole)],
        0,
    );
    check(&options, b"abcdefgh", &[(b"abcd", Piece), (b"efgh", Whole)], 0);
}

#[test]
fn no_character_is_taken_apart() {
    let options = lines().max_length(4).too_long(TooLong::Split);
    check(
        &options,
        "abcä😀b\n".as_bytes(),
        &[(b"abc", Piece), ("ä".as_bytes(), Piece), ("😀".as_bytes(), Piece), (b"b", Whole)],
        0,
    );
    // Not UTF-8: any place is as good as another.
    check(&options, b"\x80\x81\x82\x83\x84\n", &[(b"\x80\x81\x82\x83", Piece), (b"\x84", Whole)], 0);
}

#[test]
fn both_framings_of_syslog_may_be_mixed() {
    let stream = b"7 <13>one<14>two\n9 <15>three5 <16>x<17>y\r\n<18>z\0<19>last";
    check(
        &syslog(),
        stream,
        &[
            (b"<13>one", Whole),
            (b"<14>two", Whole),
            (b"<15>three", Whole),
            (b"<16>x", Whole),
            (b"<17>y", Whole),
            (b"<18>z", Whole),
            (b"<19>last", Whole),
        ],
        0,
    );
}

#[test]
fn a_counted_message_may_hold_line_feeds_and_end_with_one() {
    check(
        &syslog(),
        b"9 <13>a\nb\n\n10 <13>a\n\nb\r\n6 <1>\nc\n",
        &[(b"<13>a\nb\n", Whole), (b"<13>a\n\nb", Whole), (b"<1>\nc", Whole)],
        0,
    );
}

#[test]
fn a_line_may_begin_with_a_number() {
    check(
        &syslog(),
        b"42\n7 dwarfs\n12345678901 <13>x\n0 <1>\n1x\n3",
        &[
            (b"42", Whole),
            (b"7 dwarfs", Whole),
            (b"12345678901 <13>x", Whole),
            (b"0 <1>", Whole),
            (b"1x", Whole),
            (b"3", Whole),
        ],
        0,
    );
}

#[test]
fn a_counted_message_that_is_too_long_is_cut_or_comes_in_pieces() {
    let stream = b"12 <13>abcdefgh<14>x\n";
    check(&syslog().max_length(6), stream, &[(b"<13>ab", Truncated), (b"<14>x", Whole)], 6);
    check(
        &syslog().max_length(5).too_long(TooLong::Split),
        stream,
        &[(b"<13>a", Piece), (b"bcdef", Piece), (b"gh", Whole), (b"<14>x", Whole)],
        0,
    );
}

#[test]
fn a_counted_message_that_does_not_come_to_its_end_says_so() {
    check(&syslog(), b"20 <13>abc", &[(b"<13>abc", Unfinished)], 0);
    check(&syslog().max_length(4), b"9999999999 <13>abc", &[(b"<13>", Truncated)], 3);
}

#[test]
fn messages_behind_their_length() {
    let stream = b"\0\0\0\x03abc\0\0\0\0\0\0\0\x02\n\0\0\0";
    check(&prefixed(), stream, &[(b"abc", Whole), (b"\n\0", Whole), (b"\0\0", Unfinished)], 0);
    check(&prefixed().max_length(2), b"\0\0\0\x03abc\0\0\0\x01d", &[(b"ab", Truncated), (b"d", Whole)], 1);
    check(&prefixed(), b"\xff\xff\xff\xffabc", &[(b"abc", Unfinished)], 0);
}

#[test]
fn memory_is_bounded_by_the_limit_whatever_is_declared() {
    for (options, head) in [
        (lines(), &b""[..]),
        (syslog(), b"4294967295 <1>"),
        (syslog(), b""),
        (prefixed(), b"\xff\xff\xff\xff"),
    ] {
        let mut framer = Framer::new(options.max_length(1000));
        let mut buffer = BytesMut::from(head);
        let mut kept = 0;
        for _ in 0..10_000 {
            buffer.extend_from_slice(&[b'x'; 100]);
            while let Some(frame) = framer.next(&mut buffer) {
                assert_eq!(frame.extent, Truncated);
                kept += frame.content.len() as u64;
            }
            assert!(buffer.len() <= 1000 + 100 && buffer.capacity() <= 16 * 1024, "{}", buffer.capacity());
        }
        assert!(framer.skipped() + kept + 3 >= 1_000_000);
    }
}

proptest! {
    #[test]
    fn any_stream_gives_the_same_messages_however_it_arrives(
        stream in proptest::collection::vec(
            proptest::sample::select(b"1234 <>ab\r\n\0\xc3\xa4\x00\x01\x02".to_vec()), 0..60),
        cuts in proptest::collection::vec(0..60_usize, 0..6),
        framing in proptest::sample::select(vec![Framing::Lines, Framing::Syslog, Framing::LengthPrefixed]),
        too_long in proptest::sample::select(vec![TooLong::Truncate, TooLong::Split]),
        max_length in 1..20_usize,
        keep_empty: bool,
    ) {
        let options =
            FramerOptions::new(framing).max_length(max_length).too_long(too_long).keep_empty(keep_empty);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| *cut.min(&stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let parts: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
        let (frames, skipped) = receive(&options, &[&stream]);
        prop_assert_eq!(&receive(&options, &parts), &(frames.clone(), skipped));
        prop_assert!(frames.iter().all(|(content, _)| content.len() <= max_length.max(3)));
    }
}
