//! Hands bytes out to the caller.

use bytes::BytesMut;

/// Moves `from` to the end of `out`; without a copy where `out` is empty.
pub(crate) fn drain_into(from: &mut BytesMut, out: &mut BytesMut) -> bool {
    if from.is_empty() {
        return false;
    }
    if out.is_empty() {
        std::mem::swap(from, out);
        from.clear();
    } else {
        out.extend_from_slice(from);
        from.clear();
    }
    true
}
