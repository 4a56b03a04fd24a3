/// Events of a window that are a good choice: what Filebeat sends by default.
pub const DEFAULT_WINDOW_EVENTS: usize = 2048;

/// Bytes of payloads of a window that are a good choice, 32 MiB: well within what every known server takes
/// and rarely reached by log events.
pub const DEFAULT_WINDOW_BYTES: usize = 32 * 1024 * 1024;

/// How many of the leading payloads make up one window.
///
/// At most `max_events`, and together no more than `max_bytes`; but always at least one where there
/// is one, because a payload cannot be split.
///
/// ```
/// use lumberjack_codec::{DEFAULT_WINDOW_BYTES, DEFAULT_WINDOW_EVENTS, window_prefix};
///
/// let lengths = std::iter::repeat_n(300, 5000);
/// assert_eq!(window_prefix(lengths, DEFAULT_WINDOW_EVENTS, DEFAULT_WINDOW_BYTES), 2048);
/// assert_eq!(window_prefix([300, 300, 300], 2048, 700), 2);
/// assert_eq!(window_prefix([9_000], 2048, 700), 1);
/// assert_eq!(window_prefix([300, 300, 300], 2, 700_000), 2);
/// ```
#[must_use]
pub fn window_prefix(lengths: impl IntoIterator<Item = usize>, max_events: usize, max_bytes: usize) -> usize {
    let mut events = 0;
    let mut bytes = 0_usize;
    for length in lengths {
        bytes = bytes.saturating_add(length);
        if events > 0 && (events >= max_events || bytes > max_bytes) {
            break;
        }
        events += 1;
    }
    events
}
