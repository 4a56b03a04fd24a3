//! Both sessions against each other, over a wire that cuts, delays and breaks.

use lumberjack_codec::testing::{Direction, Pair};
use lumberjack_codec::{ClientConfig, ClientEvent, Limits, ServerConfig, ServerEvent, WindowId};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

fn next_complete(pair: &mut Pair) -> Option<WindowId> {
    std::iter::from_fn(|| pair.server_event()).find_map(|event| match event {
        ServerEvent::WindowComplete { window, .. } => Some(window),
        _ => None,
    })
}

fn client_events(pair: &mut Pair) -> Vec<ClientEvent> {
    std::iter::from_fn(|| pair.client_event()).collect()
}

#[test]
fn a_window_arrives_and_its_acknowledgement_comes_back() {
    let mut pair = Pair::new(ClientConfig::new(), ServerConfig::new()).latency(SECOND);
    pair.client.send(7, ["{}", "{}"], pair.now()).unwrap();
    pair.settle();
    assert_eq!(pair.elapsed(), SECOND);
    let window = next_complete(&mut pair).unwrap();
    assert!(pair.server.acknowledge(window, pair.now()));
    pair.settle();
    assert_eq!(pair.elapsed(), 2 * SECOND);
    assert_eq!(client_events(&mut pair), [ClientEvent::Acknowledged { token: 7, events: 2 }]);
    assert_eq!(pair.carried(Direction::ToClient), 6);
}

#[test]
fn keepalives_hold_the_client_while_the_application_is_slow() {
    let mut pair = Pair::new(ClientConfig::new(), ServerConfig::new()).latency(SECOND / 10);
    pair.client.send(0, ["{}"], pair.now()).unwrap();
    pair.run_for(300 * SECOND);
    let keepalives = client_events(&mut pair);
    assert_eq!(keepalives.len(), 59);
    assert!(keepalives.iter().all(|event| *event == ClientEvent::Keepalive));
    let window = next_complete(&mut pair).unwrap();
    pair.server.acknowledge(window, pair.now());
    pair.settle();
    assert_eq!(client_events(&mut pair).pop(), Some(ClientEvent::Acknowledged { token: 0, events: 1 }));
}

#[test]
fn an_idle_connection_ends_without_an_error_on_either_side() {
    let mut pair = Pair::new(ClientConfig::new(), ServerConfig::new()).latency(SECOND);
    pair.client.send(0, ["{}"], pair.now()).unwrap();
    pair.settle();
    let window = next_complete(&mut pair).unwrap();
    pair.server.acknowledge(window, pair.now());
    pair.run_for(70 * SECOND);
    let reasons = |closed: &str| closed.to_owned();
    let client: Vec<_> = client_events(&mut pair);
    assert!(matches!(client.last(), Some(ClientEvent::Closed { reason }) if reason.name() == "peer_closed"));
    let server = std::iter::from_fn(|| pair.server_event()).last();
    let Some(ServerEvent::Closed { reason }) = server else { panic!("{server:?}") };
    assert_eq!(reason.name(), reasons("idle_timeout"));
}

#[test]
fn back_pressure_holds_the_windows_on_the_wire() {
    let limits = Limits::new().max_pending_windows(1);
    let mut pair =
        Pair::new(ClientConfig::new().max_in_flight(3), ServerConfig::new().limits(limits)).pieces_of(9);
    for token in 0..3 {
        pair.client.send(token, ["{}"], pair.now()).unwrap();
    }
    pair.run_for(10 * SECOND);
    let read = pair.carried(Direction::ToServer);
    pair.run_for(100 * SECOND);
    assert_eq!(pair.carried(Direction::ToServer), read, "nothing is read meanwhile");
    for token in 0..3 {
        let window = next_complete(&mut pair).unwrap();
        assert_eq!((window.number(), pair.server.pending()), (token, 1));
        pair.server.acknowledge(window, pair.now());
        pair.settle();
        let events = client_events(&mut pair);
        assert!(events.contains(&ClientEvent::Acknowledged { token, events: 1 }), "{events:?}");
    }
}

