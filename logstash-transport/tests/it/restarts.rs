//! Receivers that are killed and come back at random, behind `Failover` and `Balance`.
//!
//! What every run proves: each event arrives; over all receivers, events arrive for the first time in
//! their order; no receiver is sent back by more than what was in flight; and no connection costs more
//! repeated events than that.

#![allow(clippy::print_stdout, reason = "the figures of a run are shown with --nocapture")]

use crate::support::{Last, number, numbered};
use logstash_transport::testing::{Receiver, ReceiverOptions, Step};
use logstash_transport::{Balance, Batch, BeatsTransport, Failover, Strategy, Transport};
use lumberjack_codec::Backoff;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const WINDOW: usize = 16;
const IN_FLIGHT: usize = 2 * WINDOW;
const KILLS: usize = 25;

/// Receivers that write down together what they receive.
struct Site {
    receivers: Vec<Receiver>,
    log: Arc<Mutex<Vec<(usize, usize)>>>,
}

impl Site {
    fn new(receivers: usize) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let start = |index| {
            let log = Arc::clone(&log);
            let sink = move |events: &[bytes::Bytes]| {
                log.lock().unwrap().extend(events.iter().map(|event| (index, number(event))));
            };
            // Where there are more addresses than one, no other test takes a port while it is free.
            let host = if cfg!(target_os = "linux") { [127, 0, 5, 1] } else { [127, 0, 0, 1] };
            ReceiverOptions::new().address((host, 0).into()).sink(sink).start().unwrap()
        };
        Self { receivers: (0..receivers).map(start).collect(), log }
    }

    fn transport(&self, index: usize) -> BeatsTransport {
        let address = self.receivers[index].address().to_string();
        BeatsTransport::new(&address).unwrap().max_window_events(WINDOW)
    }

    /// Kills one receiver after the other and lets it come back, and makes connections fail in
    /// between; more than one may be away at a time.
    fn torment(&self, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..KILLS {
            let victim = &self.receivers[random.usize(0..self.receivers.len())];
            let accident = match random.u8(0..4) {
                0 => Step::DropConnection,
                1 => Step::KeepAndDrop,
                2 => Step::Partial(random.u32(1..WINDOW as u32)),
                _ => Step::Delay(Duration::from_millis(random.u64(1..15))),
            };
            victim.script([accident]);
            thread::sleep(Duration::from_millis(random.u64(1..25)));
            victim.go_away();
            thread::sleep(Duration::from_millis(random.u64(1..25)));
            if random.bool() {
                // The other ones go too: for a while there is nobody.
                self.receivers.iter().for_each(Receiver::go_away);
                thread::sleep(Duration::from_millis(random.u64(1..10)));
            }
            for receiver in &self.receivers {
                come_back(receiver);
            }
        }
    }

    /// Sends until the receivers are left in peace, and checks what arrived.
    fn run(&self, name: &str, seed: u64, transport: &mut dyn Transport) {
        let over = AtomicBool::new(false);
        let (mut sent, mut failures) = (0, 0);
        thread::scope(|scope| {
            scope.spawn(|| {
                let _last = Last(&over);
                self.torment(seed);
            });
            let mut random = fastrand::Rng::with_seed(seed + 1);
            while !over.load(Ordering::Acquire) {
                let next = sent + random.usize(1..10 * WINDOW);
                let mut batch = Batch::from_events(numbered(sent..next));
                let mut backoff =
                    Backoff::new().base(Duration::from_millis(2)).max(Duration::from_millis(20));
                while transport.send(&mut batch).is_err() {
                    failures += 1;
                    assert!(failures < 10_000, "it never recovers");
                    thread::sleep(backoff.next_delay());
                }
                assert!(batch.is_done());
                sent = next;
            }
        });
        self.check(name, seed, sent, failures);
    }

    fn check(&self, name: &str, seed: u64, sent: usize, failures: usize) {
        let log = self.log.lock().unwrap();
        let mut seen = HashSet::new();
        let first: Vec<usize> =
            log.iter().map(|(_, number)| *number).filter(|number| seen.insert(*number)).collect();
        let wrong = first.iter().zip(0..).find(|(number, expected)| *number != expected);
        assert_eq!(wrong, None, "{name}, seed {seed}: out of order, or lost, of {sent}");
        assert_eq!(first.len(), sent, "{name}, seed {seed}: lost at the end");
        for index in 0..self.receivers.len() {
            let mut highest = 0;
            for (_, number) in log.iter().filter(|(receiver, _)| *receiver == index) {
                assert!(*number + IN_FLIGHT > highest, "{name}, seed {seed}: {number} behind {highest}");
                highest = highest.max(*number);
            }
        }
        let connections: u64 = self.receivers.iter().map(Receiver::connections).sum();
        let repeated = log.len() - sent;
        println!(
            "{name}, seed {seed}: {sent} events, {KILLS} kills, {connections} connections, {failures} failed sends, \
             0 lost, 0 out of order, {repeated} repeated"
        );
        assert!(repeated <= usize::try_from(connections).unwrap() * IN_FLIGHT);
        let shares = (0..self.receivers.len())
            .map(|index| log.iter().filter(|(receiver, _)| *receiver == index).count());
        assert!(shares.min().unwrap() > 0, "each member had its share");
    }
}

/// Another program may hold the port for a moment.
fn come_back(receiver: &Receiver) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = receiver.come_back() {
        assert!(Instant::now() < deadline, "{error}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn two_behind_failover_lose_nothing() {
    for seed in [1, 2, 3] {
        let site = Site::new(2);
        let mut transport =
            Failover::new(site.transport(0)).or(site.transport(1)).return_after(Duration::from_millis(2));
        site.run("failover", seed, &mut transport);
    }
}

#[test]
fn three_behind_balance_in_turn_lose_nothing() {
    [4, 5].into_iter().for_each(|seed| balance(seed, Strategy::RoundRobin));
}

#[test]
fn three_behind_balance_by_latency_lose_nothing() {
    [6, 7].into_iter().for_each(|seed| balance(seed, Strategy::LeastLatency));
}

fn balance(seed: u64, strategy: Strategy) {
    let site = Site::new(3);
    let mut transport = Balance::new(site.transport(0))
        .and(site.transport(1))
        .and(site.transport(2))
        .strategy(strategy)
        .exclusion(Backoff::new().base(Duration::from_millis(2)).max(Duration::from_millis(20)));
    site.run("balance", seed, &mut transport);
}
