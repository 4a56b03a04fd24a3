use crate::support::{LONG, builder, messages};
use logstash_handler::Handler;
use logstash_transport::testing::Receiver;

fn documents(receiver: &Receiver) -> Vec<serde_json::Value> {
    receiver.events().iter().map(|event| serde_json::from_slice(event).unwrap()).collect()
}

/// The one test that takes the process-wide logger.
#[cfg(feature = "log")]
#[test]
fn records_of_log_arrive_with_their_key_values_and_our_own_do_not() {
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).start().unwrap();
    handler.init_log(log::LevelFilter::Debug).unwrap();
    let line = line!() + 1;
    log::info!(target: "shop", order = 7, customer = "Ada"; "order placed");
    log::warn!(target: "logstash_transport::beats", "would feed itself");
    log::trace!("below the level");
    log::logger().flush();
    assert_eq!(messages(&receiver), ["order placed"]);
    let document = documents(&receiver).remove(0);
    assert_eq!(document["level"], "INFO");
    assert_eq!(document["extra"]["logger_name"], "shop");
    assert_eq!(document["extra"]["order"], 7);
    assert_eq!(document["extra"]["customer"], "Ada");
    assert_eq!(document["extra"]["line"].as_u64(), Some(u64::from(line)));
    log::set_max_level(log::LevelFilter::Off);
    assert!(guard.shutdown(LONG).complete);
}

#[cfg(feature = "tracing")]
#[test]
fn events_of_tracing_arrive_with_the_fields_of_their_spans() {
    use tracing_subscriber::layer::SubscriberExt;
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).start().unwrap();
    let subscriber = tracing_subscriber::registry().with(handler.layer());
    tracing::subscriber::with_default(subscriber, || {
        let request = tracing::info_span!("request", id = 42, user = tracing::field::Empty);
        let _entered = request.enter();
        request.record("user", "Ada");
        tracing::error!(target: "shop", id = 43, total = 9.5, "order {}", "failed");
        tracing::info!(target: "logstash_handler", "would feed itself");
    });
    assert!(handler.flush(LONG).complete);
    assert_eq!(messages(&receiver), ["order failed"]);
    let extra = &documents(&receiver)[0]["extra"];
    assert_eq!(extra["id"], 43, "the event wins over its span");
    assert_eq!(extra["user"], "Ada");
    assert_eq!(extra["total"], 9.5);
    assert_eq!(extra["func_name"], "request");
    assert!(guard.shutdown(LONG).complete);
}

#[cfg(feature = "tracing")]
#[test]
fn two_handlers_share_nothing_but_the_registry() {
    use tracing_subscriber::filter::LevelFilter;
    use tracing_subscriber::layer::{Layer, SubscriberExt};
    let (first, second) = (Receiver::start().unwrap(), Receiver::start().unwrap());
    let (one, one_guard) = builder(&first).start().unwrap();
    let (two, two_guard): (Handler, _) = builder(&second).start().unwrap();
    let subscriber =
        tracing_subscriber::registry().with(one.layer()).with(two.layer().with_filter(LevelFilter::WARN));
    tracing::subscriber::with_default(subscriber, || {
        let span = tracing::info_span!("outer", key = 1);
        let _entered = span.enter();
        tracing::info!("to one");
        tracing::warn!("to both");
    });
    assert!(one_guard.shutdown(LONG).complete && two_guard.shutdown(LONG).complete);
    assert_eq!(messages(&first), ["to one", "to both"]);
    assert_eq!(messages(&second), ["to both"]);
    assert_eq!(documents(&first)[1]["extra"]["key"], 1);
}

#[cfg(feature = "tracing")]
#[test]
fn spans_are_grouped_on_demand() {
    use tracing_subscriber::layer::SubscriberExt;
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).start().unwrap();
    let layer = handler.layer().span_style(logstash_handler::SpanStyle::Grouped);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info_span!("request", id = 42).in_scope(|| tracing::info!("grouped"));
    });
    assert!(guard.shutdown(LONG).complete);
    let spans = &documents(&receiver)[0]["extra"]["spans"];
    assert_eq!(*spans, serde_json::json!([{"name": "request", "fields": {"id": 42}}]));
}

#[cfg(feature = "tracing")]
#[test]
fn the_filter_of_a_layer_can_be_changed_while_it_runs() {
    use tracing_subscriber::EnvFilter;
    use tracing_subscriber::layer::{Layer, SubscriberExt};
    use tracing_subscriber::reload;
    let receiver = Receiver::start().unwrap();
    let (handler, guard) = builder(&receiver).start().unwrap();
    let (filter, directives) = reload::Layer::new(EnvFilter::new("warn,shop=debug"));
    let subscriber = tracing_subscriber::registry().with(handler.layer().with_filter(filter));
    tracing::subscriber::with_default(subscriber, || {
        let log = |run: u32| {
            tracing::debug!(target: "shop", "{run}: debug of the shop");
            tracing::info!(target: "library", "{run}: info of a library");
        };
        log(1);
        directives.reload(EnvFilter::new("info")).unwrap();
        log(2);
        directives.reload(EnvFilter::new("off")).unwrap();
        log(3);
    });
    assert!(guard.shutdown(LONG).complete);
    assert_eq!(messages(&receiver), ["1: debug of the shop", "2: info of a library"]);
}
