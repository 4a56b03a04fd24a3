use crate::support::{Scripted, number, numbered};
use logstash_transport::testing::{Receiver, Step};
use logstash_transport::{
    Balance, Batch, BeatsTransport, ErrorKind, Failover, Interrupt, Strategy, Transport, error_chain,
};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const UNAVAILABLE: ErrorKind = ErrorKind::Unavailable;

fn beats(receiver: &Receiver) -> BeatsTransport {
    BeatsTransport::new(&receiver.address().to_string()).unwrap().max_window_events(10)
}

fn throttled(seconds: u64) -> ErrorKind {
    ErrorKind::Throttled { retry_after: Some(Duration::from_secs(seconds)) }
}

fn send(transport: &mut impl Transport, range: std::ops::Range<usize>) -> Result<(), ErrorKind> {
    transport.send(&mut Batch::from_events(numbered(range))).map_err(|error| error.kind())
}

#[test]
fn in_the_middle_of_a_batch_the_next_one_goes_on_behind_what_is_acknowledged() {
    let (primary, secondary) = (Receiver::start().unwrap(), Receiver::start().unwrap());
    // Two windows arrive, part of the third one, and then the peer is gone.
    primary.script([Step::Acknowledge, Step::Acknowledge, Step::Partial(4)]);
    let mut transport = Failover::new(beats(&primary)).or(beats(&secondary));
    let mut batch = Batch::from_events(numbered(0..50));
    transport.send(&mut batch).unwrap();
    assert!(batch.is_done());
    assert_eq!(primary.events(), numbered(0..24));
    assert_eq!(secondary.events(), numbered(24..50));
    assert_eq!(transport.active(), 1);
}

#[test]
fn only_what_was_not_acknowledged_comes_twice() {
    let (primary, secondary) = (Receiver::start().unwrap(), Receiver::start().unwrap());
    // The second window arrives, but its acknowledgement does not.
    primary.script([Step::Acknowledge, Step::KeepAndDrop]);
    let mut transport = Failover::new(beats(&primary).max_in_flight(1)).or(beats(&secondary));
    transport.send(&mut Batch::from_events(numbered(0..50))).unwrap();
    assert_eq!(primary.events(), numbered(0..20));
    assert_eq!(secondary.events(), numbered(10..50));
}

#[test]
fn it_returns_to_the_primary_after_a_while() {
    let (primary, secondary) = (Receiver::start().unwrap(), Receiver::start().unwrap());
    let while_ = Duration::from_millis(150);
    let mut transport = Failover::new(beats(&primary)).or(beats(&secondary)).return_after(while_);
    send(&mut transport, 0..1).unwrap();
    primary.go_away();
    let failed = Instant::now();
    send(&mut transport, 1..2).unwrap();
    primary.come_back().unwrap();
    // The primary is there again, but it has to wait.
    let mut next = 2;
    while transport.active() == 1 {
        assert!(failed.elapsed() < Duration::from_secs(60), "it never returns");
        send(&mut transport, next..next + 1).unwrap();
        next += 1;
        thread::yield_now();
    }
    assert!(failed.elapsed() >= while_, "{:?}", failed.elapsed());
    assert_eq!(primary.received() + secondary.received(), next as u64, "nothing lost, nothing twice");
    // The stopgap is left alone, its connection closed.
    let connections = secondary.connections();
    send(&mut transport, next..next + 1).unwrap();
    assert_eq!((transport.active(), secondary.connections()), (0, connections));
}

#[test]
fn rejected_content_is_no_reason_to_ask_another() {
    let (primary, secondary) = (Receiver::start().unwrap(), Receiver::start().unwrap());
    let mut transport = Failover::new(beats(&primary)).or(beats(&secondary));
    let mut batch = Batch::from_events(["{}", ""]);
    let error = transport.send(&mut batch).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(secondary.connections(), 0);
    // It is not the member's fault either.
    send(&mut transport, 0..1).unwrap();
    assert_eq!((transport.active(), secondary.connections()), (0, 0));
}

