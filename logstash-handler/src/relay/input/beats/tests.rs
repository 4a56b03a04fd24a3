//! Connections that wait for memory, with a clock that the tests turn.

use super::super::Input;
use super::*;
use crate::relay::problems::Problems;
use crate::relay::router::Router;
use tokio::io::DuplexStream;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::sleep;

const ONE: &[u8] = b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x02{}";
const ONE_SAFE: &[u8] = b"2A\0\0\0\x01";
const WAIT: &[u8] = b"2A\0\0\0\0";

const CONFIG: &str = "listen = \"beats://127.0.0.1:0\"\nmax_length = \"16 KiB\"\nmax_memory = \"1 KiB\"";

/// Seconds in which an end may wait for the peer to close as well.
const FAREWELL: u64 = 2;

/// An input whose windows go nowhere, which is the same as to be safe at once.
struct Rig {
    input: Input,
    start: Instant,
}

impl Rig {
    async fn new() -> Self {
        let config = toml::from_str(CONFIG).unwrap();
        let (router, problems) = (Arc::new(Router::default()), Arc::new(Problems::new(false)));
        Self { input: Input::bind("in", &config, &router, &problems).await.unwrap(), start: now() }
    }

    /// One that holds all memory.
    fn hog(&self) -> Share {
        let mut share = self.input.shared.budget.share();
        share.hold(2048);
        share
    }

    /// One that holds all memory, and whose turn it is.
    async fn hog_at_its_turn(&self) -> Share {
        let mut share = self.hog();
        while !share.may_grow(false) {
            share.changed(false).await;
        }
        share
    }

    fn connect(&self) -> Client {
        let (stream, other) = tokio::io::duplex(64 * 1024);
        let shared = Arc::clone(&self.input.shared);
        let serving = tokio::spawn(async move { serve(other, shared.source(None, None), &shared).await });
        Client { stream, serving }
    }

    fn passed(&self) -> u64 {
        now().duration_since(self.start).as_secs()
    }
}

struct Client {
    stream: DuplexStream,
    serving: JoinHandle<End>,
}

impl Client {
    /// Sends, and lets the connection have a look at it.
    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        for _ in 0..10 {
            yield_now().await;
        }
    }

    /// What is there to be read.
    async fn answers(&mut self) -> Vec<u8> {
        let mut answers = Vec::new();
        let _ = timeout(Duration::from_millis(1), self.stream.read_to_end(&mut answers)).await;
        answers
    }

    /// Reads until an answer is there that is no request to wait.
    async fn answer(&mut self) -> [u8; 6] {
        let mut answer = [0; 6];
        loop {
            self.stream.read_exact(&mut answer).await.unwrap();
            if answer != WAIT {
                return answer;
            }
        }
    }

    async fn end(self) -> End {
        let Self { stream, serving } = self;
        let end = serving.await.unwrap();
        drop(stream);
        end
    }
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[tokio::test(start_paused = true)]
async fn who_is_in_a_window_is_told_to_wait_and_never_timed_out() {
    let rig = Rig::new().await;
    let hog = rig.hog_at_its_turn().await;
    let (first, rest) = ONE.split_at(10);
    let mut client = rig.connect();
    client.send(first).await;
    sleep(minutes(10)).await;
    let answers = client.answers().await;
    assert!((119..=120).contains(&(answers.len() / 6)), "{answers:?}");
    assert!(answers.chunks(6).all(|answer| answer == WAIT));
    drop(hog);
    client.send(rest).await;
    assert_eq!(client.answer().await, ONE_SAFE);
}

