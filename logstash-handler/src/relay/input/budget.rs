//! Memory that the connections of an input have together.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Bytes that all connections may hold. Beyond them, one at a time goes on until it holds nothing, and the others wait:
/// if all of them waited, none could ever end what it has begun.
#[derive(Debug)]
pub(super) struct Budget {
    most: usize,
    held: AtomicUsize,
    turn: Arc<Semaphore>,
    changed: Notify,
}

/// What one connection holds, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    held: usize,
    turn: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub(super) fn new(most: usize) -> Self {
        Self { most, held: AtomicUsize::new(0), turn: Arc::new(Semaphore::new(1)), changed: Notify::new() }
    }

    pub(super) fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), held: 0, turn: None }
    }

    fn is_exceeded(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.most
    }
}

impl Share {
    /// Tells how much the connection holds by now.
    pub(super) fn hold(&mut self, bytes: usize) {
        let before = std::mem::replace(&mut self.held, bytes);
        if bytes >= before {
            self.budget.held.fetch_add(bytes - before, Ordering::Relaxed);
        } else {
            let less = before - bytes;
            let held = self.budget.held.fetch_sub(less, Ordering::Relaxed);
            // Whose step crosses the line tells, whatever the others do meanwhile.
            if held > self.budget.most && held - less <= self.budget.most {
                self.budget.changed.notify_waiters();
            }
        }
        if self.turn.is_some() && (bytes == 0 || !self.budget.is_exceeded()) {
            self.turn = None;
            self.budget.changed.notify_waiters();
        }
    }

    /// Whether the connection may take more; `is_done`: it has something complete, and would begin with the next.
    pub(super) fn may_grow(&mut self, is_done: bool) -> bool {
        if !self.budget.is_exceeded() {
            return true;
        }
        if self.turn.is_none() && !is_done {
            self.turn = Arc::clone(&self.budget.turn).try_acquire_owned().ok();
        }
        self.turn.is_some() && !is_done
    }

    /// Waits until that may have changed.
    pub(super) async fn changed(&self, is_done: bool) {
        let mut changed = pin!(self.budget.changed.notified());
        changed.as_mut().enable();
        let is_taken = self.budget.turn.available_permits() == 0;
        if self.budget.is_exceeded() && (is_done || is_taken) {
            changed.await;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.hold(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_budget_one_goes_on_until_it_holds_nothing() {
        let budget = Arc::new(Budget::new(100));
        let (mut one, mut two, mut three) = (budget.share(), budget.share(), budget.share());
        one.hold(60);
        assert!(one.may_grow(false) && two.may_grow(false));
        two.hold(50);
        assert!(two.may_grow(false), "its turn");
        assert!(!one.may_grow(false) && !three.may_grow(false));
        assert!(!two.may_grow(true), "what is complete has to go first");
        two.hold(500);
        assert!(two.may_grow(false) && !one.may_grow(false));
        two.hold(0);
        assert!(one.may_grow(false) && three.may_grow(false) && two.may_grow(false));
        three.hold(80);
        assert!(one.may_grow(false));
        drop(one);
        assert!(two.may_grow(false) && three.may_grow(false));
        drop((two, three));
        assert_eq!(budget.held.load(Ordering::Relaxed), 0);
        assert_eq!(budget.turn.available_permits(), 1);
    }

    #[tokio::test]
    async fn those_who_wait_hear_of_room_and_of_a_turn() {
        let budget = Arc::new(Budget::new(100));
        let (mut one, mut two, three) = (budget.share(), budget.share(), budget.share());
        one.hold(101);
        assert!(one.may_grow(false) && !two.may_grow(false));
        let waiting = tokio::spawn(async move { three.changed(false).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        one.hold(0);
        waiting.await.unwrap();
        two.changed(true).await;
    }
}
