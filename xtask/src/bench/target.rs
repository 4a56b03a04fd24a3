use super::comparison::Comparison;

/// What we want to reach: a bound for the ratio of every comparison that it applies to.
#[derive(Debug)]
pub(super) struct Target {
    area: &'static str,
    /// What the name of the comparison begins with, and what it holds.
    name: (&'static str, &'static str),
    peer: &'static str,
    unit: &'static str,
    bound: Bound,
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    pub(super) fn of(comparison: &Comparison) -> Option<&'static Self> {
        TARGETS.iter().find(|target| {
            let (start, part) = target.name;
            target.area == comparison.area
                && comparison.name.starts_with(start)
                && comparison.name.contains(part)
                && target.peer == comparison.peer
                && target.unit == comparison.unit
        })
    }

    /// The bound, and whether that ratio keeps to it.
    pub(super) fn verdict(&self, ratio: f64) -> String {
        let (sign, bound) = match self.bound {
            Bound::AtLeast(bound) => (">=", bound),
            Bound::AtMost(bound) => ("<=", bound),
        };
        format!("{sign} {bound:.2} {}", if self.is_met(ratio) { "met" } else { "NOT MET" })
    }

    pub(super) fn is_met(&self, ratio: f64) -> bool {
        match self.bound {
            Bound::AtLeast(bound) => ratio >= bound,
            Bound::AtMost(bound) => ratio <= bound,
        }
    }
}

const fn handler(
    name: (&'static str, &'static str),
    peer: &'static str,
    unit: &'static str,
    bound: Bound,
) -> Target {
    Target { area: "handler", name, peer, unit, bound }
}

const fn relay(name: &'static str, peer: &'static str, unit: &'static str, bound: Bound) -> Target {
    Target { area: "relay", name: (name, ""), peer, unit, bound }
}

const TARGETS: &[Target] = &[
    handler(("emit", ""), "tracing-appender", "ns p50", Bound::AtMost(0.4)),
    handler(("emit", ""), "tracing-appender", "ns p99.9", Bound::AtMost(1.0)),
    handler(("deliver, 300 B, level 3", "SledQueue Flush"), "300,000", "events/s", Bound::AtLeast(1.0)),
    handler(("deliver, 300 B, level 3", "SledQueue Flush"), "MemoryQueue", "events/s", Bound::AtLeast(0.7)),
    handler(("deliver", "OnBacklog"), "MemoryQueue", "events/s", Bound::AtLeast(0.95)),
    handler(("deliver", ""), "go-lumber async", "ns CPU/event", Bound::AtMost(1.0)),
    handler(("backlog, level 3", ""), "payload", "bytes on disk", Bound::AtMost(0.5)),
    handler(("backlog, level 0", ""), "payload", "bytes on disk", Bound::AtMost(1.6)),
    handler(("lag", ""), "100 ms", "ms p99", Bound::AtMost(1.0)),
    relay("lines", "rsyslog", "ns CPU/line", Bound::AtMost(1.0)),
    relay("syslog", "rsyslog", "ns CPU/line", Bound::AtMost(1.0)),
    relay("Beats", "go-lumber, JSON as it came", "ns CPU/event", Bound::AtMost(0.5)),
    relay("Beats", "go-lumber, JSON decoded", "ns CPU/event", Bound::AtMost(0.1)),
    relay("memory", "limit", "MB idle", Bound::AtMost(1.0)),
    relay("memory", "limit", "MB under load", Bound::AtMost(1.0)),
    relay("memory", "limit", "MB at most", Bound::AtMost(1.0)),
    relay("size", "limit", "MB", Bound::AtMost(1.0)),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(area: &'static str, name: &str, peer: &'static str, unit: &'static str) -> Comparison {
        let runs = vec![(1.0, 2.0)];
        Comparison { area, name: name.to_owned(), peer, unit, higher_is_better: true, runs }
    }

    #[test]
    fn a_target_applies_to_what_it_names_and_to_nothing_else() {
        let verdict = |name, peer, unit, ratio| {
            Target::of(&comparison("handler", name, peer, unit)).map(|target| target.verdict(ratio))
        };
        let flush = "deliver, 300 B, level 3, SledQueue Flush";
        assert_eq!(verdict(flush, "300,000", "events/s", 1.2).unwrap(), ">= 1.00 met");
        assert_eq!(verdict(flush, "MemoryQueue", "events/s", 0.69).unwrap(), ">= 0.70 NOT MET");
        assert_eq!(verdict(flush, "go-lumber async", "ns CPU/event", 0.3).unwrap(), "<= 1.00 met");
        assert_eq!(verdict(flush, "MemoryQueue", "ns CPU/event", 0.3), None);
        assert_eq!(verdict("deliver, 1024 B, level 3, SledQueue Flush", "300,000", "events/s", 1.2), None);
    }

    #[test]
    fn windows_that_are_passed_on_have_a_target_and_those_that_are_decoded_have_none() {
        let peer = "go-lumber, JSON decoded";
        let target = |name| Target::of(&comparison("relay", name, peer, "ns CPU/event"));
        let verdict = target("Beats, 300 B, level 3").unwrap().verdict(0.05);
        assert_eq!(verdict, "<= 0.10 met");
        assert!(target("decoded Beats, 300 B, level 3").is_none());
    }
}
