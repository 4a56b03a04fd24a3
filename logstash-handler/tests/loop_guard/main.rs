//! What a handler, its queue and the libraries of its transport log does not become events: one event stays
//! one, however much its delivery has to say (PLA-56: one event became 23 in five seconds, and the shutdown
//! hung). With everything at TRACE, for each transport, and logged from wherever a program can log.
//!
//! In a binary of its own, with one test, because it takes the process-wide logger and the panic hook.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(all(feature = "beats", feature = "log", feature = "sled", feature = "tracing"))]

mod peers;

use log::{Level, LevelFilter, Log, Metadata, Record};
use logstash_format::LogstashFormatter;
use logstash_handler::{Handler, SledQueue};
use logstash_transport::testing::Receiver;
use logstash_transport::{ConnectionOptions, Endpoint, TlsConfig, TransportOptions, Verification};
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

const LONG: Duration = Duration::from_secs(20);

/// The handler that everything goes to that is logged in this process; there is a new one for each transport.
#[derive(Clone, Default)]
struct Switch(Arc<Mutex<Option<Handler>>>);

/// Records that were no event of the test.
static CHATTER: AtomicUsize = AtomicUsize::new(0);

impl Switch {
    fn handler(&self) -> Option<Handler> {
        self.0.lock().unwrap().clone()
    }
}

impl Log for Switch {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.target() != "shop" {
            CHATTER.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(handler) = self.handler() {
            handler.log(record);
        }
    }

    fn flush(&self) {}
}

impl<S> Layer<S> for Switch
where
    S: tracing::Subscriber + for<'l> tracing_subscriber::registry::LookupSpan<'l>,
{
    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        if let Some(handler) = self.handler() {
            handler.layer().on_event(event, context);
        }
    }
}

fn info(message: &str) {
    log::log!(target: "shop", Level::Info, "{message}");
}

/// Logs when it is dropped, and when it is displayed.
struct Chatty(&'static str);

impl Drop for Chatty {
    fn drop(&mut self) {
        info(&format!("dropped {}", self.0));
    }
}

impl fmt::Display for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info(&format!("displayed {}", self.0));
        f.write_str(self.0)
    }
}

thread_local! {
    static AT_THE_END: RefCell<Option<Chatty>> = const { RefCell::new(None) };
}

/// Logs from wherever a program can log; tells what, in order where there is one.
fn log_from_everywhere() -> Vec<&'static str> {
    info("plainly");
    tracing::event!(target: "shop", tracing::Level::TRACE, "by tracing");
    log::log!(target: "shop", Level::Trace, "about {}", Chatty("tea"));
    // A panic is an event of the hook, and the drop while it unwinds is one too.
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _chatty = Chatty("in a panic");
        panic!("no tea");
    }));
    assert!(panicked.is_err());
    let ended = thread::spawn(|| AT_THE_END.set(Some(Chatty("with its thread"))));
    ended.join().unwrap();
    // What an application does with these libraries itself is its own business.
    log::log!(target: "reqwest::connect", Level::Debug, "of the application");
    vec![
        "about tea",
        "by tracing",
        "displayed tea",
        "dropped in a panic",
        "dropped tea",
        "dropped with its thread",
        "of the application",
        "panicked: no tea",
        "plainly",
    ]
}

/// Logs from everywhere to a handler that delivers to `url`, twice; what arrives must be that and no more.
fn check(switch: &Switch, url: &str, folder: &Path, arrived: impl Fn() -> Vec<String>) {
    // The certificate is one that nobody knows.
    let tls = TlsConfig::new().verification(Verification::DangerNone);
    let options = TransportOptions::new().connection(ConnectionOptions::new().tls(tls));
    let transport = url.parse::<Endpoint>().unwrap().into_transport(&options).unwrap();
    let (handler, guard) = Handler::builder(LogstashFormatter::new(), transport)
        .queue(SledQueue::open(folder).unwrap())
        .start()
        .unwrap();
    handler.panic_hook().install();
    *switch.0.lock().unwrap() = Some(handler.clone());

    let mut expected = Vec::new();
    for _ in 0..2 {
        expected.extend(log_from_everywhere());
        assert!(handler.flush(LONG).complete, "{url}");
    }
    let report = guard.shutdown(LONG);
    *switch.0.lock().unwrap() = None;
    drop(std::panic::take_hook());
    assert!(report.complete && report.elapsed < LONG, "{url}: {report}");
    let stats = handler.stats();
    assert!(stats.is_balanced(), "{url}: {stats:?}");
    assert_eq!(stats.accepted, expected.len() as u64, "{url}: {:?}", arrived());

    expected.sort_unstable();
    let deadline = Instant::now() + LONG;
    loop {
        let mut messages = arrived();
        messages.sort_unstable();
        if messages == expected {
            return;
        }
        // What was handed to the kernel need not be read yet.
        assert!(Instant::now() < deadline, "{url}: {messages:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The messages in a document, or in a list of them.
fn documents_of(bytes: &[u8]) -> Vec<String> {
    let documents: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    let message = |document: &serde_json::Value| document["message"].as_str().unwrap().to_owned();
    documents.as_array().map_or_else(|| vec![message(&documents)], |all| all.iter().map(message).collect())
}

#[test]
fn with_everything_at_trace_and_with_each_transport_one_event_stays_one() {
    let switch = Switch::default();
    log::set_boxed_logger(Box::new(switch.clone())).unwrap();
    log::set_max_level(LevelFilter::Trace);
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(switch.clone())).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let number = AtomicUsize::new(0);
    let check = |url: &str, arrived: &dyn Fn() -> Vec<String>| {
        let queue = folder.path().join(number.fetch_add(1, Ordering::Relaxed).to_string());
        check(&switch, url, &queue, arrived);
    };
    for tls in [false, true] {
        let front = |address| if tls { peers::behind_tls(address) } else { address };
        let scheme = |plain: &'static str, secure: &'static str| if tls { secure } else { plain };

        let receiver = Receiver::start().unwrap();
        let url = format!("{}://{}", scheme("beats", "beats+tls"), front(receiver.address()));
        check(&url, &|| receiver.events().iter().flat_map(|event| documents_of(event)).collect());

        let arrived = peers::Arrived::default();
        let url = format!("{}://{}", scheme("tcp", "tcp+tls"), front(peers::lines(&arrived)));
        check(&url, &|| arrived.lock().unwrap().clone());

        let arrived = peers::Arrived::default();
        let url = format!("{}://{}", scheme("http", "https"), front(peers::http(&arrived)));
        check(&url, &|| arrived.lock().unwrap().clone());

        if let Some(redis) = peers::Redis::start() {
            let taken = Mutex::new(Vec::new());
            let url = format!("{}://{}/0?key=events", scheme("redis", "rediss"), front(redis.address()));
            check(&url, &|| {
                let mut taken = taken.lock().unwrap();
                taken.extend(redis.take("events"));
                taken.clone()
            });
        }
    }
    let arrived = peers::Arrived::default();
    check(&format!("udp://{}", peers::datagrams(&arrived)), &|| arrived.lock().unwrap().clone());

    let file = folder.path().join("events.log");
    check(&format!("file:{}", file.display()), &|| {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        text.lines().flat_map(|line| documents_of(line.as_bytes())).collect()
    });
    log::set_max_level(LevelFilter::Off);
    // Without it, all of the above would prove nothing.
    let chatter = CHATTER.load(Ordering::Relaxed);
    assert!(chatter > 100, "the libraries had {chatter} things to say");
}