#[test]
fn a_shutdown_of_the_server_fails_only_what_is_not_complete() {
    let mut pair = Pair::new(ClientConfig::new(), ServerConfig::new());
    pair.client.send(0, ["{}"], pair.now()).unwrap();
    pair.settle();
    let window = next_complete(&mut pair).unwrap();
    pair.server.shutdown(pair.now());
    pair.client.send(1, ["{}"], pair.now()).unwrap();
    pair.settle();
    pair.server.acknowledge(window, pair.now());
    pair.settle();
    let events = client_events(&mut pair);
    assert_eq!(events[0], ClientEvent::Acknowledged { token: 0, events: 1 });
    assert_eq!(events[1], ClientEvent::Failed { token: 1, acknowledged: 0, events: 1 });
}

#[test]
fn a_cut_fails_what_is_in_flight() {
    let mut pair = Pair::new(ClientConfig::new(), ServerConfig::new())
        .latency(SECOND)
        .cut_after(Direction::ToServer, 20);
    pair.client.send(0, ["{}"], pair.now()).unwrap();
    pair.settle();
    assert_eq!(pair.carried(Direction::ToServer), 20);
    let events = client_events(&mut pair);
    assert_eq!(events[0], ClientEvent::Failed { token: 0, acknowledged: 0, events: 1 });
    let aborted = std::iter::from_fn(|| pair.server_event())
        .filter(|event| matches!(event, ServerEvent::WindowAborted { .. }));
    assert_eq!(aborted.count(), 1);
}

/// What happens on the way.
#[derive(Clone, Debug)]
struct Plan {
    /// Events of each window.
    sizes: Vec<usize>,
    level: u32,
    in_flight: usize,
    pending: usize,
    partial_acks: bool,
    latency: u64,
    jitter: u64,
    piece: usize,
    /// One for each connection; then comes one that holds.
    cuts: Vec<(bool, u64)>,
    /// Milliseconds that the application takes for a window, in turn.
    delays: Vec<u64>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let data = (vec(1_usize..8, 1..8), 0_u32..4, 1_usize..4, 1_usize..4, any::<bool>());
    let wire = (0_u64..3000, 0_u64..2000, 1_usize..60, vec((any::<bool>(), 0_u64..250), 0..4));
    (data, wire, vec(0_u64..40_000, 1..5)).prop_map(|(data, wire, delays)| {
        let (sizes, level, in_flight, pending, partial_acks) = data;
        let (latency, jitter, piece, cuts) = wire;
        Plan { sizes, level, in_flight, pending, partial_acks, latency, jitter, piece, cuts, delays }
    })
}

impl Plan {
    fn connect(&self, connection: usize) -> Pair {
        let client = ClientConfig::new().max_in_flight(self.in_flight).compression_level(self.level);
        let limits = Limits::new().max_pending_windows(self.pending);
        let server = ServerConfig::new().limits(limits).partial_acks(self.partial_acks);
        let pair = Pair::new(client, server)
            .latency(Duration::from_millis(self.latency))
            .jitter(Duration::from_millis(self.jitter))
            .pieces_of(self.piece);
        match self.cuts.get(connection) {
            None => pair,
            Some((true, bytes)) => pair.cut_after(Direction::ToServer, *bytes),
            Some((false, bytes)) => pair.cut_after(Direction::ToClient, *bytes / 10),
        }
    }
}

/// The application on both sides, over as many connections as it takes.
struct World {
    /// Events that are not acknowledged, by number, as the sender sees it.
    waiting: Vec<u32>,
    /// How often each event was stored by the receiver.
    stored: HashMap<u32, u32>,
    /// How many acknowledgements the receiver gave, in turn of the delays.
    decisions: usize,
}

impl World {
    fn play(plan: &Plan) -> Self {
        let events = u32::try_from(plan.sizes.iter().sum::<usize>()).unwrap();
        let mut world = Self { waiting: (0..events).collect(), stored: HashMap::new(), decisions: 0 };
        for connection in 0..=plan.cuts.len() {
            world.talk(plan, &mut plan.connect(connection));
        }
        world
    }

