use crate::support::{Scripted, number, numbered};
use logstash_transport::testing::{Receiver, ReceiverOptions};
use logstash_transport::{
    Balance, Batch, BeatsTransport, Endpoint, ErrorKind, Interrupt, Strategy, Transport,
};
use lumberjack_codec::Backoff;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

fn send(transport: &mut impl Transport, range: std::ops::Range<usize>) -> Result<(), ErrorKind> {
    transport.send(&mut Batch::from_events(numbered(range))).map_err(|error| error.kind())
}

#[test]
fn batches_go_round() {
    let receivers: Vec<Receiver> = (0..3).map(|_| Receiver::start().unwrap()).collect();
    let beats = |index: usize| BeatsTransport::to(endpoint(receivers[index].address()));
    let mut transport = Balance::new(beats(0)).and(beats(1)).and(beats(2));
    for batch in 0..9 {
        send(&mut transport, batch * 10..batch * 10 + 10).unwrap();
    }
    // Which of them was the first is left to chance.
    let first =
        receivers.iter().position(|receiver| receiver.events().starts_with(&numbered(0..10))).unwrap();
    for (index, receiver) in (0..3).map(|index| (index, &receivers[(first + index) % 3])) {
        let expected: Vec<_> = (0..3)
            .flat_map(|round| numbered((round * 3 + index) * 10..(round * 3 + index) * 10 + 10))
            .collect();
        assert_eq!(receiver.events(), expected);
        assert_eq!(receiver.connections(), 1);
    }
}

#[test]
fn a_member_that_failed_is_left_out_and_comes_back() {
    let (one, two) = (Scripted::new(), Scripted::new());
    one.fail(ErrorKind::Unavailable, 4);
    let pause = Duration::from_millis(200);
    let mut transport =
        Balance::new(one.clone()).and(two.clone()).exclusion(Backoff::new().base(2 * pause).max(2 * pause));
    let started = Instant::now();
    let mut next = 0;
    while one.state().sends < 2 {
        assert!(started.elapsed() < Duration::from_secs(60), "it never comes back");
        send(&mut transport, next..next + 10).unwrap();
        next += 10;
        thread::yield_now();
    }
    assert!(started.elapsed() >= pause);
    let mut numbers: Vec<usize> = one.state().events.iter().chain(&two.state().events).map(number).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..next), "nothing lost, nothing twice");
}

#[test]
fn the_slower_member_gets_less() {
    let (slow, fast) = (Scripted::new(), Scripted::new());
    // So slow that the other one is faster also on a machine that is busy.
    for _ in 0..50 {
        slow.delay(Duration::from_millis(500));
    }
    let mut transport = Balance::new(slow.clone()).and(fast.clone()).strategy(Strategy::LeastLatency);
    for batch in 0..100 {
        send(&mut transport, batch..batch + 1).unwrap();
    }
    let (slow, fast) = (slow.state().sends, fast.state().sends);
    assert!((1..=5).contains(&slow) && fast >= 95, "{slow} {fast}");
}

fn endpoint(address: SocketAddr) -> Endpoint {
    format!("beats://{address}").parse().unwrap()
}

/// A name that means what the test says.
#[derive(Clone, Default)]
struct Name {
    addresses: Arc<Mutex<Vec<SocketAddr>>>,
    lookups: Arc<AtomicUsize>,
}

impl Name {
    fn set(&self, receivers: &[&Receiver]) {
        *self.addresses.lock().unwrap() = receivers.iter().map(|receiver| receiver.address()).collect();
    }

    /// A transport that spreads over the name; `changed` is told the addresses for which it makes a
    /// member.
    fn balance(&self, interval: Duration) -> (Balance, mpsc::Receiver<String>) {
        let name = self.clone();
        let (made, members) = mpsc::channel();
        let transport = Balance::over_addresses("beats://logstash.test".parse().unwrap(), move |endpoint| {
            made.send(endpoint.to_string()).unwrap();
            BeatsTransport::to(endpoint)
        });
        let transport = transport.lookup_interval(interval).lookup(move |host, port| {
            assert_eq!((host, port), ("logstash.test", 5044));
            name.lookups.fetch_add(1, Ordering::Relaxed);
            let addresses = name.addresses.lock().unwrap().clone();
            if addresses.is_empty() { Err(io::Error::other("no such name")) } else { Ok(addresses) }
        });
        (transport, members)
    }
}

