//! Memory that the connections of an input have together.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Bytes that all connections may hold. Beyond them, one at a time goes on until it has handed a window over, and the
/// others wait in the order in which they have asked: if all of them waited, none could ever end what it has begun.
#[derive(Debug)]
pub(super) struct Budget {
    most: usize,
    held: AtomicUsize,
    turn: Arc<Semaphore>,
    changed: Notify,
}

/// What one connection holds, given back when it is dropped.
pub(super) struct Share {
    budget: Arc<Budget>,
    held: usize,
    turn: Turn,
}

/// Whether it is the turn of a connection.
enum Turn {
    /// It has not asked.
    None,
    Asked(Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>),
    Taken {
        _permit: OwnedSemaphorePermit,
        since: Instant,
    },
}

impl Budget {
    pub(super) fn new(most: usize) -> Self {
        Self { most, held: AtomicUsize::new(0), turn: Arc::new(Semaphore::new(1)), changed: Notify::new() }
    }

    pub(super) fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), held: 0, turn: Turn::None }
    }

    /// Whether the connections hold more than they may.
    pub(super) fn is_exceeded(&self) -> bool {
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
    }

    /// Whether the connection may take more for what it has begun; asks for its turn if not. `is_done`: it could take
    /// nothing, because it has something complete that is to be handed over first.
    pub(super) fn may_grow(&mut self, is_done: bool) -> bool {
        if !self.budget.is_exceeded() {
            self.turn = Turn::None;
            return true;
        }
        if matches!(self.turn, Turn::None) && !is_done {
            self.turn = Turn::Asked(Box::pin(Arc::clone(&self.budget.turn).acquire_owned()));
        }
        matches!(self.turn, Turn::Taken { .. }) && !is_done
    }

    /// Waits until that may have changed.
    pub(super) async fn changed(&mut self, is_done: bool) {
        let mut changed = pin!(self.budget.changed.notified());
        changed.as_mut().enable();
        if !self.budget.is_exceeded() {
            return;
        }
        match &mut self.turn {
            Turn::Asked(place) if !is_done => tokio::select! {
                permit = place => {
                    let taken = |permit| Turn::Taken { _permit: permit, since: Instant::now() };
                    self.turn = permit.map_or(Turn::None, taken);
                }
                () = changed => {}
            },
            _ => changed.await,
        }
    }

    /// Lets the next one have its turn, if it is that of this connection.
    pub(super) fn end_turn(&mut self) {
        self.turn = Turn::None;
    }

    /// When the turn of the connection is over, also if it has ended nothing by then: others wait for the memory that
    /// it holds.
    pub(super) fn turn_ends(&self) -> Option<Instant> {
        match self.turn {
            Turn::Taken { since, .. } => Some(since + TURN),
            Turn::None | Turn::Asked(_) => None,
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.hold(0);
    }
}

/// How long the connection whose turn it is may take to end what it has begun.
pub(super) const TURN: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::yield_now;

    #[tokio::test]
    async fn beyond_the_budget_one_goes_on_until_it_has_handed_over_what_it_has() {
        let budget = Arc::new(Budget::new(100));
        let (mut one, mut two, mut three) = (budget.share(), budget.share(), budget.share());
        one.hold(60);
        assert!(one.may_grow(false) && two.may_grow(false));
        two.hold(50);
        assert!(!two.may_grow(true), "what is complete has to go first");
        assert!(!two.may_grow(false), "not before it is its turn");
        two.changed(false).await;
        assert!(two.may_grow(false) && !one.may_grow(false) && !three.may_grow(false));
        two.hold(500);
        assert!(two.may_grow(false) && !one.may_grow(false) && !two.may_grow(true));
        two.hold(0);
        assert!(one.may_grow(false) && three.may_grow(false) && two.may_grow(false));
        three.hold(80);
        assert!(!one.may_grow(false));
        drop(one);
        assert!(two.may_grow(false) && three.may_grow(false));
        drop((two, three));
        assert_eq!((budget.held.load(Ordering::Relaxed), budget.turn.available_permits()), (0, 1));
    }

    #[tokio::test]
    async fn turns_come_in_the_order_in_which_they_are_asked_for() {
        let budget = Arc::new(Budget::new(100));
        let mut first = budget.share();
        first.hold(101);
        assert!(!first.may_grow(false));
        first.changed(false).await;
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..10 {
            let (mut share, tell) = (budget.share(), tell.clone());
            tokio::spawn(async move {
                for round in 0..3 {
                    while !share.may_grow(false) {
                        share.changed(false).await;
                    }
                    tell.send(10 * round + number).unwrap();
                    share.end_turn();
                }
            });
        }
        yield_now().await;
        assert!(told.try_recv().is_err(), "the first one has not ended yet");
        first.end_turn();
        drop(tell);
        let mut order = Vec::new();
        while let Some(number) = told.recv().await {
            order.push(number);
        }
        assert_eq!(order, (0..30).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn those_who_wait_hear_of_room() {
        let budget = Arc::new(Budget::new(100));
        let (mut one, mut two, mut three) = (budget.share(), budget.share(), budget.share());
        one.hold(101);
        assert!(!one.may_grow(false));
        one.changed(false).await;
        assert!(!two.may_grow(false));
        let waiting = tokio::spawn(async move { three.changed(true).await });
        let asking = tokio::spawn(async move { two.changed(false).await });
        yield_now().await;
        assert!(!waiting.is_finished() && !asking.is_finished());
        one.hold(0);
        waiting.await.unwrap();
        asking.await.unwrap();
        one.changed(true).await;
    }
}
