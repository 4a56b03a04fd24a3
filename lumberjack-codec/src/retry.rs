/// How large the next window may be after windows have failed, so that one event that a server cannot
/// take does not hold up all others.
///
/// A window that fails again and again without progress is halved, until it goes through or is a single
/// event: that one is reported as suspect, and the caller decides whether to try on or to set it aside.
/// Pure: the caller says what happened.
///
/// What to send is always the same: the events that are not acknowledged, in order, numbered from 1.
///
/// ```
/// use lumberjack_codec::{RetryPlan, Verdict};
///
/// let mut plan = RetryPlan::new().patience(2);
/// assert_eq!(plan.size(2048), 2048);
/// assert_eq!(plan.failed(8, 0), Verdict::Resend);
/// assert_eq!(plan.size(2048), 2048); // once is no reason
/// assert_eq!(plan.failed(8, 0), Verdict::Resend);
/// assert_eq!(plan.size(2048), 4);
/// plan.acknowledged(4);
/// assert_eq!(plan.failed(4, 3), Verdict::Resend); // three of the other four are taken over, and the last one …
/// assert_eq!(plan.size(2048), 4);
/// assert_eq!(plan.failed(1, 0), Verdict::Resend);
/// assert_eq!(plan.failed(1, 0), Verdict::Suspect);
/// plan.set_aside();
/// assert_eq!(plan.size(2048), 2048);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RetryPlan {
    patience: u32,
    /// Times that the first event to send has failed since it was first or its window was halved.
    failures: u32,
    /// Largest window while events are in doubt.
    size: usize,
    /// Events of the window that failed last, from the first one to send on.
    in_doubt: usize,
}

impl RetryPlan {
    /// A plan that halves after 3 failures.
    #[must_use]
    pub const fn new() -> Self {
        Self { patience: 3, failures: 0, size: usize::MAX, in_doubt: 0 }
    }

    /// Sets how often a window may fail before it is halved; 0 counts as 1.
    #[must_use]
    pub const fn patience(mut self, failures: u32) -> Self {
        self.patience = if failures == 0 { 1 } else { failures };
        self
    }

    /// Events that the next window may have where otherwise it would have up to `max`; at least 1.
    #[must_use]
    pub fn size(&self, max: usize) -> usize {
        self.size.min(max).max(1)
    }

    /// A window was acknowledged in full.
    pub fn acknowledged(&mut self, events: usize) {
        self.settle(events);
    }

    /// A window of so many events failed after its leading `acknowledged` events were taken over.
    ///
    /// Tell only of the first of the windows that a session reports as failed: the others went down with
    /// it. Do not tell of a connection that could not be made: it says nothing about events.
    pub fn failed(&mut self, events: usize, acknowledged: usize) -> Verdict {
        if acknowledged > 0 {
            self.in_doubt = events;
            self.settle(acknowledged);
            return Verdict::Resend;
        }
        self.in_doubt = events;
        self.failures = self.failures.saturating_add(1);
        if self.failures < self.patience {
            return Verdict::Resend;
        }
        self.failures = 0;
        // A suspect is tried alone too: with others it would take those down.
        self.size = (events / 2).max(1);
        if events > 1 { Verdict::Resend } else { Verdict::Suspect }
    }

    /// The suspect will not be sent again.
    pub fn set_aside(&mut self) {
        self.settle(1);
    }

    /// The leading events are out of the way.
    fn settle(&mut self, events: usize) {
        self.failures = 0;
        self.in_doubt = self.in_doubt.saturating_sub(events);
        if self.in_doubt == 0 {
            self.size = usize::MAX;
        }
    }
}

impl Default for RetryPlan {
    fn default() -> Self {
        Self::new()
    }
}

/// What a [`RetryPlan`] says about a window that failed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
#[must_use]
pub enum Verdict {
    /// Send the events that are not acknowledged again.
    Resend,
    /// The window was a single event and failed as often as may be: it may be what the server cannot
    /// take. Report it; then try on, or [set it aside](RetryPlan::set_aside).
    Suspect,
}