    /// One connection, until it ends or everything is acknowledged.
    fn talk(&mut self, plan: &Plan, pair: &mut Pair) {
        let mut unsent: Vec<u32> = self.waiting.clone();
        let mut in_flight: HashMap<u64, Vec<u32>> = HashMap::new();
        let mut sizes = plan.sizes.iter().cycle();
        let mut token = 0;
        let mut receiving: HashMap<WindowId, Vec<u32>> = HashMap::new();
        let mut due: BTreeMap<(Instant, WindowId), bool> = BTreeMap::new();
        for turn in 0.. {
            assert!(turn < 100_000, "it does not end");
            while pair.client.can_send() && !unsent.is_empty() {
                let window: Vec<u32> = unsent.drain(..(*sizes.next().unwrap()).min(unsent.len())).collect();
                pair.client.send(token, window.iter().map(u32::to_string), pair.now()).unwrap();
                in_flight.insert(token, window);
                token += 1;
            }
            let moved = pair.step();
            while let Some(event) = pair.client_event() {
                self.on_client_event(&event, &mut in_flight);
            }
            while let Some(event) = pair.server_event() {
                match event {
                    ServerEvent::Event { window, payload, .. } => {
                        let number =
                            std::str::from_utf8(payload.as_json().unwrap()).unwrap().parse().unwrap();
                        receiving.entry(window).or_default().push(number);
                    }
                    ServerEvent::WindowComplete { window, .. } => {
                        let delay = Duration::from_millis(plan.delays[self.decisions % plan.delays.len()]);
                        self.decisions += 1;
                        due.insert((pair.now() + delay / 2, window), false);
                        due.insert((pair.now() + delay, window), true);
                    }
                    ServerEvent::WindowAborted { window } => {
                        receiving.remove(&window);
                    }
                    _ => {}
                }
            }
            if moved {
                continue;
            }
            if pair.client.is_closed() && pair.server.is_closed() || in_flight.is_empty() && unsent.is_empty()
            {
                break;
            }
            let next_due = due.first_key_value().map(|(key, _)| *key);
            let next_time = pair.next_time();
            match next_due {
                Some((at, window)) if next_time.is_none_or(|time| at <= time) => {
                    let whole = due.remove(&(at, window)).unwrap();
                    pair.run_until(at);
                    let events = &receiving[&window];
                    let taken = if whole { events.len() } else { events.len() / 2 };
                    // Stored first, acknowledged then.
                    for event in &events[..taken] {
                        *self.stored.entry(*event).or_default() += 1;
                    }
                    if whole {
                        pair.server.acknowledge(window, pair.now());
                    } else {
                        pair.server.acknowledge_prefix(window, u32::try_from(taken).unwrap(), pair.now());
                    }
                }
                _ => pair.run_until(next_time.expect("something is to happen")),
            }
        }
    }

    fn on_client_event(&mut self, event: &ClientEvent, in_flight: &mut HashMap<u64, Vec<u32>>) {
        let acknowledged: Vec<u32> = match event {
            ClientEvent::Acknowledged { token, .. } => in_flight.remove(token).unwrap(),
            ClientEvent::Failed { token, acknowledged, .. } => {
                let window = in_flight.remove(token).unwrap();
                window[..*acknowledged as usize].to_vec()
            }
            ClientEvent::Progress { token, acknowledged } => {
                in_flight[token][..*acknowledged as usize].to_vec()
            }
            _ => Vec::new(),
        };
        for event in &acknowledged {
            assert!(self.stored.contains_key(event), "event {event} was acknowledged and not stored");
        }
        self.waiting.retain(|event| !acknowledged.contains(event));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_is_acknowledged_that_was_not_stored(plan in plan()) {
        let world = World::play(&plan);
        prop_assert_eq!(&world.waiting, &Vec::<u32>::new(), "the last connection holds");
        let events = plan.sizes.iter().sum::<usize>();
        prop_assert_eq!(world.stored.len(), events);
    }
}
