//! Random schedules of a handler without threads, sockets and clocks: the real arena, writer, sender and
//! pump, with a transport and a queue that do what the seed says, crashes among it.
//!
//! A failure names its seed; `replay` plays that one alone.

use crate::arena::{Arena, Chunk};
use crate::builder::Options;
use crate::child::Children;
use crate::clock::Clock;
use crate::core::{Core, Patience};
use crate::ledger::Ledger;
use crate::listener::Listeners;
use crate::notice::Notices;
use crate::overflow::Overflow;
use crate::pump::{Pump, Step};
use crate::queue::{Contained, Depth, Peek, Queue, QueueError, QueueErrorKind};
use crate::sender::Sender;
use crate::writer::Writer;
use fastrand::Rng;
use logstash_format::{Event, FormatError, Formatter, Level};
use logstash_transport::{Batch, ErrorKind, Interrupt, ProbeReport, Transport, TransportError};
use lumberjack_codec::{Backoff, EncodedWindow};
use std::collections::{HashSet, VecDeque};
use std::sync::atomic::AtomicU8;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

/// What the parts of a simulation share.
struct World {
    start: Instant,
    state: Mutex<State>,
}

struct State {
    random: Rng,
    elapsed: Duration,
    /// The wall clock may be set.
    wall: SystemTime,
    /// The peer takes everything but poison from now on.
    healed: bool,
    /// Numbers that the peer took over, in the order of arrival.
    delivered: Vec<u64>,
    /// The windows of the queue, as the disk would have them.
    disk: Disk,
}

#[derive(Default)]
struct Disk {
    windows: VecDeque<(EncodedWindow, SystemTime)>,
    skip: u64,
    /// Windows from the front on that outlive a crash.
    synced: usize,
    /// Events that left the queue since the cursor was last known to be on the disk.
    unsettled: VecDeque<(EncodedWindow, SystemTime)>,
    unsettled_skip: u64,
}

#[derive(Clone)]
struct Shared(Arc<World>);

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }
}

impl Clock for Shared {
    fn now(&self) -> Instant {
        self.0.start + self.state().elapsed
    }

    fn wall(&self) -> SystemTime {
        self.state().wall
    }
}

/// The number of the event is its document; numbers that end in 13 are poison.
#[derive(Debug)]
struct Numbers;

impl Formatter for Numbers {
    fn format(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(event.message.to_string().as_bytes());
        Ok(())
    }
}

fn is_poison(number: u64) -> bool {
    number % 100 == 13
}

impl Transport for Shared {
    fn send(&mut self, batch: &mut Batch<'_>) -> Result<(), TransportError> {
        let payloads = batch.remaining().unwrap();
        let mut state = self.state();
        let lot = if state.healed { 0 } else { state.random.u32(0..8) };
        let mut takes = match lot {
            0..=2 => payloads.len(),
            _ => state.random.usize(0..=payloads.len()),
        };
        let number =
            |payload: &[u8]| std::str::from_utf8(payload).unwrap().trim_end_matches('x').parse::<u64>().ok();
        let poison = payloads.iter().position(|payload| number(payload).is_some_and(is_poison));
        let mut error = match lot {
            0..=2 => None,
            3 => Some(ErrorKind::Throttled { retry_after: None }),
            4 => Some(ErrorKind::Throttled {
                retry_after: Some(Duration::from_secs(state.random.u64(0..100))),
            }),
            5 => Some(ErrorKind::Misconfigured),
            _ => Some(ErrorKind::Unavailable),
        };
        if let Some(poison) = poison.filter(|poison| *poison < takes || takes == payloads.len()) {
            // Some peers take what comes before, others nothing of the batch.
            takes = if state.random.bool() { poison } else { 0 };
            error = Some(ErrorKind::Rejected);
        }
        state.delivered.extend(payloads.iter().take(takes).filter_map(|payload| number(payload)));
        drop(state);
        batch.acknowledge(takes as u64);
        error.map_or(Ok(()), |kind| Err(TransportError::new(kind, "as the seed says")))
    }

    fn probe(&mut self) -> Result<ProbeReport, TransportError> {
        Ok(ProbeReport::new())
    }

    fn close(&mut self) {}
}

