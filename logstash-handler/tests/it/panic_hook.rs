use crate::support::{LONG, Moody, builder, info, transport};
use logstash_handler::Handler;
use logstash_transport::testing::Receiver;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The one test that sets a panic hook. It sees the panics of other tests too.
#[test]
fn panics_arrive_and_the_hook_before_is_called() {
    static SEEN_BEFORE: AtomicUsize = AtomicUsize::new(0);
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).start().unwrap();
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<&str>() == Some(&"no tea") {
            SEEN_BEFORE.fetch_add(1, Ordering::Relaxed);
        }
        previous(info);
    }));
    handler.panic_hook().force_backtrace(true).wait(LONG).install();

    let worker = thread::Builder::new().name("worker".to_owned()).spawn(|| panic!("no tea")).unwrap();
    assert!(worker.join().is_err());
    assert_eq!(SEEN_BEFORE.load(Ordering::Relaxed), 1);

    // A panic over an event is contained, and does not end in a panic within the hook.
    let (moody, moody_guard) = Handler::builder(Moody, transport(receiver.address())).start().unwrap();
    moody.panic_hook().install();
    moody.emit(&info("panic"));
    drop(moody_guard);

    assert!(guard.shutdown(LONG).complete);
    let documents: Vec<serde_json::Value> =
        receiver.events().iter().map(|event| serde_json::from_slice(event).unwrap()).collect();
    let of = |message: &str| {
        documents.iter().filter(|document| document["extra"]["error_message"] == message).collect::<Vec<_>>()
    };
    let [document] = of("no tea").try_into().unwrap();
    assert_eq!(document["message"], "panicked: no tea");
    assert_eq!(document["extra"]["thread_name"], "worker");
    assert!(document["extra"]["stack_trace"].as_str().unwrap().contains("panic_hook"));
    assert!(of("a formatter that panics").is_empty());
}
