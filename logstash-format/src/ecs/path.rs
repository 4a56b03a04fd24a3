//! Dotted names as paths through objects. Segments are compared and written as they stand in JSON,
//! escaped.

use std::cmp::Ordering;

/// Orders paths segment by segment, so that the members of an object follow each other.
pub(super) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let rank = |byte: &u8| match byte {
        b'.' => 0,
        _ => u16::from(*byte) + 1,
    };
    a.iter().map(rank).cmp(b.iter().map(rank))
}

/// Whether `inner` is the path of a member, or of a member of a member, of what stands at `outer`.
pub(super) fn is_within(inner: &[u8], outer: &[u8]) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with(b"."))
}

/// How many objects the path leads through.
pub(super) fn depth(path: &[u8]) -> usize {
    path.iter().filter(|&&byte| byte == b'.').count()
}

/// How many objects both paths lead through.
pub(super) fn shared_depth(a: &[u8], b: &[u8]) -> usize {
    let common = a.iter().zip(b).take_while(|(a, b)| a == b).map(|(byte, _)| byte);
    common.filter(|&&byte| byte == b'.').count()
}

/// Appends what leads to a value: the objects beyond the first `open` ones, then its name.
pub(super) fn write_name(path: &[u8], open: usize, out: &mut Vec<u8>) {
    let mut segments = path.split(|&byte| byte == b'.').skip(open).peekable();
    while let Some(segment) = segments.next() {
        out.push(b'"');
        out.extend_from_slice(segment);
        out.extend_from_slice(if segments.peek().is_some() { b"\":{" } else { b"\":" });
    }
}

/// Appends `path`, which stands within so many objects, with every segment that Elasticsearch refuses
/// as a name, because it is empty or blank, replaced. It leads through no more than [`MAX_DEPTH`] objects:
/// further dots become underscores.
pub(super) fn push_valid(path: &[u8], around: usize, to: &mut Vec<u8>) {
    for (at, segment) in path.split(|&byte| byte == b'.').enumerate() {
        if at > 0 {
            to.push(if around + at <= MAX_DEPTH { b'.' } else { b'_' });
        }
        to.extend_from_slice(if is_blank(segment) { b"_" } else { segment });
    }
}

/// Whether an escaped name is empty or holds nothing but spaces.
pub(super) fn is_blank(mut name: &[u8]) -> bool {
    let blank: [&[u8]; 6] = [b" ", b"\\t", b"\\n", b"\\r", b"\\f", b"\\u000b"];
    while let Some(rest) = blank.iter().find_map(|blank| name.strip_prefix(*blank)) {
        name = rest;
    }
    name.is_empty()
}

/// More than Elasticsearch takes by default, and few enough for readers, with what is nested in the value.
const MAX_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_follow_their_object() {
        let mut paths = ["b!", "a.c", "a-b", "a", "a.b.d", "b.c", "a.b", "b"];
        paths.sort_by(|a, b| compare(a.as_bytes(), b.as_bytes()));
        assert_eq!(paths, ["a", "a.b", "a.b.d", "a.c", "a-b", "b", "b.c", "b!"]);
    }

    #[test]
    fn depths() {
        assert!(is_within(b"a.b", b"a") && !is_within(b"ab", b"a") && !is_within(b"a", b"a"));
        assert_eq!(depth(b"a.b.c"), 2);
        assert_eq!(shared_depth(b"a.b.c", b"a.b.d"), 2);
        assert_eq!(shared_depth(b"a.b", b"a.bc.d"), 1);
        assert_eq!(shared_depth(b"a", b"b.a"), 0);
    }

    #[test]
    fn names_lead_to_values() {
        let written = |path: &str, open| {
            let mut out = Vec::new();
            write_name(path.as_bytes(), open, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written("a", 0), r#""a":"#);
        assert_eq!(written("a.b.c", 0), r#""a":{"b":{"c":"#);
        assert_eq!(written("a.b.c", 2), r#""c":"#);
    }

    #[test]
    fn blank_segments_are_replaced() {
        for (path, valid) in [("a.b", "a.b"), ("", "_"), (".", "_._"), ("a.. .\\t", "a._._._")] {
            let mut out = Vec::new();
            push_valid(path.as_bytes(), 0, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), valid);
        }
    }

    #[test]
    fn what_is_too_deep_is_one_name() {
        for (path, around, valid) in [("a.b.c", 31, "a.b_c"), ("a.b.", 32, "a_b__"), ("a", 99, "a")] {
            let mut out = Vec::new();
            push_valid(path.as_bytes(), around, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), valid);
        }
        let mut out = Vec::new();
        push_valid(&[b'.'; 100], 0, &mut out);
        assert_eq!(depth(&out), MAX_DEPTH);
    }
}
