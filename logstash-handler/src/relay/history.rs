use super::counters::InputStats;
use super::view::RelayStats;
use crate::{ConnectionState, Drops, Stats};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Figures of the last minutes, a sample for each second.
#[derive(Debug, Default)]
pub(crate) struct History {
    samples: VecDeque<Sample>,
}

/// Figures of one moment, by name.
#[derive(Debug)]
struct Sample {
    at: Instant,
    inputs: BTreeMap<String, InputStats>,
    outputs: BTreeMap<String, OutputSample>,
}

#[derive(Clone, Copy, Debug, Default)]
struct OutputSample {
    acknowledged: u64,
    pending: u64,
    /// Events that are to be stored now.
    unstored: u64,
    /// Events that were stored, and those that were given up.
    settled: u64,
    dropped: Drops,
    connection: ConnectionState,
}

impl History {
    pub(crate) fn clear(&mut self) {
        self.samples.clear();
    }

    pub(crate) fn add(&mut self, stats: RelayStats, at: Instant) {
        if self.samples.len() >= SAMPLES {
            self.samples.pop_front();
        }
        let outputs = stats.outputs.iter().map(|(name, output)| (name.clone(), output.into())).collect();
        self.samples.push_back(Sample { at, inputs: stats.inputs, outputs });
    }

    /// Events that an input took in a second, over the last ten.
    pub(crate) fn received_per_second(&self, input: &str) -> Option<f64> {
        self.pace(|sample| Some(sample.inputs.get(input)?.received))
    }

    /// Events that an output delivered in a second, over the last ten.
    pub(crate) fn delivered_per_second(&self, output: &str) -> Option<f64> {
        self.pace(|sample| Some(sample.outputs.get(output)?.acknowledged))
    }

    /// Events that an input took in each second of the last minute, oldest first; none where it was not there.
    pub(crate) fn received(&self, input: &str) -> Vec<Option<u64>> {
        let count = |sample: &Sample| Some(sample.inputs.get(input)?.received);
        let since = self.samples.len().saturating_sub(FLOW_SAMPLES);
        let (before, after) = (self.samples.iter(), self.samples.iter().skip(1));
        let grown = before.zip(after).map(|(before, after)| {
            let seconds = after.at.saturating_duration_since(before.at).as_secs_f64();
            let grown = count(after)?.saturating_sub(count(before)?);
            (seconds > 0.0).then(|| (grown as f64 / seconds).round() as u64)
        });
        grown.skip(since).collect()
    }

    /// Events that were waiting for an output in each second, oldest first; none where it was not there.
    pub(crate) fn pending(&self, output: &str) -> Vec<Option<u64>> {
        let pending = |sample: &Sample| Some(sample.outputs.get(output)?.pending);
        self.samples.iter().map(pending).collect()
    }

    /// Whether the last attempt that came to an end was no success. An attempt that is under way changes
    /// nothing: it may fail like the one before.
    pub(crate) fn is_away(&self, output: &str, now: &Stats) -> bool {
        let mut is_away = false;
        let mut acknowledged = 0;
        let now = OutputSample::from(now);
        let samples = self.samples.iter().filter_map(|sample| sample.outputs.get(output));
        for sample in samples.chain([&now]) {
            is_away = match sample.connection {
                ConnectionState::Misconfigured | ConnectionState::Waiting => true,
                ConnectionState::Idle => false,
                ConnectionState::Sending => is_away && sample.acknowledged == acknowledged,
            };
            acknowledged = sample.acknowledged;
        }
        is_away
    }

    /// Whether nothing was stored for some seconds, though there was something to store.
    pub(crate) fn is_stuck(&self, output: &str) -> bool {
        let latest = self.samples.iter().rev().take(STUCK_SAMPLES);
        let latest: Vec<_> = latest.filter_map(|sample| sample.outputs.get(output)).collect();
        let is_same = |pair: &[&OutputSample]| pair[0].settled == pair[1].settled;
        latest.len() == STUCK_SAMPLES
            && latest.iter().all(|sample| sample.unstored > 0)
            && latest.windows(2).all(is_same)
    }

    /// What an input had seen at the begin of what is known.
    pub(crate) fn first_of_input(&self, input: &str) -> InputStats {
        self.samples.iter().find_map(|sample| sample.inputs.get(input)).copied().unwrap_or_default()
    }

    /// What an output had dropped at the begin of what is known.
    pub(crate) fn first_drops(&self, output: &str) -> Drops {
        let first = self.samples.iter().find_map(|sample| sample.outputs.get(output));
        first.map(|sample| sample.dropped).unwrap_or_default()
    }

