//! The formatters of python-logstash-async and ours, with the same input: their documents are the
//! same but for the [deviations](deviations) that are written down.

mod deviations;
mod request;
mod sample;

use std::collections::{BTreeMap, BTreeSet};

use logstash_format::{EcsCustom, EcsFormatter, EcsLayout, Formatter, LogstashFormatter};
use serde_json::{Map, Value as Json};

use crate::rig::{parse, text};
use deviations::{DEVIATIONS, Deviation, Schema};
use sample::{Recording, Sample};

const RECORDINGS: [(Schema, &str); 7] = [
    (Schema::Logstash, include_str!("../data/golden/LogstashFormatter.json")),
    (Schema::Logstash, include_str!("../data/golden/LogstashFormatter-TZ-Europe-Berlin.json")),
    (Schema::Logstash, include_str!("../data/golden/DjangoLogstashFormatter.json")),
    (Schema::Logstash, include_str!("../data/golden/FlaskLogstashFormatter.json")),
    (Schema::Ecs, include_str!("../data/golden/LogstashEcsFormatter.json")),
    (Schema::Ecs, include_str!("../data/golden/DjangoLogstashEcsFormatter.json")),
    (Schema::Ecs, include_str!("../data/golden/FlaskLogstashEcsFormatter.json")),
];

#[test]
fn documents_are_those_of_the_original_but_for_what_is_written_down() {
    let mut unexplained = Vec::new();
    let mut seen = BTreeSet::new();
    let mut compared = 0;
    for (schema, json) in RECORDINGS {
        let recording: Recording = serde_json::from_str(json).unwrap();
        for sample in recording.samples {
            let written = sample.with_event(|event| text(&*formatter(schema, &sample), event));
            let ours = parse(&written);
            let Some(theirs) = sample.document() else {
                // The original loses the event.
                assert!(sample.raises.is_some() && ours["message"].is_string(), "{}", sample.name);
                continue;
            };
            compared += 1;
            for difference in differences(&theirs, &ours) {
                let explains = |(_, deviation): &(usize, &Deviation)| {
                    deviation.explains(schema, &sample.name, &difference)
                };
                match DEVIATIONS.iter().enumerate().find(explains) {
                    Some((at, _)) => _ = seen.insert(at),
                    None => unexplained.push(format!("{schema:?} {}: {difference:?}", sample.name)),
                }
            }
        }
    }
    assert!(unexplained.is_empty(), "not written down:\n{}", unexplained.join("\n"));
    for (at, deviation) in DEVIATIONS.iter().enumerate() {
        assert!(seen.contains(&at), "no longer occurs: {deviation:?}");
    }
    assert_eq!(compared, 103);
}

#[test]
fn what_is_not_json_in_the_original_is_in_ours() {
    let recording: Recording = serde_json::from_str(RECORDINGS[0].1).unwrap();
    let sample = recording.samples.iter().find(|sample| sample.name == "extra-nan-inf").unwrap();
    assert!(serde_json::from_str::<Json>(sample.output.as_ref().unwrap()).is_err());
    let written = sample.with_event(|event| text(&*formatter(Schema::Logstash, sample), event));
    assert!(serde_json::from_str::<Json>(&written).is_ok());
}

/// Our formatter, with the options of the original's.
fn formatter(schema: Schema, sample: &Sample) -> Box<dyn Formatter> {
    let option = |name: &str| sample.kwargs.get(name);
    let strings = |name: &str| -> Vec<String> {
        option(name).map(|list| serde_json::from_value(list.clone()).unwrap()).unwrap_or_default()
    };
    let object = |name: &str| option(name).and_then(Json::as_object).cloned().unwrap_or_default();
    let message_type = option("message_type").and_then(Json::as_str).unwrap_or("python-logstash");
    // The name that this machine has with its domain is another one.
    let host = if option("fqdn").is_some() { "localhost" } else { "vm" };
    let ascii = option("ensure_ascii").and_then(Json::as_bool).unwrap_or(true);
    let prefix = option("extra_prefix").map_or(Some("extra"), Json::as_str).filter(|name| !name.is_empty());
    match schema {
        Schema::Logstash => {
            let mut formatter = LogstashFormatter::new()
                .message_type(message_type)
                .tags(strings("tags"))
                .host(host)
                .program("/srv/app/main.py")
                .extra_prefix(prefix)
                .ensure_ascii(ascii);
            for (name, value) in object("extra") {
                formatter = formatter.extra(&name, value);
            }
            for (name, value) in object("metadata") {
                formatter = formatter.metadata(&name, value);
            }
            Box::new(formatter)
        }
        Schema::Ecs => {
            let custom = match prefix {
                Some(prefix) => EcsCustom::Namespace(prefix.to_owned()),
                None => EcsCustom::TopLevel,
            };
            let mut formatter = EcsFormatter::new()
                .layout(EcsLayout::Python)
                .field("event.module", message_type)
                .tags(strings("tags"))
                .host(host)
                .custom(custom)
                .ensure_ascii(ascii);
            for (name, value) in object("extra") {
                formatter = formatter.field(&name, value);
            }
            for (name, value) in object("metadata") {
                formatter = formatter.metadata(&name, value);
            }
            Box::new(formatter)
        }
    }
}

/// A value that one document has at a path and the other one has not, or not the same.
#[derive(Debug)]
struct Difference {
    path: String,
    theirs: Option<Json>,
    ours: Option<Json>,
}

fn differences(theirs: &Json, ours: &Json) -> Vec<Difference> {
    let (mut left, mut right) = (BTreeMap::new(), BTreeMap::new());
    leaves("", theirs, &mut left);
    leaves("", ours, &mut right);
    let paths: BTreeSet<_> = left.keys().chain(right.keys()).cloned().collect();
    paths
        .into_iter()
        .map(|path| Difference { theirs: left.get(&path).cloned(), ours: right.get(&path).cloned(), path })
        .filter(|difference| difference.theirs != difference.ours)
        .collect()
}

/// What is not an object, by its path.
fn leaves(path: &str, json: &Json, to: &mut BTreeMap<String, Json>) {
    match json {
        Json::Object(members) if !members.is_empty() => each(path, members, to),
        _ => _ = to.insert(path.to_owned(), json.clone()),
    }
}

fn each(path: &str, members: &Map<String, Json>, to: &mut BTreeMap<String, Json>) {
    for (name, value) in members {
        let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        leaves(&path, value, to);
    }
}
