//! What the libraries of a transport log does not become events: one event stays one, however much its
//! delivery has to say (PLA-56: one event became 23 in five seconds, and the shutdown hung).
//!
//! In a binary of its own, because it takes the process-wide logger.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "log")]

use log::{Level, LevelFilter, Log, Metadata, Record};
use logstash_format::LogstashFormatter;
use logstash_handler::Handler;
use logstash_transport::HttpTransport;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

/// Counts what the HTTP library logs, and hands everything on.
struct Counting {
    handler: Handler,
    of_the_library: Arc<AtomicUsize>,
}

impl Log for Counting {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.target().starts_with("reqwest") {
            self.of_the_library.fetch_add(1, Ordering::Relaxed);
        }
        self.handler.log(record);
    }

    fn flush(&self) {}
}

#[test]
fn what_the_http_library_logs_while_it_delivers_is_no_event() {
    let (address, bodies) = receiver();
    let transport = HttpTransport::new(&format!("http://localhost:{}", address.port())).unwrap();
    let (handler, guard) = Handler::builder(LogstashFormatter::new(), transport).start().unwrap();
    let of_the_library = Arc::new(AtomicUsize::new(0));
    let counting = Counting { handler: handler.clone(), of_the_library: Arc::clone(&of_the_library) };
    log::set_boxed_logger(Box::new(counting)).unwrap();
    log::set_max_level(LevelFilter::Trace);

    for number in 0..5 {
        log::log!(target: "shop", Level::Info, "order {number}");
        assert!(handler.flush(LONG).complete);
    }
    // An application's own use of the library is its own business.
    log::debug!(target: "reqwest::connect", "of the application");
    assert!(guard.shutdown(LONG).complete);
    log::set_max_level(LevelFilter::Off);

    let messages: Vec<String> = bodies.lock().unwrap().iter().flat_map(|body| messages(body)).collect();
    let expected = ["order 0", "order 1", "order 2", "order 3", "order 4", "of the application"];
    assert_eq!(messages, expected);
    assert!(of_the_library.load(Ordering::Relaxed) > 1, "the library has something to say");
}

fn messages(body: &[u8]) -> Vec<String> {
    let documents: Vec<serde_json::Value> = serde_json::from_slice(body).unwrap();
    documents.iter().map(|document| document["message"].as_str().unwrap().to_owned()).collect()
}

/// Takes requests over any number of connections and keeps their bodies.
fn receiver() -> (SocketAddr, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&bodies);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let kept = Arc::clone(&kept);
            thread::spawn(move || {
                while let Some(body) = read_body(&mut stream) {
                    kept.lock().unwrap().push(body);
                    stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
                }
            });
        }
    });
    (address, bodies)
}

/// The body of the next request, if there is one.
fn read_body(stream: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            let mut body = vec![0; length];
            stream.read_exact(&mut body).ok()?;
            return Some(body);
        }
    }
}
