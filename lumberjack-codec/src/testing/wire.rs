//! One direction of a fake connection.

use bytes::BytesMut;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Wire {
    latency: Duration,
    jitter: Duration,
    /// Largest piece in which bytes arrive.
    piece: usize,
    random: fastrand::Rng,
    in_transit: VecDeque<(Instant, Item)>,
    /// Bytes that still pass before the connection breaks.
    budget: Option<u64>,
    /// Nothing more can be written.
    ended: bool,
    carried: u64,
}

/// What arrives at the other end.
#[derive(Debug)]
pub(super) enum Item {
    Bytes(BytesMut),
    /// The sender has closed its half.
    End,
    /// The connection is gone, in both directions.
    Break,
}

impl Wire {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            piece: usize::MAX,
            random: fastrand::Rng::with_seed(seed),
            in_transit: VecDeque::new(),
            budget: None,
            ended: false,
            carried: 0,
        }
    }

    pub(super) fn set_latency(&mut self, latency: Duration) {
        self.latency = latency;
    }

    pub(super) fn set_jitter(&mut self, jitter: Duration) {
        self.jitter = jitter;
    }

    pub(super) fn set_piece(&mut self, bytes: usize) {
        self.piece = bytes.max(1);
    }

    pub(super) fn set_budget(&mut self, bytes: u64) {
        self.budget = Some(bytes);
    }

    /// Bytes that have arrived.
    pub(super) const fn carried(&self) -> u64 {
        self.carried
    }

    pub(super) fn write(&mut self, mut bytes: BytesMut, now: Instant) {
        if self.ended || bytes.is_empty() {
            return;
        }
        let length = bytes.len() as u64;
        let breaks = self.budget.is_some_and(|budget| length > budget);
        if let Some(budget) = &mut self.budget {
            bytes.truncate(usize::try_from(*budget).unwrap_or(usize::MAX));
            *budget = budget.saturating_sub(length);
        }
        if !bytes.is_empty() {
            self.put(Item::Bytes(bytes), now);
        }
        if breaks {
            self.ended = true;
            self.put(Item::Break, now);
        }
    }

    pub(super) fn end(&mut self, now: Instant) {
        if !self.ended {
            self.ended = true;
            self.put(Item::End, now);
        }
    }

    /// Loses what is in transit and lets nothing more pass.
    pub(super) fn cut(&mut self) {
        self.ended = true;
        self.in_transit.clear();
    }

    /// When the next item arrives.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.in_transit.front().map(|(at, _)| *at)
    }

    /// The next piece, if it has arrived by `now`.
    pub(super) fn read(&mut self, now: Instant) -> Option<Item> {
        let (at, item) = self.in_transit.pop_front()?;
        if at > now {
            self.in_transit.push_front((at, item));
            return None;
        }
        let Item::Bytes(mut bytes) = item else { return Some(item) };
        let most = self.piece.min(bytes.len());
        let piece = if most < bytes.len() { self.random.usize(1..=most) } else { most };
        let rest = bytes.split_off(piece);
        if !rest.is_empty() {
            self.in_transit.push_front((at, Item::Bytes(rest)));
        }
        self.carried += piece as u64;
        Some(Item::Bytes(bytes))
    }

    fn put(&mut self, item: Item, now: Instant) {
        let jitter = self.jitter.mul_f64(self.random.f64());
        let earliest = self.in_transit.back().map_or(now, |(at, _)| *at);
        self.in_transit.push_back(((now + self.latency + jitter).max(earliest), item));
    }
}
