//! Where the fields of events go.

use logstash_format::{EcsCustom, EcsLayout, Event, Fields, Level, TraceContext, Value};
use serde_json::{Value as Json, json};

use super::formatter;
use crate::rig::document;

/// The document of an event with these fields.
#[track_caller]
fn with(fields: &dyn Fields, custom: EcsCustom) -> Json {
    let event = Event::new(Level::Info, "test", "text").fields(fields);
    document(&formatter().custom(custom), &event)
}

fn namespace(name: &str) -> EcsCustom {
    EcsCustom::Namespace(name.to_owned())
}

#[test]
fn fields_of_the_schema_stand_where_it_has_them() {
    let fields = [
        ("trace.id", Value::from("t")),
        ("http.request.method", Value::from("GET")),
        ("http.response.status_code", Value::from("200")),
        ("event.duration", Value::from(5)),
        ("host.ip", Value::serialize(&["192.0.2.1", "::1"])),
        ("order.id", Value::from(1)),
    ];
    for custom in [EcsCustom::Labels, EcsCustom::TopLevel, namespace("shop")] {
        let document = with(&fields, custom);
        assert_eq!(document["trace"], json!({"id": "t"}));
        assert_eq!(document["http"], json!({"request": {"method": "GET"}, "response": {"status_code": 200}}));
        assert_eq!(document["event"]["duration"], 5);
        assert_eq!(document["host"], json!({"hostname": "vm", "name": "vm", "ip": ["192.0.2.1", "::1"]}));
    }
}

#[test]
fn values_that_elasticsearch_would_refuse_are_custom_fields() {
    let nested = json!({"a": 1});
    let fields = [
        ("client.ip", Value::from("<none>")),
        ("http.response.status_code", Value::from("teapot")),
        ("event.duration", Value::from(u64::MAX)),
        ("url.path", Value::serialize(&nested)),
        ("event.start", Value::from("today")),
    ];
    let labels = &with(&fields, EcsCustom::Labels)["labels"];
    assert_eq!(
        *labels,
        json!({
            "client_ip": "<none>",
            "http_response_status_code": "teapot",
            "event_duration": u64::MAX,
            "url_path": r#"{"a":1}"#,
            "event_start": "today",
        })
    );
    let custom = &with(&fields, namespace("shop"))["shop"];
    assert_eq!(custom["url"]["path"], nested);
    assert_eq!(custom["client"]["ip"], "<none>");
    let top = with(&fields, EcsCustom::TopLevel);
    assert_eq!(top["client_"]["ip"], "<none>");
    assert_eq!(top["http_"]["response"]["status_code"], "teapot");
}

#[test]
fn fields_cannot_pass_for_those_of_the_document() {
    // With the place at the top level; what the document has there itself leaves only the labels.
    let fields = [
        ("@timestamp", "/@timestamp_"),
        ("message", "/message_"),
        ("ecs.version", "/ecs_/version"),
        ("log.logger", "/labels/log_logger"),
        ("host.name", "/labels/host_name"),
        ("host", "/host_"),
        ("log", "/log_"),
    ];
    for (name, place) in fields {
        let fields = [(name, Value::from("mine"))];
        for layout in [EcsLayout::Nested, EcsLayout::Dotted, EcsLayout::Python] {
            let formatter = formatter().layout(layout).custom(EcsCustom::Labels);
            let plain = Event::new(Level::Info, "test", "text");
            let event = plain.clone().fields(&fields);
            let mut written = document(&formatter, &event);
            let labels = written.as_object_mut().unwrap().remove("labels");
            assert_eq!(labels, Some(json!({name.replace('.', "_"): "mine"})), "{layout:?}");
            assert_eq!(written, document(&formatter, &plain), "{layout:?}");

            let top = document(&formatter.custom(EcsCustom::TopLevel), &event);
            let written = match layout {
                EcsLayout::Dotted if name == "ecs.version" => top.get("ecs_.version"),
                _ => top.pointer(place),
            };
            assert_eq!(written, Some(&json!("mine")), "{layout:?}: {top}");
        }
    }
}

#[test]
fn ids_of_the_event_go_before_those_among_its_fields() {
    let fields = [("trace.id", Value::from("mine")), ("span.id", Value::from("s"))];
    let event = Event::new(Level::Info, "test", "").fields(&fields).trace(TraceContext::new().trace_id("t"));
    let document = document(&formatter(), &event);
    assert_eq!(document["trace"]["id"], "t");
    assert_eq!(document["span"]["id"], "s");
    assert_eq!(document["labels"], json!({"trace_id": "mine"}));
}

