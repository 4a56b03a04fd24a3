//! Figures for Prometheus.

use crate::support::Rig;
use crate::web::get;
use std::collections::{BTreeMap, HashSet};

/// A family of samples: its kind, and each sample with its labels.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

/// Reads the text format of Prometheus, version 0.0.4, and fails where it is not kept to.
fn read(text: &str) -> BTreeMap<String, Family> {
    assert!(text.ends_with('\n'), "the last line ends");
    let mut families = BTreeMap::<String, Family>::new();
    let (mut current, mut helped) = (String::new(), String::new());
    let mut seen = HashSet::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert!(!help.is_empty() && !families.contains_key(name), "{line}");
            helped = name.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(name, helped, "HELP and TYPE stand together");
            assert!(["counter", "gauge", "summary"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            name.to_owned().clone_into(&mut current);
            let family = Family { kind: kind.to_owned(), samples: Vec::new() };
            assert!(families.insert(name.to_owned(), family).is_none(), "{name} is announced twice");
        } else {
            let (name, labels, value) = sample(line);
            let of_family = name.strip_prefix(&*current).unwrap_or_else(|| panic!("{line} after {current}"));
            let is_summary = families[&current].kind == "summary";
            assert!(of_family.is_empty() || is_summary && ["_count", "_sum"].contains(&of_family), "{line}");
            assert!(seen.insert((name.clone(), labels.clone())), "twice: {line}");
            families.get_mut(&current).unwrap().samples.push((name, labels, value));
        }
    }
    families
}

/// `name{label="value",…} number`, with nothing left over.
fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let is_name = |text: &str| {
        !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !text.starts_with(|c: char| c.is_ascii_digit())
    };
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, quoted) = rest.split_once("=\"").unwrap();
            assert!(is_name(label), "{line}");
            let mut value = String::new();
            let mut characters = quoted.char_indices();
            let end = loop {
                match characters.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match characters.next().unwrap().1 {
                        'n' => '\n',
                        escaped @ ('\\' | '"') => escaped,
                        other => panic!("\\{other} in {line}"),
                    }),
                    (_, character) => value.push(character),
                }
            };
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            rest = &quoted[end + 1..];
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        rest = &rest[1..];
    }
    let number = rest.strip_prefix(' ').unwrap().parse().unwrap();
    (name.to_owned(), labels, number)
}

#[test]
fn the_books_are_shown_by_input_output_and_reason_in_the_format_of_prometheus() {
    let rig = Rig::start(
        r#"
        metrics = "127.0.0.1:0"
        inputs."a \"name\"\\".listen = "lines+tcp://127.0.0.1:0"
        inputs.other.listen = "json+udp://127.0.0.1:0"
        outputs.out = { endpoint = "file:FOLDER/out", format = "raw" }
        outputs.two = { endpoint = "file:FOLDER/two", format = "raw" }
        "#,
    );
    rig.send("a \"name\"\\", b"one\ntwo\n");
    rig.eventually(|stats| stats.outputs.values().all(|output| output.acknowledged == 2));
    let (head, body) = get(&rig, "/metrics");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("version=0.0.4"), "{head}");
    let families = read(&body);
    let found = |name: &str, labels: &[(&str, &str)]| {
        let labels: BTreeMap<_, _> = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let family = &families[&format!("logstash_relay_{name}")];
        family.samples.iter().find(|sample| sample.1 == labels).map(|sample| sample.2)
    };
    assert_eq!(found("input_received_total", &[("input", "a \"name\"\\")]), Some(2.0));
    assert_eq!(found("input_received_total", &[("input", "other")]), Some(0.0));
    assert_eq!(found("output_acknowledged_total", &[("output", "two")]), Some(2.0));
    assert_eq!(found("output_dropped_total", &[("output", "out"), ("reason", "overflow")]), Some(0.0));
    assert_eq!(found("output_pending", &[("output", "out")]), Some(0.0));
    assert_eq!(found("ready", &[]), Some(1.0));
}

#[test]
fn every_family_is_in_the_table_of_the_documentation_and_no_other() {
    let rig = Rig::start(
        r#"
        metrics = "127.0.0.1:0"
        inputs.in.listen = "lines+tcp://127.0.0.1:0"
        outputs.out.endpoint = "stdout:"
        "#,
    );
    let families = read(&get(&rig, "/metrics").1);
    let told: BTreeMap<_, _> = families.iter().map(|(name, family)| (&**name, &*family.kind)).collect();
    let rows = include_str!("../../src/relay/view.rs").lines().filter_map(|line| {
        let mut cells = line.strip_prefix("/// | `logstash_relay_")?.split(" | ");
        Some((cells.next()?.trim_end_matches('`'), cells.next()?))
    });
    let mut documented: BTreeMap<_, _> = rows.collect();
    assert_eq!(documented.remove("input_…_total"), Some("counter"));
    let told = told.into_iter().map(|(name, kind)| (name.strip_prefix("logstash_relay_").unwrap(), kind));
    let told: BTreeMap<_, _> =
        told.filter(|(name, kind)| !name.starts_with("input_") || *kind == "gauge").collect();
    assert_eq!(told, documented);
}