#[test]
fn all_addresses_of_a_name_are_used_and_changes_are_followed() {
    let receivers: Vec<Receiver> = (0..3).map(|_| Receiver::start().unwrap()).collect();
    let name = Name::default();
    name.set(&[&receivers[0], &receivers[1]]);
    let (mut transport, made) = name.balance(Duration::ZERO);
    send(&mut transport, 0..1).unwrap();
    send(&mut transport, 1..2).unwrap();
    assert_eq!((receivers[0].received(), receivers[1].received()), (1, 1));

    // One address goes, one comes; the one that stays keeps its connection.
    name.set(&[&receivers[1], &receivers[2]]);
    let mut next = 2;
    let started = Instant::now();
    while receivers[2].received() == 0 {
        assert!(started.elapsed() < Duration::from_secs(60), "the new address is never used");
        send(&mut transport, next..next + 1).unwrap();
        next += 1;
        thread::yield_now();
    }
    let before = receivers[0].received();
    for _ in 0..4 {
        send(&mut transport, next..next + 1).unwrap();
        next += 1;
    }
    assert_eq!(receivers[0].received(), before, "an address that is gone is not used");
    assert_eq!(receivers[1].connections(), 1);
    assert_eq!(receivers.iter().map(Receiver::received).sum::<u64>(), next as u64);
    let made: Vec<String> = made.try_iter().collect();
    assert_eq!(made.len(), 3, "{made:?}");
    assert_eq!(made[2], format!("beats://{}", receivers[2].address()));

    // A name server that fails changes nothing.
    name.set(&[]);
    let lookups = name.lookups.load(Ordering::Relaxed);
    while name.lookups.load(Ordering::Relaxed) < lookups + 3 {
        send(&mut transport, next..next + 1).unwrap();
        next += 1;
    }
    assert_eq!(receivers.iter().map(Receiver::received).sum::<u64>(), next as u64);
}

#[test]
fn a_member_beside_the_addresses_of_a_name_stays() {
    let (named, other) = (Receiver::start().unwrap(), Receiver::start().unwrap());
    let name = Name::default();
    name.set(&[&named]);
    let (transport, _made) = name.balance(Duration::ZERO);
    let mut transport = transport.and(BeatsTransport::to(endpoint(other.address())));
    let started = Instant::now();
    let mut next = 0;
    while named.received() < 3 {
        assert!(started.elapsed() < Duration::from_secs(60), "the name is never used");
        send(&mut transport, next..next + 1).unwrap();
        next += 1;
        thread::yield_now();
    }
    let before = other.received();
    for _ in 0..4 {
        send(&mut transport, next..next + 1).unwrap();
        next += 1;
    }
    assert_eq!(other.received(), before + 2);
}

/// Each member connects to an address, but knows the peer by its name.
#[cfg(feature = "tls")]
#[test]
fn over_tls_the_addresses_of_a_name_are_asked_for_the_name() {
    use crate::authority::Authority;
    use crate::tls_server::TlsServer;
    use logstash_transport::{ConnectionOptions, TlsConfig};

    let (receiver, ca) = (Receiver::start().unwrap(), Authority::new("ca"));
    let front = TlsServer::new(&ca.server(&["logstash.test"])).in_front_of(receiver.address());
    let address = front.address();
    let options = ConnectionOptions::new().tls(TlsConfig::new().ca_bytes(ca.pem()));
    let beats = {
        let options = options.clone();
        move |endpoint| BeatsTransport::to(endpoint).connection(options.clone())
    };
    let name = "beats+tls://logstash.test".parse().unwrap();
    let mut transport = Balance::over_addresses(name, beats).lookup(move |_, _| Ok(vec![address]));
    transport.send(&mut Batch::from_events(numbered(0..3))).unwrap();
    assert_eq!(receiver.events(), numbered(0..3));
    assert_eq!(front.first().unwrap().name.as_deref(), Some("logstash.test"));
    assert!(transport.probe().unwrap().certificate.is_some());
}

