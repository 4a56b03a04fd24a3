/// The last eight bytes as a number, or all of them, some perhaps twice, if there are fewer.
#[inline]
pub(super) fn last_word(bytes: &[u8]) -> u64 {
    if let Some(last) = bytes.last_chunk() {
        return u64::from_ne_bytes(*last);
    }
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_ne_bytes(*first)) << 32 | u64::from(u32::from_ne_bytes(*last))
        }
        _ => bytes.iter().fold(SPACES, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// In place of bytes that are not there.
const SPACES: u64 = u64::from_ne_bytes(*b"        ");
