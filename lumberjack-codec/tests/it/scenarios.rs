//! The timed scenarios of the conformance suite, on a fake clock.

use crate::data::{cases, hex, limits, list, text, unhex};
use bytes::BytesMut;
use lumberjack_codec::{
    ClientConfig, ClientEvent, ClientSession, ServerConfig, ServerEvent, ServerSession, WindowId,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(crate) const SCENARIOS: &str = include_str!("../data/scenarios.json");

#[test]
fn every_scenario_goes_as_the_suite_says() {
    let scenarios = cases(SCENARIOS);
    assert_eq!(scenarios.len(), 41);
    for scenario in scenarios {
        let mut run = Run::new(&scenario);
        match text(&scenario, "side") {
            "server" => run.server(&scenario),
            "client" => run.client(&scenario),
            side => panic!("unknown side {side}"),
        }
        run.compare(&scenario);
    }
}

/// What a session did, and when.
struct Run {
    start: Instant,
    now: Instant,
    done: Vec<Value>,
}

/// What a scenario needs of a session of either side.
trait Session {
    fn next_deadline(&self) -> Option<Instant>;
    fn fire(&mut self, now: Instant);
    /// Everything that was said and that happened since the last call, in order.
    fn drain(&mut self) -> Vec<Value>;
}

impl Run {
    fn new(scenario: &Value) -> Self {
        assert!(!list(scenario, "steps").is_empty());
        let start = Instant::now();
        Self { start, now: start, done: Vec::new() }
    }

    fn server(&mut self, scenario: &Value) {
        let partial_acks = scenario["config"]["partial_acks"] == true;
        let config = ServerConfig::new().limits(limits(&scenario["config"])).partial_acks(partial_acks);
        let mut server = Server { session: ServerSession::new(config, self.start), windows: Vec::new() };
        for step in list(scenario, "steps") {
            self.wait_until(&mut server, &step["at"]);
            server.step(step, self.now);
            self.note(server.drain());
        }
        self.wait_until(&mut server, &scenario["until"]);
    }

    fn client(&mut self, scenario: &Value) {
        let seconds = scenario["config"]["progress_timeout"].as_f64();
        let config = ClientConfig::new().progress_timeout(seconds.map(Duration::from_secs_f64));
        let mut client = Client { session: ClientSession::new(config), token: 0 };
        for step in list(scenario, "steps") {
            self.wait_until(&mut client, &step["at"]);
            let done = client.step(step, self.now);
            self.note(done);
            self.note(client.drain());
        }
        self.wait_until(&mut client, &scenario["until"]);
    }

    /// Lets time pass; a timer of the last instant fires too, before the input of that instant.
    fn wait_until(&mut self, session: &mut impl Session, seconds: &Value) {
        let until = self.start + Duration::from_secs_f64(seconds.as_f64().unwrap());
        while let Some(deadline) = session.next_deadline().filter(|deadline| *deadline <= until) {
            assert!(deadline >= self.now, "a deadline in the past");
            self.now = deadline;
            session.fire(deadline);
            self.note(session.drain());
        }
        self.now = until;
    }

    fn note(&mut self, done: Vec<Value>) {
        let at = (self.now - self.start).as_secs_f64();
        for mut what in done {
            what["at"] = at.into();
            self.done.push(what);
        }
    }

    fn compare(mut self, scenario: &Value) {
        let closed = self.done.iter().find_map(|done| done["closed"].as_str().map(str::to_owned));
        for failed in self.done.iter_mut().filter(|done| done["event"] == "batch_failed") {
            failed["reason"] = closed.clone().into();
        }
        let expect = list(scenario, "expect").iter().cloned().map(|mut expect| {
            expect["at"] = expect["at"].as_f64().unwrap().into();
            expect
        });
        let expect: Vec<Value> = expect.collect();
        assert_eq!(self.done, expect, "{}: {}", text(scenario, "name"), text(scenario, "note"));
    }
}

struct Server {
    session: ServerSession,
    windows: Vec<WindowId>,
}

impl Server {
    fn step(&mut self, step: &Value, now: Instant) {
        match text(step, "do") {
            "recv" => self.session.receive(&mut BytesMut::from(&unhex(text(step, "hex"))[..]), now),
            "ack" => {
                let window = self.windows[usize::try_from(step["window"].as_u64().unwrap()).unwrap()];
                let taken = match step["count"].as_u64() {
                    None => self.session.acknowledge(window, now),
                    Some(events) => {
                        self.session.acknowledge_prefix(window, u32::try_from(events).unwrap(), now)
                    }
                };
                assert!(taken, "{step}");
            }
            "eof" => self.session.receive_eof(now),
            "shutdown" => self.session.shutdown(now),
            other => panic!("unknown step {other}"),
        }
    }
}

impl Session for Server {
    fn next_deadline(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    fn fire(&mut self, now: Instant) {
        self.session.handle_timeout(now);
    }

    fn drain(&mut self) -> Vec<Value> {
        let mut done = Vec::new();
        transmitted(&mut done, |wire| self.session.poll_transmit(wire));
        while let Some(event) = self.session.poll_event() {
            done.extend(match event {
                ServerEvent::WindowComplete { window, events, .. } => {
                    assert_eq!(window.number(), self.windows.len() as u64);
                    self.windows.push(window);
                    Some(json!({"event": "window_complete", "window": window.number(), "count": events}))
                }
                ServerEvent::WindowAborted { window } => {
                    Some(json!({"event": "window_aborted", "window": window.number()}))
                }
                ServerEvent::WindowUnacknowledged { window } => {
                    Some(json!({"event": "window_unacked", "window": window.number()}))
                }
                ServerEvent::Draining { reason } => {
                    Some(json!({"event": "draining", "reason": reason.name()}))
                }
                ServerEvent::Closed { reason } => Some(json!({"closed": reason.name()})),
                _ => None,
            });
            transmitted(&mut done, |wire| self.session.poll_transmit(wire));
        }
        transmitted(&mut done, |wire| self.session.poll_transmit(wire));
        done
    }
}

struct Client {
    session: ClientSession,
    token: u64,
}

impl Client {
    fn step(&mut self, step: &Value, now: Instant) -> Vec<Value> {
        match text(step, "do") {
            "recv" => self.session.receive(&mut BytesMut::from(&unhex(text(step, "hex"))[..]), now),
            "eof" => self.session.receive_eof(now),
            "close" => self.session.close(now),
            "send" => {
                let count = usize::try_from(step["count"].as_u64().unwrap()).unwrap();
                let sent = self.session.send(self.token, vec!["{}"; count], now);
                if let Err(error) = sent {
                    return vec![json!({"refused": error.name()})];
                }
                self.session.poll_transmit(&mut BytesMut::new());
                if count > 0 {
                    self.token += 1;
                    return vec![json!({"event": "sent", "token": self.token - 1, "count": count})];
                }
            }
            other => panic!("unknown step {other}"),
        }
        Vec::new()
    }
}

impl Session for Client {
    fn next_deadline(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    fn fire(&mut self, now: Instant) {
        self.session.handle_timeout(now);
    }

    fn drain(&mut self) -> Vec<Value> {
        let mut done = Vec::new();
        while let Some(event) = self.session.poll_event() {
            done.push(match event {
                ClientEvent::Acknowledged { events: 0, .. } => {
                    json!({"event": "batch_acked", "token": null, "count": 0})
                }
                ClientEvent::Acknowledged { token, events } => {
                    json!({"event": "batch_acked", "token": token, "count": events})
                }
                ClientEvent::Closed { reason } => json!({"closed": reason.name()}),
                ClientEvent::Failed { token, acknowledged, events } => json!({
                    "event": "batch_failed", "token": token, "acked": acknowledged,
                    "resend": events - acknowledged,
                }),
                ClientEvent::Keepalive => json!({"event": "keepalive"}),
                ClientEvent::Progress { token, acknowledged } => {
                    json!({"event": "progress", "token": token, "count": acknowledged})
                }
                ClientEvent::StaleAck { .. } => json!({"event": "stale_ack"}),
                event => panic!("unexpected {event:?}"),
            });
        }
        done
    }
}

/// Each acknowledgement on its own, as the suite lists them.
fn transmitted(done: &mut Vec<Value>, poll: impl FnOnce(&mut BytesMut) -> bool) {
    let mut wire = BytesMut::new();
    assert_eq!(poll(&mut wire), !wire.is_empty());
    done.extend(wire.chunks(6).map(|ack| json!({"tx": hex(ack)})));
}
