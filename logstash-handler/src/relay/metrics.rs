//! Figures in the text format of Prometheus.

use super::counters::InputStats;
use super::view::RelayStats;
use crate::{ConnectionState, Stats};
use std::fmt::Write;

/// All figures, each family once.
pub(crate) fn text(stats: &RelayStats, is_ready: bool) -> String {
    let mut out = Text::default();
    out.family("info", "gauge", "The version that runs.");
    out.sample("info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    out.family("uptime_seconds", "gauge", "How long the relay has been running.");
    out.sample("uptime_seconds", &[], stats.uptime.as_secs_f64());
    out.family("ready", "gauge", "1 while events are taken, as /readyz says.");
    out.sample("ready", &[], f64::from(u8::from(is_ready)));
    inputs(stats, &mut out);
    outputs(stats, &mut out);
    out.text
}

fn inputs(stats: &RelayStats, out: &mut Text) {
    for (index, (name, help, _)) in InputStats::default().figures().enumerate() {
        let (kind, suffix) = if name == "open_connections" { ("gauge", "") } else { ("counter", "_total") };
        let name = format!("input_{name}{suffix}");
        out.family(&name, kind, help);
        for (input, figures) in &stats.inputs {
            let count = figures.figures().nth(index).map_or(0, |(.., count)| count);
            out.sample(&name, &[("input", input)], count as f64);
        }
    }
}

fn outputs(stats: &RelayStats, out: &mut Text) {
    for Family { name, kind, help, value } in FAMILIES {
        out.family(name, kind, help);
        for (output, stats) in &stats.outputs {
            if let Some(value) = value(stats) {
                out.sample(name, &[("output", output)], value);
            }
        }
    }
    out.family("output_dropped_total", "counter", "Events that were given up, by reason.");
    for (output, stats) in &stats.outputs {
        for (reason, events) in stats.dropped.reasons() {
            out.sample(
                "output_dropped_total",
                &[("output", output), ("reason", reason.name())],
                events as f64,
            );
        }
    }
    out.family("output_state", "gauge", "1 for the state in which the connection is.");
    for (output, stats) in &stats.outputs {
        for state in ConnectionState::ALL {
            let is_in = f64::from(u8::from(stats.connection == state));
            out.sample("output_state", &[("output", output), ("state", state.name())], is_in);
        }
    }
    out.family("output_latency_seconds", "summary", "Time from the event to its acknowledgement.");
    for (output, stats) in &stats.outputs {
        for (part, quantile) in [(0.5, "0.5"), (0.9, "0.9"), (0.99, "0.99")] {
            if let Some(latency) = stats.latency.quantile(part) {
                let labels = [("output", output.as_str()), ("quantile", quantile)];
                out.sample("output_latency_seconds", &labels, latency.as_secs_f64());
            }
        }
        out.sample("output_latency_seconds_count", &[("output", output)], stats.latency.count() as f64);
    }
}

struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    value: fn(&Stats) -> Option<f64>,
}

const FAMILIES: &[Family] = &[
    Family {
        name: "output_accepted_total",
        kind: "counter",
        help: "Events that were handed to the output.",
        value: |stats| Some(stats.accepted as f64),
    },
    Family {
        name: "output_recovered_total",
        kind: "counter",
        help: "Events that were in its queue from an earlier run.",
        value: |stats| Some(stats.recovered as f64),
    },
    Family {
        name: "output_reports_total",
        kind: "counter",
        help: "Events of the output's own that tell of losses.",
        value: |stats| Some(stats.reports as f64),
    },
    Family {
        name: "output_acknowledged_total",
        kind: "counter",
        help: "Events that the peer has taken over.",
        value: |stats| Some(stats.acknowledged as f64),
    },
    Family {
        name: "output_failures_total",
        kind: "counter",
        help: "Attempts to deliver or to store that failed.",
        value: |stats| Some(stats.failures as f64),
    },
    Family {
        name: "output_pending",
        kind: "gauge",
        help: "Events that are neither acknowledged nor given up.",
        value: |stats| Some(stats.pending() as f64),
    },
    Family {
        name: "output_queued",
        kind: "gauge",
        help: "Events in the queue.",
        value: |stats| Some(stats.queued as f64),
    },
    Family {
        name: "output_queue_bytes",
        kind: "gauge",
        help: "Encoded bytes in the queue.",
        value: |stats| Some(stats.queue_bytes as f64),
    },
    Family {
        name: "output_queue_disk_bytes",
        kind: "gauge",
        help: "Bytes that the queue takes on disk.",
        value: |stats| Some(stats.queue_bytes_on_disk as f64),
    },
    Family {
        name: "output_oldest_seconds",
        kind: "gauge",
        help: "Age of the oldest event in the queue; 0 if that is empty.",
        value: |stats| Some(stats.oldest.unwrap_or_default().as_secs_f64()),
    },
    Family {
        name: "output_drain_seconds",
        kind: "gauge",
        help: "Time until all is delivered at the pace of the last seconds, where that is known.",
        value: |stats| stats.drain_time.map(|time| time.as_secs_f64()),
    },
];

#[derive(Default)]
struct Text {
    text: String,
}

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a text does not fail.
        let _ = writeln!(self.text, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.text, "{PREFIX}{name}");
        for (index, (label, value)) in labels.iter().enumerate() {
            let _ = write!(self.text, "{}{label}=\"{}\"", if index == 0 { '{' } else { ',' }, escaped(value));
        }
        let _ = writeln!(self.text, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

const PREFIX: &str = "logstash_relay_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_have_their_labels_escaped() {
        let mut out = Text::default();
        out.sample("a_total", &[("input", "x\"\\\n"), ("reason", "r")], 1.5);
        out.sample("b", &[], 3_000_000_000.0);
        let expected =
            "logstash_relay_a_total{input=\"x\\\"\\\\\\n\",reason=\"r\"} 1.5\nlogstash_relay_b 3000000000\n";
        assert_eq!(out.text, expected);
    }
}
