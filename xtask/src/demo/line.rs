//! What the application tells the demo, one line each.

use std::fmt;

use logstash_handler::Stats;

/// Threads of the application that log.
pub(super) const THREADS: usize = 4;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The books of this moment.
    Ledger(Ledger),
    /// How many events of each thread are reported as stored.
    Stored([u64; THREADS]),
}

impl Line {
    /// `None` for anything else, a line that was cut short among it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // The end mark tells a whole line from one that lacks its last digits.
        let text = text.strip_suffix(" .")?;
        if let Some(counts) = text.strip_prefix("stored ") {
            let counts: Vec<u64> = counts.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
            return counts.try_into().ok().map(Self::Stored);
        }
        let fields: Vec<&str> = text.strip_prefix("ledger ")?.split(' ').collect();
        let [state, counts @ ..] = fields.as_slice() else { return None };
        let counts: Vec<u64> = counts.iter().map(|count| count.parse()).collect::<Result<_, _>>().ok()?;
        let &[accepted, recovered, acknowledged, dropped, in_memory, queued] = counts.as_slice() else {
            return None;
        };
        let state = (*state).to_owned();
        Some(Self::Ledger(Ledger { state, accepted, recovered, acknowledged, dropped, in_memory, queued }))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ledger(ledger) => {
                let Ledger { state, accepted, recovered, acknowledged, dropped, in_memory, queued } = ledger;
                write!(
                    f,
                    "ledger {state} {accepted} {recovered} {acknowledged} {dropped} {in_memory} {queued} ."
                )
            }
            Self::Stored(counts) => {
                write!(f, "stored")?;
                counts.iter().try_for_each(|count| write!(f, " {count}"))?;
                write!(f, " .")
            }
        }
    }
}

/// The books of a handler, as far as the demo shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    pub(super) state: String,
    pub(super) accepted: u64,
    pub(super) recovered: u64,
    pub(super) acknowledged: u64,
    pub(super) dropped: u64,
    /// In the arena and in the hands of the writer thread.
    pub(super) in_memory: u64,
    pub(super) queued: u64,
}

impl Ledger {
    pub(super) fn of(stats: &Stats) -> Self {
        Self {
            state: stats.connection.name().to_owned(),
            accepted: stats.accepted,
            recovered: stats.recovered,
            acknowledged: stats.acknowledged,
            dropped: stats.dropped.total(),
            in_memory: stats.in_arena + stats.in_writer,
            queued: stats.queued,
        }
    }

    pub(super) const fn is_balanced(&self) -> bool {
        self.accepted + self.recovered == self.acknowledged + self.dropped + self.in_memory + self.queued
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, recovered, acknowledged, dropped, in_memory, queued, .. } = self;
        write!(
            f,
            "accepted {accepted} + recovered {recovered} = acknowledged {acknowledged} + dropped {dropped} \
             + in memory {in_memory} + queued {queued}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written_and_cut_lines_are_not_read() {
        let ledger = Ledger { state: "sending".into(), accepted: 10, queued: 10, ..Ledger::default() };
        for line in [Line::Stored([1, 20, 0, 4]), Line::Ledger(ledger)] {
            let text = line.to_string();
            for cut in 0..text.len() {
                assert_eq!(Line::parse(&text[..cut]), None, "{}", &text[..cut]);
            }
            assert_eq!(Line::parse(&text), Some(line));
        }
    }
}
