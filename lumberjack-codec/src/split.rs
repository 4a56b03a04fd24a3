/// How many of the leading payloads make up one window.
///
/// At most `max_events`, and together no more than `max_bytes`; but always at least one where there
/// is one, because a payload cannot be split.
///
/// ```
/// use lumberjack_codec::window_prefix;
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