impl Queue for Shared {
    fn append(&self, windows: &[EncodedWindow], at: SystemTime) -> Result<(), QueueError> {
        self.state().disk.windows.extend(windows.iter().map(|window| (window.clone(), at)));
        Ok(())
    }

    fn sync(&self) -> Result<(), QueueError> {
        let disk = &mut self.state().disk;
        disk.synced = disk.windows.len();
        Ok(())
    }

    /// Lazy at times, as a queue that keeps in memory what the peer takes soon.
    fn commit(&self) -> Result<bool, QueueError> {
        if self.state().random.bool() {
            return Ok(false);
        }
        self.sync().map(|()| true)
    }

    fn peek(&self, max_windows: usize, _: usize) -> Result<Peek, QueueError> {
        let mut state = self.state();
        if !state.healed && state.random.u32(0..20) == 0 {
            return Err(QueueError::new(QueueErrorKind::Unavailable, "as the seed says"));
        }
        let windows = state.disk.windows.iter().take(max_windows).map(|(window, _)| window.clone());
        Ok(Peek::new(windows.collect(), state.disk.skip as u32, 0))
    }

    fn advance(&self, events: u64) {
        self.state().disk.advance(events);
    }

    fn expire(&self, before: SystemTime) -> u64 {
        let disk = &mut self.state().disk;
        let mut expired = 0;
        while let Some((window, _)) = disk.windows.front().filter(|(_, at)| *at < before) {
            let left = u64::from(window.events()) - disk.skip;
            expired += left;
            disk.advance(left);
        }
        expired
    }

    fn maintain(&self) -> Result<(), QueueError> {
        let disk = &mut self.state().disk;
        disk.unsettled.clear();
        disk.unsettled_skip = disk.skip;
        Ok(())
    }

    fn depth(&self) -> Depth {
        let disk = &self.state().disk;
        Depth {
            events: disk.events(),
            windows: disk.windows.len() as u64,
            oldest: disk.windows.front().map(|(_, at)| *at),
            ..Depth::default()
        }
    }

    fn is_persistent(&self) -> bool {
        true
    }
}

impl Disk {
    fn events(&self) -> u64 {
        self.windows.iter().map(|(window, _)| u64::from(window.events())).sum::<u64>() - self.skip
    }

    fn advance(&mut self, mut events: u64) {
        while let Some((window, _)) = self.windows.front() {
            let left = u64::from(window.events()) - self.skip;
            if events < left {
                self.skip += events;
                return;
            }
            events -= left;
            self.skip = 0;
            self.unsettled.extend(self.windows.pop_front());
            self.synced = self.synced.saturating_sub(1);
        }
    }

    /// What is not on the disk is gone; and it may be that of what was delivered, too, nothing is known.
    fn crash(&mut self, forget_cursor: bool) {
        self.windows.truncate(self.synced);
        if self.windows.is_empty() {
            self.skip = 0;
        }
        if forget_cursor {
            while let Some(window) = self.unsettled.pop_back() {
                self.windows.push_front(window);
            }
            if !self.windows.is_empty() {
                self.skip = self.unsettled_skip;
            }
        }
        self.unsettled.clear();
        self.unsettled_skip = self.skip;
        self.synced = self.windows.len();
    }
}

/// What is known of all lives of the handler together.
#[derive(Default)]
struct Tally {
    next: u64,
    /// Numbers that were taken in.
    taken: Vec<u64>,
    /// Numbers of which a sync told that they are stored.
    durable: Vec<u64>,
}