#[test]
fn the_first_of_fields_with_one_name_counts() {
    let fields = [
        ("a.b", Value::from(1)),
        ("a.b", Value::from(2)),
        ("url.path", Value::from("x")),
        ("url.path", Value::from("y")),
    ];
    assert_eq!(with(&fields, EcsCustom::Labels)["labels"], json!({"a_b": 1}));
    assert_eq!(with(&fields, namespace("shop"))["shop"], json!({"a": {"b": 1}}));
    assert_eq!(with(&fields, EcsCustom::Labels)["url"], json!({"path": "x"}));
}

#[test]
fn objects_and_values_of_one_name_are_both_kept() {
    let nested = json!({"c": 2, "d": {"e": 3}});
    let fields = [
        ("a", Value::from(1)),
        ("a.b", Value::serialize(&nested)),
        ("a.b.c", Value::from(4)),
        ("a.b.d", Value::from(5)),
    ];
    let expected = json!({"a": {"b": {"c": 2, "d": {"e": 3}, "d_": 5}}, "a_": 1});
    assert_eq!(with(&fields, namespace("shop"))["shop"], expected);
    let top = with(&fields, EcsCustom::TopLevel);
    assert_eq!((&top["a"], &top["a_"]), (&expected["a"], &expected["a_"]));
}

#[test]
fn a_namespace_cannot_be_a_word_of_the_schema() {
    let fields = [("a", Value::from(1))];
    for (name, path) in [
        ("host", "/host_/a"),
        ("labels", "/labels_/a"),
        ("app.ctx", "/app/ctx/a"),
        ("url.x", "/url_/x/a"),
        ("", "/_/a"),
    ] {
        assert_eq!(with(&fields, namespace(name)).pointer(path), Some(&json!(1)), "{name}");
    }
}

#[test]
fn labels_can_be_given_as_such() {
    let labels = json!({"a.b": "x", "c": [1]});
    let fields =
        [("labels", Value::serialize(&labels)), ("labels.d", Value::from(2)), ("labels.c", Value::from(3))];
    for custom in [EcsCustom::Labels, EcsCustom::TopLevel, namespace("shop")] {
        let document = with(&fields, custom);
        assert_eq!(document["labels"], json!({"a_b": "x", "c": "[1]", "d": 2}));
    }
}

#[test]
fn tags_add_up() {
    let more = ["b", "c"];
    let fields = [("tags", Value::serialize(&more))];
    let event = Event::new(Level::Info, "test", "").fields(&fields);
    assert_eq!(document(&formatter(), &event)["tags"], json!(["b", "c"]));
    assert_eq!(document(&formatter().tags(["a"]), &event)["tags"], json!(["a", "b", "c"]));
    let fields = [("tags", Value::from(1))];
    let event = Event::new(Level::Info, "test", "").fields(&fields);
    let document = document(&formatter().tags(["a"]), &event);
    assert_eq!((&document["tags"], &document["labels"]), (&json!(["a"]), &json!({"tags": 1})));
}

#[test]
fn fields_of_the_formatter_give_way_to_those_of_the_event() {
    let formatter = formatter()
        .service_name("shop")
        .field("region", "eu")
        .field("service.name", "other")
        .field("event.kind", "event")
        .field("process.pid", 7)
        .field("nothing", ());
    let event = Event::new(Level::Info, "test", "");
    let plain = document(&formatter, &event);
    assert_eq!(plain["service"]["name"], "other");
    assert_eq!(plain["event"], json!({"kind": "event", "dataset": "shop"}));
    assert_eq!(plain["labels"], json!({"region": "eu", "process_pid": 7}));

    let fields = [("region", Value::from("us")), ("event.kind", Value::from("alert"))];
    let with = document(&formatter, &event.fields(&fields));
    assert_eq!(with["event"]["kind"], "alert");
    assert_eq!(with["labels"]["region"], "us");
}

#[test]
fn what_elasticsearch_would_refuse_or_route_elsewhere_is_a_label() {
    let fields = [
        ("event.start", Value::from("2025-13-45Tnoon")),
        ("event.end", Value::from("2025-02-30")),
        ("event.risk_score", Value::from(1e300)),
        ("data_stream.dataset", Value::from("Not-A-Dataset")),
        ("data_stream.namespace", Value::from("eu")),
    ];
    let document = with(&fields, EcsCustom::Labels);
    assert_eq!(document.get("event"), None);
    assert_eq!(document["data_stream"], json!({"namespace": "eu"}));
    assert_eq!(
        document["labels"],
        json!({
            "event_start": "2025-13-45Tnoon",
            "event_end": "2025-02-30",
            "event_risk_score": 1e300,
            "data_stream_dataset": "Not-A-Dataset",
        })
    );
}
