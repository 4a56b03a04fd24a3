/// A window size that grows while windows go through and shrinks when they fail.
///
/// A receiver that has just come back is not met with the largest windows, and one that chokes on
/// large windows gets smaller ones. Starts at 10, grows by half, shrinks to half, at least 1: the
/// values of Filebeat. Pure: the caller says what happened.
///
/// ```
/// let mut window = lumberjack_codec::SlowStart::new(2048);
/// assert_eq!(window.size(), 10);
/// window.succeeded(10);
/// assert_eq!(window.size(), 15);
/// window.succeeded(3); // a small window proves nothing about larger ones
/// assert_eq!(window.size(), 15);
/// window.failed();
/// assert_eq!(window.size(), 7);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SlowStart {
    /// Invariant: `1 <= size <= max`.
    size: usize,
    max: usize,
}

impl SlowStart {
    /// Starts with windows of 10 events, or of `max` if that is less. A `max` of 0 counts as 1.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let max = max.max(1);
        Self { size: START.min(max), max }
    }

    /// Events that the next window may have.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// A window of so many events was acknowledged in full.
    pub fn succeeded(&mut self, events: usize) {
        if events >= self.size {
            let grown = self.size.saturating_add((self.size / 2).max(1));
            self.size = grown.min(self.max);
        }
    }

    /// A window failed.
    pub fn failed(&mut self) {
        self.size = (self.size / 2).max(1);
    }
}

const START: usize = 10;
