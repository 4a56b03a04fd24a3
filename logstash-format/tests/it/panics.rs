use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::panic::{self, PanicHookInfo};
use std::sync::Once;
use std::thread;

use logstash_format::{panic_event, panic_event_with_backtrace};
use serde_json::Value as Json;

use crate::rig::{document, formatter};

type Adapter = fn(&PanicHookInfo<'_>) -> Json;

thread_local! {
    /// What the panics of this thread become documents with.
    static ADAPTER: RefCell<Option<Adapter>> = const { RefCell::new(None) };
    static DOCUMENT: RefCell<Option<Json>> = const { RefCell::new(None) };
}

/// The document of a panic in a thread called `worker`.
fn of(adapter: Adapter, panics: fn()) -> Json {
    static INSTALLED: Once = Once::new();
    // One hook for all tests of the process, which other threads do not notice.
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| match ADAPTER.take() {
            Some(adapter) => DOCUMENT.set(Some(adapter(info))),
            None => previous(info),
        }));
    });
    let worker = thread::Builder::new().name("worker".to_owned()).spawn(move || {
        ADAPTER.set(Some(adapter));
        assert!(panic::catch_unwind(panics).is_err());
        DOCUMENT.take().unwrap()
    });
    worker.unwrap().join().unwrap()
}

fn plain(info: &PanicHookInfo<'_>) -> Json {
    panic_event_with_backtrace(info, &Backtrace::disabled(), |event| document(&formatter(), event))
}

fn forced(info: &PanicHookInfo<'_>) -> Json {
    panic_event_with_backtrace(info, &Backtrace::force_capture(), |event| document(&formatter(), event))
}

fn by_environment(info: &PanicHookInfo<'_>) -> Json {
    panic_event(info, |event| document(&formatter(), event))
}

#[test]
fn a_panic() {
    let line = line!() + 1;
    let document = of(plain, || panic!("no tea for {}", "zoë"));
    assert_eq!(document["level"], "ERROR");
    assert_eq!(document["message"], "panicked: no tea for zoë");
    let extra = &document["extra"];
    assert_eq!(extra["logger_name"], "panic");
    assert_eq!(extra["error_type"], "panic");
    assert_eq!(extra["error_message"], "no tea for zoë");
    assert_eq!(extra["thread_name"], "worker");
    assert_eq!(extra["path"], file!());
    assert_eq!(extra["line"], line);
    assert_eq!(extra.get("stack_trace"), None);
}

#[test]
fn payloads() {
    assert_eq!(of(plain, || panic!("text"))["extra"]["error_message"], "text");
    assert_eq!(of(plain, || panic::panic_any(5))["extra"]["error_message"], "[no message]");
    let of_the_library = of(plain, || assert_eq!(1, Vec::<u8>::new().len()));
    assert!(of_the_library["message"].as_str().unwrap().contains("left: 1"));
}

#[test]
fn a_backtrace_on_demand() {
    let document = of(forced, || panic!("lost"));
    let trace = document["extra"]["stack_trace"].as_str().unwrap();
    assert!(trace.starts_with("lost\n"), "{trace}");
    assert!(trace.contains("panics::a_backtrace_on_demand"), "{trace}");
}

#[test]
fn a_backtrace_if_the_environment_asks_for_it() {
    let document = of(by_environment, || panic!("lost"));
    let is_asked_for = Backtrace::capture().status() == std::backtrace::BacktraceStatus::Captured;
    assert_eq!(document["extra"].get("stack_trace").is_some(), is_asked_for);
}