#[tokio::test(start_paused = true)]
async fn version_1_waits_without_a_word() {
    let rig = Rig::new().await;
    let hog = rig.hog_at_its_turn().await;
    let mut client = rig.connect();
    client.send(b"1W\0\0\0\x011D\0\0\0\x07\0\0\0\x01\0\0\0\x01k\0\0").await;
    sleep(minutes(10)).await;
    assert_eq!(client.answers().await, b"");
    drop(hog);
    client.send(b"\0\x01v").await;
    assert_eq!(&client.answer().await, b"1A\0\0\0\x07");
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_has_no_turn_and_is_idle() {
    let rig = Rig::new().await;
    let _hog = rig.hog();
    let silent = rig.connect();
    yield_now().await;
    let mut client = rig.connect();
    client.send(ONE).await;
    assert_eq!((client.answer().await.as_slice(), rig.passed()), (ONE_SAFE, 0));
    assert!(matches!(silent.end().await, End::Idle));
    assert!((60..=60 + FAREWELL).contains(&rig.passed()));
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_over_when_a_window_is_handed_over() {
    let rig = Rig::new().await;
    let mut hog = rig.hog_at_its_turn().await;
    let (mut one, mut other) = (rig.connect(), rig.connect());
    one.send(&[ONE, &ONE[..10]].concat()).await;
    other.send(ONE).await;
    hog.end_turn();
    assert_eq!(one.answer().await, ONE_SAFE);
    assert_eq!(other.answer().await, ONE_SAFE);
    one.send(&ONE[10..]).await;
    assert_eq!((one.answer().await.as_slice(), rig.passed()), (ONE_SAFE, 0));
}

#[tokio::test(start_paused = true)]
async fn turns_come_in_the_order_in_which_windows_begin() {
    let rig = Rig::new().await;
    let mut hog = rig.hog_at_its_turn().await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    for number in [3, 1, 4, 0, 2] {
        let (mut client, tell) = (rig.connect(), tell.clone());
        client.send(ONE).await;
        tokio::spawn(async move {
            assert_eq!(client.answer().await, ONE_SAFE);
            tell.send(number).unwrap();
        });
    }
    sleep(minutes(1)).await;
    assert!(told.try_recv().is_err());
    hog.end_turn();
    for number in [3, 1, 4, 0, 2] {
        assert_eq!(told.recv().await, Some(number));
    }
    assert_eq!(rig.passed(), 60);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_use_its_turn_loses_it_and_the_connection() {
    let rig = Rig::new().await;
    let _hog = rig.hog();
    let Client { mut stream, serving } = rig.connect();
    let slow = tokio::spawn(async move {
        stream.write_all(b"2W\0\0\0\x012J\0\0\0\x01\0\0\x40\0").await.unwrap();
        // Enough to be no silence.
        while stream.write_all(b"x").await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    });
    sleep(Duration::from_secs(5)).await;
    let mut client = rig.connect();
    client.send(ONE).await;
    assert_eq!((client.answer().await.as_slice(), rig.passed()), (ONE_SAFE, 30));
    let End::Failed(text) = serving.await.unwrap() else { panic!("not ended for that") };
    assert!(text.contains("30 s") && text.contains("max_memory"), "{text}");
    slow.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_window_that_waits_for_memory_ends_with_the_input() {
    let rig = Rig::new().await;
    let _hog = rig.hog_at_its_turn().await;
    let (mut half, mut whole) = (rig.connect(), rig.connect());
    half.send(&ONE[..10]).await;
    whole.send(ONE).await;
    rig.input.tell_to_stop();
    for mut client in [half, whole] {
        assert_eq!(client.answers().await, b"", "nothing is acknowledged");
        assert!(matches!(client.end().await, End::Closed));
    }
    assert!(rig.passed() <= FAREWELL);
}

#[tokio::test(start_paused = true)]
async fn a_window_that_is_too_large_ends_before_its_end() {
    let rig = Rig::new().await;
    let mut client = rig.connect();
    let event = [&b"2J\0\0\0\x01\0\0\x40\0"[..], &[b'x'; 16 * 1024]].concat();
    client.send(b"2W\0\0\0\x64").await;
    for _ in 0..4 {
        client.send(&event).await;
    }
    assert_eq!(client.answers().await, b"");
    let End::Failed(text) = client.end().await else { panic!("not ended for that") };
    assert!(text.contains("takes more than the 65536 bytes"), "{text}");
    assert!(rig.passed() <= FAREWELL);
}