    /// How much a count has grown in a second.
    fn pace(&self, count: impl Fn(&Sample) -> Option<u64>) -> Option<f64> {
        let last = self.samples.back()?;
        let recent = self.samples.iter().rev().take(PACE_SAMPLES);
        let first = recent.filter(|sample| count(sample).is_some()).last()?;
        let seconds = last.at.saturating_duration_since(first.at).as_secs_f64();
        let grown = count(last)?.saturating_sub(count(first)?);
        (seconds > 0.0).then(|| grown as f64 / seconds)
    }
}

impl From<&Stats> for OutputSample {
    fn from(stats: &Stats) -> Self {
        Self {
            acknowledged: stats.acknowledged,
            pending: stats.pending(),
            // What is collected for a window, for however long, is not held up.
            unstored: stats.in_writer + if stats.lingering { 0 } else { stats.in_arena },
            settled: (stats.acknowledged + stats.dropped.total()).saturating_add(stats.queued),
            dropped: stats.dropped,
            connection: stats.connection,
        }
    }
}

/// How often a sample is taken.
pub(crate) const SAMPLE: Duration = Duration::from_secs(1);

/// Five minutes.
const SAMPLES: usize = 300;

/// Ten seconds.
const PACE_SAMPLES: usize = 11;

/// Three seconds.
const STUCK_SAMPLES: usize = 4;

/// A minute.
const FLOW_SAMPLES: usize = 61;

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(received: u64, output: Stats) -> RelayStats {
        let input = InputStats { received, ..InputStats::default() };
        RelayStats {
            inputs: [("in".to_owned(), input)].into(),
            outputs: [("out".to_owned(), output)].into(),
            problems: Vec::new(),
            uptime: Duration::ZERO,
        }
    }

    fn output(acknowledged: u64, connection: ConnectionState) -> Stats {
        Stats { acknowledged, connection, ..Stats::default() }
    }

    #[test]
    fn paces_are_those_of_the_last_ten_seconds_and_flow_that_of_each() {
        let (mut history, start) = (History::default(), Instant::now());
        assert_eq!(history.received_per_second("in"), None);
        for second in 0..100_u64 {
            let received = if second < 50 { 0 } else { 20 * (second - 49) };
            history.add(stats(received, output(0, ConnectionState::Idle)), start + SAMPLE * second as u32);
        }
        assert_eq!(history.received_per_second("in"), Some(20.0));
        assert_eq!(history.received_per_second("other"), None);
        let flow = history.received("in");
        assert_eq!((flow.len(), flow[0], flow[59]), (60, Some(0), Some(20)));
        for second in 100..1000 {
            history.add(stats(1000, output(0, ConnectionState::Idle)), start + SAMPLE * second);
        }
        assert_eq!(history.pending("out").len(), SAMPLES);
        assert_eq!(history.first_of_input("in").received, 1000);
    }

    #[test]
    fn an_output_that_stores_nothing_of_what_waits_is_stuck() {
        let (mut history, start) = (History::default(), Instant::now());
        let mut after = |in_writer, queued| {
            history.add(stats(0, Stats { in_writer, queued, ..Stats::default() }), start);
            history.is_stuck("out")
        };
        assert_eq!([5, 6, 7, 8, 9].map(|queued| after(1, queued)), [false; 5]);
        assert_eq!([9, 9].map(|queued| after(1, queued)), [false; 2]);
        assert!(after(1, 9));
        assert!(!after(1, 10));
        assert_eq!([10; 8].map(|queued| after(0, queued)), [false; 8]);
    }

    #[test]
    fn an_output_that_collects_events_is_not_stuck_and_one_that_leaves_them_there_is() {
        let (mut history, start) = (History::default(), Instant::now());
        let mut after = |lingering| {
            history.add(stats(0, Stats { in_arena: 1, lingering, ..Stats::default() }), start);
            history.is_stuck("out")
        };
        assert_eq!([true; 8].map(&mut after), [false; 8]);
        assert_eq!([false; 4].map(&mut after), [false, false, false, true]);
        assert!(!after(true));
    }

    #[test]
    fn an_output_is_away_until_it_has_delivered_something() {
        use ConnectionState::{Idle, Sending, Waiting};

        let (mut history, start) = (History::default(), Instant::now());
        let mut expect = |acknowledged, connection, is_away| {
            let now = output(acknowledged, connection);
            assert_eq!(history.is_away("out", &now), is_away, "{acknowledged} {connection:?}");
            history.add(stats(0, now), start);
        };
        expect(5, Sending, false);
        expect(5, Waiting, true);
        expect(5, Sending, true);
        expect(5, Waiting, true);
        expect(5, Sending, true);
        expect(6, Sending, false);
        expect(6, Sending, false);
        expect(6, Waiting, true);
        expect(6, Idle, false);
    }
}