fn play(seed: u64) {
    let mut random = Rng::with_seed(seed);
    let start = Instant::now();
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    let state = State {
        random: random.fork(),
        elapsed: Duration::ZERO,
        wall,
        healed: false,
        delivered: Vec::new(),
        disk: Disk::default(),
    };
    let world = Shared(Arc::new(World { start, state: Mutex::new(state) }));
    let options = options(&mut random);
    let mut tally = Tally::default();
    for _ in 0..random.u32(1..4) {
        live(&world, &options, &mut random, &mut tally, false);
        let forget = random.bool();
        world.state().disk.crash(forget);
    }
    live(&world, &options, &mut random, &mut tally, true);

    let state = world.state();
    let mut delivered = state.delivered.clone();
    delivered.sort_unstable();
    delivered.dedup();
    let arrived = |number: &u64| delivered.binary_search(number).is_ok();
    assert!(delivered.iter().all(|number| tally.taken.binary_search(number).is_ok()), "never logged");
    assert!(!delivered.iter().any(|number| is_poison(*number)), "a poisonous event was taken over");
    if options.ttl.is_none() && options.overflow != Overflow::DropOldest {
        let durable = tally.durable.iter().filter(|number| !is_poison(**number));
        let missing: Vec<_> = durable.filter(|number| !arrived(number)).collect();
        assert!(missing.is_empty(), "durable events are missing: {missing:?}");
    }
    if options.ttl.is_some() {
        // What expired may come back after a crash that forgot it, behind what was delivered since.
        return;
    }
    // The order of first arrivals is that of logging.
    let mut newest = None;
    let mut seen = HashSet::new();
    for number in state.delivered.iter().filter(|number| seen.insert(**number)) {
        assert!(newest < Some(*number), "{number} arrives out of order: {:?}", state.delivered);
        newest = Some(*number);
    }
}

fn options(random: &mut Rng) -> Options {
    let overflow = [
        Overflow::DropNewest,
        Overflow::DropOldest,
        Overflow::BySeverity,
        Overflow::Block { timeout: Duration::ZERO },
    ];
    Options {
        overflow: overflow[random.usize(0..4)],
        arena_bytes: random.usize(100..600),
        max_event_bytes: 40,
        linger: Duration::ZERO,
        window_events: random.usize(1..6),
        window_bytes: random.usize(5..100),
        compression_level: 0,
        batch_windows: random.usize(1..4),
        ttl: random.bool().then(|| Duration::from_secs(random.u64(1..2000))),
        report_losses: random.bool(),
        stderr: false,
        ..Options::default()
    }
}

/// One life of the handler, that ends in a crash, or when everything is delivered.
fn live(world: &Shared, options: &Options, random: &mut Rng, tally: &mut Tally, last: bool) {
    let ledger = Ledger::default();
    let recovered = world.state().disk.events();
    ledger.update(|books| {
        books.recovered = recovered;
        books.queued = recovered;
        books.appended = recovered;
    });
    let core = Core {
        pid: 1,
        depth: 0,
        children: Children::new(),
        clock: Box::new(world.clone()),
        formatter: Arc::new(Numbers),
        arena: Arena::new(options.arena_bytes, options.window_bytes, options.window_events),
        queue: Arc::new(Contained::new(Box::new(world.clone()))),
        ledger,
        notices: Notices::new(false),
        interrupt: Interrupt::new(),
        listeners: Listeners::default(),
        dead_letters: None,
        queue_fill: AtomicU8::new(0),
        options: options.clone(),
    };
    let backoff = Backoff::new().seed(random.u64(..));
    let mut life = Life {
        world,
        core: &core,
        writer: Writer::new(&core),
        chunk: Chunk::default(),
        sender: Sender::new(&core, Box::new(world.clone()), Pump::new(backoff, Duration::from_secs(60))),
        positions: Vec::new(),
        noted: 0,
    };
    for _ in 0..random.u32(5..25) {
        match random.u32(0..10) {
            0..=3 => life.log(random, tally),
            4..=5 => life.write(tally),
            6..=8 => drop(life.deliver()),
            _ => life.wait(Duration::from_secs(random.u64(0..100)), random),
        }
        life.check();
    }
    if last {
        life.finish(tally);
    }
}

struct Life<'c> {
    world: &'c Shared,
    core: &'c Core,
    writer: Writer<'c>,
    chunk: Chunk,
    sender: Sender<'c>,
    /// The numbers at the positions of the arena.
    positions: Vec<u64>,
    /// How many of them are known to be stored, or lost.
    noted: usize,
}