#[test]
fn when_all_fail_the_error_names_each_and_the_next_try_is_one() {
    let members: Vec<Scripted> = (0..3).map(|_| Scripted::new()).collect();
    let mut transport = Failover::new(members[0].clone()).or(members[1].clone()).or(members[2].clone());
    for member in &members {
        member.fail(UNAVAILABLE, 1).fail(UNAVAILABLE, 1);
    }
    let mut batch = Batch::from_events(numbered(0..10));
    let error = transport.send(&mut batch).unwrap_err();
    assert_eq!((error.kind(), batch.acknowledged()), (UNAVAILABLE, 3));
    let text =
        "no member can deliver: member 1: as it was told; member 2: as it was told; member 3: as it was told";
    assert_eq!(error_chain(&error), text);
    // All are left out now; the one whose time comes first is tried.
    transport.send(&mut batch).unwrap_err();
    assert_eq!(members.iter().map(|member| member.state().sends).sum::<usize>(), 4);
    // As soon as one works, all is well.
    for _ in 0..3 {
        let _ = transport.send(&mut batch);
    }
    assert!(batch.is_done());
    let mut events: Vec<_> = members.iter().flat_map(|member| member.state().events.clone()).collect();
    events.sort();
    assert_eq!(events, numbered(0..10));
}

#[test]
fn the_kind_of_all_failures_is_that_which_ends_the_soonest() {
    let none = ErrorKind::Throttled { retry_after: None };
    let seconds = |kind| match kind {
        ErrorKind::Throttled { retry_after: Some(time) } => time.as_secs_f64().ceil() as u64,
        other => panic!("{other:?}"),
    };
    for (first, second, expected) in [
        (UNAVAILABLE, throttled(5), UNAVAILABLE),
        (ErrorKind::Misconfigured, UNAVAILABLE, UNAVAILABLE),
        (throttled(5), none, none),
        (ErrorKind::Misconfigured, none, none),
        (ErrorKind::Misconfigured, ErrorKind::Misconfigured, ErrorKind::Misconfigured),
    ] {
        let (one, two) = (Scripted::new(), Scripted::new());
        one.fail(first, 0);
        two.fail(second, 0);
        let result = send(&mut Failover::new(one).or(two), 0..1);
        assert_eq!(result, Err(expected), "{first:?} {second:?}");
    }
    let (one, two) = (Scripted::new(), Scripted::new());
    one.fail(throttled(90), 0);
    two.fail(throttled(70), 0);
    let mut transport = Failover::new(one.clone()).or(two.clone());
    assert_eq!(seconds(send(&mut transport, 0..1).unwrap_err()), 70);
    // Both have said how long to wait, so neither is bothered before.
    assert_eq!(seconds(send(&mut transport, 0..1).unwrap_err()), 70);
    assert_eq!((one.state().sends, two.state().sends), (1, 1));
}

#[test]
fn a_failure_that_is_made_good_is_told_to_the_listener() {
    let (one, two) = (Scripted::new(), Scripted::new());
    one.fail(ErrorKind::Misconfigured, 0);
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let mut transport = Failover::new(one)
        .or(two.clone())
        .on_failure(move |place, error| listener.lock().unwrap().push((place, error.kind())));
    send(&mut transport, 0..1).unwrap();
    assert_eq!(*told.lock().unwrap(), [(0, ErrorKind::Misconfigured)]);
    assert_eq!(two.state().events, numbered(0..1));
}

#[test]
fn an_interrupt_ends_the_wait_and_no_other_member_is_asked() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let spare = Scripted::new();
    let interrupt = Interrupt::new();
    let mut transport =
        Failover::new(BeatsTransport::new(&silent.local_addr().unwrap().to_string()).unwrap())
            .or(spare.clone());
    transport.interrupt_by(interrupt.clone());
    let sender = thread::spawn(move || send(&mut transport, 0..1));
    let peer = silent.accept().unwrap();
    let raised = Instant::now();
    interrupt.raise();
    assert_eq!(sender.join().unwrap(), Err(UNAVAILABLE));
    assert!(raised.elapsed() < Duration::from_secs(20), "the timeout of an acknowledgement is longer");
    assert_eq!(spare.state().sends, 0);
    drop(peer);
}

