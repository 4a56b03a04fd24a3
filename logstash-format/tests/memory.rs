//! Formatting allocates nothing once buffers have grown, counted by the allocator.
//!
//! The counter is per thread, and each test has its own.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use logstash_format::{
    EcsCustom, EcsFormatter, EcsLayout, Event, Fields, Formatter, HttpContext, Level, Limits,
    LogstashFormatter, Origin, Rules, TraceContext, Value,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::{Duration, UNIX_EPOCH};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

// SAFETY: every call goes to the system's allocator as it came; counting touches a plain cell of the
// thread, which is initialised at compile time and has no destructor, so it never allocates.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

/// Formats the event twice to grow all buffers, and then counts.
#[track_caller]
fn check(formatter: &dyn Formatter, event: &Event<'_>) {
    let mut out = Vec::new();
    for _ in 0..2 {
        out.clear();
        formatter.format(event, &mut out).unwrap();
    }
    let warm = out.clone();
    let allocations = allocations(|| {
        for _ in 0..10 {
            out.clear();
            formatter.format(event, &mut out).unwrap();
        }
    });
    assert_eq!(allocations, 0, "{}", String::from_utf8_lossy(&warm));
}

#[derive(Debug)]
struct Lost(fmt::Error);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("order lost")
    }
}

impl Error for Lost {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// Values of every kind that is not structured.
fn every_value(f: impl FnOnce(&[(&str, Value<'_>)])) {
    let address = Ipv4Addr::LOCALHOST;
    f(&[
        ("null", Value::Null),
        ("bool", true.into()),
        ("i64", i64::MIN.into()),
        ("u128", u128::MAX.into()),
        ("f64", 0.1.into()),
        ("nan", f32::NAN.into()),
        ("char", 'ü'.into()),
        ("str", "quoted \"text\"\n".into()),
        ("bytes", Value::Bytes(b"\xff\xfe")),
        ("display", (&address).into()),
        ("debug", Value::Debug(&Some(1))),
        ("cause", Value::Error(&fmt::Error)),
        ("time", UNIX_EPOCH.into()),
        ("duration", Duration::from_millis(1).into()),
        ("host", "mine".into()),
        ("line", 1.into()),
        ("str", "given before".into()),
        ("user.id", 7.into()),
        ("event.action", "placed".into()),
        ("order.item.price", 1.5.into()),
    ]);
}

fn busy_event<'a>(fields: &'a dyn Fields) -> Event<'a> {
    let origin = Origin::new().file("src/orders.rs").line(42).module("shop::orders").function("place");
    Event::new(Level::Info, "shop", "order placed").origin(origin).fields(fields)
}

/// Formats it as ECS documents of every kind.
#[track_caller]
fn check_ecs(event: &Event<'_>) {
    let formatter = EcsFormatter::new().service_name("shop").tags(["a"]).field("static", [1, 2]);
    let namespace = EcsCustom::Namespace("shop".to_owned());
    for layout in [EcsLayout::Nested, EcsLayout::Dotted, EcsLayout::Python] {
        let formatter = formatter.clone().layout(layout);
        for custom in [EcsCustom::Labels, EcsCustom::TopLevel, namespace.clone()] {
            check(&formatter.clone().custom(custom), event);
        }
        check(&formatter.event_id(true).ensure_ascii(true), event);
    }
}

#[test]
fn bare_events() {
    let event = Event::new(Level::Info, "test", "text");
    check(&LogstashFormatter::new(), &event);
    check(&LogstashFormatter::new().extra_prefix(None).event_id(true).ensure_ascii(true), &event);
    check_ecs(&event);
}

#[test]
fn fields_errors_and_context() {
    every_value(|fields| {
        let fields = fields.to_vec();
        let lost = Lost(fmt::Error);
        let http = HttpContext::new().method("GET").status(200);
        let event = busy_event(&fields).error(&lost).error_type("Lost").http(&http);
        let event = event.trace(TraceContext::new().trace_id("0af7651916cd43dd8448eb211c80319c"));
        let formatter = LogstashFormatter::new().extra("static", [1, 2]).tags(["a"]).metadata("b", "c");
        check(&formatter, &event);
        check(&formatter.extra_prefix(None).ensure_ascii(true), &event);
        check_ecs(&event);
    });
}

#[test]
fn rules_and_limits_that_are_met() {
    every_value(|fields| {
        let fields = fields.to_vec();
        let event = busy_event(&fields);
        let rules = Rules::new().mask("str").drop("*.bool").rename("char", "letter").drop("pid");
        let limits = Limits::new().string(8).fields(12);
        check(&LogstashFormatter::new().rules(rules).limits(limits), &event);
    });
}

#[cfg(feature = "regex")]
#[test]
fn patterns_that_match() {
    every_value(|fields| {
        let fields = fields.to_vec();
        let event = busy_event(&fields);
        let rules = Rules::new().mask_pattern("(?i)ORDER|text").unwrap().mask_pattern(r"\d+\.\d+").unwrap();
        check(&LogstashFormatter::new().rules(rules), &event);
    });
}

#[cfg(feature = "log")]
#[test]
fn records_of_log() {
    let key_values = [("order_id", log::kv::Value::from(1001)), ("paid", true.into()), ("by", "card".into())];
    let formatter = LogstashFormatter::new();
    let record = log::Record::builder()
        .level(log::Level::Info)
        .target("shop")
        .file(Some("src/orders.rs"))
        .line(Some(42))
        .args(format_args!("order placed"))
        .key_values(&key_values)
        .build();
    logstash_format::log_event(&record, |event| check(&formatter, event));
}

#[cfg(feature = "tracing")]
#[test]
fn events_of_tracing_within_spans() {
    use logstash_format::{record_new_span, tracing_event};
    use tracing::Subscriber;
    use tracing::span::{Attributes, Id};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
    use tracing_subscriber::registry::LookupSpan;

    struct Checking;

    impl<S: Subscriber + for<'l> LookupSpan<'l>> Layer<S> for Checking {
        fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
            record_new_span(attributes, id, &context);
        }

        fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
            let formatter = LogstashFormatter::new();
            let mut out = Vec::new();
            let mut format = || {
                out.clear();
                tracing_event(event, &context, |event| formatter.format(event, &mut out).unwrap());
            };
            format();
            assert_eq!(allocations(format), 0);
        }
    }

    let subscriber = tracing_subscriber::registry().with(Checking);
    tracing::subscriber::with_default(subscriber, || {
        let outer = tracing::info_span!("outer", user = "ann", id = 7).entered();
        let inner = tracing::info_span!("inner", id = 8, ratio = 0.5).entered();
        tracing::info!(order_id = 1001, by = %"card", paid = true, "order {} placed", 1001);
        drop((inner, outer));
    });
}
