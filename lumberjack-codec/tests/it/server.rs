//! The server session beyond the vectors and scenarios.

use bytes::BytesMut;
use lumberjack_codec::{
    CloseReason, Limits, SequencePolicy, ServerConfig, ServerEvent, ServerSession, WindowId,
};
use std::time::{Duration, Instant};

const ONE: &[u8] = b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x02{}";
const V1_ONE: &[u8] = b"1W\0\0\0\x011D\0\0\0\x07\0\0\0\x01\0\0\0\x01k\0\0\0\x01v";
const HALF: &[u8] = b"2W\0\0\0\x022J\0\0\0\x01\0\0\0\x02{}";

/// A compressed frame with this content.
fn compressed(content: &[u8]) -> Vec<u8> {
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut zlib, content).unwrap();
    let mut wire = Vec::new();
    let version = lumberjack_codec::Version::V2;
    lumberjack_codec::encode::compressed(version, &zlib.finish().unwrap(), &mut wire);
    wire
}

/// A session, its clock, and what came out of it.
struct Rig {
    session: ServerSession,
    now: Instant,
    windows: Vec<WindowId>,
    closed: Option<CloseReason>,
    draining: bool,
    aborted: usize,
    unacknowledged: usize,
}

impl Rig {
    fn new(config: ServerConfig) -> Self {
        let now = Instant::now();
        Self {
            session: ServerSession::new(config, now),
            now,
            windows: Vec::new(),
            closed: None,
            draining: false,
            aborted: 0,
            unacknowledged: 0,
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.session.handle_timeout(self.now);
        self.drain();
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.session.receive(&mut BytesMut::from(bytes), self.now);
        self.drain();
    }

    fn receive_eof(&mut self) {
        self.session.receive_eof(self.now);
        self.drain();
    }

    fn acknowledge(&mut self, window: usize) -> bool {
        let taken = self.session.acknowledge(self.windows[window], self.now);
        self.drain();
        taken
    }

    fn drain(&mut self) {
        while let Some(event) = self.session.poll_event() {
            assert_eq!(self.closed, None, "nothing follows the end");
            match event {
                ServerEvent::WindowComplete { window, .. } => self.windows.push(window),
                ServerEvent::WindowAborted { .. } => self.aborted += 1,
                ServerEvent::WindowUnacknowledged { .. } => self.unacknowledged += 1,
                ServerEvent::Draining { .. } => self.draining = true,
                ServerEvent::Closed { reason } => self.closed = Some(reason),
                _ => {}
            }
        }
    }

    fn sent(&mut self) -> Vec<u8> {
        let mut wire = BytesMut::new();
        self.session.poll_transmit(&mut wire);
        wire.to_vec()
    }

    fn closed_as(&self) -> Option<&'static str> {
        self.closed.as_ref().map(CloseReason::name)
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn what_is_held_counts_what_a_compressed_frame_became() {
    let mut rig = Rig::new(ServerConfig::new());
    let large = [&b"2J\0\0\0\x01\0\x01\0\0"[..], &[b' '; 65_536]].concat();
    let frame = compressed(&large);
    let (most, last) = frame.split_at(frame.len() - 12);
    rig.receive(&[b"2W\0\0\0\x01", most].concat());
    assert!(rig.windows.is_empty());
    assert!(rig.session.held_bytes() > 30_000, "{}", rig.session.held_bytes());
    rig.receive(last);
    assert_eq!((rig.windows.len(), rig.session.held_bytes()), (1, 0));
}

#[test]
fn an_acknowledgement_is_taken_once() {
    let mut rig = Rig::new(ServerConfig::new());
    rig.receive(&[ONE, ONE].concat());
    assert!(rig.acknowledge(1));
    assert!(!rig.acknowledge(1), "finished already, though it waits for the first");
    assert!(!rig.session.acknowledge_prefix(rig.windows[1], 1, rig.now));
    assert_eq!(rig.session.pending(), 2);
    assert!(rig.acknowledge(0));
    assert!(!rig.acknowledge(0));
    assert_eq!(rig.session.pending(), 0);
    assert_eq!(rig.sent(), b"2A\0\0\0\x012A\0\0\0\x01");
}

#[test]
fn a_compressed_frame_may_complete_as_many_windows_as_may_wait_already() {
    let compressed = |windows| compressed(&ONE.repeat(windows));
    let mut rig = Rig::new(ServerConfig::new().limits(Limits::new().max_pending_windows(3)));
    rig.receive(&[&ONE.repeat(2)[..], &compressed(3), &compressed(3)].concat());
    assert_eq!((rig.session.pending(), rig.session.wants_read()), (5, false));
    for window in 0..8 {
        assert!(rig.acknowledge(window), "{window}");
    }
    assert_eq!((rig.sent().len(), rig.closed_as()), (8 * 6, None));
    rig.receive(&compressed(4));
    assert_eq!(rig.closed_as(), Some("too_many_windows"));
}

#[test]
fn empty_windows_inside_a_compressed_frame_have_an_end() {
    let compressed = |windows| compressed(&b"2W\0\0\0\0".repeat(windows));
    let mut rig = Rig::new(ServerConfig::untrusted());
    rig.receive(&compressed(4096));
    rig.receive(&compressed(4096));
    assert_eq!((rig.sent(), rig.closed_as()), (b"2A\0\0\0\0".repeat(2), None));
    rig.receive(&compressed(4097));
    assert_eq!((rig.sent().len(), rig.closed_as()), (0, Some("too_many_windows")));
}

#[test]
fn an_eof_is_seen_while_reading_pauses() {
    let config = ServerConfig::new().limits(Limits::new().max_pending_windows(1));
    let mut rig = Rig::new(config);
    rig.receive(ONE);
    assert!(!rig.session.wants_read());
    rig.receive_eof();
    assert!(rig.draining);
    rig.pass(seconds(5));
    assert_eq!((rig.closed_as(), rig.unacknowledged), (Some("peer_closed"), 1));
}

#[test]
fn an_eof_waits_for_the_input_that_is_not_parsed() {
    let mut rig = Rig::new(ServerConfig::new().limits(Limits::new().max_pending_windows(1)));
    rig.receive(&[ONE, ONE].concat());
    rig.receive_eof();
    assert!(!rig.draining);
    rig.acknowledge(0);
    assert_eq!(rig.windows.len(), 2);
    assert!(rig.draining);
    rig.acknowledge(1);
    assert_eq!(rig.closed_as(), Some("peer_closed"));
    assert_eq!(rig.sent(), b"2A\0\0\0\x012A\0\0\0\x01");
}

#[test]
fn what_comes_while_draining_is_thrown_away() {
    let mut rig = Rig::new(ServerConfig::new());
    rig.receive(&[ONE, b"garbage"].concat());
    assert!(rig.draining);
    assert!(rig.session.wants_read(), "so that closing sends FIN and not RST");
    rig.receive(ONE);
    assert_eq!(rig.windows.len(), 1);
    rig.acknowledge(0);
    assert_eq!(rig.closed_as(), Some("unsupported_version"));
    assert!(!rig.session.wants_read());
    rig.receive(ONE);
    rig.receive_eof();
    rig.session.shutdown(rig.now);
    rig.pass(seconds(1000));
    assert_eq!(rig.windows.len(), 1);
    assert_eq!(rig.session.poll_timeout(), None);
    assert_eq!(rig.sent(), b"2A\0\0\0\x01");
}

#[test]
fn a_long_drain_keeps_the_client_waiting_with_keepalives() {
    let mut rig = Rig::new(ServerConfig::new().drain_timeout(seconds(12)));
    rig.receive(ONE);
    rig.session.shutdown(rig.now);
    rig.drain();
    rig.pass(seconds(5));
    rig.pass(seconds(5));
    assert_eq!(rig.sent(), b"2A\0\0\0\x002A\0\0\0\0");
    rig.pass(seconds(2));
    assert_eq!((rig.closed_as(), rig.unacknowledged), (Some("shutdown"), 1));
}

#[test]
fn a_stuck_application_can_be_given_up() {
    let mut rig = Rig::new(ServerConfig::new().pending_timeout(Some(seconds(60))));
    rig.receive(ONE);
    rig.pass(seconds(59));
    assert_eq!(rig.closed_as(), None);
    rig.receive(ONE);
    rig.pass(seconds(1));
    assert_eq!((rig.closed_as(), rig.unacknowledged), (Some("pending_timeout"), 2));
}

#[test]
fn no_setting_of_a_time_hangs_or_panics() {
    for time in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let mut config = ServerConfig::new();
        config.keepalive = time;
        config.read_timeout = time;
        config.idle_timeout = Some(time);
        config.pending_timeout = Some(time);
        config.drain_timeout = time;
        for input in [&b""[..], b"2", ONE, HALF, b"3"] {
            let mut rig = Rig::new(config.clone());
            rig.receive(input);
            rig.pass(seconds(1));
            rig.session.shutdown(rig.now);
            rig.pass(seconds(1));
            let waits = time == Duration::MAX && input == ONE;
            assert_eq!(rig.closed.is_some(), !waits, "{time:?} after {input:?}");
        }
    }
}

#[test]
fn keepalives_without_an_interval_make_no_hot_loop() {
    let mut rig = Rig::new(ServerConfig::new().keepalive(Duration::ZERO));
    rig.receive(ONE);
    rig.pass(seconds(1));
    assert_eq!(rig.sent(), b"2A\0\0\0\0");
    assert!(rig.session.poll_timeout().is_some_and(|at| at > rig.now));
}

#[test]
fn late_calls_fire_the_timers_in_their_order() {
    let mut rig = Rig::new(ServerConfig::new());
    rig.receive(&[ONE, HALF].concat());
    // A keepalive was due after 5 s, the read timeout after 30 s, the end of draining after that.
    rig.pass(seconds(300));
    assert_eq!(rig.sent(), b"2A\0\0\0\0", "one keepalive, not sixty");
    assert!(rig.draining);
    assert_eq!((rig.closed_as(), rig.aborted), (None, 1));
    rig.acknowledge(0);
    assert_eq!(rig.sent(), b"2A\0\0\0\x01");
    assert_eq!(rig.closed_as(), Some("read_timeout"));
}

#[test]
fn receiving_nothing_is_no_sign_of_life() {
    let mut rig = Rig::new(ServerConfig::new());
    rig.receive(HALF);
    rig.pass(seconds(29));
    rig.receive(b"");
    rig.pass(seconds(1));
    assert_eq!(rig.closed_as(), Some("read_timeout"));
}

#[test]
fn a_pause_of_the_application_is_no_silence_of_the_client() {
    let mut rig = Rig::new(ServerConfig::new());
    rig.receive(HALF);
    rig.pass(seconds(20));
    rig.session.pause(rig.now);
    rig.pass(seconds(600));
    assert_eq!(rig.closed_as(), None);
    rig.session.pause(rig.now);
    rig.session.resume(rig.now);
    rig.pass(seconds(9));
    assert_eq!(rig.closed_as(), None);
    rig.session.resume(rig.now);
    rig.pass(seconds(1));
    assert_eq!((rig.closed_as(), rig.aborted), (Some("read_timeout"), 1));
}

#[test]
fn a_pause_of_the_application_is_not_idle() {
    let mut rig = Rig::new(ServerConfig::new());
    rig.session.pause(rig.now);
    rig.pass(seconds(600));
    assert_eq!((rig.closed_as(), rig.sent()), (None, Vec::new()), "nor does anybody wait");
    rig.session.resume(rig.now);
    rig.pass(seconds(59));
    assert_eq!(rig.closed_as(), None);
    rig.pass(seconds(1));
    assert_eq!(rig.closed_as(), Some("idle_timeout"));
}

#[test]
fn a_pause_inside_a_window_keeps_the_client_waiting_with_keepalives() {
    // A window that has begun, a compressed frame, and what nobody has looked at yet.
    let frame = compressed(b"2J\0\0\0\x01\0\0\0\x02{}");
    for input in [HALF, &[&b"2W\0\0\0\x01"[..], &frame[..9]].concat(), b"2W\0\0\0\0"] {
        let mut rig = Rig::new(ServerConfig::new());
        rig.session.pause(rig.now);
        rig.session.receive(&mut BytesMut::from(input), rig.now);
        assert!(rig.session.is_inside());
        if input.len() > 6 {
            rig.drain();
        }
        for _ in 0..3 {
            rig.now += seconds(5);
            rig.session.handle_timeout(rig.now);
        }
        assert_eq!(rig.sent(), b"2A\0\0\0\0".repeat(3), "{input:?}");
    }
}

#[test]
fn many_short_pauses_keep_the_client_waiting_as_a_long_one() {
    let mut rig = Rig::new(ServerConfig::new());
    rig.receive(HALF);
    for _ in 0..12 {
        rig.session.pause(rig.now);
        rig.pass(seconds(1));
        rig.session.resume(rig.now);
    }
    assert_eq!(rig.sent(), b"2A\0\0\0\0".repeat(2));
}

#[test]
fn a_pause_sends_nothing_to_version_one() {
    let (half, rest) = V1_ONE.split_at(8);
    for decoded in [true, false] {
        let mut rig = Rig::new(ServerConfig::new());
        rig.session.pause(rig.now);
        rig.session.receive(&mut BytesMut::from(half), rig.now);
        if decoded {
            rig.drain();
        }
        rig.now += seconds(60);
        rig.session.handle_timeout(rig.now);
        assert_eq!((rig.sent(), rig.closed_as()), (Vec::new(), None));
        rig.session.resume(rig.now);
        rig.receive(rest);
        rig.acknowledge(0);
        assert_eq!(rig.sent(), b"1A\0\0\0\x07");
    }
}

#[test]
fn a_session_tells_whether_its_client_is_inside_a_window() {
    let mut rig = Rig::new(ServerConfig::new());
    assert!(!rig.session.is_inside());
    rig.receive(ONE);
    assert!(!rig.session.is_inside());
    rig.receive(b"2");
    assert!(rig.session.is_inside());
    rig.receive(&HALF[1..]);
    assert!(rig.session.is_inside());
    rig.session.shutdown(rig.now);
    assert!(!rig.session.is_inside(), "what is given up is over");
}

#[test]
fn idle_connections_may_live_for_ever() {
    let mut rig = Rig::new(ServerConfig::new().idle_timeout(None));
    rig.receive(ONE);
    rig.acknowledge(0);
    assert_eq!(rig.session.poll_timeout(), None);
    rig.pass(seconds(1_000_000));
    assert_eq!(rig.closed_as(), None);
}

#[test]
fn empty_windows_are_answered_at_once() {
    let mut rig = Rig::new(ServerConfig::new());
    rig.receive(&b"2W\0\0\0\0".repeat(3));
    assert_eq!(rig.sent(), b"2A\0\0\0\0".repeat(3));
}

#[test]
fn an_empty_window_of_version_one_is_not_answered_while_a_window_waits() {
    let mut rig = Rig::new(ServerConfig::new());
    rig.receive(&[b"1W\0\0\0\0", V1_ONE, b"1W\0\0\0\0"].concat());
    assert_eq!(rig.sent(), b"1A\0\0\0\0", "only the first: the second would look like an acknowledgement");
    rig.acknowledge(0);
    assert_eq!(rig.sent(), b"1A\0\0\0\x07");
}

#[test]
fn a_peer_that_does_not_take_its_answers_is_not_read() {
    let mut rig = Rig::new(ServerConfig::new());
    let probes = b"2W\0\0\0\0".repeat(1000);
    let mut received = 0;
    while rig.session.wants_read() {
        rig.receive(&probes);
        received += 1;
        assert!(received < 100, "answers pile up");
    }
    assert!(rig.sent().len() >= 64 * 1024);
    assert!(rig.session.wants_read());
}

#[test]
fn partial_acknowledgements_carry_the_sequence_that_the_event_has() {
    let mut rig = Rig::new(ServerConfig::new().partial_acks(true));
    let mut bytes = b"2W\0\0\0\x05".to_vec();
    for sequence in [7_u8, 8, 9, 4, 200] {
        bytes.extend([&b"2J\0\0\0"[..], &[sequence], b"\0\0\0\x01x"].concat());
    }
    rig.receive(&[&bytes[..], ONE].concat());
    let (first, second) = (rig.windows[0], rig.windows[1]);
    let prefix = |rig: &mut Rig, window, events| {
        assert!(rig.session.acknowledge_prefix(window, events, rig.now));
        rig.sent()
    };
    assert_eq!(prefix(&mut rig, first, 0), b"");
    assert_eq!(prefix(&mut rig, first, 2), b"2A\0\0\0\x08");
    assert_eq!(prefix(&mut rig, first, 2), b"", "it did not grow");
    assert_eq!(prefix(&mut rig, first, 1), b"", "it shrank");
    assert_eq!(prefix(&mut rig, first, 4), b"2A\0\0\0\x04");
    assert_eq!(prefix(&mut rig, second, 0), b"", "not the oldest window");
    assert_eq!(prefix(&mut rig, first, 99), b"2A\0\0\0\xc8", "all of it is the final one");
    assert!(!rig.session.acknowledge_prefix(first, 1, rig.now));
}

#[test]
fn partial_acknowledgements_never_go_to_version_one() {
    let mut rig = Rig::new(ServerConfig::new().partial_acks(true));
    let mut bytes = b"1W\0\0\0\x02".to_vec();
    bytes.extend(V1_ONE[6..].repeat(2));
    rig.receive(&bytes);
    assert!(rig.session.acknowledge_prefix(rig.windows[0], 1, rig.now));
    assert_eq!(rig.sent(), b"");
    assert!(rig.session.acknowledge_prefix(rig.windows[0], 2, rig.now));
    assert_eq!(rig.sent(), b"1A\0\0\0\x07");
}

#[test]
fn a_gap_between_windows_is_none() {
    let mut rig = Rig::new(ServerConfig::new().sequence_policy(SequencePolicy::Strict));
    rig.receive(&[ONE, b"2W\0\0\0\x012J\0\0\0\x09\0\0\0\x02{}"].concat());
    assert_eq!(rig.windows.len(), 2);
    assert_eq!(rig.closed_as(), None);
}

#[test]
fn an_error_tells_where_the_wrong_frame_is() {
    let wrong_order = |bytes: &[u8]| {
        let mut places = [1, 4, bytes.len()].map(|piece| {
            let mut rig = Rig::new(ServerConfig::new());
            for piece in bytes.chunks(piece) {
                rig.receive(piece);
            }
            rig.receive_eof();
            for window in 0..rig.windows.len() {
                rig.acknowledge(window);
            }
            match rig.closed {
                Some(CloseReason::Error(lumberjack_codec::SessionError::Protocol(error))) => error.offset(),
                closed => panic!("{closed:?}"),
            }
        });
        places.sort_unstable();
        assert_eq!(places[0], places[2], "the same however the bytes are cut");
        places[0]
    };
    assert_eq!(wrong_order(&[ONE, &ONE[6..]].concat()), 18, "an event outside of a window");
    assert_eq!(wrong_order(&[HALF, ONE].concat()), 18, "a window in a window");
    assert_eq!(wrong_order(HALF), 18, "where the connection ended");
    assert_eq!(wrong_order(&HALF[..17]), 17);

    let mut window = BytesMut::new();
    lumberjack_codec::encode::encode_window(["{}", "{}", "{}"], 3, &mut window).unwrap();
    window[5] = 2;
    assert_eq!(wrong_order(&window), 6, "the compressed frame with one event too many");
}

#[test]
fn strangers_meet_small_limits() {
    let config = ServerConfig::untrusted();
    let closed = |bytes: &[u8]| {
        let mut rig = Rig::new(config.clone());
        rig.receive(bytes);
        rig.closed_as()
    };
    assert_eq!(closed(V1_ONE), Some("unsupported_version"));
    assert_eq!(closed(b"2W\0\0\x10\x01"), Some("window_too_large"));
    assert_eq!(closed(b"2W\0\0\x10\x00"), None);
    assert_eq!(closed(b"2J\0\0\0\x01\0\x10\0\x01"), Some("payload_too_large"));
    let mut rig = Rig::new(config);
    rig.receive(b"2");
    rig.pass(seconds(10));
    assert_eq!(rig.closed_as(), Some("read_timeout"));
}

#[test]
fn a_shutdown_gives_up_what_is_open_and_acknowledges_the_rest() {
    let mut rig = Rig::new(ServerConfig::new());
    rig.receive(&[ONE, ONE, HALF].concat());
    rig.session.shutdown(rig.now);
    rig.session.shutdown(rig.now);
    rig.drain();
    assert_eq!(rig.aborted, 1);
    rig.acknowledge(1);
    assert_eq!(rig.sent(), b"");
    rig.acknowledge(0);
    assert_eq!(rig.sent(), b"2A\0\0\0\x012A\0\0\0\x01");
    assert_eq!(rig.closed_as(), Some("shutdown"));
}

const LONE: &[u8] = b"2J\0\0\0\x05\0\0\0\x02{}";

/// What a session reports that takes lone events, in words.
fn told(config: ServerConfig, bytes: &[u8]) -> Vec<String> {
    let now = Instant::now();
    let mut session = ServerSession::new(config.windows_of_one(true), now);
    session.receive(&mut BytesMut::from(bytes), now);
    let mut told = Vec::new();
    while let Some(event) = session.poll_event() {
        told.push(match event {
            ServerEvent::WindowStart { window, events, .. } => {
                format!("start {} of {events}", window.number())
            }
            ServerEvent::Event { window, index, sequence, .. } => {
                format!("event {}.{index} with {sequence}", window.number())
            }
            ServerEvent::WindowComplete { window, events, encoded } => {
                assert_eq!(encoded, None);
                assert!(session.acknowledge(window, now));
                format!("complete {} of {events}", window.number())
            }
            ServerEvent::WindowAborted { window } => format!("aborted {}", window.number()),
            ServerEvent::Closed { reason } => reason.name().to_owned(),
            event => panic!("{event:?}"),
        });
    }
    let mut wire = BytesMut::new();
    session.poll_transmit(&mut wire);
    told.push(format!("{} answers", wire.len() / 6));
    told
}

#[test]
fn an_event_without_a_window_is_a_window_of_one_on_request() {
    let mut strict = Rig::new(ServerConfig::new());
    strict.receive(LONE);
    assert_eq!(strict.closed_as(), Some("data_outside_window"));

    let one = |id: usize| {
        [format!("start {id} of 1"), format!("event {id}.0 with 5"), format!("complete {id} of 1")]
    };
    let answers = |count: usize| [format!("{count} answers")];
    let config = ServerConfig::new;
    assert_eq!(told(config(), LONE), [&one(0)[..], &answers(1)].concat());
    assert_eq!(told(config(), &[LONE, LONE].concat()), [&one(0)[..], &one(1), &answers(2)].concat());
    // Surplus events too.
    let surplus = told(config(), &[ONE, LONE].concat());
    assert_eq!(surplus[3..], [&one(1)[..], &answers(2)].concat());
    // Also of version 1.
    assert_eq!(told(config(), &V1_ONE[6..])[1], "event 0.0 with 7");
}

#[test]
fn windows_of_one_inside_a_compressed_frame_wait_for_its_end() {
    let compressed = |count| compressed(&LONE.repeat(count));
    let want = [
        "start 0 of 1",
        "event 0.0 with 5",
        "start 1 of 1",
        "event 1.0 with 5",
        "complete 0 of 1",
        "complete 1 of 1",
        "2 answers",
    ];
    assert_eq!(told(ServerConfig::new(), &compressed(2)), want);

    let tight = || ServerConfig::new().limits(Limits::new().max_pending_windows(1));
    let want = [
        "start 0 of 1",
        "event 0.0 with 5",
        "start 1 of 1",
        "event 1.0 with 5",
        "aborted 0",
        "aborted 1",
        "too_many_windows",
        "0 answers",
    ];
    assert_eq!(told(tight(), &compressed(2)), want);

    let none = ServerConfig::new().limits(Limits::new().max_window(0));
    assert_eq!(told(none, LONE), ["window_too_large", "0 answers"]);
}

#[test]
fn a_session_tells_where_a_silent_peer_stopped() {
    let mut rig = Rig::new(ServerConfig::new());
    rig.receive(&[HALF, b"2J"].concat());
    rig.pass(seconds(30));
    assert_eq!(rig.closed_as(), Some("read_timeout"));
    assert_eq!(rig.session.offset(), 18);
}

#[test]
fn what_is_read_into_the_buffer_counts_as_received() {
    let start = Instant::now();
    let mut session = ServerSession::new(ServerConfig::new(), start);
    let later = start + Duration::from_secs(50);
    session.buffer().extend_from_slice(HALF);
    session.received(later);
    let mut documents = 0;
    let mut lend = |session: &mut ServerSession| {
        std::iter::from_fn(|| session.poll_event_with(|_, _| documents += 1)).count()
    };
    assert_eq!(lend(&mut session), 1, "the start of the window");
    assert_eq!(session.poll_timeout(), Some(later + Duration::from_secs(30)), "the rest is waited for");
    session.shutdown(later);
    assert_eq!(lend(&mut session), 2, "the window is given up, and the session over");
    session.buffer().extend_from_slice(ONE);
    session.received(later);
    assert_eq!((lend(&mut session), session.buffer().len(), documents), (0, 0, 1));
}

#[test]
fn a_buffer_that_one_huge_document_needed_is_let_go() {
    let now = Instant::now();
    let mut session = ServerSession::new(ServerConfig::new(), now);
    let mut wire = BytesMut::new();
    let huge = vec![b'x'; 1024 * 1024];
    lumberjack_codec::encode::encode_window([huge.as_slice()], 0, &mut wire).unwrap();
    let mut lengths = Vec::new();
    for piece in wire.chunks(64 * 1024) {
        session.buffer().extend_from_slice(piece);
        session.received(now);
        while session.poll_event_with(|_, document| lengths.push(document.len())).is_some() {}
    }
    assert_eq!(lengths, [huge.len()]);
    assert!(!session.buffer().try_reclaim(1));
    // What is usual is kept for the next bytes.
    session.buffer().extend_from_slice(ONE);
    session.received(now);
    while session.poll_event_with(|_, _| {}).is_some() {}
    assert!(session.buffer().is_empty() && session.buffer().try_reclaim(ONE.len()));
}