#[cfg(feature = "http")]
#[test]
fn over_http_the_addresses_of_a_name_are_asked_for_the_name() {
    use crate::http_server::HttpServer;
    use logstash_transport::HttpTransport;

    let server = HttpServer::start();
    let address = server.address();
    let name: Endpoint = "http://logstash.test:8080/in".parse().unwrap();
    let mut transport =
        Balance::over_addresses(name, HttpTransport::to).lookup(move |_, _| Ok(vec![address]));
    transport.send(&mut Batch::from_events(numbered(0..1))).unwrap();
    let host = format!("logstash.test:{}", address.port());
    assert_eq!(server.requests()[0].header("host"), Some(host.as_str()));
}

#[test]
fn a_name_is_not_looked_up_for_every_batch() {
    let receiver = Receiver::start().unwrap();
    let name = Name::default();
    name.set(&[&receiver]);
    let (mut transport, _made) = name.balance(Duration::from_secs(3600));
    for batch in 0..100 {
        send(&mut transport, batch..batch + 1).unwrap();
    }
    // Failures do not make a storm of lookups either.
    receiver.go_away();
    for _ in 0..100 {
        send(&mut transport, 0..1).unwrap_err();
    }
    assert_eq!(name.lookups.load(Ordering::Relaxed), 1);
}

#[test]
fn a_name_that_means_nothing_is_an_error_each_time_until_it_does() {
    let name = Name::default();
    let (mut transport, _made) = name.balance(Duration::from_secs(3600));
    for _ in 0..2 {
        let error = transport.send(&mut Batch::from_events(["{}"])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.to_string(), "cannot resolve \"logstash.test\"");
        assert!(transport.probe().is_err());
    }
    let receiver = Receiver::start().unwrap();
    name.set(&[&receiver]);
    send(&mut transport, 0..1).unwrap();
    let report = transport.probe().unwrap();
    assert!(
        report.steps.iter().all(|step| step.detail.starts_with(&receiver.address().to_string())),
        "{report}"
    );
}

#[test]
fn a_lookup_that_hangs_is_bounded_and_can_be_interrupted() {
    let (release, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let mut transport = Balance::over_addresses("beats://logstash.test".parse().unwrap(), BeatsTransport::to)
        .lookup_timeout(Duration::from_millis(100))
        .lookup(move |_, _| {
            let _ = wait.lock().unwrap().recv();
            Ok(Vec::new())
        });
    assert_eq!(send(&mut transport, 0..1), Err(ErrorKind::Unavailable));
    let interrupt = Interrupt::new();
    transport.interrupt_by(interrupt.clone());
    interrupt.raise();
    let mut patient = transport.lookup_timeout(Duration::from_secs(3600));
    let started = Instant::now();
    assert_eq!(send(&mut patient, 0..1), Err(ErrorKind::Unavailable));
    assert!(started.elapsed() < Duration::from_secs(60), "the lookup timeout is longer");
    drop(release);
}

#[test]
fn the_system_resolves_names_too() {
    let receiver = Receiver::start().unwrap();
    let port = receiver.address().port();
    let endpoint: Endpoint = format!("beats://localhost:{port}").parse().unwrap();
    // localhost may mean ::1 first, where nothing listens.
    let mut transport = Balance::over_addresses(endpoint, BeatsTransport::to);
    send(&mut transport, 0..10).unwrap();
    assert_eq!(receiver.received(), 10);

    let Ok(receiver) = ReceiverOptions::new().address("[::1]:0".parse().unwrap()).start() else {
        return;
    };
    let mut transport = Balance::over_addresses(endpoint_of(&receiver), BeatsTransport::to);
    send(&mut transport, 0..10).unwrap();
    assert_eq!(receiver.received(), 10);
}

fn endpoint_of(receiver: &Receiver) -> Endpoint {
    endpoint(receiver.address())
}