impl Life<'_> {
    fn log(&mut self, random: &mut Rng, tally: &mut Tally) {
        for _ in 0..random.u32(1..8) {
            let number = tally.next;
            tally.next += 1;
            let padding = if random.u32(0..30) == 0 { 60 } else { random.usize(0..10) };
            let text = format!("{number}{}", "x".repeat(padding));
            let level = [Level::Debug, Level::Info, Level::Warn, Level::Error][random.usize(0..4)];
            let event = Event::new(level, "simulation", text.as_str()).at(self.world.wall());
            if let Ok(position) = self.core.emit(&event, Patience::OfPolicy, false) {
                assert_eq!(position, self.positions.len() as u64);
                self.positions.push(number);
                tally.taken.push(number);
            }
        }
    }

    fn write(&mut self, tally: &mut Tally) {
        // There may be nothing to write, which is no reason to wait.
        self.core.arena.poke();
        self.writer.pass(&mut self.chunk);
        if self.world.state().random.u32(0..50) == 0 {
            // As if the pass had panicked at its end.
            self.writer.recover();
        }
        let books = self.core.ledger.lock();
        let stored = books.stored as usize;
        let news = (self.noted..stored).filter(|position| books.given_up.reason(*position as u64).is_none());
        tally.durable.extend(news.map(|position| self.positions[position]));
        self.noted = stored;
    }

    fn deliver(&mut self) -> Option<Step> {
        self.sender.pass()
    }

    fn wait(&self, time: Duration, random: &mut Rng) {
        let mut state = self.world.state();
        state.elapsed += time;
        // A clock that is set, forwards or back.
        let set =
            if random.u32(0..10) == 0 { Duration::from_secs(random.u64(0..1000)) } else { Duration::ZERO };
        state.wall = if random.bool() { state.wall + time + set } else { state.wall + time - set };
    }

    fn check(&self) {
        let stats = self.core.stats();
        assert!(stats.is_balanced(), "{stats:?}");
        let disk = self.world.state().disk.events();
        assert_eq!(stats.queued, disk, "books and queue disagree: {stats:?}");
        let books = self.core.ledger.lock();
        assert_eq!(books.to_send(), disk);
    }

    /// Everything that is left is delivered, or given up for a reason.
    fn finish(&mut self, tally: &mut Tally) {
        self.world.state().healed = true;
        let mut passes = 0;
        while self.core.stats().pending() > 0 {
            self.write(tally);
            if let Some(Step::Wait { until }) = self.deliver() {
                let mut state = self.world.state();
                state.elapsed = until - self.world.0.start;
            }
            self.check();
            passes += 1;
            assert!(passes < 2_000, "it never ends: {:?}", self.core.stats());
        }
        for (position, number) in self.positions.iter().enumerate() {
            let outcome = self.core.ledger.lock().outcome(position as u64);
            let delivered = self.world.state().delivered.contains(number);
            match outcome {
                Some(Ok(())) => assert!(delivered, "{number} is said to be delivered"),
                Some(Err(_)) => assert!(!delivered, "{number} is said to be lost"),
                None => panic!("nothing is known of {number}"),
            }
        }
        let stats = self.core.stats();
        assert_eq!(
            stats.accepted + stats.recovered + stats.reports,
            stats.acknowledged + stats.dropped.total()
        );
    }
}

/// Plays the seeds, a part of them in each test, so that they run side by side.
fn play_all(part: u64) {
    for seed in part * SEEDS..(part + 1) * SEEDS {
        let played = std::panic::catch_unwind(|| play(seed));
        assert!(played.is_ok(), "seed {seed} fails; `replay` plays it alone: SIMULATION_SEED={seed}");
    }
}

/// A hundred thousand schedules in all.
const SEEDS: u64 = 3_125;

macro_rules! parts {
    ($($name:ident $part:literal)*) => { $(#[test] fn $name() { play_all($part); })* };
}

parts! {
    schedules_1 0 schedules_2 1 schedules_3 2 schedules_4 3
    schedules_5 4 schedules_6 5 schedules_7 6 schedules_8 7
    schedules_9 8 schedules_10 9 schedules_11 10 schedules_12 11
    schedules_13 12 schedules_14 13 schedules_15 14 schedules_16 15
    schedules_17 16 schedules_18 17 schedules_19 18 schedules_20 19
    schedules_21 20 schedules_22 21 schedules_23 22 schedules_24 23
    schedules_25 24 schedules_26 25 schedules_27 26 schedules_28 27
    schedules_29 28 schedules_30 29 schedules_31 30 schedules_32 31
}

#[test]
fn replay() {
    let seed = std::env::var("SIMULATION_SEED").ok().and_then(|seed| seed.parse().ok());
    play(seed.unwrap_or(4711));
}