#[test]
fn every_method_reaches_every_member_at_any_depth() {
    let members: Vec<Scripted> = (0..4).map(|_| Scripted::new()).collect();
    let mut transport = Failover::new(Balance::new(members[0].clone()).and(members[1].clone()))
        .or(Balance::new(members[2].clone()).and(Box::new(members[3].clone()) as Box<dyn Transport>));
    let interrupt = Interrupt::new();
    transport.interrupt_by(interrupt.clone());
    interrupt.raise();
    assert!(members.iter().all(|member| member.state().interrupt.as_ref().unwrap().is_raised()));
    transport.close();
    assert!(members.iter().all(|member| member.state().closes == 1));

    transport.interrupt_by(Interrupt::new());
    members[1].fail(UNAVAILABLE, 0);
    let steps = transport.probe().unwrap().steps;
    let steps: Vec<_> = steps.iter().map(|step| (step.name, step.detail.as_str())).collect();
    assert_eq!(
        steps,
        [
            ("protocol", "member 1: member 1: fine"),
            ("failed", "member 1: member 2: as it was told"),
            ("protocol", "member 2: member 1: fine"),
            ("protocol", "member 2: member 2: fine"),
        ]
    );
    for member in &members {
        member.fail(ErrorKind::Misconfigured, 0);
    }
    let error = transport.probe().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misconfigured, "{error}");

    // Both of the first group fail, so the second group goes on.
    members[0].fail(UNAVAILABLE, 1);
    members[1].fail(UNAVAILABLE, 1);
    send(&mut transport, 0..5).unwrap();
    let rest = [members[2].state().events.clone(), members[3].state().events.clone()].concat();
    assert_eq!(rest, numbered(2..5));
}

#[test]
fn what_to_do_is_told_for_each_member() {
    let gone = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dead = || BeatsTransport::new(&gone().to_string()).unwrap();
    let error = Failover::new(dead()).or(dead()).probe().unwrap_err();
    let advice = error.advice().unwrap();
    assert!(
        advice.starts_with("member 1: see whether") && advice.contains("; member 2: see whether"),
        "{advice}"
    );
    let steps = Failover::new(dead()).or(Scripted::new()).probe().unwrap().steps;
    assert_eq!(steps[0].name, "resolve", "{steps:?}");
    assert!(steps[1].name == "failed" && steps[1].detail.ends_with(')'), "{steps:?}");
}

/// Members that deliver exactly what they acknowledge, and fail at random, in every arrangement.
#[test]
fn whatever_fails_each_event_is_delivered_once_and_in_order() {
    let mut random = fastrand::Rng::with_seed(29);
    for round in 0..300 {
        let members: Vec<Scripted> = (0..4).map(|_| Scripted::new()).collect();
        for member in &members {
            for _ in 0..random.usize(0..8) {
                let kinds = [UNAVAILABLE, ErrorKind::Misconfigured, ErrorKind::Rejected];
                member.fail(*random.choice(&kinds).unwrap(), random.u64(0..6));
            }
        }
        let [one, two, three, four] = [0, 1, 2, 3].map(|place: usize| members[place].clone());
        let strategy = *random.choice(&[Strategy::RoundRobin, Strategy::LeastLatency]).unwrap();
        let mut transport: Box<dyn Transport> = match round % 3 {
            0 => Box::new(Failover::new(one).or(two).or(three).or(four)),
            1 => Box::new(Balance::new(one).and(two).and(three).and(four).strategy(strategy)),
            _ => Box::new(Failover::new(Balance::new(one).and(two).strategy(strategy)).or(three).or(four)),
        };
        let mut next = 0;
        while next < 60 {
            let end = next + random.usize(1..20);
            let mut batch = Batch::from_events(numbered(next..end));
            let mut failures = 0;
            while transport.send(&mut batch).is_err() {
                failures += 1;
                assert!(failures < 100, "round {round}: it never gets through");
            }
            assert!(batch.is_done());
            next = end;
        }
        let mut all = Vec::new();
        for member in &members {
            let numbers: Vec<usize> = member.state().events.iter().map(number).collect();
            assert!(numbers.is_sorted(), "round {round}: {numbers:?}");
            all.extend(numbers);
        }
        all.sort_unstable();
        assert!(all.into_iter().eq(0..next), "round {round}: lost or twice");
    }
}

#[test]
fn nothing_to_send_asks_nobody() {
    let member = Scripted::new();
    let mut transport = Failover::new(member.clone());
    transport.send(&mut Batch::from_events(numbered(0..3)).starting_at(3)).unwrap();
    Balance::new(member.clone()).send(&mut Batch::from_events(numbered(0..0))).unwrap();
    assert_eq!(member.state().sends, 0);
}
