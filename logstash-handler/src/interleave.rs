//! Threads that take turns as a seed says: just one of them runs at a time, and each lock that one takes, and
//! each call of [`pause`], is a place where another may go on instead.
//!
//! So a test plays many orders in which the steps of several threads can come, and the same again for the
//! same seed.

use fastrand::Rng;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, LockResult, PoisonError, TryLockError, TryLockResult};
use std::thread;

/// Plays the actors, each on a thread of its own, until all of them have ended; fails when one does.
pub(crate) fn play(seed: u64, actors: Vec<Box<dyn FnOnce() + Send + '_>>) {
    let playing = (0..actors.len()).collect();
    let state = State { random: Rng::with_seed(seed), playing, turn: 0, changes: 0 };
    let stage = Arc::new(Stage { state: std::sync::Mutex::new(state), changed: Condvar::new() });
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (number, actor) in actors.into_iter().enumerate() {
            let stage = Arc::clone(&stage);
            threads.push(scope.spawn(move || {
                PART.set(Some(Part { stage: Arc::clone(&stage), number }));
                stage.wait_for_turn(number);
                let result = catch_unwind(AssertUnwindSafe(actor));
                PART.set(None);
                stage.leave(number);
                result
            }));
        }
        let results: Vec<_> =
            threads.into_iter().map(|thread| thread.join().and_then(|result| result)).collect();
        assert!(results.iter().all(Result::is_ok), "the play with seed {seed} fails");
    });
}

/// Lets another thread of the play go on, perhaps; does nothing outside of one. Tells whether there is a play.
pub(crate) fn pause() -> bool {
    PART.with_borrow(|part| part.as_ref().map(|part| part.stage.change(part.number)).is_some())
}

thread_local! {
    static PART: RefCell<Option<Part>> = const { RefCell::new(None) };
}

/// Which of the threads of which play this one is.
struct Part {
    stage: Arc<Stage>,
    number: usize,
}

struct Stage {
    state: std::sync::Mutex<State>,
    changed: Condvar,
}

struct State {
    random: Rng,
    playing: Vec<usize>,
    /// Who goes on.
    turn: usize,
    changes: u64,
}

impl Stage {
    fn change(&self, number: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.changes += 1;
        if state.changes > MOST_CHANGES {
            drop(state);
            panic!("the threads wait for each other, or never end");
        }
        state.draw();
        if state.turn != number {
            drop(state);
            self.changed.notify_all();
            self.wait_for_turn(number);
        }
    }

    fn wait_for_turn(&self, number: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.turn != number {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn leave(&self, number: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.playing.retain(|other| *other != number);
        state.draw();
        drop(state);
        self.changed.notify_all();
    }
}

impl State {
    fn draw(&mut self) {
        if let Some(next) = self.random.choice(&self.playing) {
            self.turn = *next;
        }
    }
}

/// A lock at which threads take turns.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

pub(crate) use std::sync::MutexGuard;

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        while pause() {
            match self.0.try_lock() {
                Ok(guard) => return Ok(guard),
                Err(TryLockError::Poisoned(poisoned)) => return Err(poisoned),
                // Who holds it is waiting for its turn.
                Err(TryLockError::WouldBlock) => {}
            }
        }
        self.0.lock()
    }

    #[cfg_attr(not(feature = "sled"), allow(dead_code, reason = "a queue in memory never asks"))]
    pub(crate) fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        pause();
        self.0.try_lock()
    }
}

/// More than any play needs that comes to its end.
const MOST_CHANGES: u64 = 200_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// What several threads wrote down, each its name, with a pause after each.
    fn written(seed: u64) -> String {
        let text = Mutex::new(String::new());
        let actor = |name: char| {
            let text = &text;
            Box::new(move || (0..5).for_each(|_| text.lock().unwrap().push(name))) as Box<dyn FnOnce() + Send>
        };
        play(seed, vec![actor('a'), actor('b'), actor('c')]);
        text.0.into_inner().unwrap()
    }

    #[test]
    fn a_seed_plays_the_same_again_and_others_play_something_else() {
        let all: std::collections::HashSet<_> = (0..50).map(written).collect();
        assert!(all.len() > 40, "{all:?}");
        assert!((0..50).all(|seed| written(seed) == written(seed)));
    }

    #[test]
    #[should_panic(expected = "fails")]
    fn threads_that_wait_for_each_other_fail_the_play() {
        let (one, other) = (Mutex::new(()), Mutex::new(()));
        for seed in 0..100 {
            let take = |first: &Mutex<()>, second: &Mutex<()>| {
                let _first = first.lock();
                let _second = second.lock();
            };
            play(seed, vec![Box::new(|| take(&one, &other)), Box::new(|| take(&other, &one))]);
        }
    }
}
